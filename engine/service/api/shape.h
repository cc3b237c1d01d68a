/*
 * Shapes of the service API: what every operation takes and gives, as tables (shapes.def), and the check of a value against its shape.
 *
 * A value is a jansson tree, whichever codec it came through. Pure: no clock, no thread of its own, no memory but the error text of its
 * caller. Any thread, after ringcast_shapes_init.
 */
#ifndef RINGCAST_SERVICE_API_SHAPE_H
#define RINGCAST_SERVICE_API_SHAPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHAPE_UNBOUNDED (-1)

enum shape_kind {
	SHAPE_STRUCT,
	SHAPE_LIST,
	SHAPE_MAP, /* keys are text */
	SHAPE_STRING,
	SHAPE_INTEGER,
	SHAPE_DOUBLE,
	SHAPE_BOOLEAN,
	SHAPE_TIMESTAMP, /* a number: seconds since the epoch, with a fraction */
	SHAPE_BLOB,	 /* text in base64 */
};

enum shape_id {
	SHAPE_ID_NONE,
#define SHAPE(name, kind, min, max, pattern, values, element) SHAPE_ID_##name,
#define MEMBER(structure, name, shape, flags)
#include "service/api/shapes.def"
#undef SHAPE
#undef MEMBER
	SHAPE_ID_COUNT
};

enum { MEMBER_REQUIRED = 1, MEMBER_SENSITIVE = 2 };

struct shape_member {
	const char *name;
	enum shape_id structure, shape;
	unsigned flags;
};

struct shape {
	const char *name;
	enum shape_kind kind;
	int64_t min, max;	/* of a number, else of the length: characters, bytes of a blob, elements; SHAPE_UNBOUNDED */
	const char *pattern;	/* POSIX, for the whole text; "" for any */
	const char *values;	/* the words allowed, with | between; "" for any */
	enum shape_id element;	/* of a list or map */
	uint32_t first, count;	/* of a struct's members */
};

enum { SHAPE_PROBLEM_BYTES = 320 };

void ringcast_shapes_init(void); /* once, before the rest; again is harmless */
const struct shape *ringcast_shape(enum shape_id id);
enum shape_id ringcast_shape_find(const char *name); /* SHAPE_ID_NONE: there is none */
const struct shape_member *ringcast_shape_member(const struct shape *shape, uint32_t index);

/*
 * True: value is what the shape says. False: problem holds one line that names the place, what is wrong and what would be right; texts of
 * sensitive members are never part of it. Members that the shape does not know are ignored, as are those that are null.
 */
bool ringcast_shape_check(enum shape_id id, const json_t *value, char problem[SHAPE_PROBLEM_BYTES]);

/*
 * Of a value that passed the check: takes its null members out, and makes an integer of what was written as 4.0 where one is wanted, so that nobody
 * after it has to know of either. False: out of memory, and the value is not to be used.
 */
bool ringcast_shape_tidy(enum shape_id id, json_t *value);

#endif
