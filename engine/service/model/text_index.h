/*
 * From texts to objects. The text belongs to the object and must not change while it is in the index. Grows; the seed must be secret where
 * clients choose the texts. One thread.
 */
#ifndef RINGCAST_SERVICE_MODEL_TEXT_INDEX_H
#define RINGCAST_SERVICE_MODEL_TEXT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_entry {
	const char *text; /* NULL: free */
	void *object;
	uint64_t hash;
};

struct text_index {
	struct text_entry *entries;
	size_t slot_count, count; /* slot_count: a power of two, or 0 before the first entry */
	uint64_t seed;
};

void ringcast_text_index_init(struct text_index *index, uint64_t seed);
void ringcast_text_index_fini(struct text_index *index); /* the objects stay */
bool ringcast_text_index_add(struct text_index *index, const char *text, void *object); /* false: out of memory; asserts that text is new */
void *ringcast_text_index_find(const struct text_index *index, const char *text);	/* NULL: not there */
void ringcast_text_index_remove(struct text_index *index, const char *text);		/* asserts that it is there */

#endif
