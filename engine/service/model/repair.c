/* What hosts told is lost in part: they are asked how things are, session by session, and the index follows. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"
#include "service/model/model.h"

static const struct host_place *find_place(const struct host_call *call, const char *token)
{
	for (uint32_t i = 0; i < call->place_count; i++)
		if (strcmp(call->places[i].token, token) == 0)
			return &call->places[i];
	return NULL;
}

static void mend_player(struct model *model, struct player_session *player, const struct host_call *call)
{
	const struct host_place *place = find_place(call, player->id);
	if (place == NULL)
		ringcast_player_session_move(player, PLAYER_SESSION_COMPLETED, model->now_ms);
	else if (place->is_active)
		ringcast_player_session_move(player, PLAYER_SESSION_ACTIVE, model->now_ms);
}

static void mended(struct model *model, struct host_call *call)
{
	struct game_session *session = ringcast_game_session_of_host(&model->sessions, call->session);
	ringcast_assert(model->repair_count > 0);
	model->repair_count--;
	if (session == NULL || ringcast_game_session_is_ended(session))
		return;
	if (call->result == HOST_NOT_FOUND)
		ringcast_game_session_move(&model->sessions, session, GAME_SESSION_TERMINATED, session->status_reason, model->now_ms);
	else if (call->result != HOST_OK)
		ringcast_model_note_gap(model); /* once more, from the beginning */
	if (call->result != HOST_OK)
		return;
	if (!call->is_activating)
		ringcast_game_session_move(&model->sessions, session, GAME_SESSION_ACTIVE, "", model->now_ms);
	for (struct list_node *node = session->players.next; node != &session->players; node = node->next)
		mend_player(model, CONTAINER_OF(node, struct player_session, node), call);
}

void ringcast_model_note_gap(struct model *model)
{
	model->is_repairing = true;
	model->repair_behind = 0;
	if (model->room_heard != NULL)
		model->room_heard(model, "");
}

/* False: out of memory; tried again in a later turn. */
static bool ask_after(struct model *model, const struct game_session *session)
{
	struct host_call *call = ringcast_host_call_create(HOST_DESCRIBE);
	if (call != NULL)
		call->key = strdup(session->key);
	if (call == NULL || call->key == NULL) {
		ringcast_host_call_destroy(&call);
		return false;
	}
	memcpy(call->session, session->host_session, sizeof(call->session));
	call->host = session->host;
	call->answered = mended;
	ringcast_list_add_tail(&model->calls, &call->node);
	model->repair_count++;
	return true;
}

void ringcast_model_repair(struct model *model)
{
	if (!model->is_repairing)
		return;
	const struct game_session *session;
	size_t at = ringcast_session_order_behind(&model->sessions.live, model->repair_behind);
	while ((session = ringcast_session_order_next(&model->sessions.live, &at)) != NULL) {
		/* One whose host has not answered yet is waited for: what it answers may be older than what was lost. */
		if (*session->host_session == '\0' || model->repair_count >= MODEL_REPAIRS_MAX || !ask_after(model, session))
			return;
		model->repair_behind = session->number;
	}
	model->is_repairing = false;
}
