#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "service/operations/handlers.h"

static struct operation operations[] = {
#define OPERATION(name, role, text) {#name, ringcast_operation_##name, ROLE_##role, SHAPE_ID_NONE, SHAPE_ID_NONE, text},
#define INSTEAD(name, text) {#name, NULL, ROLE_READER, SHAPE_ID_NONE, SHAPE_ID_NONE, text},
#include "service/operations/operation.def"
#undef OPERATION
#undef INSTEAD
};

/* Most operations call what they take NAMEInput, a few NAMERequest; some give nothing. */
static enum shape_id shape_of(const char *name, const char *first, const char *second)
{
	char text[96];
	snprintf(text, sizeof(text), "%s%s", name, first);
	enum shape_id id = ringcast_shape_find(text);
	if (id != SHAPE_ID_NONE)
		return id;
	snprintf(text, sizeof(text), "%s%s", name, second);
	return ringcast_shape_find(text);
}

static void find_shapes(void)
{
	ringcast_shapes_init();
	for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
		operations[i].input = shape_of(operations[i].name, "Input", "Request");
		operations[i].output = shape_of(operations[i].name, "Output", "Response");
		ringcast_assert(operations[i].run == NULL || operations[i].input != SHAPE_ID_NONE);
	}
}

static void init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, find_shapes);
}

static int compare(const void *name, const void *operation)
{
	return strcmp(name, ((const struct operation *)operation)->name);
}

const struct operation *ringcast_operation_find(const char *name)
{
	init();
	return bsearch(name, operations, ARRAY_COUNT(operations), sizeof(operations[0]), compare);
}

const struct operation *ringcast_operation_at(size_t index)
{
	init();
	return index < ARRAY_COUNT(operations) ? &operations[index] : NULL;
}
