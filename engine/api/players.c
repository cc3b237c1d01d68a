/* Players in the public API: reserved, listed, kicked. */
#include <stdio.h>
#include <string.h>

#include "life/question.h"
#include "session/admission.h"
#include "session/command.h"
#include "shard/inspect.h"

static bool is_text_valid(const char *text, size_t bytes_max)
{
	return text == NULL || strlen(text) < bytes_max;
}

static void answer_reserve(struct shard *shard, struct question *question)
{
	struct session *session = ringcast_question_session(shard, question);
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	if (session == NULL)
		return;
	enum drop_reason drop =
		ringcast_admission_reserve(session, question->player_id, question->player_data, shard->now_ns, &player, token);
	question->result = ringcast_question_error_of(drop);
	if (drop == DROP_NONE)
		snprintf(question->ret_id, sizeof(question->ret_id), "%s", token);
}

int ringcast_player_reserve(ringcast_engine *engine, const char *session_id, const char *player_id, const char *player_data,
			    char ret_token[RINGCAST_ID_BYTES])
{
	if (!is_text_valid(player_id, RINGCAST_NAME_BYTES) || !is_text_valid(player_data, RINGCAST_DATA_BYTES))
		return RINGCAST_ERROR_ARGUMENT;
	struct question *question = ringcast_question_about(answer_reserve, session_id, player_id, player_data, NULL);
	if (question == NULL)
		return RINGCAST_ERROR_MEMORY;
	int result = ringcast_question_ask_about(engine, session_id, question);
	if (result == RINGCAST_OK)
		memcpy(ret_token, question->ret_id, RINGCAST_ID_BYTES);
	ringcast_question_release(question);
	return result;
}

static void add_player(struct question *question, const struct player *player)
{
	if (question->item_count < question->item_count_max)
		ringcast_shard_describe_player(player, (ringcast_player_info *)question->items + question->item_count++);
}

static void answer_players(struct shard *shard, struct question *question)
{
	struct session *session = ringcast_question_session(shard, question);
	if (session == NULL)
		return;
	for (uint32_t i = 0; i < session->player_count; i++)
		add_player(question, session->players[i]);
	for (struct list_node *node = session->reserved.next; node != &session->reserved; node = node->next)
		add_player(question, CONTAINER_OF(node, struct player, node));
}

int ringcast_player_list(ringcast_engine *engine, const char *session_id, ringcast_player_info *infos, size_t info_count_max,
			 size_t *ret_count)
{
	struct question *question = ringcast_question_about(answer_players, session_id, NULL, NULL, NULL);
	int result = RINGCAST_ERROR_MEMORY;
	if (question == NULL)
		return result;
	if (ringcast_question_give_items(question, info_count_max, sizeof(*infos)))
		result = ringcast_question_ask_about(engine, session_id, question);
	if (result == RINGCAST_OK) {
		memcpy(infos, question->items, question->item_count * sizeof(*infos));
		*ret_count = question->item_count;
	}
	ringcast_question_release(question);
	return result;
}

static void answer_kick(struct shard *shard, struct question *question)
{
	struct session *session = ringcast_question_session(shard, question);
	if (session == NULL)
		return;
	question->result = ringcast_command_kick(session, question->peer_id, question->text) == DROP_NONE ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
}

int ringcast_player_kick(ringcast_engine *engine, const char *session_id, int32_t peer_id, const char *reason)
{
	struct question *question = ringcast_question_about(answer_kick, session_id, NULL, NULL, reason);
	if (question == NULL)
		return RINGCAST_ERROR_MEMORY;
	question->peer_id = peer_id;
	int result = ringcast_question_ask_about(engine, session_id, question);
	ringcast_question_release(question);
	return result;
}

static void answer_remove(struct shard *shard, struct question *question)
{
	struct session *session = ringcast_question_session(shard, question);
	const char *token = question->player_data; /* the question's other text */
	if (session == NULL)
		return;
	struct view view = {(const uint8_t *)token, token != NULL ? strlen(token) : 0};
	enum drop_reason drop = ringcast_admission_cancel(session, question->player_id, view, question->text, shard->now_ns);
	question->result = drop == DROP_BAD_TOKEN ? RINGCAST_ERROR_NOT_FOUND : ringcast_question_error_of(drop);
}

int ringcast_player_remove(ringcast_engine *engine, const char *session_id, const char *player_id, const char *token, const char *reason)
{
	if ((player_id == NULL) == (token == NULL))
		return RINGCAST_ERROR_ARGUMENT;
	struct question *question = ringcast_question_about(answer_remove, session_id, player_id, token, reason);
	if (question == NULL)
		return RINGCAST_ERROR_MEMORY;
	int result = ringcast_question_ask_about(engine, session_id, question);
	ringcast_question_release(question);
	return result;
}
