#include "service/api/log_url.h"

#include <inttypes.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <string.h>

enum { NAME_LENGTH_MAX = 63 };

static void sign(const uint8_t secret[LOG_URL_SECRET_BYTES], const char *name, int64_t expires_s, char ret_hex[2 * SHA256_DIGEST_SIZE + 1])
{
	struct hmac_sha256_ctx context;
	uint8_t digest[SHA256_DIGEST_SIZE];
	char text[NAME_LENGTH_MAX + 40];
	int size = snprintf(text, sizeof(text), "%.63s/%" PRId64, name, expires_s);
	hmac_sha256_set_key(&context, LOG_URL_SECRET_BYTES, secret);
	hmac_sha256_update(&context, (size_t)size, (const uint8_t *)text);
	hmac_sha256_digest(&context, sizeof(digest), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
}

void ringcast_log_url_path(const uint8_t secret[LOG_URL_SECRET_BYTES], const char *name, int64_t expires_s, char ret_path[LOG_URL_PATH_BYTES])
{
	char hex[2 * SHA256_DIGEST_SIZE + 1];
	sign(secret, name, expires_s, hex);
	snprintf(ret_path, LOG_URL_PATH_BYTES, LOG_URL_PREFIX "%.63s?expires=%" PRId64 "&signature=%s", name, expires_s, hex);
}

bool ringcast_log_url_check(const uint8_t secret[LOG_URL_SECRET_BYTES], const char *target, int64_t now_s, char *ret_name, size_t name_bytes)
{
	char name[NAME_LENGTH_MAX + 1], given[2 * SHA256_DIGEST_SIZE + 1], right[sizeof(given)];
	int64_t expires_s;
	int used = 0;
	if (sscanf(target, LOG_URL_PREFIX "%63[a-zA-Z0-9-]?expires=%" SCNd64 "&signature=%64[0-9a-f]%n", name, &expires_s, given, &used) != 3 ||
	    target[used] != '\0' || strlen(given) != sizeof(given) - 1)
		return false;
	sign(secret, name, expires_s, right);
	snprintf(ret_name, name_bytes, "%s", name);
	return memeql_sec(given, right, sizeof(given)) && expires_s >= now_s;
}
