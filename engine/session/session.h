/*
 * Sessions, players and groups of one shard. Pure: no sockets, no clock, no threads; time comes in as now_ns, effects go out
 * through the outbox.
 *
 * Glossary: session = unit of isolation and scripting. player = one place in a session, from reservation to disconnect. peer id = the
 * player's small number on the wire, 1, 2, 3... in join order, never reused. group = named set of players; -1 is everyone and has no
 * group object. membership = one player in one group.
 *
 * Drops: a reason returned is the caller's to count; what nobody can return (a queued command that came to nothing) goes to outbox.drop.
 * session->drops has both.
 *
 * Ownership: the store owns everything here. A disconnected player or ended session is freed by ringcast_store_collect, which the shard
 * calls at the end of a tick, so pointers stay good within a tick.
 */
#ifndef RINGCAST_SESSION_SESSION_H
#define RINGCAST_SESSION_SESSION_H

#include "base/attr.h"
#include "base/close.h"
#include "base/drop.h"
#include "base/list.h"
#include "base/map.h"
#include "base/slab.h"
#include "base/timer_wheel.h"
#include "buf/buf.h"
#include "session/change.h"
#include "session/hooks.h"
#include "session/outbox.h"

enum { SESSION_ID_BYTES = 40, SESSION_NAME_BYTES = 128, PLAYER_TOKEN_BYTES = 40, PLAYER_ID_BYTES = 1025 };

/* timer.kind values that belong to this layer; the shard passes such timers to ringcast_session_expire. */
enum session_timer { SESSION_TIMER_RESERVATION = 16, SESSION_TIMER_EMPTY, SESSION_TIMER_TICK, SESSION_TIMER_HEALTH, SESSION_TIMER_TERMINATE,
		     SESSION_TIMER_ALARM, SESSION_TIMER_PARKED, SESSION_TIMER_ACTIVATION, SESSION_TIMER_LISTS, SESSION_TIMER_JOINER };

enum player_state { PLAYER_RESERVED, PLAYER_CONNECTING, PLAYER_ACTIVE, PLAYER_COMPLETED, PLAYER_TIMEDOUT };
enum session_state { SESSION_ACTIVE, SESSION_ENDED };
enum spread_mode { SPREAD_DEFAULT, SPREAD_NEVER, SPREAD_AUTO, SPREAD_ALWAYS }; /* may its players be on other shards; AUTO: from limits' players on */
enum { LIMBS_MAX = 64 }; /* shards that one session may be on */

/* One group that a player is in; kept with the player. */
struct membership {
	int32_t group_id;
	uint32_t group_index;  /* of its slot; a group that has members does not go away */
	uint32_t member_index; /* the player's place in the group's members */
};

/* A player's id and data, if they are short: ids as backends make them, and no data, take no buffer of the pool. */
struct label {
	handle self;
	char text[40]; /* "player_id\0player_data\0" */
};

enum { PLAYER_GROUPS_FEW = 3 }; /* most players are in no more, and those take no memory besides */

/* The order is that of use: what a delivery touches, what a message from the player touches, the rest. */
struct player {
	void *transport; /* the shard's struct conn; opaque here; NULL until admitted, and while it is dropped */
	uint64_t messages_sent, bytes_sent; /* counted by the shard */
	struct session *session;
	uint64_t messages_received, bytes_received;
	uint32_t magic; /* PLAYER_MAGIC */
	int32_t peer_id; /* 0 until admitted */
	uint8_t state;   /* enum player_state */
	uint8_t close_reason;
	bool is_waiting; /* CONNECTING, and its script has not decided yet */
	bool has_label;
	uint32_t drops; /* in both directions; counted by the shard, but for events that were parked */
	struct parked *parked; /* oldest event that waits for a script's answer or behind one; NULL: none */
	uint32_t group_count, group_capacity; /* capacity 0: they are in few, else in many */
	union {
		struct {
			struct list_node node; /* RESERVED: session->reserved; COMPLETED, TIMEDOUT: store->graveyard */
			struct timer timer;    /* RESERVED */
		};
		struct membership few[PLAYER_GROUPS_FEW]; /* ACTIVE: by ascending ids */
		struct membership *many;                  /* ACTIVE, on the heap: the same */
	};
	handle self;
	uint32_t session_index; /* place in session->players while ACTIVE */
	uint8_t secret[10]; /* ID_SECRET_BYTES */
	uint8_t limb; /* 1 + the shard that it is on, whose word transport is then; 0: this one */
	uint8_t lists_owed : 3; /* lists of members that it waits for; owed.h */
	bool is_fast : 1; /* of a limb: home was told that its fast path is up; at home of such a player: the same */
	bool has_no_echo : 1; /* gets none of its own group messages */
	bool joins_without : 1; /* the join that it is in the middle of goes without a snapshot, which there was no time to ask for */
	union {
		struct label *label;    /* has_label */
		struct buf *properties; /* the same text when it is longer; NULL: both are empty */
	};
	uint64_t created_ns, joined_ns;
};
static_assert(offsetof(struct player, self) <= 2 * CACHE_LINE_BYTES, "what a message touches of its sender is two cache lines");

struct group {
	struct session *session;
	handle self;
	int32_t id; /* > 0 */
	uint32_t member_count, member_capacity;
	struct player **members; /* dense, those of this shard first; grows by doubling up to the session's players_max */
	struct limbs *limbs; /* home.h; NULL: all its members have always been on this shard */
	struct list_node session_node;
	struct debt *debt; /* owed.c; NULL: nobody is owed its list */
};

/* How many of something there have been in this second. */
struct allowance {
	uint64_t second;
	uint32_t count;
};

/* An event of a session's game. Both texts are borrowed, and json, which is whole, ends without NUL. Must change nothing. */
typedef void session_emit_fn(void *context, const struct session *session, const char *name, struct view json);

/* A question of a session's game; json as above. Must change nothing. It is answered by ringcast_backend_answer. */
typedef void session_question_fn(void *context, const struct session *session, uint32_t number, struct view json);

struct session {
	struct store *store;
	handle self;
	char id[SESSION_ID_BYTES];
	char name[SESSION_NAME_BYTES];
	uint32_t magic; /* SESSION_MAGIC */
	uint8_t state;
	uint8_t close_reason;
	bool is_in_hook;
	uint32_t work_depth; /* of what is done for its script; see session_impl.h */
	uint32_t players_max, player_count, reserved_count, group_count;
	int32_t peer_id_next;
	uint32_t ping_interval_ms, tick_interval_ms, empty_timeout_ms, resume_window_ms;
	struct player **players; /* dense, ACTIVE (those of this shard first; and CONNECTING last); players_max pointers */
	struct list_node reserved, groups, commands, alarms;
	struct list_node node; /* store->graveyard_sessions */
	handle name_next; /* of those whose names share a place in store->names */
	struct timer timer_empty, timer_tick, timer_health, timer_terminate, timer_activation;
	uint32_t command_count, alarm_count;
	char *properties, *matchmaker_data; /* owned; NULL: none */
	void *user; /* the scripting side's */
	const struct hooks *hooks; /* whose answers count here; never NULL */
	void *hooks_context;
	uint64_t created_ns, messages_received, deliveries, bytes_received, drops;
	uint32_t connecting_count; /* the last ones of players */
	uint32_t admitting_count;  /* of those: not waiting. While there are any, commands wait: a login result goes out before they do */
	bool is_applying;          /* queued commands are being applied */
	uint64_t tick_deadline_ns;
	uint32_t health_failures;  /* in a row */
	bool is_terminating;       /* its script knows that the process is stopping */
	bool is_asking, is_late_allowed;
	bool is_unheard; /* set in a hook with a verdict: the script itself was not asked, and does not know */
	struct player *asked; /* whose event the hook that runs decides about; NULL: the session's */
	uint64_t ticket, ticket_count, health_ticket;
	struct list_node runnable; /* struct parked: oldest of their players, no longer waiting for an answer */
	uint32_t parked_count, answer_timeout_ms;
	uint64_t change_count; /* told so far; see change.h */
	bool is_closed;	       /* nobody may reserve a place any more */
	bool is_starting;      /* its session_started runs */
	bool is_activating;    /* held up by whoever plays it, until it says that its start is through */
	uint32_t activation_timeout_ms;
	struct allowance service_messages, emitted_events;
	uint32_t question_count; /* asked and not answered */
	struct tap *taps;	 /* of those who listen; NULL: nobody does. See tap.h */
	struct spread *spread;	 /* home.h; NULL: pinned to this shard */
	uint8_t spread_mode;	 /* enum spread_mode */
	uint64_t lists_due_ns;	 /* from then on lists of members may be sent; owed.h, as are the others */
	uint64_t lists_ripe_ns;	 /* while some are owed: from then on the first of them is only kept back by lists_due_ns */
	struct list_node debts;	 /* struct debt: lists that are owed, in the order of their turns */
	struct debt *debt_of_all; /* of the group of all, if */
	struct timer timer_lists;
	uint32_t put_off_count;	 /* joins among its commands that wait until the others have been carried out */
	bool is_asking_snapshot; /* the hook that runs is hooks.snapshot */
	uint32_t joiner_count, joiner_bytes; /* joins that the script is asked about, and what is kept for them: snapshot.h */
	uint32_t retained_group_count, retained_count, retained_bytes; /* retained.h */
	struct list_node joiners, retained;
	struct joiner *joiner; /* the latest one that was asked about, or had a part of its snapshot said; NULL: none, or it is gone */
};

struct session_limits { /* live: the shard may change it between ticks */
	uint32_t players_per_session_max, groups_per_session_max, groups_per_player_max;
	uint32_t reservation_timeout_ms, empty_session_timeout_ms, ping_interval_ms, resume_window_ms;
	uint32_t membership_push_max;  /* of groups larger than this changes are told together; 256 by default */
	uint64_t membership_bytes_per_second; /* of lists, of one session; what is beyond waits. 0: nothing waits, and of larger groups changes are not told */
	uint32_t commands_per_hook_max; /* 4096 */
	uint32_t timers_per_session_max; /* of the script */
	uint32_t health_interval_ms;     /* 0: no health checks */
	uint32_t health_failures_max;    /* so many in a row end the session; 0: never */
	uint32_t parked_player_max, parked_session_max; /* events that wait for a script's answer or behind one */
	uint32_t answer_timeout_ms; /* of sessions that do not say */
	uint32_t activation_timeout_ms; /* likewise; 0: never */
	uint32_t service_messages_per_second, service_message_bytes; /* of backends, to one session; see backend.h */
	uint32_t emitted_events_per_second, emitted_event_bytes;     /* of one session, for backends */
	uint32_t spread_players_min;    /* AUTO: sessions for so many players are spread */
	uint8_t spread_mode;            /* of sessions that do not say */
	uint32_t retained_per_group_max, retained_bytes; /* messages of a group; of a session, in whole bufs */
	uint32_t snapshot_bytes;        /* of a session, for those who join, in whole bufs */
	uint32_t session_data_bytes;    /* properties and matchmaker data of all sessions together, each with its NUL */
};

struct store_options {
	uint32_t shard_index;
	uint32_t sessions_max, players_max; /* of sessions at home here */
	uint32_t groups_max;                /* of all together, as memberships_max */
	uint32_t limbs_max, limb_players_max; /* of sessions at home elsewhere, besides these. 0: none */
	uint32_t memberships_max; /* of all players together */
	const struct session_limits *limits;
	struct buf_pool *pool;
	struct timer_wheel *wheel;
	struct outbox outbox;
	const struct hooks *hooks; /* of sessions that bring none of their own; copied. NULL: pure relay */
	void *hooks_context;
	void (*random)(void *context, void *out, size_t size);
	void *random_context;
	session_change_fn *change; /* NULL: nobody wants to know */
	void *change_context;
	session_emit_fn *emit; /* events of games, for backends; NULL: nobody hears them */
	void *emit_context;
	session_question_fn *question; /* who answers questions of games; NULL: nobody does */
	void *question_context;
};

struct store {
	struct store_options options;
	struct hooks hooks;
	struct slab sessions, players, groups, labels;
	uint32_t membership_count;
	uint64_t session_data_bytes; /* of all properties and matchmaker data, until their sessions are collected */
	handle *names; /* of sessions that have one and have not ended: the first of each hash, oldest first */
	uint32_t names_mask;
	struct map groups_by_key; /* session index << 32 | group id -> group handle */
	struct list_node graveyard, graveyard_sessions;
	bool is_draining;
	uint64_t sessions_created, sessions_ended, players_admitted, players_disconnected, reservations, reservations_timedout;
	struct map players_by_key;     /* session index << 32 | peer id -> player handle; CONNECTING and ACTIVE */
	struct map players_by_id;      /* hash of session and player id -> player handle; those with an id, RESERVED to ACTIVE */
	uint64_t id_seed;              /* of that hash and the names'; secret, for both come from outside */
	uint64_t now_ns;               /* of the latest call that carried a time; commands carry none */
	uint64_t answers_awaited, answers_late;
	uint64_t lists_sent, list_bytes, lists_merged, lists_too_long; /* of members: as metrics have them */
	struct list_node taps; /* of all sessions */
	struct map limbs_by_home;      /* home's shard and handle -> handle of the limb here */
	uint32_t limb_count;           /* limbs among the sessions, until they are collected */
	uint32_t limb_player_count;    /* likewise: their players */
	uint32_t remote_count;         /* players at home here and on another shard; among players_by_key */
	uint32_t spread_count;         /* sessions at home here that have, or may have, players elsewhere */
	uint64_t retained_count, retained_bytes; /* of all sessions, now */
	uint64_t retained_replayed, snapshots_asked, snapshots_missed, snapshot_messages, held_messages; /* messages, but for the second and third */
	const char *origin; /* for the record: "api" while a question from outside is answered; NULL: a script */
};

bool ringcast_store_init(struct store *store, const struct store_options *options); /* false: out of memory */
void ringcast_store_fini(struct store *store); /* asserts that every session has ended and was collected */
void ringcast_store_collect(struct store *store);
/*
 * For the memory bill: what init reserves for these capacities, touched only as far as it is used, and what memberships may take of the heap
 * besides. Other options are not looked at.
 */
uint64_t ringcast_store_reserved_bytes(const struct store_options *options);

struct session_options {
	const char *name, *properties, *matchmaker_data; /* NULL: none */
	uint32_t players_max, ping_interval_ms, tick_interval_ms, empty_timeout_ms; /* 0: default; empty UINT32_MAX: never */
	uint32_t resume_window_ms; /* 0, or above the limits': theirs; UINT32_MAX: none */
	const struct hooks *hooks; /* not copied: must live until the session is collected. NULL: the store's, with the store's context */
	void *hooks_context;
	uint32_t answer_timeout_ms; /* for VERDICT_LATER; 0: the limits' */
	uint32_t activation_timeout_ms; /* of a start that is held up; 0: the limits' */
	bool is_late_allowed;       /* no answer in time means ALLOW; else it means DENY */
	enum spread_mode spread;
};

/*
 * DROP_NONE, or SESSION_FULL (store full), SESSION_DATA (properties and matchmaker data of all too long), NO_BUFFER, DRAINING, OVERSIZE (one's own). Calls the session_started hook, which
 * may finish the session: then *ret_session has ended already when this returns.
 */
enum drop_reason ringcast_session_open(struct store *store, const struct session_options *options, uint64_t now_ns, struct session **ret_session);
/* Disconnects every player, drops reservations, calls session_ended. The session is freed by the next collect. Harmless when ended. */
void ringcast_session_end_now(struct session *session, enum close_reason reason, uint64_t now_ns);
/* False: out of memory, or fewer places than are taken. players_max 0: unchanged. */
bool ringcast_session_resize(struct session *session, uint32_t players_max);
struct session *ringcast_session_find(struct store *store, const char *id);        /* NULL: unknown or ended */
struct session *ringcast_session_find_name(struct store *store, const char *name); /* the oldest; NULL: none, or "" */
void ringcast_session_expire(struct store *store, struct timer *timer, uint64_t now_ns);
/*
 * In session_started only: the start is not through when the hook returns, but with start_done. Until then the session is activating, which
 * keeps nobody from joining; when it takes longer than its activation time-out the session is ended.
 */
void ringcast_session_hold_up(struct session *session);
void ringcast_session_start_done(struct session *session, uint64_t now_ns); /* harmless when it is active, or ended */
/*
 * The process is stopping: asks the terminate hook, once, and ends the session with SHUTDOWN at deadline_ns if it is still there
 * (UINT64_MAX: whenever it ends by itself). A later call may bring an earlier deadline; it asks no more. Harmless when ended.
 */
void ringcast_session_ask_to_end(struct session *session, uint64_t deadline_ns, uint64_t now_ns);
void ringcast_session_resume(struct session *session); /* no deadline any more; the script is told again the next time */
/* What the session was created with; "" when nothing was said. Good for the session's life. */
const char *ringcast_session_get_properties(const struct session *session);
const char *ringcast_session_get_matchmaker_data(const struct session *session); /* likewise: what a matchmaker says of its players */
struct player *ringcast_session_find_player(struct session *session, int32_t peer_id); /* ACTIVE only; O(1), by the store's map */
struct player *ringcast_session_find_peer(struct session *session, int32_t peer_id);   /* CONNECTING too */
struct player *ringcast_session_find_id(struct session *session, const char *player_id); /* RESERVED too; NULL for "" */

/* Ids carry their shard, see session/id.h. -1 when not one of ours, or of another host. */
int ringcast_session_id_shard(const char *id);
int ringcast_player_token_shard(struct view token);

/* admission.c */
/* Reserves a place: DROP_NONE, SESSION_FULL, DRAINING, NO_SESSION, NO_BUFFER, PLAYER_EXISTS when player_id already holds a place. */
enum drop_reason ringcast_admission_reserve(struct session *session, const char *player_id, const char *player_data, uint64_t now_ns,
					    struct player **ret_player, char ret_token[PLAYER_TOKEN_BYTES]);
/* Frees the place that player_id holds, or with NULL the one of token: a reservation is cancelled, a player kicked. BAD_TOKEN: there is none. */
enum drop_reason ringcast_admission_cancel(struct session *session, const char *player_id, struct view token, const char *text, uint64_t now_ns);
/* The player session id: what scripts know a player's ticket by. */
void ringcast_player_format_token(const struct player *player, char ret_token[PLAYER_TOKEN_BYTES]);
/* As the backend said when it reserved the place; "" when it said nothing. Good for the player's life. */
const char *ringcast_player_id(const struct player *player);
const char *ringcast_player_data(const struct player *player);
/*
 * Turns a reservation into a player: checks token (constant time on the secret), state, room; assigns the peer id; asks player_connect. On success the
 * player is CONNECTING, in session->players (so that a script may send to it), and the caller sends the login result, then calls accept.
 * If (*ret_player)->is_waiting the script will decide later: outbox.admitted tells, and accept is not the caller's to call. Until then the
 * player's packets may be routed (they wait), and it may be disconnected.
 */
enum drop_reason ringcast_admission_admit(struct store *store, struct view token, struct view payload, void *transport, uint64_t now_ns,
					  struct player **ret_player);
void ringcast_admission_accept(struct player *player, uint64_t now_ns); /* ACTIVE; player_accepted hook; then queued commands are applied */
/* The player's transport is gone or goes: leaves groups (pushing updates), hook, removed. Freed by collect. */
void ringcast_player_disconnect(struct player *player, enum close_reason reason, uint64_t now_ns);

/*
 * Dropped: an ACTIVE player whose transport is lost and who may come back. It keeps its place, its groups and what waits for its script, and is counted and
 * named as before; the outbox decides what becomes of messages for it. It ends by return, by disconnect, or with whatever ends players.
 */
void ringcast_player_drop(struct player *player, uint64_t now_ns); /* hook */
void ringcast_player_return(struct player *player, void *transport, uint64_t now_ns); /* hook; the transport has been told all before */
static inline bool ringcast_player_is_dropped(const struct player *player) { return player->state == PLAYER_ACTIVE && player->transport == NULL; }

/* router.c */
/*
 * A packet from an admitted player, already decoded. It is worked on in place: the sender becomes the player's peer id, and a game message
 * loses what is not part of one. Handles group requests and game messages; op codes of the handshakes are the shard's and must not come here. Returns why nothing happened, or DROP_NONE.
 */
enum drop_reason ringcast_router_route(struct player *player, struct packet *packet, enum delivery_intent intent, uint64_t now_ns);

/* group.c */
enum drop_reason ringcast_group_join(struct player *player, int32_t group, uint64_t now_ns);
enum drop_reason ringcast_group_leave(struct player *player, int32_t group, uint64_t now_ns);
bool ringcast_group_has(struct player *player, int32_t group);
/* As members, below, for one of them; NULL: it is not. */
struct player *const *ringcast_group_members_with(struct player *player, int32_t group, size_t *ret_count);
/* The members now: the session's players for -1, nothing for unknown groups. */
struct player *const *ringcast_group_members(struct session *session, int32_t group, size_t *ret_count);

/* command.c: what scripts ask for. Inside a hook they are queued and applied after it returns; outside at once. DROP_NO_BUFFER or
 * FAST_OVERFLOW when the queue is full. */
enum drop_reason ringcast_command_send(struct session *session, const struct packet *packet, enum delivery_intent intent);
enum drop_reason ringcast_command_kick(struct session *session, int32_t peer_id, const char *text);
enum drop_reason ringcast_command_join(struct session *session, int32_t group, int32_t peer_id);
enum drop_reason ringcast_command_leave(struct session *session, int32_t group, int32_t peer_id);
enum drop_reason ringcast_command_broadcast_membership(struct session *session, int32_t group, int32_t target_group);
/* A question to whoever made the session; admitted before (backend.h). number: the game's, and the answer's. */
enum drop_reason ringcast_command_ask(struct session *session, uint32_t number, struct view json);
/*
 * retained.h: to the group now, and reliably, and to whoever joins it later, until another message takes the key or it is forgotten. packet->target_group: the group. RETAINED_FULL
 * is one of the reasons, then nobody gets it.
 */
enum drop_reason ringcast_command_retain(struct session *session, uint32_t key, const struct packet *packet);
enum drop_reason ringcast_command_forget_retained(struct session *session, int32_t group, uint32_t key); /* harmless when there is none */
enum drop_reason ringcast_command_finish(struct session *session);
/* ringcast_park_answer (park.h) for those who may be inside a hook. A ticket that nothing waits for is ignored. */
enum drop_reason ringcast_command_answer(struct session *session, uint64_t ticket, enum verdict verdict);

/*
 * snapshot.h: a part of what a player is to know who is joining, while the script is asked about that join. ticket: of the answer that is still to come; 0, inside the hook: of
 * the question. Not queued: it waits for the join anyway. NO_TARGET: nobody waits for that answer (any more), or the snapshot has failed; SNAPSHOT_FULL; BAD_STATE (an op code
 * of the engine) and OVERSIZE, with which it has failed.
 */
enum drop_reason ringcast_command_snapshot(struct session *session, uint64_t ticket, const struct packet *packet);
/* The script cannot make it: nothing of it is delivered, and is_late_allowed says whether the player joins without. Harmless where nobody waits for it. */
void ringcast_command_snapshot_fail(struct session *session, uint64_t ticket);

/*
 * alarm.c: timers of scripts, named by numbers of the script's choice. Not queued, for they change nothing that others see: they hold from
 * the call on, inside a hook too. Setting one that runs sets it anew. Found by a walk, hence timers_per_session_max. The longest delay is 26 days.
 * DROP_NONE, SESSION_ENDED, FAST_OVERFLOW when too many run, NO_BUFFER.
 */
enum drop_reason ringcast_command_timer(struct session *session, uint32_t timer, uint64_t delay_ns);
bool ringcast_command_cancel_timer(struct session *session, uint32_t timer); /* false: it does not run */

#endif
