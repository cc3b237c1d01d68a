/* The session layer's changes, and the events and questions of games, as the public header tells them. */
#include "life/changes.h"

#include "base/close.h"
#include "session/player.h"
#include "session/session.h"

static const char *player_id_of(const struct player *player)
{
	return player != NULL ? ringcast_player_id(player) : "";
}

static void tell(void *context, const struct session_change *change)
{
	const struct ringcast_engine *engine = context;
	const struct player *player = change->player;
	char token[PLAYER_TOKEN_BYTES] = "";
	if (player != NULL)
		ringcast_player_format_token(player, token);
	ringcast_change told = {
		.size = sizeof(told),
		.kind = (ringcast_change_kind)change->kind,
		.shard = change->session->store->options.shard_index,
		.sequence = change->sequence,
		.session_id = change->session->id,
		.token = token,
		.player_id = player_id_of(player),
		.peer_id = player != NULL ? player->peer_id : 0,
		.reason = change->reason != CLOSE_NONE ? ringcast_close_label(change->reason) : "",
	};
	engine->options.change(engine->options.change_context, &told);
}

static void tell_event(void *context, const struct session *session, const char *name, struct view json)
{
	const struct ringcast_engine *engine = context;
	const ringcast_event event = {
		.size = sizeof(event),
		.shard = session->store->options.shard_index,
		.session_id = session->id,
		.name = name,
		.json = (const char *)json.data,
		.json_bytes = json.size,
	};
	engine->options.event(engine->options.event_context, &event);
}

static void tell_question(void *context, const struct session *session, uint32_t number, struct view json)
{
	const struct ringcast_engine *engine = context;
	const ringcast_question question = {
		.size = sizeof(question),
		.shard = session->store->options.shard_index,
		.session_id = session->id,
		.number = number,
		.json = (const char *)json.data,
		.json_bytes = json.size,
	};
	engine->options.question(engine->options.question_context, &question);
}

void ringcast_engine_tell_changes(struct ringcast_engine *engine)
{
	engine->shard_options.change = engine->options.change != NULL ? tell : NULL;
	engine->shard_options.change_context = engine;
	engine->shard_options.emit = engine->options.event != NULL ? tell_event : NULL;
	engine->shard_options.emit_context = engine;
	engine->shard_options.question = engine->options.question != NULL ? tell_question : NULL;
	engine->shard_options.question_context = engine;
}
