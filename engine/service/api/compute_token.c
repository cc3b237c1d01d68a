#include "service/api/compute_token.h"

#include <inttypes.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"

enum { MAC_BYTES = 20 };

static void put_text(struct hmac_sha256_ctx *context, const char *text)
{
	hmac_sha256_update(context, strlen(text) + 1, (const uint8_t *)text); /* with the NUL, so that texts cannot run into each other */
}

void ringcast_compute_token_make(const struct compute_token_secret *secret, const char *fleet_id, const char *compute, int64_t expires_s,
				 char ret_token[COMPUTE_TOKEN_BYTES])
{
	struct hmac_sha256_ctx context;
	uint8_t mac[MAC_BYTES];
	char expiry[20];
	snprintf(expiry, sizeof(expiry), "%" PRIx64, (uint64_t)expires_s);
	hmac_sha256_set_key(&context, sizeof(secret->bytes), secret->bytes);
	put_text(&context, fleet_id);
	put_text(&context, compute);
	put_text(&context, expiry);
	hmac_sha256_digest(&context, sizeof(mac), mac);
	int used = snprintf(ret_token, COMPUTE_TOKEN_BYTES, "%s-", expiry);
	ringcast_hex_write((struct view){mac, sizeof(mac)}, ret_token + used);
}

bool ringcast_compute_token_check(const struct compute_token_secret *secret, const char *fleet_id, const char *compute, const char *token,
				  int64_t now_s, int64_t *ret_expires_s)
{
	char expected[COMPUTE_TOKEN_BYTES];
	uint64_t expires_s;
	int used = 0;
	if (strlen(token) >= COMPUTE_TOKEN_BYTES || sscanf(token, "%16" SCNx64 "-%n", &expires_s, &used) != 1 || used == 0 || expires_s > INT64_MAX)
		return false;
	ringcast_compute_token_make(secret, fleet_id, compute, (int64_t)expires_s, expected);
	*ret_expires_s = (int64_t)expires_s;
	return strlen(token) == strlen(expected) && memeql_sec(token, expected, strlen(expected)) && (int64_t)expires_s > now_s;
}
