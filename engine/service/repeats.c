#include "service/repeats.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

struct repeat_entry {
	char id[REQUEST_CALLER_BYTES + REQUEST_INVOCATION_BYTES + 40];
	struct list_node node;
	struct list_node waiting; /* of struct request */
	bool is_answered;
	json_t *output; /* a copy */
	enum fault fault;
	char message[REQUEST_MESSAGE_BYTES];
};

void ringcast_repeats_init(struct repeats *repeats, size_t count_max, uint64_t seed)
{
	*repeats = (struct repeats){.count_max = count_max};
	ringcast_text_index_init(&repeats->by_id, seed);
	ringcast_list_init(&repeats->entries);
}

static void entry_free(struct repeats *repeats, struct repeat_entry *entry)
{
	ringcast_assert(ringcast_list_is_empty(&entry->waiting));
	ringcast_text_index_remove(&repeats->by_id, entry->id);
	ringcast_list_remove(&entry->node);
	json_decref(entry->output);
	free(entry);
	repeats->count--;
}

void ringcast_repeats_fini(struct repeats *repeats)
{
	while (!ringcast_list_is_empty(&repeats->entries))
		entry_free(repeats, CONTAINER_OF(repeats->entries.next, struct repeat_entry, node));
	ringcast_text_index_fini(&repeats->by_id);
}

/* False: nothing that could come again, or nothing that changes anything. */
static bool id_of(const struct request *request, char *ret_id, size_t id_bytes)
{
	if (*request->invocation == '\0' || request->operation->role == ROLE_READER || request->operation->run == NULL)
		return false;
	snprintf(ret_id, id_bytes, "%s/%s/%" PRIx64 "/%s", request->caller, request->invocation, request->body_hash, request->operation->name);
	return true;
}

/* The oldest one that nobody needs any more. What is still being worked on is bounded by the loop's own bound on requests. */
static void make_room(struct repeats *repeats)
{
	struct list_node *next;
	for (struct list_node *node = repeats->entries.next; node != &repeats->entries && repeats->count >= repeats->count_max; node = next) {
		struct repeat_entry *entry = CONTAINER_OF(node, struct repeat_entry, node);
		next = node->next;
		if (entry->is_answered)
			entry_free(repeats, entry);
	}
}

static void add(struct repeats *repeats, const char *id)
{
	make_room(repeats);
	struct repeat_entry *entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return; /* then it is as if it had come without an id */
	snprintf(entry->id, sizeof(entry->id), "%s", id);
	ringcast_list_init(&entry->waiting);
	if (!ringcast_text_index_add(&repeats->by_id, entry->id, entry)) {
		free(entry);
		return;
	}
	ringcast_list_add_tail(&repeats->entries, &entry->node);
	repeats->count++;
}

static void answer_alike(struct request *request, enum fault fault, const char *message, const json_t *output)
{
	if (fault != FAULT_NONE)
		ringcast_request_refuse(request, fault, "%s", message);
	else
		ringcast_request_answer(request, json_deep_copy(output));
}

enum repeat ringcast_repeats_begin(struct repeats *repeats, struct request *request)
{
	char id[sizeof(((struct repeat_entry *)0)->id)];
	if (!id_of(request, id, sizeof(id)))
		return REPEAT_NEW;
	struct repeat_entry *entry = ringcast_text_index_find(&repeats->by_id, id);
	if (entry == NULL) {
		add(repeats, id);
		return REPEAT_NEW;
	}
	if (!entry->is_answered) {
		ringcast_list_add_tail(&entry->waiting, &request->node);
		return REPEAT_WAITS;
	}
	answer_alike(request, entry->fault, entry->message, entry->output);
	return REPEAT_ANSWERED;
}

static bool is_kept(enum fault fault)
{
	return ringcast_fault_status(fault) < 500 && fault != FAULT_THROTTLED;
}

void ringcast_repeats_end(struct repeats *repeats, struct request *request, struct list_node *ret_waiting)
{
	char id[sizeof(((struct repeat_entry *)0)->id)];
	struct repeat_entry *entry = id_of(request, id, sizeof(id)) ? ringcast_text_index_find(&repeats->by_id, id) : NULL;
	if (entry == NULL || entry->is_answered)
		return;
	while (!ringcast_list_is_empty(&entry->waiting)) {
		struct request *waiting = CONTAINER_OF(entry->waiting.next, struct request, node);
		ringcast_list_remove(&waiting->node);
		answer_alike(waiting, request->fault, request->message, request->output);
		ringcast_list_add_tail(ret_waiting, &waiting->node);
	}
	entry->is_answered = true;
	entry->fault = request->fault;
	memcpy(entry->message, request->message, sizeof(entry->message));
	entry->output = request->output != NULL ? json_deep_copy(request->output) : NULL;
	if (!is_kept(request->fault) || (request->fault == FAULT_NONE && entry->output == NULL))
		entry_free(repeats, entry);
}
