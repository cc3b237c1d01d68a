/*
 * An engine embedded as a game would embed it, through libringcast and nothing else, with real clients on loopback. What the callbacks are told is
 * written down, one line each, in the order of the shard's thread:
 *
 *     started
 *     connect 1 'hello'        player_connect with its payload
 *     message 5 from 1 player -1 group 0 fast 'x'
 *     disconnected 1 client
 *
 * Nothing here measures time: waiting ends when what is waited for has come, or the test has failed.
 */
#ifndef TESTS_UNIT_API_STAGE_H
#define TESTS_UNIT_API_STAGE_H

#include "clients/c/ringcast_client.h"
#include "ringcast/ringcast.h"

enum { ACTORS = 8, STAGE_TEXT_BYTES = 16384 };

/* What a test's game does besides being written down; called under no lock, on the shard's thread. Members may be NULL. */
struct game {
	void (*started)(ringcast_session *session);
	ringcast_verdict (*connect)(ringcast_session *session, int32_t peer);
	void (*accepted)(ringcast_session *session, int32_t peer);
	void (*message)(ringcast_session *session, const ringcast_message *message);
	void (*service_message)(ringcast_session *session, const ringcast_message *message); /* NULL: the engine is given no such callback */
	void (*question_answered)(ringcast_session *session, uint32_t number, const char *json, size_t json_bytes);
	ringcast_verdict (*send)(ringcast_session *session, const ringcast_message *message); /* to player and to group */
	ringcast_verdict (*group)(ringcast_session *session, int32_t group, int32_t peer);    /* join and leave */
	void (*tick)(ringcast_session *session);
	void (*timer)(ringcast_session *session, uint32_t timer);
	ringcast_verdict (*health)(ringcast_session *session);
	void (*terminate)(ringcast_session *session);
};

struct actor {
	ringcast_client *client;
	int32_t peer_id; /* 0: not logged in */
	bool is_fast, is_gone;
	int close_code;
	char close_reason[128];
	char heard[STAGE_TEXT_BYTES]; /* "5 from -1 'x'\n" per message, "list 7: 1,2\n" per membership */
};

struct stage {
	ringcast_engine *engine;
	ringcast_engine_options options;
	char session[RINGCAST_ID_BYTES];
	bool is_halted;
	struct actor actors[ACTORS];
};

extern struct game game; /* of the test that runs; set before stage_start */

/* One shard, or what options say; the session "stage" in it. */
void stage_start(struct stage *stage, const ringcast_engine_options *options, const ringcast_session_options *session);
void stage_halt(struct stage *stage); /* ringcast_engine_stop, while the clients run on */
void stage_stop(struct stage *stage); /* halts if needed, destroys, and checks that every session that began has ended */

/* Reserves a place and connects; comes back when it is in, or refused. */
struct actor *stage_enter(struct stage *stage, int index, const char *payload);
void stage_connect(struct stage *stage, int index, const char *player_id, const char *payload); /* does not wait */
void stage_say(struct stage *stage, int index, int32_t opcode, int32_t player, int32_t group, const char *text);
void stage_leave(struct stage *stage, int index);

/* Runs the clients until it is so. */
#define stage_until(stage, condition)                                                                                                          \
	do {                                                                                                                                   \
		stage_patience = 0;                                                                                                            \
		while (!(condition))                                                                                                           \
			stage_poll(stage, #condition);                                                                                         \
	} while (0)
extern int stage_patience;
void stage_poll(struct stage *stage, const char *condition);
/* A message of the player to itself came back: what it had sent before is done, and what was on its way to it has come. */
void stage_fence(struct stage *stage, int index);

bool stage_has_log(const char *line);
int stage_log_count(const char *line);
/* All lines so far must be these; forgets them. */
void stage_expect_log(const char *lines);
bool stage_has_heard(const struct actor *actor, const char *line);

ringcast_engine_options stage_small(void); /* one shard, the rest as by default */

#endif
