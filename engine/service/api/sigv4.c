#include "service/api/sigv4.h"

#include <ctype.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/hex.h"

enum { HEX_BYTES = 2 * SHA256_DIGEST_SIZE + 1, SCOPE_BYTES = 128, DATE_BYTES = 17, PARAMETERS_MAX = 64 };

static const char algorithm[] = "AWS4-HMAC-SHA256";
static const char unsigned_payload[] = "UNSIGNED-PAYLOAD";

/* What a signature says of itself; texts are copies. */
struct claim {
	char key_id[SIGV4_KEY_BYTES];
	char scope[SCOPE_BYTES]; /* date/region/service/aws4_request */
	char date[DATE_BYTES];	 /* 20261121T065818Z */
	char *headers;		 /* names with ; between, malloc'ed */
	char signature[HEX_BYTES];
	int64_t expires_s; /* of a presigned URL; 0: a header's */
};

static struct sigv4_verdict verdict_of(enum sigv4_result result, const struct claim *claim, const char *problem)
{
	struct sigv4_verdict verdict = {.result = result};
	if (claim != NULL)
		memcpy(verdict.key_id, claim->key_id, sizeof(verdict.key_id));
	snprintf(verdict.problem, sizeof(verdict.problem), "%s", problem);
	return verdict;
}

static const char *find_header(const struct sigv4_request *request, const char *name, size_t name_bytes)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (strlen(request->headers[i].name) == name_bytes && strncasecmp(request->headers[i].name, name, name_bytes) == 0)
			return request->headers[i].value;
	return NULL;
}

static const char *header_of(const struct sigv4_request *request, const char *name)
{
	return find_header(request, name, strlen(name));
}

static bool copy_text(char *out, size_t out_bytes, const char *text, size_t size)
{
	if (size >= out_bytes)
		return false;
	memcpy(out, text, size);
	out[size] = '\0';
	return true;
}

static bool is_hex(const char *text)
{
	return strspn(text, "0123456789abcdef") == strlen(text) && strlen(text) == HEX_BYTES - 1;
}

/* "AKID/20261121/local/gamelift/aws4_request". Key ids hold no slash. */
static bool read_credential(struct claim *claim, const char *text, size_t size)
{
	const char *slash = memchr(text, '/', size);
	if (slash == NULL || slash == text)
		return false;
	size_t key_bytes = (size_t)(slash - text);
	return copy_text(claim->key_id, sizeof(claim->key_id), text, key_bytes) &&
	       copy_text(claim->scope, sizeof(claim->scope), slash + 1, size - key_bytes - 1);
}

static bool take_parameter(struct claim *claim, const char *name, size_t name_bytes, const char *value, size_t value_bytes)
{
	if (name_bytes == 10 && memcmp(name, "Credential", 10) == 0)
		return read_credential(claim, value, value_bytes);
	if (name_bytes == 13 && memcmp(name, "SignedHeaders", 13) == 0 && claim->headers == NULL)
		return (claim->headers = strndup(value, value_bytes)) != NULL;
	if (name_bytes == 9 && memcmp(name, "Signature", 9) == 0)
		return copy_text(claim->signature, sizeof(claim->signature), value, value_bytes) && is_hex(claim->signature);
	return true;
}

/* "AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=..." */
static bool read_authorization(struct claim *claim, const char *text)
{
	if (strncmp(text, algorithm, sizeof(algorithm) - 1) != 0 || text[sizeof(algorithm) - 1] != ' ')
		return false;
	for (const char *at = text + sizeof(algorithm); *at != '\0';) {
		at += strspn(at, ", ");
		size_t size = strcspn(at, ",");
		const char *equals = memchr(at, '=', size);
		if (size == 0)
			break;
		while (size > 0 && at[size - 1] == ' ')
			size--;
		if (equals == NULL ||
		    !take_parameter(claim, at, (size_t)(equals - at), equals + 1, size - (size_t)(equals + 1 - at)))
			return false;
		at += strcspn(at, ",");
	}
	return *claim->key_id != '\0' && claim->headers != NULL && *claim->signature != '\0';
}

/* Query parameters */

struct parameter {
	const char *name, *value; /* as sent */
	size_t name_bytes, value_bytes;
};

static size_t split_query(const char *query, struct parameter *parameters)
{
	size_t count = 0;
	for (const char *at = query; *at != '\0' && count < PARAMETERS_MAX; at += *at == '&') {
		size_t size = strcspn(at, "&");
		const char *equals = memchr(at, '=', size);
		size_t name_bytes = equals != NULL ? (size_t)(equals - at) : size;
		parameters[count++] = (struct parameter){
			.name = at, .name_bytes = name_bytes,
			.value = equals != NULL ? equals + 1 : at + size,
			.value_bytes = equals != NULL ? size - name_bytes - 1 : 0,
		};
		at += size;
	}
	return count;
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

static bool percent_decode(const char *text, size_t size, char *out, size_t out_bytes)
{
	size_t used = 0;
	for (size_t i = 0; i < size; i++) {
		char c = text[i];
		if (c == '%') {
			if (i + 2 >= size || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
				return false;
			c = (char)(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
			i += 2;
		}
		if (used + 1 >= out_bytes || c == '\0')
			return false;
		out[used++] = c;
	}
	out[used] = '\0';
	return true;
}

static bool parameter_of(const struct sigv4_request *request, const char *name, char *out, size_t out_bytes)
{
	struct parameter parameters[PARAMETERS_MAX];
	size_t count = split_query(request->query, parameters);
	for (size_t i = 0; i < count; i++)
		if (parameters[i].name_bytes == strlen(name) && memcmp(parameters[i].name, name, parameters[i].name_bytes) == 0)
			return percent_decode(parameters[i].value, parameters[i].value_bytes, out, out_bytes);
	return false;
}

static bool read_presigned(struct claim *claim, const struct sigv4_request *request)
{
	char text[512], expires[16];
	if (!parameter_of(request, "X-Amz-Algorithm", text, sizeof(text)) || strcmp(text, algorithm) != 0)
		return false;
	if (!parameter_of(request, "X-Amz-Credential", text, sizeof(text)) || !read_credential(claim, text, strlen(text)))
		return false;
	if (!parameter_of(request, "X-Amz-SignedHeaders", text, sizeof(text)) || (claim->headers = strdup(text)) == NULL)
		return false;
	if (!parameter_of(request, "X-Amz-Expires", expires, sizeof(expires)) || strspn(expires, "0123456789") != strlen(expires))
		return false;
	claim->expires_s = strtoll(expires, NULL, 10);
	return parameter_of(request, "X-Amz-Date", claim->date, sizeof(claim->date)) && claim->expires_s > 0 &&
	       claim->expires_s <= SIGV4_EXPIRES_S_MAX && parameter_of(request, "X-Amz-Signature", claim->signature, sizeof(claim->signature)) &&
	       is_hex(claim->signature);
}

/* The canonical request */

static bool is_unreserved(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '.' || c == '~';
}

static void put_escaped(FILE *out, char c)
{
	if (is_unreserved(c))
		fputc(c, out);
	else
		fprintf(out, "%%%02X", (unsigned char)c);
}

/* A path is escaped once more than it was sent (every service but S3 does so). */
static void put_path(FILE *out, const char *path)
{
	for (; *path != '\0'; path++) {
		if (*path == '/')
			fputc('/', out);
		else
			put_escaped(out, *path);
	}
}

/* Clients differ in what they escape in a query; the canonical form escapes all but the unreserved characters, once. */
static void put_canonical(FILE *out, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		bool is_escape = text[i] == '%' && i + 2 < size && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0;
		put_escaped(out, is_escape ? (char)(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2])) : text[i]);
		i += is_escape ? 2 : 0;
	}
}

struct canonical_parameter {
	char *name, *value;
};

static char *canonical_text(const char *text, size_t size)
{
	char *bytes = NULL;
	size_t bytes_size = 0;
	FILE *out = open_memstream(&bytes, &bytes_size);
	if (out == NULL)
		return NULL;
	put_canonical(out, text, size);
	return fclose(out) == 0 ? bytes : NULL;
}

static int compare_parameters(const void *a, const void *b)
{
	const struct canonical_parameter *left = a, *right = b;
	int order = strcmp(left->name, right->name);
	return order != 0 ? order : strcmp(left->value, right->value);
}

static bool put_query(FILE *out, const struct sigv4_request *request)
{
	struct parameter parameters[PARAMETERS_MAX];
	struct canonical_parameter sorted[PARAMETERS_MAX];
	size_t count = split_query(request->query, parameters), kept = 0;
	bool is_whole = true;
	for (size_t i = 0; i < count; i++) {
		if (parameters[i].name_bytes == 15 && memcmp(parameters[i].name, "X-Amz-Signature", 15) == 0)
			continue;
		sorted[kept] = (struct canonical_parameter){
			canonical_text(parameters[i].name, parameters[i].name_bytes), canonical_text(parameters[i].value, parameters[i].value_bytes)};
		is_whole = is_whole && sorted[kept].name != NULL && sorted[kept].value != NULL;
		kept++;
	}
	if (is_whole)
		qsort(sorted, kept, sizeof(sorted[0]), compare_parameters);
	for (size_t i = 0; i < kept; i++) {
		if (is_whole)
			fprintf(out, "%s%s=%s", i > 0 ? "&" : "", sorted[i].name, sorted[i].value);
		free(sorted[i].name);
		free(sorted[i].value);
	}
	return is_whole;
}

/* Without spaces at the ends, and with one where there were several. */
static void put_header_value(FILE *out, const char *value)
{
	bool is_space_due = false, has_begun = false;
	for (; *value != '\0'; value++) {
		if (*value == ' ' || *value == '\t') {
			is_space_due = has_begun;
			continue;
		}
		if (is_space_due)
			fputc(' ', out);
		fputc(*value, out);
		is_space_due = false;
		has_begun = true;
	}
}

/* The headers that the signature covers, which must be there. The host must be among them. */
static bool put_headers(FILE *out, const struct sigv4_request *request, const char *names)
{
	bool has_host = false;
	for (const char *at = names; *at != '\0'; at += *at == ';') {
		size_t size = strcspn(at, ";");
		const char *value = find_header(request, at, size);
		if (value == NULL)
			return false;
		has_host = has_host || (size == 4 && strncasecmp(at, "host", 4) == 0);
		for (size_t i = 0; i < size; i++)
			fputc(tolower((unsigned char)at[i]), out);
		fputc(':', out);
		put_header_value(out, value);
		fputc('\n', out);
		at += size;
	}
	return has_host;
}

static void body_hash(const struct sigv4_request *request, char out[HEX_BYTES])
{
	struct sha256_ctx context;
	uint8_t digest[SHA256_DIGEST_SIZE];
	sha256_init(&context);
	sha256_update(&context, request->body_bytes, request->body != NULL ? request->body : (const void *)"");
	sha256_digest(&context, sizeof(digest), digest);
	ringcast_hex_write(ringcast_view_of(digest, sizeof(digest)), out);
}

static bool canonical_hash(const struct sigv4_request *request, const struct claim *claim, char out[HEX_BYTES])
{
	char *bytes = NULL, payload[HEX_BYTES];
	size_t size = 0;
	FILE *text = open_memstream(&bytes, &size);
	if (text == NULL)
		return false;
	body_hash(request, payload);
	fprintf(text, "%s\n", request->method);
	put_path(text, request->path);
	fputc('\n', text);
	bool is_whole = put_query(text, request);
	fputc('\n', text);
	is_whole = put_headers(text, request, claim->headers) && is_whole;
	fprintf(text, "\n%s\n%s", claim->headers, payload);
	is_whole = fclose(text) == 0 && is_whole;
	struct sigv4_request whole = {.body = bytes, .body_bytes = size};
	if (is_whole)
		body_hash(&whole, out);
	free(bytes);
	return is_whole;
}

static void mac(const void *key, size_t key_bytes, const char *text, uint8_t out[SHA256_DIGEST_SIZE])
{
	struct hmac_sha256_ctx context;
	hmac_sha256_set_key(&context, key_bytes, key);
	hmac_sha256_update(&context, strlen(text), (const uint8_t *)text);
	hmac_sha256_digest(&context, SHA256_DIGEST_SIZE, out);
}

static bool signature_of(const struct sigv4_request *request, const struct claim *claim, const char *secret, char out[HEX_BYTES])
{
	char hash[HEX_BYTES], text[sizeof(algorithm) + DATE_BYTES + SCOPE_BYTES + HEX_BYTES], first[160];
	uint8_t key[SHA256_DIGEST_SIZE];
	char scope[SCOPE_BYTES];
	if (strlen(secret) + 4 >= sizeof(first) || !canonical_hash(request, claim, hash))
		return false;
	snprintf(first, sizeof(first), "AWS4%s", secret);
	snprintf(text, sizeof(text), "%s\n%s\n%s\n%s", algorithm, claim->date, claim->scope, hash);
	memcpy(scope, claim->scope, sizeof(scope));
	char *rest = scope;
	bool is_first = true;
	for (char *part; (part = strsep(&rest, "/")) != NULL; is_first = false)
		mac(is_first ? (const void *)first : key, is_first ? strlen(first) : sizeof(key), part, key);
	mac(key, sizeof(key), text, key);
	ringcast_hex_write(ringcast_view_of(key, sizeof(key)), out);
	return true;
}

/* The scope ends in service and "aws4_request", and begins with the date. */
static bool is_scope_right(const struct claim *claim, const char *service)
{
	char tail[64];
	int size = snprintf(tail, sizeof(tail), "/%s/aws4_request", service);
	size_t scope_bytes = strlen(claim->scope), slashes = 0;
	for (const char *at = claim->scope; *at != '\0'; at++)
		slashes += *at == '/';
	return slashes == 3 && scope_bytes > (size_t)size && strcmp(claim->scope + scope_bytes - (size_t)size, tail) == 0 &&
	       strncmp(claim->scope, claim->date, 8) == 0 && claim->scope[8] == '/';
}

static bool read_time(const char *date, int64_t *ret_s)
{
	struct tm tm = {0};
	char *end = strptime(date, "%Y%m%dT%H%M%SZ", &tm);
	if (end == NULL || *end != '\0' || strlen(date) != DATE_BYTES - 1)
		return false;
	*ret_s = timegm(&tm);
	return true;
}

static struct sigv4_verdict check_time(const struct claim *claim, int64_t now_s)
{
	int64_t at_s;
	if (!read_time(claim->date, &at_s))
		return verdict_of(SIGV4_MALFORMED, claim, "x-amz-date is not a time such as 20261121T065818Z");
	if (claim->expires_s > 0 && now_s > at_s + claim->expires_s)
		return verdict_of(SIGV4_SKEWED, claim, "the presigned request has expired");
	int64_t skew_s = now_s - at_s;
	if (skew_s < -SIGV4_SKEW_S_MAX || (claim->expires_s == 0 && skew_s > SIGV4_SKEW_S_MAX)) {
		char text[SIGV4_PROBLEM_BYTES];
		snprintf(text, sizeof(text), "the request was signed %lld seconds %s this server's clock; at most %d are allowed",
			 (long long)(skew_s < 0 ? -skew_s : skew_s), skew_s < 0 ? "after" : "before", SIGV4_SKEW_S_MAX);
		return verdict_of(SIGV4_SKEWED, claim, text);
	}
	return verdict_of(SIGV4_RIGHT, claim, "");
}

/* A hash of the body that is sent along must be the body's. */
static struct sigv4_verdict check_body(const struct sigv4_request *request, const struct claim *claim)
{
	const char *declared = header_of(request, "x-amz-content-sha256");
	char query_declared[80], real[HEX_BYTES];
	if (declared == NULL && parameter_of(request, "X-Amz-Content-Sha256", query_declared, sizeof(query_declared)))
		declared = query_declared;
	if (declared == NULL)
		return verdict_of(SIGV4_RIGHT, claim, "");
	if (strcmp(declared, unsigned_payload) == 0 || strncmp(declared, "STREAMING-", 10) == 0)
		return verdict_of(SIGV4_UNSIGNED, claim, "the body must be signed: x-amz-content-sha256 must be its SHA-256");
	body_hash(request, real);
	if (strcmp(declared, real) != 0)
		return verdict_of(SIGV4_WRONG, claim, "x-amz-content-sha256 is not the SHA-256 of the body");
	return verdict_of(SIGV4_RIGHT, claim, "");
}

static struct sigv4_verdict read_claim(const struct sigv4_request *request, struct claim *claim)
{
	const char *authorization = header_of(request, "authorization"), *date = header_of(request, "x-amz-date");
	if (authorization == NULL && strstr(request->query, "X-Amz-Signature=") == NULL)
		return verdict_of(SIGV4_MISSING, NULL, "the request is not signed");
	if (authorization == NULL)
		return read_presigned(claim, request) ? verdict_of(SIGV4_RIGHT, claim, "")
						      : verdict_of(SIGV4_MALFORMED, claim, "the query holds no complete AWS4-HMAC-SHA256 signature");
	if (!read_authorization(claim, authorization))
		return verdict_of(SIGV4_MALFORMED, claim, "the Authorization header is no AWS4-HMAC-SHA256 signature");
	if (date == NULL || !copy_text(claim->date, sizeof(claim->date), date, strlen(date)))
		return verdict_of(SIGV4_MALFORMED, claim, "the x-amz-date header is missing");
	return verdict_of(SIGV4_RIGHT, claim, "");
}

static struct sigv4_verdict check_signature(const struct sigv4_request *request, const struct claim *claim, const char *secret)
{
	char right[HEX_BYTES];
	if (!signature_of(request, claim, secret, right))
		return verdict_of(SIGV4_MALFORMED, claim, "a signed header is not in the request, or the host is not signed");
	if (!memeql_sec(right, claim->signature, HEX_BYTES))
		return verdict_of(SIGV4_WRONG, claim, "the signature does not match; check the secret key and what lies between client and server");
	return verdict_of(SIGV4_RIGHT, claim, "");
}

static struct sigv4_verdict check_claim(const struct sigv4_request *request, const struct claim *claim, const char *service, int64_t now_s,
					const char *secret)
{
	if (!is_scope_right(claim, service))
		return verdict_of(SIGV4_MALFORMED, claim, "the credential's scope must be DATE/REGION/gamelift/aws4_request, of the day of x-amz-date");
	struct sigv4_verdict verdict = check_time(claim, now_s);
	if (verdict.result == SIGV4_RIGHT)
		verdict = check_body(request, claim);
	if (verdict.result == SIGV4_RIGHT && secret == NULL)
		verdict = verdict_of(SIGV4_UNKNOWN_KEY, claim, "there is no such access key");
	return verdict.result == SIGV4_RIGHT ? check_signature(request, claim, secret) : verdict;
}

struct sigv4_verdict ringcast_sigv4_verify(const struct sigv4_request *request, const char *service, int64_t now_s, sigv4_secret_fn *secret,
					   void *context)
{
	struct claim claim = {0};
	struct sigv4_verdict verdict = read_claim(request, &claim);
	if (verdict.result == SIGV4_RIGHT)
		verdict = check_claim(request, &claim, service, now_s, secret(context, claim.key_id));
	free(claim.headers);
	return verdict;
}
