/*
 * Custom game servers as a host of the service: which processes there are, what they say (the Server SDK's protocol), and the calls of the service
 * that they carry out. Pure: bytes, calls and time come in, and what shall happen goes out through struct sdk_core_ops. One thread.
 *
 * A process may lose its connection and come back under its id: its session goes on meanwhile. It is gone when its agent says so, when it has said
 * that it ends, or when nothing was heard of it for the health time-out.
 */
#ifndef RINGCAST_SERVICE_HOSTS_SERVER_SDK_CORE_H
#define RINGCAST_SERVICE_HOSTS_SERVER_SDK_CORE_H

#include "service/api/compute_token.h"
#include "service/hosts/host.h"
#include "service/hosts/server_sdk/load.h"
#include "service/hosts/server_sdk/message.h"
#include "service/hosts/server_sdk/process.h"

/* A connection, as far as this file cares; part of the one that has the socket. */
struct sdk_link {
	struct list_node node;	     /* sdk_process.links */
	struct sdk_process *process; /* NULL: not connected, refused, or the process is gone */
	int64_t token_expires_ms;
	int64_t close_at_ms; /* 0: not yet */
	uint32_t bad_count;  /* messages that could not be understood */
	bool is_refreshed;
	bool is_followed; /* the process was told of another connection, and reads this one until it has that */
};

struct sdk_core_ops {
	/* None of these may call the core back, but is_own. */
	void (*send)(void *context, struct sdk_link *link, const char *text); /* NULL text: memory was short, and the connection cannot go on */
	void (*close)(void *context, struct sdk_link *link, uint16_t code, const char *reason); /* soon; closed is still called */
	void (*give_back)(void *context, struct host_call *call);
	void (*tell)(void *context, const struct host_event *event);
	void (*random)(void *context, void *out, size_t size);
	/* Whether our agent runs it, for that fleet: processes of other fleets choose their ids themselves, and may choose the same one. */
	bool (*is_own)(void *context, const char *fleet_id, const char *process_id);
	void (*stop)(void *context, const char *process_id, int64_t notice_until_ms); /* the agent: signals after that; 0: kills at once */
	/* What the agent shall run of a fleet. folder NULL: nothing any more. runtime is borrowed. */
	void (*plan)(void *context, const char *fleet_id, const char *folder, const json_t *runtime);
	void (*save)(void *context, const struct sdk_process *process); /* before anybody is told of what it keeps */
	void (*forget)(void *context, const struct sdk_process *process); /* it is gone; what was saved of it may go */
	/* What a game asks of the service; answered by ringcast_sdk_core_take_answer. False: too many such wait; the question is still the core's. */
	bool (*ask)(void *context, struct host_question *question);
};

struct sdk_core_options {
	const struct sdk_core_ops *ops;
	void *context;
	/* texts are borrowed and outlive the core */
	const char *ip_address, *dns_name, *compute_name; /* of this machine; dns_name "" for none */
	const char *endpoint;				  /* where processes connect */
	struct compute_token_secret secret;
	int64_t token_lifetime_s;
	int64_t health_timeout_ms;    /* nothing heard for so long: gone */
	int64_t terminate_timeout_ms; /* that a process has after the notice */
	uint32_t processes_max;
};

/* Since the start. */
struct sdk_counts {
	uint64_t activated, terminated, abnormal; /* processes that became ready, that are gone, and of these, who had not been told to end */
	uint64_t questions, questions_refused;	  /* for backfill, that the service was asked; that it was not, since their game server asks too much */
	uint64_t answers_late, answers_lost;	  /* to such questions: after their deadline; their connection or game server was gone */
};

struct sdk_core {
	struct sdk_core_options options;
	json_t *fleets, *builds, *computes; /* by id, as the service has configured them */
	struct list_node processes;
	struct list_node questions; /* of struct sdk_question: asked, oldest first */
	uint32_t process_count;
	int64_t now_ms; /* set by the owner before each call */
	struct sdk_loads loads;
	int64_t loads_told_ms, loads_repeated_ms;
	struct sdk_counts counts; /* written with atomics, for whoever watches */
};

bool ringcast_sdk_core_init(struct sdk_core *core, const struct sdk_core_options *options); /* false: out of memory */
void ringcast_sdk_core_fini(struct sdk_core *core);

/* document is taken; NULL: it is not there any more. Kinds that do not matter here are ignored. */
void ringcast_sdk_core_learn(struct sdk_core *core, const char *kind, const char *id, json_t *document);
/* What was saved before a restart, taken up again; tells of its session. False: not what save wrote, or of no fleet any more. */
bool ringcast_sdk_core_restore(struct sdk_core *core, const json_t *saved);
void ringcast_sdk_core_submit(struct sdk_core *core, struct host_call *call);
void ringcast_sdk_core_take_answer(struct sdk_core *core, struct host_question *question); /* consumes it */

struct sdk_login {
	char fleet[SDK_NAME_BYTES], compute[SDK_NAME_BYTES], process[SDK_NAME_BYTES];
	char language[32], version[32];
	int64_t token_expires_ms;
};
/* Whoever logs in has a good token. False: refused, and problem says why. */
bool ringcast_sdk_core_connect(struct sdk_core *core, struct sdk_link *link, const struct sdk_login *login, char problem[SDK_PROBLEM_BYTES]);
void ringcast_sdk_core_hear(struct sdk_core *core, struct sdk_link *link, const char *bytes, size_t size);
void ringcast_sdk_core_closed(struct sdk_core *core, struct sdk_link *link);
void ringcast_sdk_core_link_tick(struct sdk_core *core, struct sdk_link *link); /* of every open link, now and then */
void ringcast_sdk_core_tick(struct sdk_core *core);
/* now_ms has leapt by so much (below 0: back) without anybody being heard: all deadlines go with it, but those of tokens, which are dates. */
void ringcast_sdk_core_put_off(struct sdk_core *core, int64_t by_ms);

/* The agent about a process of its own. */
bool ringcast_sdk_core_started(struct sdk_core *core, const char *fleet, const char *process_id); /* false: there is no room for it */
void ringcast_sdk_core_exited(struct sdk_core *core, const char *process_id, const char *how);
void ringcast_sdk_core_wind_down(struct sdk_core *core, const char *process_id);
bool ringcast_sdk_core_is_busy(const struct sdk_core *core, const char *process_id);
void ringcast_sdk_core_token(const struct sdk_core *core, const char *fleet, const char *compute, char ret_token[COMPUTE_TOKEN_BYTES]);

/*
 * Inside: core.c for the life of processes, requests.c for what they ask, questions.c for what of that the service must answer, calls.c for what the
 * service asks of them.
 */
void ringcast_sdk_core_answer(struct sdk_core *core, struct sdk_link *link, const struct sdk_message *message);
void ringcast_sdk_core_send(struct sdk_core *core, struct sdk_link *link, char *text); /* takes text */
/* members are taken; a process that is away hears nothing. */
void ringcast_sdk_core_push(struct sdk_core *core, struct sdk_process *process, const char *action, json_t *members);
/*
 * Of a process that has a session: asks the service, and answers the message when it has answered, or has not in time. Takes input; refuses where memory is
 * short, or too many wait.
 */
void ringcast_sdk_core_ask(struct sdk_core *core, struct sdk_link *link, const struct sdk_message *message, enum host_question_kind kind, json_t *input);
void ringcast_sdk_questions_tick(struct sdk_core *core);
void ringcast_sdk_questions_put_off(struct sdk_core *core, int64_t by_ms);
void ringcast_sdk_questions_lose_link(struct sdk_core *core, const struct sdk_link *link); /* nobody reads there any more */
void ringcast_sdk_questions_lose_process(struct sdk_core *core, const struct sdk_process *process);
/* The process has a connection again after one that may have taken with it what was said last: that is said once more. */
void ringcast_sdk_core_catch_up(struct sdk_core *core, struct sdk_process *process);
void ringcast_sdk_core_save(struct sdk_core *core, struct sdk_process *process); /* if it has changed */
void ringcast_sdk_core_note(struct sdk_core *core, const char *fleet, const char *code, const char *text);
void ringcast_sdk_core_tell_room(struct sdk_core *core, const struct sdk_process *process); /* it is free for a session */
void ringcast_sdk_core_begin_end(struct sdk_core *core, struct sdk_process *process, const char *why);
void ringcast_sdk_core_end_session(struct sdk_core *core, struct sdk_process *process, const char *why);
const json_t *ringcast_sdk_core_compute(const struct sdk_core *core, const struct sdk_process *process); /* NULL: this machine */
json_t *ringcast_sdk_core_place(const struct sdk_core *core, const struct sdk_process *process); /* {IpAddress, DnsName, Port} */

#endif
