/* The life of placements: from a record to a record, and the turns in between. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "service/model/stream.h"
#include "service/operations/placing_private.h"

json_t *ringcast_placement_document(const struct model *model, const char *id)
{
	return ringcast_records_find(&model->records, RECORD_PLACEMENT, id);
}

bool ringcast_placement_is_pending(const json_t *document)
{
	return document != NULL && strcmp(text_of(document, "Status"), "PENDING") == 0;
}

json_t *ringcast_placing_show(const json_t *document)
{
	json_t *shown = json_copy((json_t *)document);
	json_object_del(shown, "DesiredPlayerSessions");
	json_object_del(shown, "Owner");
	return shown;
}

/* Life */

static void give_to_board(struct model *model, struct placement *placement)
{
	const json_t *document = ringcast_placement_document(model, placement->id);
	int64_t age_ms = model->now_ms - (int64_t)(json_number_value(json_object_get(document, "StartTime")) * 1000);
	placement->request = ringcast_place_board_add(model->placing->board, text_of(document, "GameSessionQueueName"), placement,
						      model->steady_ms - (age_ms > 0 ? age_ms : 0));
	if (placement->request == NULL)
		ringcast_placement_end(model, placement, PLACE_IS_FAILED);
}

/* NULL: out of memory. Not on the board yet. */
static struct placement *add_placement(struct model *model, const char *id)
{
	struct placement *placement = calloc(1, sizeof(*placement));
	if (placement == NULL)
		return NULL;
	snprintf(placement->id, sizeof(placement->id), "%s", id);
	if (!ringcast_text_index_add(&model->placing->by_id, placement->id, placement)) {
		free(placement);
		return NULL;
	}
	ringcast_list_add_tail(&model->placing->all, &placement->node);
	return placement;
}

static bool note_ended(struct model *model, const char *id, int64_t ended_ms)
{
	struct ended *ended = calloc(1, sizeof(*ended));
	if (ended == NULL)
		return false;
	ended->ended_ms = ended_ms;
	snprintf(ended->id, sizeof(ended->id), "%s", id);
	ringcast_list_add_tail(&model->placing->ended, &ended->node);
	model->placing->ended_count++;
	return true;
}

/* What was stored before a restart, in order of time. */
struct found {
	const char *id;
	double at;
	bool is_pending;
};

static int compare_found(const void *a, const void *b)
{
	const struct found *left = a, *right = b;
	return (left->at > right->at) - (left->at < right->at);
}

static bool take_found(struct model *model, const struct found *found)
{
	if (!found->is_pending)
		return note_ended(model, found->id, (int64_t)(found->at * 1000));
	struct placement *placement = add_placement(model, found->id);
	if (placement == NULL)
		return false;
	placement->is_durable = true;
	ringcast_placing_note_waiting(model, placement, ringcast_placement_document(model, found->id));
	give_to_board(model, placement);
	return true;
}

static bool load(struct model *model)
{
	size_t count = 0;
	bool is_whole = true;
	struct found *found = calloc(ringcast_records_count(&model->records, RECORD_PLACEMENT) + 1, sizeof(*found));
	if (found == NULL)
		return false;
	const struct record *record = ringcast_records_next(&model->records, RECORD_PLACEMENT, "");
	for (; record != NULL; record = ringcast_records_next(&model->records, RECORD_PLACEMENT, record->id)) {
		bool is_waiting = ringcast_placement_is_pending(record->document);
		found[count++] = (struct found){record->id, json_number_value(json_object_get(record->document, is_waiting ? "StartTime" : "EndTime")), is_waiting};
	}
	qsort(found, count, sizeof(*found), compare_found);
	for (size_t i = 0; i < count && is_whole; i++)
		is_whole = take_found(model, &found[i]);
	free(found);
	return is_whole;
}

static void session_followed(struct model *model, const struct game_session *session)
{
	struct placement *placement = session->placement;
	if (placement != NULL && !ringcast_list_has(&placement->touched_node))
		ringcast_list_add_tail(&model->placing->touched, &placement->touched_node);
	if (session->host == MODEL_HOST_CUSTOM)
		ringcast_placing_hear_of_room(model, session->key, session->fleet_bytes);
	else if (ringcast_game_session_is_ended(session))
		model->placing->engine_full_until_ms = 0;
}

/*
 * A game server runs a session that was made for a placement before a restart. It is the placement's only if that is what was told; else nobody knows of
 * it, and the placement has gone on without it.
 */
static void session_found(struct model *model, struct game_session *session)
{
	char id[GAME_SESSION_ID_BYTES], arn[MODEL_ARN_BYTES];
	snprintf(id, sizeof(id), "%s", session->id);
	const json_t *document = ringcast_placement_document(model, id);
	if (document == NULL && strrchr(id, '-') != NULL) {
		*strrchr(id, '-') = '\0'; /* as name_session numbers them */
		document = ringcast_placement_document(model, id);
	}
	ringcast_model_session_arn(model, session, arn);
	if (document == NULL || session->digest != ringcast_placement_digest(id) || strcmp(text_of(document, "GameSessionArn"), arn) == 0)
		return;
	ringcast_model_disown(model, session->host, session->host_session);
}

static void room_heard(struct model *model, const char *fleet)
{
	ringcast_placing_hear_of_room(model, fleet, strlen(fleet));
}

bool ringcast_placing_init(struct model *model)
{
	struct placing *placing = calloc(1, sizeof(*placing));
	if (placing == NULL)
		return false;
	model->placing = placing;
	placing->seed = ringcast_prng_next(&model->prng);
	ringcast_text_index_init(&placing->by_id, placing->seed);
	ringcast_text_index_init(&placing->pools_by_key, placing->seed);
	ringcast_list_init(&placing->all);
	ringcast_list_init(&placing->touched);
	ringcast_list_init(&placing->decided);
	ringcast_list_init(&placing->answers);
	ringcast_list_init(&placing->ended);
	ringcast_list_init(&placing->forgotten);
	ringcast_tallies_init(&placing->queues, &model->records, RECORD_QUEUE);
	model->session_followed = session_followed;
	model->room_heard = room_heard;
	model->session_found = session_found;
	placing->board = ringcast_place_board_create(&(struct place_board_options){.wish = ringcast_placing_wish, .context = model, .requests_max = UINT32_MAX});
	if (placing->board == NULL || ringcast_placing_add_pool(placing, "", 0) == PLACE_POOL_NONE)
		return false;
	placing->is_dirty = true;
	ringcast_placing_sync_queues(model);
	return load(model);
}

static void free_ended(struct list_node *list)
{
	while (!ringcast_list_is_empty(list)) {
		struct ended *ended = CONTAINER_OF(list->next, struct ended, node);
		ringcast_list_remove(&ended->node);
		free(ended);
	}
}

void ringcast_placing_fini(struct model *model)
{
	struct placing *placing = model->placing;
	if (placing == NULL)
		return;
	while (!ringcast_list_is_empty(&placing->all))
		ringcast_placement_free(model, CONTAINER_OF(placing->all.next, struct placement, node));
	free_ended(&placing->ended);
	free_ended(&placing->forgotten);
	ringcast_tallies_fini(&placing->queues);
	ringcast_place_board_destroy(&placing->board);
	for (uint32_t i = 0; i < placing->pool_count; i++)
		free(placing->pools[i].key);
	free(placing->pools);
	ringcast_text_index_fini(&placing->by_id);
	ringcast_text_index_fini(&placing->pools_by_key);
	free(placing);
	model->placing = NULL;
	model->session_followed = NULL;
	model->room_heard = NULL;
	model->session_found = NULL;
}

/* Turning */

static void look_at_touched(struct model *model)
{
	while (!ringcast_list_is_empty(&model->placing->touched)) {
		struct placement *placement = CONTAINER_OF(model->placing->touched.next, struct placement, touched_node);
		ringcast_list_remove(&placement->touched_node);
		ringcast_placement_look_at_session(model, placement);
		if (placement->session != NULL && ringcast_game_session_is_ended(placement->session)) {
			placement->session->placement = NULL; /* it may be forgotten */
			placement->session = NULL;
		}
	}
}

/* Hosts that do not answer. */
static void check_answers(struct model *model)
{
	while (!ringcast_list_is_empty(&model->placing->answers)) {
		struct placement *placement = CONTAINER_OF(model->placing->answers.next, struct placement, answer_node);
		if (placement->deadline_ms > model->running_ms)
			return;
		ringcast_list_remove(&placement->answer_node);
		if (placement->request != NULL && placement->session != NULL)
			ringcast_placement_fail_try(model, placement, "the host does not answer");
		else
			ringcast_placement_end(model, placement, PLACE_IS_FAILED); /* memory was short before */
	}
}

static void rewrite(struct model *model)
{
	if (model->placing->rewrite_ms == 0 || model->steady_ms < model->placing->rewrite_ms)
		return;
	model->placing->rewrite_ms = 0;
	for (struct list_node *node = model->placing->decided.next; node != &model->placing->decided; node = node->next)
		ringcast_placement_write_outcome(model, CONTAINER_OF(node, struct placement, decided_node));
}

static void forget(struct model *model)
{
	struct placing *placing = model->placing;
	for (int i = 0; i < FORGET_PER_TURN_MAX && !ringcast_list_is_empty(&placing->ended); i++) {
		struct ended *ended = CONTAINER_OF(placing->ended.next, struct ended, node);
		if (placing->ended_count <= model->settings.ended_placements_max && ended->ended_ms >= model->now_ms - GAME_SESSION_KEPT_MS)
			return;
		if (!ringcast_records_remove(&model->records, RECORD_PLACEMENT, ended->id))
			return;
		ringcast_list_remove(&ended->node);
		ringcast_list_add_tail(&placing->forgotten, &ended->node);
		placing->ended_count--;
	}
}

static bool take_effects(struct model *model)
{
	struct place_effect effect;
	for (int i = 0; i < TRIES_PER_TURN_MAX; i++) {
		if (!ringcast_place_board_next(model->placing->board, &effect))
			return false;
		if (effect.kind == PLACE_TRY)
			ringcast_placement_try(model, effect.owner, &effect);
		else
			ringcast_placement_end(model, effect.owner, effect.kind == PLACE_TIMED_OUT ? PLACE_IS_TIMED_OUT : PLACE_IS_FAILED);
	}
	return true;
}

bool ringcast_placing_turn(struct model *model)
{
	struct placing *placing = model->placing;
	ringcast_placing_sync_queues(model);
	look_at_touched(model);
	check_answers(model);
	rewrite(model);
	forget(model);
	ringcast_placing_sync_engine(model);
	if (ringcast_place_board_depth(placing->board, NULL) == 0)
		return false;
	if (model->steady_ms >= placing->probe_ms) {
		placing->probe_ms = model->steady_ms + PROBE_MS;
		ringcast_placing_hear_of_room(model, "", 0);
	}
	ringcast_place_board_tick(placing->board, model->steady_ms);
	return take_effects(model);
}

bool ringcast_placing_is_waiting(const struct model *model)
{
	return !ringcast_list_is_empty(&model->placing->all);
}

/* The store */

/* Also where it is cancelled meanwhile: the store may refuse that. */
static void begin(struct model *model, const char *id)
{
	struct placement *placement = ringcast_text_index_find(&model->placing->by_id, id);
	if (placement == NULL || placement->is_durable)
		return;
	ringcast_placing_sync_queues(model); /* its queue may have become durable with it */
	placement->is_durable = true;
	model->placing->counts.started++;
	ringcast_placing_note(model, ringcast_placement_document(model, id), QUEUE_STARTED);
	give_to_board(model, placement);
}

static void end(struct model *model, const char *id, const json_t *document)
{
	static const enum queue_cell cells[PLACE_STATE_COUNT] = {
		[PLACE_IS_FULFILLED] = QUEUE_SUCCEEDED, [PLACE_IS_CANCELLED] = QUEUE_CANCELED, [PLACE_IS_TIMED_OUT] = QUEUE_TIMED_OUT, [PLACE_IS_FAILED] = QUEUE_FAILED};
	enum place_state state;
	struct placement *placement = ringcast_text_index_find(&model->placing->by_id, id);
	if (!ringcast_place_state_find(text_of(document, "Status"), &state))
		return;
	model->placing->counts.results[state]++;
	ringcast_placing_note(model, document, cells[state]);
	if (placement != NULL) {
		if (state != PLACE_IS_FULFILLED)
			ringcast_placement_drop_session(model, placement);
		ringcast_placement_free(model, placement);
	}
	if (!note_ended(model, id, model->now_ms))
		model->events_lost_count++; /* its record is kept beyond its time */
	if (model->settings.has_stream)
		ringcast_stream_placement(model, document, ringcast_place_state_event(state));
	if (model->placement_ended != NULL && json_object_get(document, "Owner") != NULL)
		model->placement_ended(model, document);
}

/* Records are removed in the order of the list. */
static void forgotten(struct model *model)
{
	struct ended *ended = CONTAINER_OF(model->placing->forgotten.next, struct ended, node);
	ringcast_assert(!ringcast_list_is_empty(&model->placing->forgotten));
	ringcast_list_remove(&ended->node);
	free(ended);
}

void ringcast_placing_stored(struct model *model, const struct record_change *change)
{
	if (change->kind == RECORD_QUEUE || change->kind == RECORD_FLEET || change->kind == RECORD_ALIAS)
		model->placing->is_dirty = true;
	if (change->kind == RECORD_QUEUE && change->after == NULL)
		ringcast_placing_set_queue(model, change->id, NULL);
	if (change->kind != RECORD_PLACEMENT)
		return;
	if (change->after == NULL)
		forgotten(model);
	else if (ringcast_placement_is_pending(change->after))
		begin(model, change->id);
	else
		end(model, change->id, change->after);
}

static void drop_undurable(struct model *model)
{
	for (struct list_node *node = model->placing->all.next, *next; node != &model->placing->all; node = next) {
		struct placement *placement = CONTAINER_OF(node, struct placement, node);
		next = node->next;
		if (!placement->is_durable)
			ringcast_placement_free(model, placement);
	}
}

/* What was to be forgotten is there again, and still the oldest. */
static void take_back_forgotten(struct placing *placing)
{
	while (!ringcast_list_is_empty(&placing->forgotten)) {
		struct list_node *last = placing->forgotten.prev;
		ringcast_list_remove(last);
		ringcast_list_add_tail(placing->ended.next, last); /* before the first */
		placing->ended_count++;
	}
}

void ringcast_placing_refused(struct model *model)
{
	drop_undurable(model);
	take_back_forgotten(model->placing);
	model->placing->is_dirty = true;
	model->placing->rewrite_ms = model->steady_ms + REWRITE_MS;
}

/* Asking */

bool ringcast_placing_start(struct model *model, json_t *document)
{
	const char *id = text_of(document, "PlacementId");
	json_object_set_new(document, "Status", json_string("PENDING"));
	json_object_set_new(document, "StartTime", ringcast_model_time(model->now_ms));
	struct placement *placement = add_placement(model, id);
	if (placement == NULL) {
		json_decref(document);
		return false;
	}
	ringcast_placing_note_waiting(model, placement, document);
	if (ringcast_records_put(&model->records, RECORD_PLACEMENT, id, document))
		return true;
	ringcast_placement_free(model, placement);
	return false;
}

void ringcast_placing_take_back(struct model *model, const char *id)
{
	struct placement *placement = ringcast_text_index_find(&model->placing->by_id, id);
	if (placement != NULL && !placement->is_durable)
		ringcast_placement_free(model, placement);
}

bool ringcast_placing_is_full(const struct model *model)
{
	ringcast_records_touch(&model->records, RECORD_PLACEMENT, NULL); /* of those that wait, some may have come or ended just now */
	return model->placing->by_id.count >= model->settings.placements_max;
}

bool ringcast_placing_stop(struct model *model, const char *id)
{
	json_t *document = ringcast_placement_is_pending(ringcast_placement_document(model, id)) ? ringcast_placement_ended_document(model, id, PLACE_IS_CANCELLED) : NULL;
	return document != NULL && ringcast_records_put(&model->records, RECORD_PLACEMENT, id, document);
}
