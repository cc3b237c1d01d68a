#include "service/api/shape.h"

#include <pthread.h>
#include <string.h>

#include "base/assert.h"

static struct shape shapes[SHAPE_ID_COUNT] = {
#define SHAPE(name, kind, min, max, pattern, values, element) [SHAPE_ID_##name] = {#name, kind, min, max, pattern, values, element, 0, 0},
#define MEMBER(structure, name, shape, flags)
#include "service/api/shapes.def"
#undef SHAPE
#undef MEMBER
};

static const struct shape_member members[] = {
#define SHAPE(name, kind, min, max, pattern, values, element)
#define MEMBER(structure, name, shape, flags) {#name, SHAPE_ID_##structure, SHAPE_ID_##shape, flags},
#include "service/api/shapes.def"
#undef SHAPE
#undef MEMBER
};

/* The table lists the members of a struct together; where they begin and how many there are follows from that. */
static void find_members(void)
{
	for (uint32_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		struct shape *shape = &shapes[members[i].structure];
		if (shape->count++ == 0)
			shape->first = i;
		ringcast_assert(shape->first + shape->count == i + 1);
	}
}

void ringcast_shapes_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, find_members);
}

const struct shape *ringcast_shape(enum shape_id id)
{
	ringcast_assert(id > SHAPE_ID_NONE && id < SHAPE_ID_COUNT);
	return &shapes[id];
}

enum shape_id ringcast_shape_find(const char *name)
{
	for (uint32_t id = SHAPE_ID_NONE + 1; id < SHAPE_ID_COUNT; id++)
		if (strcmp(shapes[id].name, name) == 0)
			return (enum shape_id)id;
	return SHAPE_ID_NONE;
}

const struct shape_member *ringcast_shape_member(const struct shape *shape, uint32_t index)
{
	ringcast_assert(index < shape->count);
	return &members[shape->first + index];
}
