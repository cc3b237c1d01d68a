/*
 * The flight recorder: the last things that one thread did, in a ring of fixed size. Writing is a handful of stores into memory that stays warm;
 * nobody reads it but the dump of a program that is about to end (panic.h). Written by one thread; read by any, torn at worst in its newest probe.
 */
#ifndef RINGCAST_BASE_RECORDER_H
#define RINGCAST_BASE_RECORDER_H

#include "base/types.h"

enum probe {
#define PROBE(name, label, first, second, third) PROBE_##name,
#include "base/probe.def"
#undef PROBE
	PROBE_COUNT
};

enum { RECORDER_PROBES = 128 }; /* a power of two */

struct recorder_entry {
	uint64_t number; /* counts all probes of this recorder; 0: never written */
	uint64_t now_ns; /* of the turn in which it happened */
	uint64_t first, second;
	int64_t third;
	enum probe probe;
};

struct recorder {
	uint64_t count;
	struct recorder_entry entries[RECORDER_PROBES];
};

static inline void ringcast_recorder_note(struct recorder *recorder, enum probe probe, uint64_t now_ns, uint64_t first, uint64_t second, int64_t third)
{
	struct recorder_entry *entry = &recorder->entries[recorder->count++ % RECORDER_PROBES];
	*entry = (struct recorder_entry){
		.number = recorder->count, .now_ns = now_ns, .first = first, .second = second, .third = third, .probe = probe};
}

/* The last one of that kind; NULL: none in the ring. */
const struct recorder_entry *ringcast_recorder_last(const struct recorder *recorder, enum probe probe);

struct panic_writer;
void ringcast_recorder_dump(const struct recorder *recorder, struct panic_writer *writer); /* oldest first */

#endif
