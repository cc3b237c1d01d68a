/* One request of a client: what it asks, and what its answer must be. */
#ifndef RINGCAST_TESTS_SIM_SERVICE_ASK_H
#define RINGCAST_TESTS_SIM_SERVICE_ASK_H

#include "service/loop.h"

struct world;
struct walk;

enum ask_kind {
	ASK_CREATE,
	ASK_DESCRIBE,
	ASK_UPDATE,
	ASK_TERMINATE,
	ASK_RESERVE,
	ASK_WALK,
	ASK_RECORD_CREATE,
	ASK_RECORD_UPDATE,
	ASK_RECORD_DELETE,
	ASK_PLACE_START,
	ASK_PLACE_DESCRIBE,
	ASK_PLACE_STOP,
	ASK_MATCH_START,
	ASK_MATCH_DESCRIBE,
	ASK_MATCH_ANSWER,
	ASK_SCRIPT_CREATE,
	ASK_SCRIPT_UPDATE,
	ASK_SCRIPT_DELETE,
	ASK_SCRIPT_FLEET,
	ASK_SCRIPT_FLEET_DELETE,
	ASK_NONSENSE,
	ASK_NONE, /* whatever the answer is */
};

struct ask {
	struct request request;
	struct list_node node;
	struct world *world;
	enum ask_kind kind;
	uint32_t index;	  /* of the oracle's session or record */
	uint32_t version; /* what an update writes */
	uint32_t epoch;   /* answers of another one say nothing about sessions */
	bool is_repeat;	  /* of another one, under the same invocation id */
	bool is_gone;	  /* the client does not wait any more */
	bool is_done;
	struct walk *walk;
};

/* Asks; the input is taken. NULL: the service took no more, and the ask is gone. */
struct ask *sim_ask(struct world *world, enum ask_kind kind, const char *operation, json_t *input, uint32_t index, uint32_t version, struct walk *walk);
void sim_ask_free(struct ask *ask);

/* Something that a client may do now. */
void sim_clients_act(struct world *world);
/* Ends every session that is left. */
void sim_clients_end_all(struct world *world);
/* Where everything is at rest and no session is left: somebody creates one and takes a place in it, and must get both. */
void sim_clients_play(struct world *world);

#endif
