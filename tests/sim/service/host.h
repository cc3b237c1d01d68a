/*
 * A host that is simulated: it runs sessions as an engine would, and is right about them. It answers when the world lets it, late, out of
 * order or never; it may refuse, lie, and lose everything. Calls about one session are carried out and answered in the order in which they
 * came, and the events of one session are told in order: that is what host.h promises.
 */
#ifndef RINGCAST_TESTS_SIM_SERVICE_HOST_H
#define RINGCAST_TESTS_SIM_SERVICE_HOST_H

#include "base/prng.h"
#include "service/loop.h"
#include "swarm.h"

enum { SIM_SESSIONS_MAX = 1024, SIM_PLAYERS_MAX = 4096, SIM_CONTENTS_MAX = 512 };

struct sim_session {
	char name[HOST_ID_BYTES], fleet[HOST_ID_BYTES]; /* fleet: of a custom one */
	char script[2 * HOST_ID_BYTES]; /* name@version; "": none */
	bool is_custom; /* on a game server, of which there are few */
	bool is_live, is_starting, is_ending, is_deny_all;
	bool is_lied_about; /* the service was told something else about it: no promise holds */
	bool is_overtaken; /* that it has gone was answered before all of what its players did was told */
	uint32_t players_max;
	uint64_t sequence;
	uint64_t emitted_event, heard_event; /* its game counts, and tells */
	bool was_stranger; /* an event of it was told without the service's name for it */
};

struct sim_player {
	char token[HOST_ID_BYTES];
	char player_id[HOST_ID_BYTES];
	uint32_t session;
	enum player_session_status status;
};

struct sim_host {
	struct host base;
	const struct swarm *swarm;
	struct loop *loop; /* of this life of the process */
	struct prng prng;
	int64_t now_ms;
	bool is_calm;	   /* no fault happens any more */
	bool is_dead;	   /* the process that it belongs to has crashed */
	struct list_node todo;	    /* calls to carry out, oldest first */
	struct list_node done;	    /* carried out, not answered */
	struct list_node news;	    /* events to tell, oldest first */
	struct sim_session sessions[SIM_SESSIONS_MAX];
	struct sim_player players[SIM_PLAYERS_MAX];
	uint32_t session_count, player_count;
	uint64_t call_count, event_count;
	int64_t waited_ms_max; /* for an answer that has come */
	struct prng emit_prng; /* of its own: what games emit changes nothing else */
	uint64_t emitted_count; /* in this life of the process */
	void (*submitted)(void *context, const struct host_call *call); /* hears each call as it comes; NULL: nobody does */
	void *context;
	char contents[SIM_CONTENTS_MAX][2 * HOST_ID_BYTES]; /* name@version of the scripts that are kept, also beyond the process; "": none */
	uint32_t content_count;
	FILE *trace;
};

void sim_host_init(struct sim_host *host, const struct swarm *swarm, FILE *trace);
void sim_host_begin(struct sim_host *host, struct loop *loop); /* with a process: nothing runs */
void sim_host_end(struct sim_host *host);		       /* with the process: its calls are gone */

/* One step of each kind, if there is anything to do. True: there was. */
bool sim_host_carry_out(struct sim_host *host);
bool sim_host_answer(struct sim_host *host);
bool sim_host_tell(struct sim_host *host);
void sim_host_happen(struct sim_host *host); /* a player comes, goes or is too late, a session has started, or ends */
int64_t sim_host_waited_ms(const struct sim_host *host); /* the longest that an answer took, or takes */
void sim_host_player_goes(struct sim_host *host, const char *token);
void sim_host_emit(struct sim_host *host); /* a game emits an event, maybe before anybody knows its session */
void sim_host_die(struct sim_host *host);
bool sim_host_is_full(const struct sim_host *host); /* it remembers so many, ended ones too, and takes no more */

struct sim_session *sim_host_find(struct sim_host *host, const char *name); /* NULL: never was */
struct sim_player *sim_host_player(struct sim_host *host, const char *token);
uint32_t sim_host_count(const struct sim_host *host, const struct sim_session *session); /* of players that hold a place */

#endif
