/*
 * libcbor's streaming half only: it never allocates by a length that the wire names. The tree grows on a stack of open containers, and a
 * length that the rest of the body cannot hold is refused before anything is made for it.
 */
#include "service/api/cbor.h"

#include <cbor.h>
#include <math.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CBOR_TAG_EPOCH = 1, CHUNK_BYTES = 512 };

struct open_container {
	json_t *value; /* borrowed: the parent, or the decoder's root, holds it */
	uint64_t left; /* entries that are still to come; a map counts keys and values; UINT64_MAX: until the break */
	char *key;     /* of a map: the key that waits for its value */
};

struct decoder {
	struct open_container stack[CBOR_DEPTH_MAX];
	unsigned depth;
	json_t *root;
	size_t bytes_left;
	const char *fault; /* NULL: none so far */
	bool is_tagged;	   /* a tag stands before the next value */
	char piece_kind; /* 0: no indefinite text is open, else 't' or 'b' */
	char *pieces;
	size_t pieces_bytes;
};

static void fail(struct decoder *decoder, const char *fault)
{
	if (decoder->fault == NULL)
		decoder->fault = fault;
}

static struct open_container *top_of(struct decoder *decoder)
{
	return decoder->depth > 0 ? &decoder->stack[decoder->depth - 1] : NULL;
}

static bool is_map(const struct open_container *container)
{
	return json_is_object(container->value);
}

static void close_full(struct decoder *decoder)
{
	while (decoder->depth > 0 && top_of(decoder)->left == 0)
		decoder->depth--;
}

static void count_entry(struct open_container *container)
{
	if (container->left != UINT64_MAX)
		container->left--;
}

/* Takes the value. */
static void put(struct decoder *decoder, json_t *value)
{
	struct open_container *container = top_of(decoder);
	decoder->is_tagged = false;
	if (value == NULL)
		fail(decoder, "holds a text that is not UTF-8, or memory is short");
	else if (container == NULL && decoder->root != NULL)
		fail(decoder, "has something after its end");
	else if (container != NULL && is_map(container) && container->key == NULL)
		fail(decoder, "has a key that is not text");
	if (decoder->fault != NULL) {
		json_decref(value);
		return;
	}
	if (container == NULL) {
		decoder->root = value;
		return;
	}
	bool is_put = is_map(container) ? json_object_set_new(container->value, container->key, value) == 0
					: json_array_append_new(container->value, value) == 0;
	free(container->key);
	container->key = NULL;
	count_entry(container);
	if (!is_put)
		fail(decoder, "has a key that is not UTF-8, or memory is short");
}

static void put_scalar(struct decoder *decoder, json_t *value)
{
	put(decoder, value);
	close_full(decoder);
}

static void open_value(struct decoder *decoder, json_t *value, uint64_t entry_count)
{
	if (decoder->depth == CBOR_DEPTH_MAX)
		fail(decoder, "is nested too deeply");
	put(decoder, value);
	if (decoder->fault != NULL)
		return;
	decoder->stack[decoder->depth++] = (struct open_container){.value = value, .left = entry_count};
	close_full(decoder);
}

/* Every entry takes a byte at least, so a count beyond what is left is a lie. */
static bool is_count_possible(struct decoder *decoder, uint64_t count)
{
	if (count <= decoder->bytes_left)
		return true;
	fail(decoder, "names more entries than it has bytes");
	return false;
}

static void on_array(void *context, size_t count)
{
	if (is_count_possible(context, count))
		open_value(context, json_array(), count);
}

static void on_map(void *context, size_t count)
{
	if (count <= UINT64_MAX / 2 && is_count_possible(context, 2 * (uint64_t)count))
		open_value(context, json_object(), 2 * (uint64_t)count);
	else
		fail(context, "names more entries than it has bytes");
}

static void on_array_open(void *context)
{
	open_value(context, json_array(), UINT64_MAX);
}

static void on_map_open(void *context)
{
	open_value(context, json_object(), UINT64_MAX);
}

static void put_unsigned(struct decoder *decoder, uint64_t number)
{
	put_scalar(decoder, number <= INT64_MAX ? json_integer((json_int_t)number) : json_real((double)number));
}

/* CBOR's negative numbers are -1 - number. */
static void put_negative(struct decoder *decoder, uint64_t number)
{
	put_scalar(decoder, number <= INT64_MAX ? json_integer(-1 - (json_int_t)number) : json_real(-1.0 - (double)number));
}

static void put_real(struct decoder *decoder, double number)
{
	if (!isfinite(number))
		fail(decoder, "holds a number that is not finite");
	else
		put_scalar(decoder, json_real(number));
}

static void on_u8(void *context, uint8_t number)
{
	put_unsigned(context, number);
}

static void on_u16(void *context, uint16_t number)
{
	put_unsigned(context, number);
}

static void on_u32(void *context, uint32_t number)
{
	put_unsigned(context, number);
}

static void on_u64(void *context, uint64_t number)
{
	put_unsigned(context, number);
}

static void on_n8(void *context, uint8_t number)
{
	put_negative(context, number);
}

static void on_n16(void *context, uint16_t number)
{
	put_negative(context, number);
}

static void on_n32(void *context, uint32_t number)
{
	put_negative(context, number);
}

static void on_n64(void *context, uint64_t number)
{
	put_negative(context, number);
}

static void on_float(void *context, float number)
{
	put_real(context, (double)number);
}

static void on_double(void *context, double number)
{
	put_real(context, number);
}

static void on_bool(void *context, bool is_true)
{
	put_scalar(context, json_boolean(is_true));
}

static void on_null(void *context)
{
	put_scalar(context, json_null());
}

static void on_tag(void *context, uint64_t tag)
{
	struct decoder *decoder = context;
	if (tag != CBOR_TAG_EPOCH || decoder->is_tagged)
		fail(decoder, "has a tag that is not the one of a time");
	decoder->is_tagged = true;
}

static json_t *base64_of(const uint8_t *bytes, size_t size)
{
	char *text = malloc(BASE64_ENCODE_RAW_LENGTH(size) + 1);
	if (text == NULL)
		return NULL;
	base64_encode_raw(text, size, bytes);
	json_t *value = json_stringn_nocheck(text, BASE64_ENCODE_RAW_LENGTH(size));
	free(text);
	return value;
}

static void put_text(struct decoder *decoder, const char *text, size_t size)
{
	struct open_container *container = top_of(decoder);
	if (memchr(text, '\0', size) != NULL) {
		fail(decoder, "has a text that holds a NUL character"); /* as in JSON: behind it nobody here would read on */
		return;
	}
	if (container == NULL || !is_map(container) || container->key != NULL) {
		put_scalar(decoder, json_stringn(text, size));
		return;
	}
	if ((container->key = strndup(text, size)) == NULL)
		fail(decoder, "is more than memory holds");
	count_entry(container);
}

/* A piece of an indefinite text. The pieces together are at most the body, so their sum is bounded by it. */
static void add_piece(struct decoder *decoder, const uint8_t *bytes, size_t size)
{
	char *grown = realloc(decoder->pieces, decoder->pieces_bytes + size + 1);
	if (grown == NULL) {
		fail(decoder, "is more than memory holds");
		return;
	}
	memcpy(grown + decoder->pieces_bytes, bytes, size);
	decoder->pieces = grown;
	decoder->pieces_bytes += size;
}

static void on_text(void *context, const unsigned char *bytes, size_t size)
{
	struct decoder *decoder = context;
	if (decoder->piece_kind == 't')
		add_piece(decoder, bytes, size);
	else
		put_text(decoder, (const char *)bytes, size);
}

static void on_bytes(void *context, const unsigned char *bytes, size_t size)
{
	struct decoder *decoder = context;
	if (decoder->piece_kind == 'b')
		add_piece(decoder, bytes, size);
	else
		put_scalar(decoder, base64_of(bytes, size));
}

static void on_text_open(void *context)
{
	((struct decoder *)context)->piece_kind = 't';
}

static void on_bytes_open(void *context)
{
	((struct decoder *)context)->piece_kind = 'b';
}

static void close_pieces(struct decoder *decoder)
{
	const char *text = decoder->pieces != NULL ? decoder->pieces : "";
	bool is_text = decoder->piece_kind == 't';
	decoder->piece_kind = 0;
	if (is_text)
		put_text(decoder, text, decoder->pieces_bytes);
	else
		put_scalar(decoder, base64_of((const uint8_t *)text, decoder->pieces_bytes));
	free(decoder->pieces);
	decoder->pieces = NULL;
	decoder->pieces_bytes = 0;
}

static void on_break(void *context)
{
	struct decoder *decoder = context;
	struct open_container *container = top_of(decoder);
	if (decoder->piece_kind != 0) {
		close_pieces(decoder);
		return;
	}
	if (container == NULL || container->left != UINT64_MAX || container->key != NULL) {
		fail(decoder, "has a break where nothing is open");
		return;
	}
	decoder->depth--;
	close_full(decoder);
}

static const struct cbor_callbacks callbacks = {
	.uint8 = on_u8, .uint16 = on_u16, .uint32 = on_u32, .uint64 = on_u64,
	.negint8 = on_n8, .negint16 = on_n16, .negint32 = on_n32, .negint64 = on_n64,
	.byte_string = on_bytes, .byte_string_start = on_bytes_open, .string = on_text, .string_start = on_text_open,
	.array_start = on_array, .indef_array_start = on_array_open, .map_start = on_map, .indef_map_start = on_map_open,
	.tag = on_tag, .float2 = on_float, .float4 = on_float, .float8 = on_double,
	.undefined = on_null, .null = on_null, .boolean = on_bool, .indef_break = on_break,
};

/* Inside an indefinite text only pieces of its kind and the break may stand. */
static bool is_piece_allowed(const struct decoder *decoder, uint8_t first)
{
	if (decoder->piece_kind == 0 || first == 0xff)
		return true;
	uint8_t major = first >> 5, wanted = decoder->piece_kind == 't' ? 3 : 2;
	return major == wanted && (first & 0x1f) != 0x1f;
}

static void decode_all(struct decoder *decoder, const uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at < size && decoder->fault == NULL;) {
		if (!is_piece_allowed(decoder, bytes[at])) {
			fail(decoder, "mixes something into a text of several pieces");
			return;
		}
		decoder->bytes_left = size - at;
		struct cbor_decoder_result result = cbor_stream_decode(bytes + at, size - at, &callbacks, decoder);
		if (result.status == CBOR_DECODER_NEDATA)
			fail(decoder, "ends in the middle of a value");
		else if (result.status != CBOR_DECODER_FINISHED)
			fail(decoder, "is not CBOR");
		at += result.read;
	}
}

json_t *ringcast_cbor_decode(const uint8_t *bytes, size_t size, char problem[SHAPE_PROBLEM_BYTES])
{
	struct decoder decoder = {0};
	if (size == 0)
		return json_object();
	decode_all(&decoder, bytes, size);
	if (decoder.fault == NULL && (decoder.root == NULL || decoder.depth > 0 || decoder.piece_kind != 0 || decoder.is_tagged))
		fail(&decoder, "ends in the middle of a value");
	for (unsigned i = 0; i < CBOR_DEPTH_MAX; i++)
		free(decoder.stack[i].key);
	free(decoder.pieces);
	if (decoder.fault == NULL)
		return decoder.root;
	json_decref(decoder.root);
	snprintf(problem, SHAPE_PROBLEM_BYTES, "the body %s", decoder.fault);
	return NULL;
}

/* Encoding */

struct encoder {
	uint8_t *bytes;
	size_t size, capacity;
	bool is_failed;
};

static uint8_t *room(struct encoder *encoder, size_t size)
{
	if (encoder->capacity - encoder->size < size) {
		size_t capacity = 2 * encoder->capacity + size + CHUNK_BYTES;
		uint8_t *grown = encoder->is_failed ? NULL : realloc(encoder->bytes, capacity);
		if (grown == NULL) {
			encoder->is_failed = true;
			return NULL;
		}
		encoder->bytes = grown;
		encoder->capacity = capacity;
	}
	return encoder->bytes + encoder->size;
}

enum { HEAD_BYTES_MAX = 9 };

typedef size_t head_fn(size_t count, unsigned char *out, size_t out_bytes);

static void head(struct encoder *encoder, head_fn *encode, size_t count)
{
	uint8_t *out = room(encoder, HEAD_BYTES_MAX);
	if (out != NULL)
		encoder->size += encode(count, out, HEAD_BYTES_MAX);
}

static void raw(struct encoder *encoder, const void *bytes, size_t size)
{
	uint8_t *out = room(encoder, size);
	if (out == NULL || size == 0)
		return;
	memcpy(out, bytes, size);
	encoder->size += size;
}

static void text(struct encoder *encoder, const char *bytes, size_t size)
{
	head(encoder, cbor_encode_string_start, size);
	raw(encoder, bytes, size);
}

static size_t encode_unsigned(size_t number, unsigned char *out, size_t out_bytes)
{
	return cbor_encode_uint(number, out, out_bytes);
}

static size_t encode_negative(size_t number, unsigned char *out, size_t out_bytes)
{
	return cbor_encode_negint(number, out, out_bytes);
}

static size_t encode_tag(size_t number, unsigned char *out, size_t out_bytes)
{
	return cbor_encode_tag(number, out, out_bytes);
}

static size_t encode_bool(size_t is_true, unsigned char *out, size_t out_bytes)
{
	return cbor_encode_bool(is_true != 0, out, out_bytes);
}

static void encode_double(struct encoder *encoder, double number)
{
	uint8_t *out = room(encoder, HEAD_BYTES_MAX);
	if (out != NULL)
		encoder->size += cbor_encode_double(number, out, HEAD_BYTES_MAX);
}

static void encode_number(struct encoder *encoder, const json_t *value)
{
	if (!json_is_integer(value))
		encode_double(encoder, json_real_value(value));
	else if (json_integer_value(value) >= 0)
		head(encoder, encode_unsigned, (size_t)json_integer_value(value));
	else
		head(encoder, encode_negative, (size_t)(-1 - json_integer_value(value)));
}

static void encode_blob(struct encoder *encoder, const json_t *value)
{
	struct base64_decode_ctx context;
	size_t size = BASE64_DECODE_LENGTH(json_string_length(value));
	uint8_t *bytes = malloc(size + 1);
	base64_decode_init(&context);
	if (bytes == NULL || !base64_decode_update(&context, &size, bytes, json_string_length(value), json_string_value(value)))
		size = 0;
	head(encoder, cbor_encode_bytestring_start, size);
	raw(encoder, bytes, size);
	free(bytes);
}

static void encode_value(struct encoder *encoder, enum shape_id id, const json_t *value);

static void encode_list(struct encoder *encoder, const struct shape *shape, const json_t *value)
{
	head(encoder, cbor_encode_array_start, json_array_size(value));
	for (size_t i = 0; i < json_array_size(value); i++)
		encode_value(encoder, shape->element, json_array_get(value, i));
}

static void encode_map(struct encoder *encoder, const struct shape *shape, const json_t *value)
{
	const char *key;
	json_t *item;
	head(encoder, cbor_encode_map_start, json_object_size(value));
	json_object_foreach((json_t *)value, key, item)
	{
		text(encoder, key, strlen(key));
		encode_value(encoder, shape->element, item);
	}
}

/* NULL for a member that is absent; null says the same, as the check of shapes has it. */
static const json_t *member_of(const json_t *value, const struct shape_member *member)
{
	const json_t *item = json_object_get(value, member->name);
	return json_is_null(item) ? NULL : item;
}

static void encode_struct(struct encoder *encoder, const struct shape *shape, const json_t *value)
{
	size_t count = 0;
	for (uint32_t i = 0; i < shape->count; i++)
		count += member_of(value, ringcast_shape_member(shape, i)) != NULL;
	head(encoder, cbor_encode_map_start, count);
	for (uint32_t i = 0; i < shape->count; i++) {
		const struct shape_member *member = ringcast_shape_member(shape, i);
		const json_t *item = member_of(value, member);
		if (item == NULL)
			continue;
		text(encoder, member->name, strlen(member->name));
		encode_value(encoder, member->shape, item);
	}
}

static void encode_value(struct encoder *encoder, enum shape_id id, const json_t *value)
{
	const struct shape *shape = ringcast_shape(id);
	switch (shape->kind) {
	case SHAPE_STRUCT:
		encode_struct(encoder, shape, value);
		return;
	case SHAPE_LIST:
		encode_list(encoder, shape, value);
		return;
	case SHAPE_MAP:
		encode_map(encoder, shape, value);
		return;
	case SHAPE_STRING:
		text(encoder, json_string_value(value), json_string_length(value));
		return;
	case SHAPE_BLOB:
		encode_blob(encoder, value);
		return;
	case SHAPE_BOOLEAN:
		head(encoder, encode_bool, json_is_true(value));
		return;
	case SHAPE_TIMESTAMP:
		head(encoder, encode_tag, CBOR_TAG_EPOCH);
		encode_double(encoder, json_number_value(value));
		return;
	case SHAPE_INTEGER:
	case SHAPE_DOUBLE:
		encode_number(encoder, value);
		return;
	}
}

static uint8_t *finish(struct encoder *encoder, size_t *ret_size)
{
	if (encoder->is_failed) {
		free(encoder->bytes);
		return NULL;
	}
	*ret_size = encoder->size;
	return encoder->bytes;
}

uint8_t *ringcast_cbor_encode(enum shape_id id, const json_t *value, size_t *ret_size)
{
	struct encoder encoder = {0};
	ringcast_shapes_init();
	encode_value(&encoder, id, value);
	return finish(&encoder, ret_size);
}

uint8_t *ringcast_cbor_encode_error(const char *type, const char *message, size_t *ret_size)
{
	struct encoder encoder = {0};
	head(&encoder, cbor_encode_map_start, 2);
	text(&encoder, "__type", strlen("__type"));
	text(&encoder, type, strlen(type));
	text(&encoder, "message", strlen("message"));
	text(&encoder, message, strlen(message));
	return finish(&encoder, ret_size);
}
