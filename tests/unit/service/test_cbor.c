/* CBOR as the SDKs send it, there and back, cut at every byte and with every byte changed. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "service/api/cbor.h"

static json_t *decode(const char *bytes, size_t size)
{
	char problem[SHAPE_PROBLEM_BYTES] = "";
	json_t *value = ringcast_cbor_decode((const uint8_t *)bytes, size, problem);
	cr_assert_eq(value == NULL, *problem != '\0');
	return value;
}

#define DECODE(text) decode(text, sizeof(text) - 1)

static void expect(json_t *value, const char *json)
{
	json_t *wanted = json_loads(json, JSON_DECODE_ANY, NULL);
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	cr_assert(json_equal(value, wanted), "%s instead of %s", text != NULL ? text : "nothing", json);
	free(text);
	json_decref(value);
	json_decref(wanted);
}

Test(cbor, what_the_sdk_sends)
{
	expect(DECODE("\xa2\x78\x19MaximumPlayerSessionCount\x04\x67" "FleetId\x67" "fleet-1"),
	       "{\"MaximumPlayerSessionCount\": 4, \"FleetId\": \"fleet-1\"}");
	expect(DECODE(""), "{}");
	expect(DECODE("\xbf\x61" "a\x9f\x01\x02\xff\x61" "b\xf5\xff"), "{\"a\": [1, 2], \"b\": true}");
	expect(DECODE("\xa1\x61t\xc1\xfb\x41\xd9\x54\xfc\x40\x00\x00\x00"), "{\"t\": 1700000000.0}");
	expect(DECODE("\xa1\x61" "b\x44PK\x03\x04"), "{\"b\": \"UEsDBA==\"}");
	expect(DECODE("\xa1\x61s\x7f\x62" "ab\x61" "c\xff"), "{\"s\": \"abc\"}");
	expect(DECODE("\xa1\x7f\x61" "a\x61" "b\xff\x01"), "{\"ab\": 1}");
	expect(DECODE("\xa1\x61n\x38\x63"), "{\"n\": -100}");
	expect(DECODE("\xa2\x61" "a\xa0\x61" "b\x80"), "{\"a\": {}, \"b\": []}");
}

Test(cbor, lies_and_garbage_are_refused)
{
	static const struct {
		const char *bytes;
		size_t size;
	} cases[] = {
#define CASE(text) {text, sizeof(text) - 1}
		CASE("\xa1"), CASE("\xa1\x61" "a"), CASE("\xff"), CASE("\xa0\xa0"), CASE("\x9b\xff\xff\xff\xff\xff\xff\xff\xff"),
		CASE("\xbb\xff\xff\xff\xff\xff\xff\xff\xff"), CASE("\xbb\x80\x00\x00\x00\x00\x00\x00\x01"), CASE("\x9a\xff\xff\xff\xff"),
		CASE("\x7b\xff\xff\xff\xff\xff\xff\xff\xff" "ab"), CASE("\xa1\x01\x02"), CASE("\xa1\x61" "a\x61\xff"), CASE("\xa1\x61\xff\x01"),
		CASE("\xc2\x41\x01"), CASE("\xa1\x61" "a\xc1"), CASE("\xa1\x61" "a\x7f\x41" "b\xff"), CASE("\xa1\x61" "a\x7f\x7f\xff\xff"),
		CASE("\xa1\x61" "a\x5f\x61" "b\xff"), CASE("\xa1\x61" "a\xfb\x7f\xf0\x00\x00\x00\x00\x00\x00"), CASE("\xa1\x61" "a\xff"), CASE("\xbf\x61" "a\xff"),
		CASE("\xa1\x62" "a\x00\x01"), CASE("\xa1\x61" "a\x62" "b\x00"), CASE("\xa1\x61" "a\x7f\x61" "b\x61\x00\xff"), CASE("\x1c"), CASE("\xf8"),
#undef CASE
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_null(decode(cases[i].bytes, cases[i].size), "case %zu", i);
}

Test(cbor, depth_is_bounded)
{
	char bytes[4096];
	memset(bytes, '\x81', sizeof(bytes));
	cr_assert_null(decode(bytes, sizeof(bytes)));
	bytes[CBOR_DEPTH_MAX - 1] = '\x80';
	json_t *value = decode(bytes, CBOR_DEPTH_MAX);
	cr_assert_not_null(value);
	json_decref(value);
}

static const char session[] =
	"{\"GameSessions\": [{\"GameSessionId\": \"arn:x\", \"CreationTime\": 1700000000.125, \"CurrentPlayerSessionCount\": 3, \"Port\": 7777,"
	"\"GameProperties\": [{\"Key\": \"a\", \"Value\": \"\"}]}], \"NextToken\": \"abc\"}";

Test(cbor, what_is_encoded_is_decoded_alike)
{
	size_t size;
	json_t *value = json_loads(session, 0, NULL);
	uint8_t *bytes = ringcast_cbor_encode(SHAPE_ID_DescribeGameSessionsOutput, value, &size);
	expect(decode((const char *)bytes, size), session);
	for (size_t cut = 1; cut < size; cut++)
		cr_assert_null(decode((const char *)bytes, cut));
	for (size_t i = 0; i < size; i++)
		for (int bit = 0; bit < 8; bit++) {
			bytes[i] ^= (uint8_t)(1 << bit);
			json_decref(decode((const char *)bytes, size));
			bytes[i] ^= (uint8_t)(1 << bit);
		}
	free(bytes);
	json_decref(value);
}

Test(cbor, blobs_and_errors)
{
	size_t size;
	json_t *value = json_loads("{\"ZipFile\": \"UEsDBA==\", \"Name\": \"n\"}", 0, NULL);
	uint8_t *bytes = ringcast_cbor_encode(SHAPE_ID_CreateScriptInput, value, &size);
	expect(decode((const char *)bytes, size), "{\"ZipFile\": \"UEsDBA==\", \"Name\": \"n\"}");
	free(bytes);
	json_decref(value);
	bytes = ringcast_cbor_encode_error("NotFoundException", "no fleet", &size);
	expect(decode((const char *)bytes, size), "{\"__type\": \"NotFoundException\", \"message\": \"no fleet\"}");
	free(bytes);
}

Test(cbor, null_is_absent)
{
	size_t size;
	json_t *value = json_loads("{\"Name\": null, \"Version\": \"1\"}", 0, NULL);
	uint8_t *bytes = ringcast_cbor_encode(SHAPE_ID_CreateScriptInput, value, &size);
	expect(decode((const char *)bytes, size), "{\"Version\": \"1\"}");
	free(bytes);
	json_decref(value);
}
