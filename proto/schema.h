/*
 * Messages as tables: one table per protobuf message drives its decoder, its encoder and its measure, so the three cannot
 * disagree. A table is indexed by field number; entries with kind FIELD_NONE are numbers the message does not use.
 */
#ifndef RINGCAST_PROTO_SCHEMA_H
#define RINGCAST_PROTO_SCHEMA_H

#include "proto/wire.h"

enum field_kind {
	FIELD_NONE = 0,
	FIELD_SINT32, /* int32_t member, zigzag */
	FIELD_INT32,  /* int32_t member */
	FIELD_BOOL,   /* bool member */
	FIELD_BYTES,  /* struct view member; protobuf string and bytes alike */
	FIELD_INT32_LIST, /* struct int32_list member */
};

struct field {
	enum field_kind kind;
	uint16_t offset_bytes; /* of the member, inside the object the table describes */
};

/*
 * A repeated int32. The encoder writes values when it is not NULL, else whatever raw holds; the decoder leaves values NULL and points
 * raw at the whole message the list stands in, because a list may come in several runs, packed or not.
 */
struct int32_list {
	const int32_t *values;
	uint32_t count;
	struct view raw;
};

struct schema {
	const struct field *fields;
	uint32_t field_count;
};

/* One field into object. Unknown numbers, and known ones in a foreign wire type, are skipped as protobuf does. False: malformed. */
MUST_USE bool ringcast_schema_decode_field(const struct schema *schema, struct wire_cursor *cursor, struct wire_tag tag,
					       struct view whole, void *object);
/* All of bytes. Members of fields that do not occur keep their value, which is how protobuf merges. */
MUST_USE bool ringcast_schema_decode(const struct schema *schema, struct view bytes, void *object);

/* Exact size, and the writing, in ascending field order, of the fields that are not zero, false or empty. */
size_t ringcast_schema_encoded_bytes(const struct schema *schema, const void *object);
uint8_t *ringcast_schema_encode(const struct schema *schema, const void *object, uint8_t *out);

/* Walks a decoded list: *cursor starts at 0; false at the end. number is the list's field number inside raw. */
bool ringcast_schema_list_next(struct view raw, uint32_t number, size_t *cursor, int32_t *ret_value);

#endif
