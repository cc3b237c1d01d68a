/* Requests as real clients signed them (botocore and the JavaScript SDK), and every way of tampering with them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "service/api/sigv4.h"

enum { SIGNED_AT = 1795244298, SDK_SIGNED_AT = 1795945096 }; /* 2026-11-21T06:58:18Z, 2026-11-29T09:38:16Z */

static const char secret[] = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
static const char botocore_body[] = "{\"FleetId\": \"fleet-1\", \"Name\": \"r\\u00e4um\"}";
static const char sdk_body[] = "{\"MaximumPlayerSessionCount\":4,\"FleetId\":\"fleet-1\",\"Name\":\"r\xc3\xa4um\"}";

static struct sigv4_header botocore_headers[] = {
	{"X-Amz-Target", "GameLift.CreateGameSession"},
	{"Content-Type", "application/x-amz-json-1.1"},
	{"Host", "127.0.0.1:9081"},
	{"X-Amz-Date", "20261121T065818Z"},
	{"Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/local/gamelift/aws4_request, "
			  "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
			  "Signature=f1c793ebfdcd7a2e7a5e7621dfb1250193e5932a105aabcb157959c179df4762"},
};

static struct sigv4_header sdk_headers[] = {
	{"content-type", "application/x-amz-json-1.1"},
	{"x-amz-target", "GameLift.CreateGameSession"},
	{"content-length", "66"},
	{"x-amz-user-agent", "aws-sdk-js/3.1132.0"},
	{"host", "127.0.0.1:9933"},
	{"amz-sdk-invocation-id", "817835c3-88f4-4119-9cd3-37137dd2024d"},
	{"amz-sdk-request", "attempt=1; max=3"},
	{"x-amz-date", "20261129T093816Z"},
	{"x-amz-content-sha256", "2809bd6a02dca98ea71fbd2343d61b254458d29e59340056e8a25e98c184da0b"},
	{"authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261129/local/gamelift/aws4_request, "
			  "SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-content-sha256;x-amz-date;"
			  "x-amz-target;x-amz-user-agent, Signature=1b036b0c9d734dbb87c53fb84d3a8299318c2198e0f58fd8c155c757ccd4a55f"},
};

static const char *secret_of(void *context, const char *key_id)
{
	return strcmp(key_id, "AKIDEXAMPLE") == 0 ? context : NULL;
}

static struct sigv4_request by_botocore(void)
{
	return (struct sigv4_request){"POST", "/", "", botocore_headers, 5, botocore_body, sizeof(botocore_body) - 1};
}

static struct sigv4_request by_sdk(void)
{
	return (struct sigv4_request){"POST", "/", "", sdk_headers, 10, sdk_body, sizeof(sdk_body) - 1};
}

static struct sigv4_request presigned(void)
{
	static const struct sigv4_header headers[] = {{"Host", "127.0.0.1:9081"}};
	return (struct sigv4_request){"GET", "/logs/a%20b",
				      "x=1&y=a%20b&z=~%2A%2F&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261121%2Flocal%2Fgamelift"
				      "%2Faws4_request&X-Amz-Date=20261121T065818Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature="
				      "734a9c875f4fdc83e8c43c34bc348a857386aa29bcf91ae8d63643bd783d9a2a",
				      headers, 1, NULL, 0};
}

static struct sigv4_verdict verify(const struct sigv4_request *request, int64_t now_s)
{
	return ringcast_sigv4_verify(request, "gamelift", now_s, secret_of, (void *)secret);
}

static void expect(const struct sigv4_request *request, int64_t now_s, enum sigv4_result result)
{
	struct sigv4_verdict verdict = verify(request, now_s);
	cr_assert_eq(verdict.result, result, "%d instead of %d: %s", verdict.result, result, verdict.problem);
	cr_assert_eq(*verdict.problem == '\0', result == SIGV4_RIGHT);
	cr_assert_null(strstr(verdict.problem, secret));
}

Test(sigv4, botocore_is_understood)
{
	struct sigv4_request request = by_botocore();
	expect(&request, SIGNED_AT, SIGV4_RIGHT);
	cr_assert_str_eq(verify(&request, SIGNED_AT).key_id, "AKIDEXAMPLE");
}

Test(sigv4, javascript_sdk_is_understood)
{
	struct sigv4_request request = by_sdk();
	expect(&request, SDK_SIGNED_AT, SIGV4_RIGHT);
}

Test(sigv4, presigned_is_understood_until_it_expires)
{
	struct sigv4_request request = presigned();
	expect(&request, SIGNED_AT, SIGV4_RIGHT);
	expect(&request, SIGNED_AT + 600, SIGV4_RIGHT);
	expect(&request, SIGNED_AT + 601, SIGV4_SKEWED);
}

Test(sigv4, the_clock_may_differ_by_five_minutes)
{
	struct sigv4_request request = by_botocore();
	expect(&request, SIGNED_AT + SIGV4_SKEW_S_MAX, SIGV4_RIGHT);
	expect(&request, SIGNED_AT - SIGV4_SKEW_S_MAX, SIGV4_RIGHT);
	expect(&request, SIGNED_AT + SIGV4_SKEW_S_MAX + 1, SIGV4_SKEWED);
	expect(&request, SIGNED_AT - SIGV4_SKEW_S_MAX - 1, SIGV4_SKEWED);
}

Test(sigv4, every_changed_byte_of_the_body_is_seen)
{
	char body[sizeof(botocore_body)];
	struct sigv4_request request = by_botocore();
	request.body = body;
	for (size_t i = 0; i < sizeof(body) - 1; i++) {
		memcpy(body, botocore_body, sizeof(body));
		body[i] ^= 1;
		expect(&request, SIGNED_AT, SIGV4_WRONG);
	}
	request.body_bytes--;
	expect(&request, SIGNED_AT, SIGV4_WRONG);
}

Test(sigv4, every_changed_byte_of_the_signature_is_seen)
{
	struct sigv4_header headers[5];
	struct sigv4_request request = by_botocore();
	char text[512];
	request.headers = headers;
	for (size_t i = strlen(botocore_headers[4].value) - 64; i < strlen(botocore_headers[4].value); i++) {
		memcpy(headers, botocore_headers, sizeof(headers));
		snprintf(text, sizeof(text), "%s", botocore_headers[4].value);
		text[i] = text[i] == '0' ? '1' : '0';
		headers[4].value = text;
		expect(&request, SIGNED_AT, SIGV4_WRONG);
	}
}

Test(sigv4, what_is_signed_must_be_what_came)
{
	struct sigv4_header headers[5];
	struct sigv4_request request = by_botocore();
	memcpy(headers, botocore_headers, sizeof(headers));
	request.headers = headers;
	headers[0].value = "GameLift.DeleteFleet";
	expect(&request, SIGNED_AT, SIGV4_WRONG);
	headers[0].name = "X-Other";
	expect(&request, SIGNED_AT, SIGV4_MALFORMED);
	request = by_botocore();
	request.method = "GET";
	expect(&request, SIGNED_AT, SIGV4_WRONG);
	request = by_botocore();
	request.path = "/other";
	expect(&request, SIGNED_AT, SIGV4_WRONG);
	request = by_botocore();
	request.query = "a=b";
	expect(&request, SIGNED_AT, SIGV4_WRONG);
}

Test(sigv4, an_unsigned_body_is_refused)
{
	struct sigv4_header headers[10];
	struct sigv4_request request = by_sdk();
	memcpy(headers, sdk_headers, sizeof(headers));
	request.headers = headers;
	headers[8].value = "UNSIGNED-PAYLOAD";
	expect(&request, SDK_SIGNED_AT, SIGV4_UNSIGNED);
	headers[8].value = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
	expect(&request, SDK_SIGNED_AT, SIGV4_UNSIGNED);
	headers[8].value = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	expect(&request, SDK_SIGNED_AT, SIGV4_WRONG);
}

Test(sigv4, wrong_keys_and_scopes)
{
	struct sigv4_request request = by_botocore();
	cr_assert_eq(ringcast_sigv4_verify(&request, "gamelift", SIGNED_AT, secret_of, "another").result, SIGV4_WRONG);
	cr_assert_eq(ringcast_sigv4_verify(&request, "gamelift", SIGNED_AT, secret_of, NULL).result, SIGV4_UNKNOWN_KEY);
	cr_assert_eq(ringcast_sigv4_verify(&request, "s3", SIGNED_AT, secret_of, (void *)secret).result, SIGV4_MALFORMED);
}

Test(sigv4, garbage_is_malformed_and_never_read_beyond_its_end)
{
	static const char *const texts[] = {
		"", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 Credential=", "AWS4-HMAC-SHA256 Credential=/",
		"AWS4-HMAC-SHA256 ,,,", "AWS4-HMAC-SHA256 =", "AWS4-HMAC-SHA256 Credential=a/b, Signature=00", "Bearer abc",
		"AWS4-HMAC-SHA256 Credential=a/20261121/r/gamelift/aws4_request, SignedHeaders=, "
		"Signature=f1c793ebfdcd7a2e7a5e7621dfb1250193e5932a105aabcb157959c179df4762",
		"AWS4-HMAC-SHA256 Credential=a/20261121/r/gamelift/aws4_request, SignedHeaders=;;;, "
		"Signature=f1c793ebfdcd7a2e7a5e7621dfb1250193e5932a105aabcb157959c179df4762",
	};
	struct sigv4_header headers[5];
	struct sigv4_request request = by_botocore();
	request.headers = headers;
	memcpy(headers, botocore_headers, sizeof(headers));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		headers[4].value = texts[i];
		enum sigv4_result result = verify(&request, SIGNED_AT).result;
		cr_assert(result == SIGV4_MALFORMED || result == SIGV4_UNKNOWN_KEY, "%s: %d", texts[i], result);
	}
	request.header_count = 4;
	expect(&request, SIGNED_AT, SIGV4_MISSING);
}

Test(sigv4, each_cut_of_the_header_is_refused)
{
	struct sigv4_header headers[5];
	struct sigv4_request request = by_botocore();
	char text[512];
	request.headers = headers;
	memcpy(headers, botocore_headers, sizeof(headers));
	headers[4].value = text;
	for (size_t size = 0; size < strlen(botocore_headers[4].value); size++) {
		snprintf(text, size + 1, "%s", botocore_headers[4].value);
		cr_assert_neq(verify(&request, SIGNED_AT).result, SIGV4_RIGHT);
	}
}
