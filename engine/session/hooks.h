/*
 * The questions a session asks whoever scripts it: nobody, the embedder's C, LuaJIT, the sidecar. NULL members mean "allow" and cost one
 * compare. A hook never re-enters the session: the commands it gives are queued (session/command.h) and applied after it returns.
 *
 * Every session has its own hooks: those of session_options, or else the store's. They are called on the shard's thread and must not block.
 */
#ifndef RINGCAST_SESSION_HOOKS_H
#define RINGCAST_SESSION_HOOKS_H

#include "base/close.h"
#include "proto/packet.h"

struct session;
struct player;

/* LATER: the answer comes by ringcast_park_answer (session/park.h) with the ticket that ringcast_park_ticket gave inside the hook. Until then the
 * event is kept, later events of that player wait behind it, everyone else goes on.
 * Whoever decides without asking the script itself says so by session->is_unheard: what a script does not know of is not in its snapshots (snapshot.h). */
enum verdict { VERDICT_ALLOW = 0, VERDICT_DENY = 1, VERDICT_LATER = 2 };

enum { QUESTION_NEWS = 0 }; /* the number of no question */

struct hooks {
	const void *kind; /* whose they are, for him to know his sessions by; NULL: nobody needs to */
	void (*session_started)(void *context, struct session *session);
	void (*session_ended)(void *context, struct session *session, enum close_reason reason);
	/* every health_interval_ms of the session limits; DENY: unhealthy, and health_failures_max of them in a row end the session */
	enum verdict (*health_check)(void *context, struct session *session);
	/* the process is stopping; the session is ended at deadline_ns (UINT64_MAX: when it ends by itself), or earlier by its script */
	void (*terminate)(void *context, struct session *session, uint64_t deadline_ns);
	enum verdict (*player_connect)(void *context, struct session *session, struct player *player, struct view payload);
	void (*player_accepted)(void *context, struct session *session, struct player *player);
	/* before the player leaves the list; not for players that were never accepted */
	void (*player_disconnected)(void *context, struct session *session, struct player *player, enum close_reason reason);
	/* an accepted player's connection is lost, and it may come back; it has come back. Whoever does not is disconnected, as above */
	void (*player_dropped)(void *context, struct session *session, struct player *player);
	void (*player_resumed)(void *context, struct session *session, struct player *player);
	void (*message)(void *context, struct session *session, const struct packet *packet); /* sender proven */
	/* a backend's, sender the server; false: there is no room for it now */
	bool (*service_message)(void *context, struct session *session, const struct packet *packet);
	/* what has become of a question that the game asked under this number (ringcast_command_ask), or later of what it asked for (QUESTION_NEWS): JSON */
	void (*question_answered)(void *context, struct session *session, uint32_t number, struct view json);
	enum verdict (*send_to_player)(void *context, struct session *session, const struct packet *packet);
	enum verdict (*send_to_group)(void *context, struct session *session, const struct packet *packet);
	enum verdict (*join_group)(void *context, struct session *session, struct player *player, int32_t group);
	enum verdict (*leave_group)(void *context, struct session *session, struct player *player, int32_t group);
	/* the player is about to join group (-1: the session), whoever wanted it: what is it to know of the game? See snapshot.h. DENY: it does not join */
	enum verdict (*snapshot)(void *context, struct session *session, struct player *player, int32_t group);
	/*
	 * Nobody waits any more for the answer to a question (VERDICT_LATER): its deadline has passed and verdict was taken instead, or what it was
	 * about is gone (DENY). Tells the script's side to let go of it; commands are not accepted in here.
	 */
	void (*answer_missed)(void *context, struct session *session, uint64_t ticket, enum verdict verdict);
	void (*tick)(void *context, struct session *session, uint64_t now_ns);
	/* a timer set with ringcast_command_timer has run out; it runs once */
	void (*timer)(void *context, struct session *session, uint32_t timer, uint64_t now_ns);
	/*
	 * For who bounds the processor time of a session's script; all three or none. wait_ns: 0 when it may be called now, else in how long. Until then its ticks and
	 * timers are put off, messages to it and what it sends unasked are dropped (script_share), questions are answered as is_late_allowed says. Asked before each; what
	 * tells of a fact (players accepted or gone, its own start and end, health) is called whatever the answer. Work: around hooks, and around the commands that
	 * they have given.
	 */
	uint64_t (*wait_ns)(void *context, struct session *session);
	void (*work_began)(void *context, struct session *session);
	void (*work_ended)(void *context, struct session *session);
};

#endif
