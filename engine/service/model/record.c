#include "service/model/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static const char *const kind_names[] = {
#define X(NAME, name) #name,
	RECORD_KINDS(X)
#undef X
};

const char *ringcast_record_kind_name(enum record_kind kind)
{
	ringcast_assert(kind < RECORD_KIND_COUNT);
	return kind_names[kind];
}

bool ringcast_record_kind_find(const char *name, enum record_kind *ret_kind)
{
	for (size_t i = 0; i < RECORD_KIND_COUNT; i++)
		if (strcmp(kind_names[i], name) == 0) {
			*ret_kind = (enum record_kind)i;
			return true;
		}
	return false;
}

void ringcast_records_init(struct records *records)
{
	*records = (struct records){0};
}

static void change_fini(struct record_change *change)
{
	free(change->id);
	json_decref(change->before);
	json_decref(change->after);
}

void ringcast_records_fini(struct records *records)
{
	for (size_t kind = 0; kind < RECORD_KIND_COUNT; kind++) {
		struct record_list *list = &records->lists[kind];
		for (size_t i = 0; i < list->count; i++) {
			free(list->records[i].id);
			json_decref(list->records[i].document);
		}
		free(list->records);
	}
	for (size_t i = 0; i < records->change_count; i++)
		change_fini(&records->changes[i]);
	free(records->changes);
	ringcast_unsettled_fini(&records->unsettled);
	ringcast_records_init(records);
}

/* Index of the first record that is not before id; *ret_is_equal: it is the one. */
static size_t place_of(const struct record_list *list, const char *id, bool *ret_is_equal)
{
	size_t low = 0, high = list->count;
	*ret_is_equal = false;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(list->records[middle].id, id);
		if (order == 0) {
			*ret_is_equal = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void ringcast_records_touch(const struct records *records, enum record_kind kind, const char *id)
{
	if (records->reader == NULL || records->change_count == 0)
		return;
	uint64_t number = ringcast_unsettled_number(&records->unsettled, kind, id);
	*records->reader = number > *records->reader ? number : *records->reader;
}

json_t *ringcast_records_find(const struct records *records, enum record_kind kind, const char *id)
{
	const struct record_list *list = &records->lists[kind];
	bool is_equal;
	size_t place = place_of(list, id, &is_equal);
	ringcast_records_touch(records, kind, id);
	return is_equal ? list->records[place].document : NULL;
}

const struct record *ringcast_records_next(const struct records *records, enum record_kind kind, const char *id)
{
	const struct record_list *list = &records->lists[kind];
	bool is_equal;
	size_t place = place_of(list, id, &is_equal);
	place += is_equal;
	ringcast_records_touch(records, kind, NULL); /* also of one that is not there any more */
	return place < list->count ? &list->records[place] : NULL;
}

size_t ringcast_records_count(const struct records *records, enum record_kind kind)
{
	ringcast_records_touch(records, kind, NULL);
	return records->lists[kind].count;
}

static bool make_room(struct record_list *list)
{
	if (list->count < list->capacity)
		return true;
	size_t capacity = list->capacity > 0 ? 2 * list->capacity : 8;
	struct record *grown = realloc(list->records, capacity * sizeof(*grown));
	if (grown == NULL)
		return false;
	list->records = grown;
	list->capacity = capacity;
	return true;
}

/* Takes both. There is room. */
static void insert(struct record_list *list, size_t place, char *id, json_t *document)
{
	ringcast_assert(list->count < list->capacity);
	memmove(&list->records[place + 1], &list->records[place], (list->count - place) * sizeof(list->records[0]));
	list->records[place] = (struct record){id, document};
	list->count++;
}

/* Takes the document unless it fails. */
static bool set(struct record_list *list, const char *id, json_t *document)
{
	bool is_equal;
	size_t place = place_of(list, id, &is_equal);
	if (is_equal) {
		json_decref(list->records[place].document);
		list->records[place].document = document;
		return true;
	}
	char *copy = strdup(id);
	if (copy == NULL || !make_room(list)) {
		free(copy);
		return false;
	}
	insert(list, place, copy, document);
	return true;
}

static void unset(struct record_list *list, const char *id)
{
	bool is_equal;
	size_t place = place_of(list, id, &is_equal);
	ringcast_assert(is_equal);
	free(list->records[place].id);
	json_decref(list->records[place].document);
	list->count--;
	memmove(&list->records[place], &list->records[place + 1], (list->count - place) * sizeof(list->records[0]));
}

static bool note_change(struct records *records, enum record_kind kind, const char *id, json_t *before, json_t *after)
{
	if (records->change_count == records->change_capacity) {
		size_t capacity = records->change_capacity > 0 ? 2 * records->change_capacity : 16;
		struct record_change *grown = realloc(records->changes, capacity * sizeof(*grown));
		if (grown == NULL)
			return false;
		records->changes = grown;
		records->change_capacity = capacity;
	}
	char *copy = strdup(id);
	if (copy == NULL)
		return false;
	records->changes[records->change_count++] = (struct record_change){kind, copy, json_incref(before), json_incref(after)};
	ringcast_unsettled_note(&records->unsettled, kind, id, records->settled_count + records->change_count);
	return true;
}

bool ringcast_records_put(struct records *records, enum record_kind kind, const char *id, json_t *document)
{
	struct record_list *list = &records->lists[kind];
	ringcast_assert(document != NULL);
	if (!note_change(records, kind, id, ringcast_records_find(records, kind, id), document)) {
		json_decref(document);
		return false;
	}
	if (set(list, id, document))
		return true;
	json_decref(document);
	change_fini(&records->changes[--records->change_count]);
	return false;
}

bool ringcast_records_remove(struct records *records, enum record_kind kind, const char *id)
{
	json_t *before = ringcast_records_find(records, kind, id);
	if (before == NULL || !note_change(records, kind, id, before, NULL))
		return false;
	unset(&records->lists[kind], id);
	return true;
}

bool ringcast_records_load(struct records *records, enum record_kind kind, const char *id, json_t *document)
{
	ringcast_assert(document != NULL && records->change_count == 0);
	if (set(&records->lists[kind], id, document))
		return true;
	json_decref(document);
	return false;
}

/* Of the changes that are left. */
static void renew_unsettled(struct records *records)
{
	ringcast_unsettled_clear(&records->unsettled);
	for (size_t i = 0; i < records->change_count; i++)
		ringcast_unsettled_note(&records->unsettled, records->changes[i].kind, records->changes[i].id, records->settled_count + i + 1);
}

void ringcast_records_settle(struct records *records, size_t count)
{
	ringcast_assert(count <= records->change_count);
	for (size_t i = 0; i < count; i++)
		change_fini(&records->changes[i]);
	records->settled_count += count;
	records->change_count -= count;
	memmove(records->changes, records->changes + count, records->change_count * sizeof(records->changes[0]));
	renew_unsettled(records);
}

/* Needs no memory, so it cannot fail: a list never shrinks, and a record that was removed gets the change's own text as its id. */
static void take_back(struct records *records, struct record_change *change)
{
	struct record_list *list = &records->lists[change->kind];
	bool is_there;
	size_t place = place_of(list, change->id, &is_there);
	if (change->before == NULL) {
		unset(list, change->id);
	} else if (is_there) {
		json_decref(list->records[place].document);
		list->records[place].document = json_incref(change->before);
	} else {
		insert(list, place, change->id, json_incref(change->before));
		change->id = NULL;
	}
}

void ringcast_records_undo(struct records *records, size_t count_kept)
{
	while (records->change_count > count_kept) {
		struct record_change *change = &records->changes[records->change_count - 1];
		take_back(records, change);
		change_fini(change);
		records->change_count--;
	}
	if (count_kept == 0) /* else some are taken to be younger than they are, and no younger than the youngest */
		ringcast_unsettled_clear(&records->unsettled);
}
