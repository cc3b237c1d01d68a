#include "bench/hdr.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

enum {
	COOKIE_PLAIN = 0x1c849313, /* V2, counts as ZigZag LEB128 */
	COOKIE_DEFLATED = 0x1c849314,
	DIGITS = 2,
	HEAD_BYTES = 40,
	WRAP_BYTES = 8,          /* cookie and size around the deflated */
	COUNT_BYTES_MAX = 9,     /* of one count */
	PLAIN_BYTES_MAX = HEAD_BYTES + HISTOGRAM_BUCKET_COUNT * COUNT_BYTES_MAX,
	TEXT_BYTES_MAX = 128 * 1024,
};

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_big(uint8_t *out, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		out[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static uint64_t get_big(const uint8_t *in, unsigned bytes)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | in[i];
	return value;
}

/* Seven bits a byte, the ninth byte whole. */
static size_t put_count(uint8_t *out, int64_t signed_value)
{
	uint64_t value = (uint64_t)signed_value << 1 ^ (uint64_t)(signed_value >> 63);
	size_t size = 0;
	while (value >> 7 && size < COUNT_BYTES_MAX - 1) {
		out[size++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	out[size++] = (uint8_t)value;
	return size;
}

/* The number of bytes; 0: the input ends within. */
static size_t get_count(const uint8_t *in, size_t size, int64_t *ret_value)
{
	uint64_t value = 0;
	for (size_t i = 0; i < size && i < COUNT_BYTES_MAX; i++) {
		bool is_last = i == COUNT_BYTES_MAX - 1 || !(in[i] & 0x80);
		value |= (uint64_t)(i == COUNT_BYTES_MAX - 1 ? in[i] : in[i] & 0x7f) << 7 * i;
		if (is_last) {
			*ret_value = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
			return i + 1;
		}
	}
	return 0;
}

static unsigned used_buckets(const struct histogram *histogram)
{
	unsigned used = HISTOGRAM_BUCKET_COUNT;
	while (used > 0 && histogram->buckets[used - 1] == 0)
		used--;
	return used;
}

/* A run of empty buckets is one negative number. */
static size_t put_buckets(uint8_t *out, const struct histogram *histogram)
{
	unsigned used = used_buckets(histogram);
	size_t size = 0;
	for (unsigned i = 0; i < used;) {
		unsigned empty = 0;
		while (histogram->buckets[i + empty] == 0)
			empty++;
		size += put_count(out + size, empty > 0 ? -(int64_t)empty : (int64_t)histogram->buckets[i]);
		i += empty > 0 ? empty : 1;
	}
	return size;
}

static size_t put_plain(uint8_t *out, const struct histogram *histogram)
{
	static const double ratio = 1;
	uint64_t ratio_bits;
	size_t size = put_buckets(out + HEAD_BYTES, histogram);
	memcpy(&ratio_bits, &ratio, sizeof(ratio_bits));
	put_big(out, COOKIE_PLAIN, 4);
	put_big(out + 4, size, 4);
	put_big(out + 8, 0, 4); /* no offset */
	put_big(out + 12, DIGITS, 4);
	put_big(out + 16, 1, 8);
	put_big(out + 24, HISTOGRAM_VALUE_MAX, 8);
	put_big(out + 32, ratio_bits, 8);
	return HEAD_BYTES + size;
}

static char *to_base64(const uint8_t *bytes, size_t size)
{
	char *text = malloc((size + 2) / 3 * 4 + 1), *out = text;
	for (size_t i = 0; text && i < size; i += 3) {
		uint32_t group = (uint32_t)bytes[i] << 16;
		group |= i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0;
		group |= i + 2 < size ? bytes[i + 2] : 0;
		for (unsigned j = 0; j < 4; j++)
			*out++ = i + j > size ? '=' : digits64[group >> (18 - 6 * j) & 63];
	}
	if (text)
		*out = '\0';
	return text;
}

/* The number of bytes; 0: not base64. */
static size_t from_base64(const char *text, size_t size, uint8_t *out)
{
	size_t bytes = 0;
	if (size % 4 != 0)
		return 0;
	while (size > 0 && text[size - 1] == '=')
		size--;
	uint32_t bits = 0;
	for (size_t i = 0; i < size; i++) {
		const char *digit = strchr(digits64, text[i]);
		if (!digit || !*digit)
			return 0;
		bits = bits << 6 | (uint32_t)(digit - digits64);
		if (i % 4 > 0)
			out[bytes++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	return bytes;
}

char *ringcast_hdr_encode(const struct histogram *histogram)
{
	uLongf deflated_bytes = compressBound(PLAIN_BYTES_MAX);
	uint8_t *plain = malloc(PLAIN_BYTES_MAX), *deflated = malloc(WRAP_BYTES + deflated_bytes);
	char *text = NULL;
	if (plain && deflated) {
		size_t size = put_plain(plain, histogram);
		if (compress2(deflated + WRAP_BYTES, &deflated_bytes, plain, size, 6) == Z_OK) {
			put_big(deflated, COOKIE_DEFLATED, 4);
			put_big(deflated + 4, deflated_bytes, 4);
			text = to_base64(deflated, WRAP_BYTES + deflated_bytes);
		}
	}
	free(plain);
	free(deflated);
	return text;
}

static void count_bucket(struct histogram *histogram, unsigned bucket, uint64_t count)
{
	uint64_t top = ringcast_histogram_bucket_top(bucket);
	histogram->buckets[bucket] = count;
	histogram->min = histogram->count == 0 ? top : histogram->min;
	histogram->max = top;
	histogram->count += count;
	histogram->sum += top * count;
}

static bool get_buckets(const uint8_t *bytes, size_t size, struct histogram *histogram)
{
	uint64_t bucket = 0;
	while (size > 0) {
		int64_t value = 0;
		size_t used = get_count(bytes, size, &value);
		if (used == 0 || value == INT64_MIN || bucket >= HISTOGRAM_BUCKET_COUNT)
			return false;
		if (value > 0)
			count_bucket(histogram, (unsigned)bucket, (uint64_t)value);
		bucket += value < 0 ? (uint64_t)-value : 1;
		if (bucket > HISTOGRAM_BUCKET_COUNT)
			return false;
		bytes += used;
		size -= used;
	}
	return true;
}

static bool get_plain(const uint8_t *plain, size_t size, struct histogram *histogram)
{
	if (size < HEAD_BYTES || get_big(plain, 4) != COOKIE_PLAIN || get_big(plain + 4, 4) != size - HEAD_BYTES)
		return false;
	if (get_big(plain + 8, 4) != 0 || get_big(plain + 12, 4) != DIGITS || get_big(plain + 16, 8) != 1)
		return false;
	return get_big(plain + 24, 8) == HISTOGRAM_VALUE_MAX && get_buckets(plain + HEAD_BYTES, size - HEAD_BYTES, histogram);
}

bool ringcast_hdr_decode(const char *text, struct histogram *ret_histogram)
{
	size_t text_bytes = strlen(text);
	uLongf plain_bytes = PLAIN_BYTES_MAX;
	bool is_read = false;
	*ret_histogram = (struct histogram){0};
	if (text_bytes > TEXT_BYTES_MAX)
		return false;
	uint8_t *deflated = malloc(text_bytes + 1), *plain = malloc(PLAIN_BYTES_MAX);
	if (deflated && plain) {
		size_t size = from_base64(text, text_bytes, deflated);
		is_read = size > WRAP_BYTES && get_big(deflated, 4) == COOKIE_DEFLATED && get_big(deflated + 4, 4) == size - WRAP_BYTES &&
			  uncompress(plain, &plain_bytes, deflated + WRAP_BYTES, size - WRAP_BYTES) == Z_OK && get_plain(plain, plain_bytes, ret_histogram);
	}
	free(deflated);
	free(plain);
	if (!is_read)
		*ret_histogram = (struct histogram){0};
	return is_read;
}

void ringcast_hdr_log_begin(FILE *file, const char *version, double started_s)
{
	char date[64] = "";
	time_t whole_s = (time_t)started_s;
	struct tm utc;
	if (gmtime_r(&whole_s, &utc))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &utc);
	fprintf(file,
		"#[Logged with ringcast-load %s]\n#[Histogram log format version 1.3]\n#[StartTime: %.3f (seconds since epoch), %s]\n"
		"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n",
		version, started_s, date);
}

void ringcast_hdr_log_add(FILE *file, const char *tag, double start_s, double length_s, uint64_t max_ns, const char *text)
{
	fprintf(file, "Tag=%s,%.3f,%.3f,%.3f,%s\n", tag, start_s, length_s, (double)max_ns / 1e6, text);
}
