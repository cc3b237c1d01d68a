/*
 * One line of ringcast play: what the player does, or what must come. Parsing is here; doing it is play.c's.
 *
 *     send 5 'hello there' --to 2 --fast
 *     expect 20 --from server 'coin 5' --contains --within 2
 */
#ifndef RINGCAST_TOOLS_PLAY_STEP_H
#define RINGCAST_TOOLS_PLAY_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/ringcast/payload_text.h"

enum { PLAY_ERROR_BYTES = 512, PLAY_MEMBERS_MAX = 64 };

enum play_kind {
	PLAY_NOTHING, /* an empty line, or a comment */
	PLAY_SEND,
	PLAY_JOIN,
	PLAY_LEAVE,
	PLAY_MEMBERS,
	PLAY_EXPECT,
	PLAY_EXPECT_NO,
	PLAY_EXPECT_MEMBERS,
	PLAY_EXPECT_CLOSED,
	PLAY_WAIT,
	PLAY_STATS,
	PLAY_QUIT,
	PLAY_HELP,
};

struct play_step {
	enum play_kind kind;
	int32_t opcode;
	int32_t peer;  /* who gets it, or who must have sent it: a peer id, RINGCAST_CLIENT_PEER_SERVER, or 0 for everyone and anybody */
	int32_t group; /* RINGCAST_CLIENT_GROUP_ALL: all players */
	int32_t code;  /* of a close; 0: any */
	bool is_fast, is_contained;
	struct payload_text payload; /* bytes NULL: none was given; owned */
	int32_t members[PLAY_MEMBERS_MAX];
	size_t member_count;
	uint32_t within_ms;
};

/* line is left as it is. False: what is wrong is in reterr. */
bool ringcast_play_step_parse(const char *line, struct play_step *ret_step, char reterr[PLAY_ERROR_BYTES]);
void ringcast_play_step_fini(struct play_step *step);
/* Every form of a line, one each. */
void ringcast_play_step_help(FILE *out);

#endif
