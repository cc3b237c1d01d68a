#include "proto/schema.h"

#include <assert.h>

#include "base/assert.h"

static enum wire_type wire_type_of(enum field_kind kind)
{
	return kind == FIELD_BYTES || kind == FIELD_INT32_LIST ? WIRE_BYTES : WIRE_VARINT;
}

static bool is_list_element(const struct field *field, enum wire_type type)
{
	return field->kind == FIELD_INT32_LIST && (type == WIRE_VARINT || type == WIRE_BYTES);
}

static bool decode_varint(const struct field *field, struct wire_cursor *cursor, void *member)
{
	uint64_t value;
	if (!ringcast_wire_read_varint(cursor, &value))
		return false;
	if (field->kind == FIELD_BOOL)
		*(bool *)member = value != 0;
	else if (field->kind == FIELD_SINT32)
		*(int32_t *)member = ringcast_wire_to_sint32(value);
	else
		*(int32_t *)member = ringcast_wire_to_int32(value);
	return true;
}

static bool count_packed(struct wire_cursor *cursor, uint32_t *ret_count)
{
	struct view run;
	if (!ringcast_wire_read_bytes(cursor, &run))
		return false;
	struct wire_cursor inner = ringcast_wire_cursor_of(run);
	uint32_t count = 0;
	for (; inner.at < inner.end; count++) {
		uint64_t ignored;
		if (!ringcast_wire_read_varint(&inner, &ignored))
			return false;
	}
	*ret_count = count;
	return true;
}

static bool decode_list_element(struct wire_cursor *cursor, enum wire_type type, struct view whole, struct int32_list *list)
{
	uint32_t count = 1;
	uint64_t ignored;
	if (type == WIRE_BYTES ? !count_packed(cursor, &count) : !ringcast_wire_read_varint(cursor, &ignored))
		return false;
	list->count += count;
	list->raw = whole;
	return true;
}

bool ringcast_schema_decode_field(const struct schema *schema, struct wire_cursor *cursor, struct wire_tag tag, struct view whole,
				  void *object)
{
	static const struct field none = {FIELD_NONE, 0};
	const struct field *field = tag.number < schema->field_count ? &schema->fields[tag.number] : &none;
	void *member = (uint8_t *)object + field->offset_bytes;
	if (is_list_element(field, tag.type))
		return decode_list_element(cursor, tag.type, whole, member);
	if (field->kind == FIELD_NONE || tag.type != wire_type_of(field->kind))
		return ringcast_wire_skip(cursor, tag.type);
	if (field->kind == FIELD_BYTES)
		return ringcast_wire_read_bytes(cursor, member);
	return decode_varint(field, cursor, member);
}

bool ringcast_schema_decode(const struct schema *schema, struct view bytes, void *object)
{
	struct wire_cursor cursor = ringcast_wire_cursor_of(bytes);
	while (cursor.at < cursor.end) {
		struct wire_tag tag;
		if (!ringcast_wire_read_tag(&cursor, &tag) || !ringcast_schema_decode_field(schema, &cursor, tag, bytes, object))
			return false;
	}
	return true;
}

/*
 * A list is walked through its raw message. The cursor holds the offset of the next unread byte in its low half and, inside a packed
 * run, the run's end in its high half.
 */
static_assert(sizeof(size_t) == 8, "a list cursor keeps two 32-bit offsets");

static bool enter_element(struct wire_cursor *cursor, struct wire_tag tag, uint32_t number, bool *ret_is_run, size_t *ret_run_bytes)
{
	uint64_t size;
	*ret_is_run = tag.number == number && tag.type == WIRE_BYTES;
	if (*ret_is_run) {
		bool is_read = ringcast_wire_read_varint(cursor, &size);
		ringcast_assert(is_read && size <= ringcast_wire_left_bytes(cursor));
		*ret_run_bytes = (size_t)size;
		return size > 0;
	}
	if (tag.number == number && tag.type == WIRE_VARINT)
		return true;
	bool is_skipped = ringcast_wire_skip(cursor, tag.type);
	ringcast_assert(is_skipped);
	return false;
}

/* Moves to the next element that is in the message; false at its end. The bytes were validated when they were decoded. */
static bool find_element(struct wire_cursor *cursor, struct view raw, uint32_t number, size_t *ret_run_end)
{
	while (cursor->at < cursor->end) {
		struct wire_tag tag;
		bool is_run;
		size_t run_bytes = 0;
		bool is_tag = ringcast_wire_read_tag(cursor, &tag);
		ringcast_assert(is_tag);
		if (!enter_element(cursor, tag, number, &is_run, &run_bytes))
			continue;
		*ret_run_end = is_run ? (size_t)(cursor->at - raw.data) + run_bytes : 0;
		return true;
	}
	return false;
}

bool ringcast_schema_list_next(struct view raw, uint32_t number, size_t *cursor, int32_t *ret_value)
{
	size_t offset = *cursor & UINT32_MAX, run_end = *cursor >> 32;
	ringcast_assert(offset <= raw.size);
	ringcast_assert(run_end <= raw.size);
	if (raw.size == 0)
		return false;
	struct wire_cursor at = {raw.data + offset, raw.data + raw.size};
	if (offset >= run_end && !find_element(&at, raw, number, &run_end)) {
		*cursor = raw.size;
		return false;
	}
	uint64_t value;
	bool is_read = ringcast_wire_read_varint(&at, &value);
	ringcast_assert(is_read);
	*ret_value = ringcast_wire_to_int32(value);
	*cursor = (size_t)(at.at - raw.data) | run_end << 32;
	return true;
}

/* The elements of a list, whether the caller's array or a decoded message holds them. */
struct list_walk {
	const struct int32_list *list;
	uint32_t number;
	uint32_t index;
	size_t cursor;
};

static bool walk_next(struct list_walk *walk, int32_t *ret_value)
{
	if (walk->list->values == NULL)
		return ringcast_schema_list_next(walk->list->raw, walk->number, &walk->cursor, ret_value);
	if (walk->index >= walk->list->count)
		return false;
	*ret_value = walk->list->values[walk->index++];
	return true;
}

static size_t packed_bytes(const struct int32_list *list, uint32_t number)
{
	struct list_walk walk = {.list = list, .number = number};
	size_t size = 0;
	for (int32_t value; walk_next(&walk, &value);)
		size += ringcast_wire_varint_bytes(ringcast_wire_of_int32(value));
	return size;
}

static uint8_t *write_packed(const struct int32_list *list, uint32_t number, uint8_t *out)
{
	struct list_walk walk = {.list = list, .number = number};
	for (int32_t value; walk_next(&walk, &value);)
		out = ringcast_wire_write_varint(out, ringcast_wire_of_int32(value));
	return out;
}

static uint64_t varint_of(const struct field *field, const void *member)
{
	switch (field->kind) {
	case FIELD_SINT32:
		return ringcast_wire_of_sint32(*(const int32_t *)member);
	case FIELD_INT32:
		return ringcast_wire_of_int32(*(const int32_t *)member);
	case FIELD_BOOL:
		return *(const bool *)member;
	default:
		ringcast_unreachable("not a varint field");
	}
}

/* Bytes of the value without tag and length; *ret_is_absent for what proto3 leaves out. */
static size_t value_bytes(const struct field *field, uint32_t number, const void *member, bool *ret_is_absent)
{
	size_t size;
	if (field->kind == FIELD_BYTES) {
		size = ((const struct view *)member)->size;
	} else if (field->kind == FIELD_INT32_LIST) {
		size = packed_bytes(member, number);
	} else {
		uint64_t value = varint_of(field, member);
		*ret_is_absent = value == 0;
		return ringcast_wire_varint_bytes(value);
	}
	*ret_is_absent = size == 0;
	return size;
}

static size_t field_bytes(const struct field *field, uint32_t number, const void *object)
{
	bool is_absent;
	size_t size = value_bytes(field, number, (const uint8_t *)object + field->offset_bytes, &is_absent);
	if (is_absent)
		return 0;
	size_t tag_bytes = ringcast_wire_varint_bytes((uint64_t)number << 3);
	size_t length_bytes = wire_type_of(field->kind) == WIRE_BYTES ? ringcast_wire_varint_bytes(size) : 0;
	return tag_bytes + length_bytes + size;
}

size_t ringcast_schema_encoded_bytes(const struct schema *schema, const void *object)
{
	size_t size = 0;
	for (uint32_t number = 1; number < schema->field_count; number++) {
		if (schema->fields[number].kind != FIELD_NONE)
			size += field_bytes(&schema->fields[number], number, object);
	}
	return size;
}

static uint8_t *encode_field(const struct field *field, uint32_t number, const void *object, uint8_t *out)
{
	const void *member = (const uint8_t *)object + field->offset_bytes;
	bool is_absent;
	size_t size = value_bytes(field, number, member, &is_absent);
	if (is_absent)
		return out;
	out = ringcast_wire_write_varint(out, (uint64_t)number << 3 | (unsigned)wire_type_of(field->kind));
	if (wire_type_of(field->kind) == WIRE_VARINT)
		return ringcast_wire_write_varint(out, varint_of(field, member));
	out = ringcast_wire_write_varint(out, size);
	if (field->kind == FIELD_INT32_LIST)
		return write_packed(member, number, out);
	memcpy(out, ((const struct view *)member)->data, size);
	return out + size;
}

uint8_t *ringcast_schema_encode(const struct schema *schema, const void *object, uint8_t *out)
{
	for (uint32_t number = 1; number < schema->field_count; number++) {
		if (schema->fields[number].kind != FIELD_NONE)
			out = encode_field(&schema->fields[number], number, object, out);
	}
	return out;
}
