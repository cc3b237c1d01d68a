/* What has come for ringcast play and was not yet expected: bounded, the oldest go first and are counted. */
#ifndef RINGCAST_TOOLS_PLAY_INBOX_H
#define RINGCAST_TOOLS_PLAY_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/ringcast/play_step.h"

enum { PLAY_INBOX_MAX = 1000 };

struct play_message {
	bool is_membership; /* then opcode and sender are 0, and bytes are peer ids */
	bool is_fast;
	int32_t opcode, sender, group;
	uint8_t *bytes; /* owned */
	size_t size;
};

struct play_inbox {
	struct play_message messages[PLAY_INBOX_MAX]; /* oldest first */
	size_t count;
	uint64_t lost_count;
};

void ringcast_play_inbox_init(struct play_inbox *inbox);
void ringcast_play_inbox_fini(struct play_inbox *inbox);
/* Copies bytes. */
void ringcast_play_inbox_add(struct play_inbox *inbox, struct play_message message, const void *bytes, size_t size);
/* The first that is what the step expects is taken out. False: there is none. */
bool ringcast_play_inbox_take(struct play_inbox *inbox, const struct play_step *step);
/* One message as a line, without its end. peer_id: who "you" is. */
void ringcast_play_message_print(FILE *out, const struct play_message *message, int32_t peer_id);
/* The newest few, for whoever wonders what came instead. */
void ringcast_play_inbox_print(FILE *out, const struct play_inbox *inbox, int32_t peer_id);

#endif
