#include "service/operations/creation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/operations/runtime.h"

struct game_session *ringcast_session_of_creation(struct model *model, const struct host_call *call)
{
	struct game_session *session = ringcast_text_index_find(&model->sessions.by_key, call->key);
	return session != NULL && session->creation == call ? session : NULL;
}

void ringcast_session_give_up(struct model *model, struct host_call *call)
{
	struct game_session *session = ringcast_session_of_creation(model, call);
	if (session != NULL)
		ringcast_game_session_remove(&model->sessions, session);
}

/* As the vendor: five minutes, unless the fleet says. */
static uint32_t activation_timeout_ms(const json_t *fleet)
{
	enum { ACTIVATION_TIMEOUT_S = 300 };
	const json_t *seconds = json_object_get(json_object_get(fleet, "RuntimeConfiguration"), "GameSessionActivationTimeoutSeconds");
	return 1000u * (seconds != NULL ? (uint32_t)json_integer_value(seconds) : ACTIVATION_TIMEOUT_S);
}

/* A game server gets the session as the API shows it, in a tree of its own, and what a restart needs to know the request again. */
static json_t *facts_for_server(const struct model *model, const struct game_session *session)
{
	char digest[20];
	json_t *shown = ringcast_model_show_session(model, session), *facts = json_deep_copy(shown);
	json_decref(shown);
	snprintf(digest, sizeof(digest), "%" PRIx64, session->digest);
	json_object_set_new(facts, "RequestDigest", json_string(digest));
	return facts;
}

struct game_session *ringcast_session_begin(struct model *model, struct request *request, const struct session_plan *plan,
					    void (*answered)(struct model *, struct host_call *))
{
	struct game_session *session =
		ringcast_game_session_add(&model->sessions, plan->fleet_id, plan->location, plan->id, plan->facts, model->now_ms);
	if (session == NULL) {
		if (request != NULL)
			ringcast_request_refuse_memory(request);
		return NULL;
	}
	session->digest = plan->digest;
	session->players_max = plan->players_max;
	ringcast_game_session_set_host(&model->sessions, session, ringcast_fleet_is_custom(plan->fleet) ? MODEL_HOST_CUSTOM : MODEL_HOST_ENGINE);
	struct host_call *call = ringcast_request_call(model, request, HOST_CREATE, session, answered);
	if (call == NULL) {
		ringcast_game_session_remove(&model->sessions, session);
		return NULL;
	}
	session->creation = call;
	call->given_up = ringcast_session_give_up;
	/* Copies: jansson counts references without a lock, and the call goes to another thread. */
	call->facts = session->host == MODEL_HOST_CUSTOM ? facts_for_server(model, session) : ringcast_game_facts_show(session->facts);
	call->script = strdup(plan->script);
	call->activation_timeout_ms = activation_timeout_ms(plan->fleet);
	call->players_max = session->players_max;
	if (call->facts != NULL && call->script != NULL)
		return session;
	ringcast_request_call_drop(request, call);
	ringcast_game_session_remove(&model->sessions, session);
	return NULL;
}
