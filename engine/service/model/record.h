/*
 * What operators and backends have configured: documents by kind and id, in the form in which the API shows them. Kept in the order of
 * their ids, so that a page can begin behind an id whatever was added or removed meanwhile.
 *
 * Every change can be undone in reverse order until the store says that it is durable: see mark, and service/loop.h for who does so.
 * Whoever reads on behalf of somebody outside sets reader, and is told what the answer rests on: who says what the store has not taken may have to take
 * it back. A document is not changed once it is in; an update puts another one. One thread. Nothing here reads a clock or touches a disk.
 */
#ifndef RINGCAST_SERVICE_MODEL_RECORD_H
#define RINGCAST_SERVICE_MODEL_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "service/model/unsettled.h"

/* X(NAME, name): name is what the store files it under. */
#define RECORD_KINDS(X)                                                                                                                    \
	X(FLEET, fleet)                                                                                                                    \
	X(SCRIPT, script)                                                                                                                  \
	X(BUILD, build)                                                                                                                    \
	X(ALIAS, alias)                                                                                                                    \
	X(LOCATION, location)                                                                                                              \
	X(COMPUTE, compute)                                                                                                                \
	X(POLICY, policy)                                                                                                                  \
	X(QUEUE, queue)                                                                                                                    \
	X(RULE_SET, rule_set)                                                                                                              \
	X(PLACEMENT, placement)                                                                                                            \
	X(MATCHMAKER, matchmaker)                                                                                                          \
	X(TAGS, tags)                                                                                                                      \
	X(KEY, key)                                                                                                                        \
	X(EVENT, event)                                                                                                                    \
	X(SECRET, secret)                                                                                                                  \
	X(LETTER, letter)                                                                                                                  \
	X(TICKET, ticket)                                                                                                                  \
	X(ROSTER, roster)

enum record_kind {
#define X(NAME, name) RECORD_##NAME,
	RECORD_KINDS(X)
#undef X
	RECORD_KIND_COUNT
};

struct record {
	char *id;
	json_t *document;
};

struct record_list {
	struct record *records; /* by id */
	size_t count, capacity;
};

/* One change and how to take it back. */
struct record_change {
	enum record_kind kind;
	char *id;
	json_t *before; /* NULL: there was none */
	json_t *after;	/* NULL: there is none now */
};

struct records {
	struct record_list lists[RECORD_KIND_COUNT];
	struct record_change *changes; /* since the last one that is settled, oldest first */
	size_t change_count, change_capacity;
	uint64_t settled_count; /* changes that became durable since the start */
	struct unsettled unsettled; /* of the changes, by what they changed */
	uint64_t *reader; /* raised to the number (settled_count + index + 1) of the newest change of what is read; NULL: nobody asks */
};

void ringcast_records_init(struct records *records);
void ringcast_records_fini(struct records *records);
const char *ringcast_record_kind_name(enum record_kind kind);
bool ringcast_record_kind_find(const char *name, enum record_kind *ret_kind);

json_t *ringcast_records_find(const struct records *records, enum record_kind kind, const char *id); /* borrowed; NULL: none */
/* The first one behind id ("" for the first of all); NULL: none. Borrowed until the next change. */
const struct record *ringcast_records_next(const struct records *records, enum record_kind kind, const char *id);
size_t ringcast_records_count(const struct records *records, enum record_kind kind);

/* A reader looks at it, or (id NULL) at all of its kind, though not here. */
void ringcast_records_touch(const struct records *records, enum record_kind kind, const char *id);

/* Takes the document, also on failure. False: out of memory, and nothing has changed. */
bool ringcast_records_put(struct records *records, enum record_kind kind, const char *id, json_t *document);
bool ringcast_records_remove(struct records *records, enum record_kind kind, const char *id); /* false: there was none, or no memory */
/* As put, of what the store holds already: nothing to undo. */
bool ringcast_records_load(struct records *records, enum record_kind kind, const char *id, json_t *document);

/* The oldest count changes are durable and cannot be undone any more. */
void ringcast_records_settle(struct records *records, size_t count);
void ringcast_records_undo(struct records *records, size_t count_kept); /* takes back all but the oldest count_kept unsettled changes */

#endif
