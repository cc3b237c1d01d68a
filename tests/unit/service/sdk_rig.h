/* A core of custom game servers without threads or sockets: what it asks for is kept for the test to look at. Time is the test's. */
#ifndef RINGCAST_TESTS_SERVICE_SDK_RIG_H
#define RINGCAST_TESTS_SERVICE_SDK_RIG_H

#include "service/hosts/server_sdk/core.h"

enum { SDK_RIG_TEXTS = 64, SDK_RIG_EVENTS = 64, SDK_RIG_QUESTIONS = 16 };

struct sdk_rig {
	struct sdk_core core;
	json_t *sent[SDK_RIG_TEXTS]; /* oldest first */
	struct sdk_link *sent_to[SDK_RIG_TEXTS];
	size_t sent_count;
	uint32_t room_count; /* how often a process said that it is free */
	struct host_event events[SDK_RIG_EVENTS];
	size_t event_count;
	struct sdk_link *closed_link;
	uint16_t closed_code;
	struct host_call *returned; /* the last one */
	const char *own_fleet, *own_process; /* that the agent runs; NULL: none */
	char stopped[128], planned[128], forgotten[128];
	int64_t stopped_until_ms;
	json_t *saved; /* the last one */
	struct host_question *questions[SDK_RIG_QUESTIONS]; /* not answered, oldest first */
	size_t question_count;
	bool is_deaf; /* the service takes none */
	uint64_t chance;
};

void sdk_rig_init(struct sdk_rig *rig);
void sdk_rig_fini(struct sdk_rig *rig);
void sdk_rig_clear(struct sdk_rig *rig); /* forgets what was sent and told */
/* An ANYWHERE fleet "fleet-a" with the compute "c", and a fleet with a build "fleet-b", of this machine, "here". */
void sdk_rig_learn_fleets(struct sdk_rig *rig);
void sdk_rig_learn(struct sdk_rig *rig, const char *kind, const char *id, const char *document); /* NULL: gone */
bool sdk_rig_connect(struct sdk_rig *rig, struct sdk_link *link, const char *fleet, const char *compute, const char *process);
/* Sends {Action, RequestId: "r", rest}; returns the StatusCode of the answer, which is the newest that was sent with that RequestId. */
int sdk_rig_ask(struct sdk_rig *rig, struct sdk_link *link, const char *action, const char *rest);
json_t *sdk_rig_answer(struct sdk_rig *rig); /* of the last ask; borrowed */
json_t *sdk_rig_push(struct sdk_rig *rig, const char *action); /* the newest; NULL: none since the last clear */
/* Answers the oldest question: with the ticket that text names, or with a fault. */
void sdk_rig_reply(struct sdk_rig *rig, unsigned status, const char *fault, const char *text);
/* A connected process that is ready, in fleet-a. */
void sdk_rig_ready(struct sdk_rig *rig, struct sdk_link *link, const char *process);
/* Creates a session of fleet-a with two places on a ready process; active is asked for too. The host's name of it is kept in ret_session. */
void sdk_rig_begin(struct sdk_rig *rig, struct sdk_link *link, char ret_session[HOST_ID_BYTES]);
enum host_result sdk_rig_reserve(struct sdk_rig *rig, const char *session, const char *player_id, char ret_token[HOST_ID_BYTES]);
bool sdk_rig_heard(const struct sdk_rig *rig, enum host_event_kind kind);

#define ARN "arn:aws:gamelift:local::gamesession/fleet-a/gsess-1"

#endif
