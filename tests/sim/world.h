/*
 * The simulated world of one run: shards, bots, network, clock, all on one thread and from one seed.
 *
 * The loop: whoever can run, runs, one at a time and in seeded order; when nobody can, the clock jumps to the earliest moment at which
 * anything happens. Three phases: faults and actions; calm, in which all that was promised must arrive; shutdown, after which nothing is left.
 */
#ifndef RINGCAST_TESTS_SIM_WORLD_H
#define RINGCAST_TESTS_SIM_WORLD_H

#include "base/prng.h"
#include "bot.h"
#include "jwt/key.h"
#include "session/park.h"
#include "shard/shard.h"
#include "swarm.h"

enum { WORLD_ANSWERS_MAX = 4096, WORLD_CREATED_MAX = SWARM_CREATED_MAX };

struct world;

struct world_session {
	struct world *world;
	bool is_scripted, is_late_allowed, is_over; /* over: its script has been told */
	enum close_reason end_reason; /* that its script brought about; CLOSE_NONE: none */
	uint32_t script_message_count;
	bool has_snapshots;
	struct late_said said[SWARM_GROUPS_MAX + 1]; /* 0: to everyone */
	char id[SESSION_ID_BYTES];
	uint32_t shard;
	bool is_ended;
};

struct world_answer { /* of a script, on its way */
	uint32_t session;
	uint64_t ticket, asked_ns, at_ns;
	enum verdict verdict;
	int64_t message; /* -1: not about one */
	uint32_t question;
	struct bot *bot; /* whose login or joining it is about; NULL: neither */
	bool is_snapshot;
	int32_t group;   /* 0: the login */
};

/* HIT(name, "what has happened"): what so many seeds as a test run has are to meet, or what is checked there is checked nowhere. */
#define WORLD_HITS(HIT)                                                                                                                        \
	HIT(ring_full, "a letter waited for room in a ring")                                                                                     \
	HIT(message_lost, "a letter was lost, and its players left")                                                                             \
	HIT(sender_paused, "a sender waited for another shard")                                                                                  \
	HIT(shard_stuck, "a shard read nothing for as long as is waited for it")                                                                 \
	HIT(limb_dies_joining, "a connection went while home decided about its login")                                                           \
	HIT(home_ends, "a message came home from another shard, and its session had ended")                                                      \
	HIT(list_waits, "a list of members waited, and served several")                                                                          \
	HIT(signed_stays, "a player with a signed token stayed on another shard than its session's")                                            \
	HIT(many_shards, "a session had players on more than four shards")

enum world_hit {
#define HIT(name, text) HIT_##name,
	WORLD_HITS(HIT)
#undef HIT
	HIT_COUNT
};

struct world_tokens {
	uint32_t generations[TOKEN_KEY_COUNT]; /* of the keys that the shards have; 0: not this one */
	int64_t wall_offset_s;
	uint32_t once_count, flood_count;
	uint64_t flood_first_ns, flood_last_ns;
};

struct world_standstill { /* of a shard */
	uint64_t since_ns;  /* it has not run since then, whoever wants something of it; 0: it runs */
	uint64_t patiences; /* so often it has stood still for limits.spread_patience_ms */
	uint64_t given_up;  /* a bit for each shard that it has given up with reason */
};

struct world {
	struct swarm swarm;
	struct prng prng, crypto_prng, script_prng; /* crypto_prng: what TLS draws its randoms from */
	struct sim_network *network;
	struct model model;
	struct bot_net net;
	struct io *ios[SWARM_SHARDS_MAX];
	struct shard *shards[SWARM_SHARDS_MAX];
	struct mailbox *mailboxes[SWARM_SHARDS_MAX];
	bool hits[HIT_COUNT];
	uint64_t ran;                              /* shards that may have written to others since the doorbells were looked at */
	uint64_t still_until_ns[SWARM_SHARDS_MAX]; /* until then it does not run, though the others do */
	struct world_standstill standstills[SWARM_SHARDS_MAX];
	bool is_asleep[SWARM_SHARDS_MAX]; /* its thread waits in io: only io or a doorbell makes it go on */
	bool is_playing;                  /* the phase of faults and actions */
	bool is_frozen;                   /* no shard and no script runs, as in a stopped process; the clients and the network do */
	struct world_session sessions[SWARM_SESSIONS_MAX + WORLD_CREATED_MAX]; /* first session_count of the swarm's, then those that tokens create */
	struct world_tokens tokens;
	struct bot *bots; /* every life ever lived, in order */
	uint32_t bot_count;
	uint32_t raw_stream_count; /* connections without a bot */
	uint32_t rebind_count;
	uint64_t steps_without_time;
	struct world_answer answers[WORLD_ANSWERS_MAX];
	uint32_t answer_count;
	uint64_t speak_ns; /* before that no script says anything of itself */
	bool is_calm; /* scripts behave */
	FILE *trace; /* NULL: none */
};

struct world_report {
	bool hits[HIT_COUNT];
	bool is_ok;
	uint64_t trace_hash, virtual_ns, message_count, receipt_count, lives;
	char failure[400];
};

/* One whole run. The swarm is settled by now. */
void ringcast_world_run(const struct swarm *swarm, FILE *trace, struct world_report *ret_report);

/* world_actions.c: one thing that somebody does */
void ringcast_world_act(struct world *world);

/* world_security.c */
void ringcast_world_make_clients(struct world *world);
struct shard_credentials ringcast_world_make_credentials(struct world *world);
void ringcast_world_replace_credentials(struct world *world); /* on every shard, as a reload does; nobody may lose anything by it */
void ringcast_world_release_clients(struct world *world);

/* for actions */
void ringcast_world_tick(struct world *world, uint32_t shard);
bool ringcast_world_has_mail(const struct world *world, uint32_t shard);
void ringcast_world_hold_still(struct world *world, uint32_t shard, uint64_t duration_ns); /* its thread is off its processor */
void ringcast_world_freeze(struct world *world, uint64_t duration_ns);
uint64_t ringcast_world_below(struct world *world, uint64_t bound);
bool ringcast_world_chance(struct world *world, uint32_t chance_in_1000);
void ringcast_world_fail(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);
void ringcast_world_note(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3); /* into the trace */
/* A bot for a session, with a token of its own or with the one given. NULL: no place free, or too many lives. */
struct bot *ringcast_world_spawn(struct world *world, uint32_t session, const char *token);

/* world_admin.c: questions to shards, asked through their mailboxes and answered on their ticks */
bool ringcast_world_open_session(struct world *world, uint32_t session, uint32_t shard);
bool ringcast_world_reserve(struct world *world, uint32_t session, char ret_token[PLAYER_TOKEN_BYTES]);
void ringcast_world_kick(struct world *world, uint32_t session, int32_t peer_id);
void ringcast_world_end_session(struct world *world, uint32_t session);

void ringcast_world_late_act(struct world *world, struct world_session *ours); /* as a script does that nobody has called */
bool ringcast_world_answer(struct world *world, const struct world_answer *answer); /* false: nothing waits for it */

/* world_script.c */
void ringcast_script_attach(struct world *world, uint32_t session, struct session_options *options); /* or not, by chance */
void ringcast_script_tick(struct world *world);                                                     /* gives the answers that are due */
void ringcast_script_allowing(struct world *world, struct session *session, const struct world_answer *answer); /* it is about to happen */
uint64_t ringcast_script_deadline_ns(const struct world *world);
/* The process is about to stand still: answers whose deadlines are in that time may come too late, where it is so short that shards notice no pause. */
void ringcast_script_doubt(struct world *world, uint64_t duration_ns);
void ringcast_script_lose(struct world *world);

/* world_tokens.c */
void ringcast_tokens_equip(struct world *world, struct shard_options *options, struct jwt_keys *keys_storage); /* a shard that is about to be created, which copies the keys */
void ringcast_tokens_spawn(struct world *world);
void ringcast_tokens_flood(struct world *world);
void ringcast_tokens_turn(struct world *world);
bool ringcast_tokens_is_bot_of(const struct bot *bot, const struct player *player);
void ringcast_tokens_admitted(struct world *world, struct bot *bot);
uint64_t ringcast_tokens_checks_max(const struct world *world);

/* checker.c */
void ringcast_checker_after_calm(struct world *world);
void ringcast_checker_after_shutdown(struct world *world);

/* checker_spread.c: in the calm, of sessions on several shards, and of what bots know of their groups */
void ringcast_checker_spread(struct world *world);

/* checker_merged.c: after a turn of a shard */
void ringcast_checker_merged(struct world *world, uint32_t shard);

/* checker_resume.c: in the calm, of those who came back */
void ringcast_checker_resume(struct world *world);

/* relief.c: from now on it is this world whose shards are looked at when something runs short */
void ringcast_relief_watch(struct world *world);

/* standstill.c: likewise for shards that others give up; the world says when one may begin to be late, and when it runs */
void ringcast_standstill_watch(struct world *world);
void ringcast_standstill_begin(struct world *world, uint32_t shard);
void ringcast_standstill_end(struct world *world, uint32_t shard, bool is_still); /* is_still: it runs this once only */
uint64_t ringcast_standstill_patiences(const struct world *world); /* how often at most some shard may have given up another one */
bool ringcast_standstill_may_lose_letters(const struct world *world, uint32_t shard);

/* What has been met by now. */
void ringcast_world_note_hits(struct world *world);

/* accounts.c: what the counters say, after shutdown */
void ringcast_accounts_check(struct world *world);

#endif
