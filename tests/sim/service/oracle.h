/*
 * What clients know from the answers that they have got, and what therefore must be true. As simple as can be: no clock, no order of its own.
 *
 * What was answered is never lost within a life of the process, and records not even beyond it. States only go forward. A page shows whatever
 * lived throughout exactly once. When all is calm, index and host agree.
 */
#ifndef RINGCAST_TESTS_SIM_SERVICE_ORACLE_H
#define RINGCAST_TESTS_SIM_SERVICE_ORACLE_H

#include "ask.h"

enum { ORACLE_SESSIONS_MAX = 1024, ORACLE_PLAYERS_MAX = 4096, ORACLE_RECORDS_MAX = 16, ORACLE_TOKENS_MAX = 64, ORACLE_MAYBES_MAX = 4, ORACLE_ARN_BYTES = 200 };

/* A session that a client was told of in this epoch. */
struct known_session {
	char arn[ORACLE_ARN_BYTES];
	uint32_t rank;			/* of the furthest state that was seen */
	uint32_t version, version_max; /* of its name: the newest that was answered, and the newest that was asked for */
	bool is_updating;
};

struct known_player {
	char id[GAME_SESSION_ID_BYTES];
	uint32_t session;
	uint32_t rank;
	char status[16]; /* the last one, once it is final */
};

/* A record that one client at a time changes. Version 0: it is not there. */
struct known_record {
	bool is_alias; /* else a location */
	char id[GAME_SESSION_ID_BYTES];
	uint32_t version;
	/* What it may be instead after a crash: what was asked and never answered, or refused by the store. */
	uint32_t maybes[ORACLE_MAYBES_MAX], maybe_count;
	bool is_busy, has_tags, has_tags_maybe;
};

struct oracle {
	struct known_session sessions[ORACLE_SESSIONS_MAX];
	struct known_player players[ORACLE_PLAYERS_MAX];
	struct known_record records[ORACLE_RECORDS_MAX];
	uint32_t session_count, player_count, record_count, next_version;
	json_t *first_answers; /* by invocation id: what the first one of them made */
	struct walk *walk; /* the one that is under way; NULL: none */
};

void sim_oracle_init(struct world *world);

/* An answer has come. Called once for each ask. */
void sim_oracle_hear(struct world *world, struct ask *ask);
/* The process has died: what is not durable is gone, and what was asked may have happened. */
void sim_oracle_crash(struct world *world);
/* The records are what was answered, or, is_exact false, what was asked and not answered. What is found is what is known from now on. */
void sim_oracle_check_records(struct world *world, bool is_exact);
/* The model agrees with itself. */
void sim_oracle_check_model(struct world *world);
/* The player session has a place, or has ended among the last of its session. */
bool sim_oracle_is_kept(struct world *world, const char *player);
/* All is calm: the model agrees with the host. */
void sim_oracle_check_host(struct world *world);

/* Thirty days have passed, or the process has died: sessions may be forgotten. */
void sim_oracle_forget_sessions(struct world *world);
struct known_session *sim_oracle_session(struct oracle *oracle, const char *arn); /* NULL: nobody was told of it */
struct known_player *sim_oracle_player(struct oracle *oracle, const char *id);	  /* the same */

#endif
