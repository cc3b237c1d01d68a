/*
 * What games are told of their backfills, game servers and scripts alike: with players who join, at once, since these have their places whatever the store says; without, when the
 * store has the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "service/matchmaking/private.h"

struct notice {
	struct list_node node; /* matchmaking.notices */
	uint64_t durable_at;
	struct host_call *call;
};

/* It has changed in the index already; who else is told answers when it likes. */
static void told(struct model *model, struct host_call *call)
{
}

/* NULL: nobody is told, or memory is short. */
static struct host_call *call_about(const struct game_session *session, const struct ticket *backfill, const char *reason)
{
	struct host_call *call = ringcast_host_call_create(HOST_UPDATE);
	if (call == NULL)
		return NULL;
	call->key = strdup(session->key);
	call->facts = json_object();
	if (call->key == NULL || call->facts == NULL) {
		ringcast_host_call_destroy(&call);
		return NULL;
	}
	memcpy(call->session, session->host_session, sizeof(call->session));
	call->host = session->host;
	call->answered = told;
	call->update_reason = reason;
	snprintf(call->ticket, sizeof(call->ticket), "%s", backfill->id);
	return call;
}

static bool take_data(struct game_session *session, const char *data)
{
	json_t *shown = ringcast_game_facts_show(session->facts);
	struct game_facts *facts = json_object_set_new(shown, "MatchmakerData", json_string(data)) == 0 ? ringcast_game_facts_pack(shown) : NULL;
	json_decref(shown);
	if (facts == NULL)
		return false;
	free(session->facts);
	session->facts = facts;
	return true;
}

void ringcast_notice_joined(struct matchmaking *matchmaking, const struct proposal *proposal, struct game_session *session)
{
	char *data = ringcast_proposal_matchmaker_data(matchmaking, proposal);
	if (data == NULL || !take_data(session, data)) {
		ringcast_log(LOG_ERROR, "matchmaking", "a session is not told who joins: its data is too long, or memory is short", "match=%s", proposal->id);
		free(data);
		return;
	}
	struct host_call *call = call_about(session, proposal->backfill, "MATCHMAKING_DATA_UPDATED");
	if (call != NULL) {
		json_object_set_new(call->facts, "MatchmakerData", json_string(data));
		ringcast_list_add_tail(&matchmaking->model->calls, &call->node);
	}
	free(data);
}

void ringcast_notice_ended(struct matchmaking *matchmaking, const struct ticket *ticket)
{
	static const char *const reasons[MATCH_STATE_COUNT] = {
		[MATCH_IS_FAILED] = "BACKFILL_FAILED", [MATCH_IS_TIMED_OUT] = "BACKFILL_TIMED_OUT", [MATCH_IS_CANCELLED] = "BACKFILL_CANCELLED"};
	const char *arn = ringcast_ticket_is_backfill(ticket) ? ringcast_ticket_session(ticket) : "";
	const struct game_session *session = *arn == '\0' ? NULL : ringcast_game_session_resolve(&matchmaking->model->sessions, arn);
	if (reasons[ticket->state] == NULL || ticket->is_replaced || session == NULL || session->status != GAME_SESSION_ACTIVE)
		return;
	struct host_call *call = call_about(session, ticket, reasons[ticket->state]);
	struct notice *notice = call == NULL ? NULL : calloc(1, sizeof(*notice));
	if (notice == NULL) {
		ringcast_host_call_destroy(&call);
		return;
	}
	notice->call = call;
	notice->durable_at = ticket->durable_at;
	ringcast_list_add_tail(&matchmaking->notices, &notice->node);
}

static struct host_call *take_first(struct matchmaking *matchmaking)
{
	struct notice *notice = CONTAINER_OF(matchmaking->notices.next, struct notice, node);
	struct host_call *call = notice->call;
	ringcast_list_remove(&notice->node);
	free(notice);
	return call;
}

void ringcast_notices_release(struct matchmaking *matchmaking)
{
	while (!ringcast_list_is_empty(&matchmaking->notices)) {
		if (CONTAINER_OF(matchmaking->notices.next, struct notice, node)->durable_at > matchmaking->model->records.settled_count)
			return;
		ringcast_list_add_tail(&matchmaking->model->calls, &take_first(matchmaking)->node);
	}
}

void ringcast_notices_drop(struct matchmaking *matchmaking)
{
	while (!ringcast_list_is_empty(&matchmaking->notices)) {
		struct host_call *call = take_first(matchmaking);
		ringcast_host_call_destroy(&call);
	}
}
