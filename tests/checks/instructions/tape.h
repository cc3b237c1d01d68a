/*
 * An io that plays what it is given and takes what it is sent: no network and no waiting, and its clock goes on by one step per run. So what runs above
 * it executes the same instructions every time.
 *
 * The functions that a shard calls are named op_...: whoever counts instructions can leave them out by that name.
 */
#ifndef RINGCAST_TESTS_CHECKS_INSTRUCTIONS_TAPE_H
#define RINGCAST_TESTS_CHECKS_INSTRUCTIONS_TAPE_H

#include "io/io.h"

enum { TAPE_STREAMS_MAX = 256, TAPE_EVENTS_MAX = 512, TAPE_EVENT_BYTES = 512 };

struct tape {
	struct io io;
	struct io_stats stats;
	uint64_t now_ns, step_ns, random_next;
	struct io_event events[TAPE_EVENTS_MAX]; /* of the next run */
	uint8_t bytes[TAPE_EVENTS_MAX][TAPE_EVENT_BYTES];
	uint32_t event_count;
	uint64_t users[TAPE_STREAMS_MAX];
	uint32_t stream_count;
	struct io_sent sents[2][TAPE_STREAMS_MAX]; /* told by the last run, and since */
	uint32_t sent_count, told;
};

void tape_init(struct tape *tape, uint64_t start_ns, uint64_t step_ns);
/* What the next run returns, in this order. Streams are 0, 1, 2... in the order in which they were accepted. */
void tape_accept(struct tape *tape, const struct address *address);
void tape_receive(struct tape *tape, uint32_t stream, const void *bytes, size_t size);
void tape_datagram(struct tape *tape, const struct address *from, const void *bytes, size_t size);

#endif
