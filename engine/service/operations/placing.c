#include "service/operations/placing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"
#include "base/hash.h"
#include "service/model/stream.h"
#include "service/operations/creation.h"
#include "service/operations/placement_read.h"
#include "service/operations/runtime.h"
#include "service/place/board.h"

enum {
	TRIES_PER_TURN_MAX = 256,
	FORGET_PER_TURN_MAX = 512,
	PROBES_MAX = 8, /* tries at once in a pool of which only the host knows whether it has room */
	PROBE_MS = 15000, /* where no news of room came: it may be lost */
	FULL_MS = 1000,
	ANSWER_MS = 30000, /* as loop.h has it for requests */
	REWRITE_MS = 1000,
	KEY_BYTES = 256,
	PLACEMENT_ID_BYTES = 49,
};

enum phase { PLACEMENT_WAITING, PLACEMENT_CREATING, PLACEMENT_ACTIVATING, PLACEMENT_RESERVING, PLACEMENT_DECIDED };

struct placement {
	struct list_node node; /* placing.all */
	struct list_node touched_node; /* its session has moved */
	struct list_node decided_node; /* its outcome is not durable yet */
	struct list_node answer_node; /* placing.answers: a host owes an answer */
	char id[PLACEMENT_ID_BYTES];
	enum phase phase;
	struct place_request *request; /* NULL: not on the board any more */
	struct game_session *session;
	uint32_t pool; /* while it is in CREATING */
	uint32_t reserved_count; /* of DesiredPlayerSessions */
	int64_t deadline_ms;
	json_t *placed;	 /* PlacedPlayerSessions so far */
	json_t *pending; /* the record as it was accepted */
	json_t *outcome; /* the record as it shall be */
};

/* What has room: the engine of this process is the first one, the others are a fleet's game servers at a location. */
struct pool {
	char *key; /* "fleet/location" */
	size_t fleet_bytes;
	uint32_t trying;
};

/* Of one that has ended, until its record is forgotten. */
struct ended {
	struct list_node node;
	int64_t ended_ms;
	char id[PLACEMENT_ID_BYTES];
};

struct placing {
	struct place_board *board;
	struct text_index by_id, pools_by_key;
	struct pool *pools;
	uint32_t pool_count, pool_capacity;
	struct list_node all, touched, decided, answers, ended;
	size_t ended_count;
	uint64_t seed;
	bool is_dirty; /* queues, fleets or aliases have changed */
	int64_t engine_full_until_ms, probe_ms, rewrite_ms;
	struct placing_counts counts;
};

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

static json_t *document_of(const struct model *model, const char *id)
{
	return ringcast_records_find(&model->records, RECORD_PLACEMENT, id);
}

static bool is_pending(const json_t *document)
{
	return document != NULL && strcmp(text_of(document, "Status"), "PENDING") == 0;
}

const json_t *ringcast_placing_find(const struct model *model, const char *id)
{
	const struct placement *placement = ringcast_text_index_find(&model->placing->by_id, id);
	return placement != NULL ? placement->pending : document_of(model, id);
}

json_t *ringcast_placing_show(const json_t *document)
{
	json_t *shown = json_copy((json_t *)document);
	json_object_del(shown, "DesiredPlayerSessions");
	json_object_del(shown, "Owner");
	return shown;
}

/* Pools */

static uint32_t add_pool(struct placing *placing, const char *key, size_t fleet_bytes)
{
	if (placing->pool_count == placing->pool_capacity) {
		uint32_t capacity = placing->pool_capacity > 0 ? 2 * placing->pool_capacity : 8;
		struct pool *grown = realloc(placing->pools, capacity * sizeof(*grown));
		if (grown == NULL)
			return PLACE_POOL_NONE;
		placing->pools = grown;
		placing->pool_capacity = capacity;
	}
	char *copy = strdup(key);
	if (copy == NULL || !ringcast_text_index_add(&placing->pools_by_key, copy, (void *)(uintptr_t)(placing->pool_count + 1))) {
		free(copy);
		return PLACE_POOL_NONE;
	}
	uint32_t pool = ringcast_place_board_add_pool(placing->board);
	if (pool == PLACE_POOL_NONE) {
		ringcast_text_index_remove(&placing->pools_by_key, copy);
		free(copy);
		return PLACE_POOL_NONE;
	}
	ringcast_assert(pool == placing->pool_count);
	placing->pools[placing->pool_count++] = (struct pool){copy, fleet_bytes, 0};
	return pool;
}

/* Whether there is room nobody knows here: a few are tried at once, and the host says. */
static void probe(struct placing *placing, uint32_t pool)
{
	uint32_t trying = placing->pools[pool].trying;
	ringcast_place_board_set_room(placing->board, pool, trying < PROBES_MAX ? PROBES_MAX - trying : 0);
}

static uint32_t pool_of(struct model *model, const char *fleet_id, const json_t *fleet, const char *location)
{
	char key[KEY_BYTES];
	struct placing *placing = model->placing;
	if (!ringcast_fleet_is_custom(fleet))
		return 0;
	snprintf(key, sizeof(key), "%.128s/%s", fleet_id, location);
	uintptr_t number = (uintptr_t)ringcast_text_index_find(&placing->pools_by_key, key);
	if (number != 0)
		return (uint32_t)(number - 1);
	uint32_t pool = add_pool(placing, key, strlen(fleet_id));
	if (pool != PLACE_POOL_NONE)
		probe(placing, pool);
	return pool;
}

/* A fleet's game servers may have room: at which location, whoever says so does not know for sure. fleet "": all of them. */
static void hear_of_room(struct model *model, const char *fleet, size_t fleet_bytes)
{
	struct placing *placing = model->placing;
	for (uint32_t i = 1; i < placing->pool_count; i++)
		if (fleet_bytes == 0 || (placing->pools[i].fleet_bytes == fleet_bytes && strncmp(placing->pools[i].key, fleet, fleet_bytes) == 0))
			probe(placing, i);
}

static void sync_engine(struct model *model)
{
	struct placing *placing = model->placing;
	int64_t room = (int64_t)model->settings.sessions_max - (int64_t)model->sessions.live_counts[MODEL_HOST_ENGINE];
	if (room < 0 || model->steady_ms < placing->engine_full_until_ms)
		room = 0;
	if (room != ringcast_place_board_room(placing->board, 0))
		ringcast_place_board_set_room(placing->board, 0, room);
}

static void leave_pool(struct model *model, struct placement *placement, bool is_full)
{
	struct placing *placing = model->placing;
	ringcast_assert(placing->pools[placement->pool].trying > 0);
	placing->pools[placement->pool].trying--;
	if (placement->pool == 0 && is_full)
		placing->engine_full_until_ms = model->steady_ms + FULL_MS;
	else if (placement->pool != 0 && !is_full)
		probe(placing, placement->pool);
}

/* Queues */

static struct place_wish *wish_of(void *context, void *owner, const struct place_queue *queue)
{
	const struct model *model = context;
	const struct placement *placement = owner;
	return ringcast_placement_read_wish(document_of(model, placement->id), queue, model->placing->seed);
}

static void set_queue(struct model *model, const char *name, const json_t *document)
{
	struct place_queue *queue = document != NULL ? ringcast_placement_read_queue(model, document, pool_of) : NULL;
	if (document != NULL && queue == NULL) {
		model->placing->is_dirty = true; /* no memory now: once more */
		return;
	}
	if (!ringcast_place_board_set_queue(model->placing->board, name, queue, model->steady_ms))
		model->placing->is_dirty = true;
}

static void sync_queues(struct model *model)
{
	if (!model->placing->is_dirty)
		return;
	model->placing->is_dirty = false;
	const struct record *queue = ringcast_records_next(&model->records, RECORD_QUEUE, "");
	for (; queue != NULL; queue = ringcast_records_next(&model->records, RECORD_QUEUE, queue->id))
		set_queue(model, queue->id, queue->document);
}

/* Ending */

static void unlink_if(struct list_node *node)
{
	if (ringcast_list_has(node))
		ringcast_list_remove(node);
}

/* Its session is nobody's: the host ends it, now or when it has answered. */
static void drop_session(struct model *model, struct placement *placement)
{
	struct game_session *session = placement->session;
	unlink_if(&placement->answer_node);
	unlink_if(&placement->touched_node);
	if (placement->phase == PLACEMENT_CREATING)
		leave_pool(model, placement, false);
	placement->session = NULL;
	placement->reserved_count = 0;
	json_decref(placement->placed);
	placement->placed = NULL;
	if (session == NULL)
		return;
	session->placement = NULL;
	if (session->creation != NULL)
		ringcast_session_give_up(model, session->creation);
	else if (!ringcast_game_session_is_ended(session))
		ringcast_model_disown(model, session->host, session->host_session);
}

static void placement_free(struct model *model, struct placement *placement)
{
	ringcast_place_board_remove(model->placing->board, &placement->request);
	ringcast_text_index_remove(&model->placing->by_id, placement->id);
	unlink_if(&placement->touched_node);
	unlink_if(&placement->decided_node);
	unlink_if(&placement->answer_node);
	ringcast_list_remove(&placement->node);
	if (placement->session != NULL)
		placement->session->placement = NULL;
	json_decref(placement->placed);
	json_decref(placement->pending);
	json_decref(placement->outcome);
	free(placement);
}

/* Into the records, unless a cancellation is on its way to the disk, which comes first. */
static void write_outcome(struct model *model, struct placement *placement)
{
	if (is_pending(document_of(model, placement->id)) &&
	    !ringcast_records_put(&model->records, RECORD_PLACEMENT, placement->id, json_incref(placement->outcome)))
		model->placing->rewrite_ms = model->steady_ms + REWRITE_MS;
}

static json_t *ended_document(const struct model *model, const char *id, enum place_state state)
{
	json_t *document = json_copy(document_of(model, id));
	json_object_set_new(document, "Status", json_string(ringcast_place_state_name(state)));
	json_object_set_new(document, "EndTime", ringcast_model_time(model->now_ms));
	return document;
}

/* document: as it shall be; taken. NULL: memory is short, and it is tried again with the next turn's time-outs. */
static void decide(struct model *model, struct placement *placement, json_t *document)
{
	if (document == NULL) {
		placement->deadline_ms = model->steady_ms + REWRITE_MS;
		if (!ringcast_list_has(&placement->answer_node))
			ringcast_list_add_tail(&model->placing->answers, &placement->answer_node);
		return;
	}
	ringcast_place_board_remove(model->placing->board, &placement->request);
	placement->phase = PLACEMENT_DECIDED;
	placement->outcome = document;
	ringcast_list_add_tail(&model->placing->decided, &placement->decided_node);
	write_outcome(model, placement);
}

static void end_without_session(struct model *model, struct placement *placement, enum place_state state)
{
	drop_session(model, placement);
	decide(model, placement, ended_document(model, placement->id, state));
}

static void put_session(const struct model *model, const struct game_session *session, json_t *document)
{
	static const char *const members[] = {"IpAddress", "DnsName", "Port"};
	char arn[MODEL_ARN_BYTES];
	json_t *shown = ringcast_model_show_session(model, session);
	ringcast_model_session_arn(model, session, arn);
	json_object_set_new(document, "GameSessionId", json_string(arn));
	json_object_set_new(document, "GameSessionArn", json_string(arn));
	json_object_set_new(document, "GameSessionRegion", json_string(*session->location != '\0' ? session->location : model->settings.region));
	for (size_t i = 0; i < ARRAY_COUNT(members); i++)
		if (json_object_get(shown, members[i]) != NULL)
			json_object_set(document, members[i], json_object_get(shown, members[i]));
	json_decref(shown);
}

static void fulfil(struct model *model, struct placement *placement)
{
	json_t *document = ended_document(model, placement->id, PLACE_IS_FULFILLED);
	if (document != NULL) {
		put_session(model, placement->session, document);
		json_object_set_new(document, "PlacedPlayerSessions", placement->placed != NULL ? json_incref(placement->placed) : json_array());
	}
	decide(model, placement, document);
}

/* Trying */

static void fail_try(struct model *model, struct placement *placement)
{
	drop_session(model, placement);
	placement->phase = PLACEMENT_WAITING;
	model->placing->counts.retries++;
	if (!ringcast_place_board_note_failure(model->placing->board, placement->request, model->steady_ms))
		end_without_session(model, placement, PLACE_IS_FAILED);
}

static void await_answer(struct model *model, struct placement *placement)
{
	unlink_if(&placement->answer_node);
	placement->deadline_ms = model->steady_ms + ANSWER_MS;
	ringcast_list_add_tail(&model->placing->answers, &placement->answer_node);
}

static void reserved(struct model *model, struct host_call *call);

/* The next players of those who are wanted, as many as a host takes at once. False: out of memory, and nothing is asked. */
static bool add_players(const struct model *model, const struct placement *placement, struct host_call *call)
{
	const json_t *players = json_object_get(document_of(model, placement->id), "DesiredPlayerSessions");
	for (size_t i = placement->reserved_count; i < json_array_size(players) && call->player_count < HOST_PLAYERS_MAX; i++) {
		const json_t *player = json_array_get(players, i);
		const char *data = json_string_value(json_object_get(player, "PlayerData"));
		struct host_player *to = &call->players[call->player_count++];
		to->player_id = strdup(text_of(player, "PlayerId"));
		to->data = data != NULL ? strdup(data) : NULL;
		if (to->player_id == NULL || (data != NULL && to->data == NULL))
			return false;
	}
	return true;
}

static void reserve_next(struct model *model, struct placement *placement)
{
	const json_t *players = json_object_get(document_of(model, placement->id), "DesiredPlayerSessions");
	if (placement->reserved_count >= json_array_size(players)) {
		unlink_if(&placement->answer_node);
		fulfil(model, placement);
		return;
	}
	placement->phase = PLACEMENT_RESERVING;
	struct host_call *call = ringcast_request_call(model, NULL, HOST_RESERVE, placement->session, reserved);
	if (call != NULL && !add_players(model, placement, call)) {
		ringcast_request_call_drop(NULL, call);
		call = NULL;
	}
	if (call == NULL) {
		fail_try(model, placement);
		return;
	}
	placement->session->reserve_count++;
	await_answer(model, placement);
}

/* Whoever got a place is in the index, also where the placement has gone meanwhile: the host has them. */
static bool seat(struct model *model, struct game_session *session, struct placement *placement, const struct host_call *call)
{
	bool is_whole = true;
	for (uint32_t i = 0; i < call->player_count; i++) {
		const struct player_session *player = ringcast_model_seat(model, session, &call->players[i]);
		is_whole = is_whole && player != NULL;
		if (player == NULL || placement == NULL)
			continue;
		if (placement->placed == NULL)
			placement->placed = json_array();
		is_whole = is_whole && json_array_append_new(placement->placed, json_pack("{s:s, s:s}", "PlayerId", player->player_id, "PlayerSessionId",
											       player->id)) == 0;
	}
	return is_whole;
}

static void reserved(struct model *model, struct host_call *call)
{
	struct game_session *session = ringcast_game_session_of_host(&model->sessions, call->session);
	if (session == NULL)
		return;
	session->reserve_count--;
	struct placement *placement = session->placement;
	bool is_expected = placement != NULL && placement->phase == PLACEMENT_RESERVING;
	bool is_seated = call->result == HOST_OK && !ringcast_game_session_is_ended(session) && seat(model, session, is_expected ? placement : NULL, call);
	if (!is_expected)
		return;
	placement->reserved_count += call->player_count;
	if (is_seated)
		reserve_next(model, placement);
	else
		fail_try(model, placement);
}

/* Its session has moved, or was just made. */
static void look_at_session(struct model *model, struct placement *placement)
{
	const struct game_session *session = placement->session;
	if (placement->phase != PLACEMENT_ACTIVATING && placement->phase != PLACEMENT_RESERVING)
		return;
	if (session->status == GAME_SESSION_ACTIVE && placement->phase == PLACEMENT_ACTIVATING)
		reserve_next(model, placement);
	else if (session->status != GAME_SESSION_ACTIVATING && session->status != GAME_SESSION_ACTIVE)
		fail_try(model, placement);
}

static void created(struct model *model, struct host_call *call)
{
	struct game_session *session = ringcast_session_of_creation(model, call);
	if (session == NULL) {
		if (call->result == HOST_OK)
			ringcast_model_disown(model, call->host, call->session);
		return;
	}
	struct placement *placement = session->placement;
	session->creation = NULL;
	bool is_there = call->result == HOST_OK && ringcast_model_begin(model, session, call);
	unlink_if(&placement->answer_node);
	if (is_there) {
		placement->phase = PLACEMENT_ACTIVATING;
		leave_pool(model, placement, false);
		look_at_session(model, placement);
		return;
	}
	placement->session = NULL; /* the name that its host gave may be another's, so nothing is ended */
	ringcast_game_session_remove(&model->sessions, session);
	if (call->result != HOST_FULL) {
		fail_try(model, placement);
		return;
	}
	leave_pool(model, placement, true);
	placement->phase = PLACEMENT_WAITING;
	ringcast_place_board_note_full(model->placing->board, placement->request);
}

/* As the vendor the placement's id names the session; where a try before has it, with a number. */
static void name_session(const struct model *model, const char *fleet_id, const char *id, char ret_name[GAME_SESSION_ID_BYTES])
{
	snprintf(ret_name, GAME_SESSION_ID_BYTES, "%s", id);
	for (unsigned i = 2; ringcast_game_session_find(&model->sessions, fleet_id, ret_name) != NULL; i++)
		snprintf(ret_name, GAME_SESSION_ID_BYTES, "%s-%u", id, i);
}

/* By which a session is known as a placement's, also after a restart. */
static uint64_t digest_of(const char *placement_id)
{
	return ringcast_hash_bytes(placement_id, strlen(placement_id), 2);
}

static json_t *facts_of(const json_t *document)
{
	static const char *const members[][2] = {
		{"Name", "GameSessionName"}, {"GameProperties", "GameProperties"}, {"GameSessionData", "GameSessionData"}, {"MatchmakerData", "MatchmakerData"}};
	json_t *facts = json_object();
	for (size_t i = 0; i < ARRAY_COUNT(members); i++)
		if (json_object_get(document, members[i][1]) != NULL)
			json_object_set(facts, members[i][0], json_object_get(document, members[i][1]));
	return facts;
}

static bool begin_session(struct model *model, struct placement *placement, const struct place_effect *effect)
{
	char name[GAME_SESSION_ID_BYTES];
	const json_t *document = document_of(model, placement->id);
	const json_t *queue = ringcast_records_find(&model->records, RECORD_QUEUE, text_of(document, "GameSessionQueueName"));
	const json_t *destination = json_array_get(json_object_get(queue, "Destinations"), effect->destination);
	struct session_plan plan = {.location = strcmp(effect->location, model->settings.region) == 0 ? "" : effect->location, .id = name,
				    .players_max = (uint32_t)json_integer_value(json_object_get(document, "MaximumPlayerSessionCount")),
				    .digest = digest_of(placement->id)};
	plan.fleet_id = ringcast_placement_fleet_of(model, text_of(destination, "DestinationArn"), &plan.fleet);
	if (plan.fleet_id == NULL || !ringcast_script_of_fleet(model, NULL, plan.fleet, plan.script))
		return false;
	name_session(model, plan.fleet_id, placement->id, name);
	json_t *facts = facts_of(document);
	plan.facts = facts;
	placement->session = ringcast_session_begin(model, NULL, &plan, created);
	json_decref(facts);
	return placement->session != NULL;
}

static void try_it(struct model *model, struct placement *placement, const struct place_effect *effect)
{
	placement->phase = PLACEMENT_CREATING;
	placement->pool = effect->pool;
	model->placing->pools[effect->pool].trying++;
	if (!begin_session(model, placement, effect)) {
		fail_try(model, placement);
		return;
	}
	placement->session->placement = placement;
	await_answer(model, placement);
}

/* Life */

static void give_to_board(struct model *model, struct placement *placement)
{
	const json_t *document = document_of(model, placement->id);
	int64_t age_ms = model->now_ms - (int64_t)(json_number_value(json_object_get(document, "StartTime")) * 1000);
	placement->request = ringcast_place_board_add(model->placing->board, text_of(document, "GameSessionQueueName"), placement,
						      model->steady_ms - (age_ms > 0 ? age_ms : 0));
	if (placement->request == NULL)
		end_without_session(model, placement, PLACE_IS_FAILED);
}

/* document: as it is durable. NULL: out of memory. Not on the board yet. */
static struct placement *add_placement(struct model *model, const char *id, json_t *document)
{
	struct placement *placement = calloc(1, sizeof(*placement));
	if (placement == NULL)
		return NULL;
	snprintf(placement->id, sizeof(placement->id), "%s", id);
	placement->pending = json_incref(document);
	if (!ringcast_text_index_add(&model->placing->by_id, placement->id, placement)) {
		json_decref(placement->pending);
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
	struct placement *placement = add_placement(model, found->id, document_of(model, found->id));
	if (placement != NULL)
		give_to_board(model, placement);
	return placement != NULL;
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
		bool is_waiting = is_pending(record->document);
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
		hear_of_room(model, session->key, session->fleet_bytes);
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
	const json_t *document = document_of(model, id);
	if (document == NULL && strrchr(id, '-') != NULL) {
		*strrchr(id, '-') = '\0'; /* as name_session numbers them */
		document = document_of(model, id);
	}
	ringcast_model_session_arn(model, session, arn);
	if (document == NULL || session->digest != digest_of(id) || strcmp(text_of(document, "GameSessionArn"), arn) == 0)
		return;
	ringcast_model_disown(model, session->host, session->host_session);
}

static void room_heard(struct model *model, const char *fleet)
{
	hear_of_room(model, fleet, strlen(fleet));
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
	model->session_followed = session_followed;
	model->room_heard = room_heard;
	model->session_found = session_found;
	placing->board = ringcast_place_board_create(&(struct place_board_options){.wish = wish_of, .context = model, .requests_max = UINT32_MAX});
	if (placing->board == NULL || add_pool(placing, "", 0) == PLACE_POOL_NONE)
		return false;
	placing->is_dirty = true;
	sync_queues(model);
	return load(model);
}

void ringcast_placing_fini(struct model *model)
{
	struct placing *placing = model->placing;
	if (placing == NULL)
		return;
	while (!ringcast_list_is_empty(&placing->all))
		placement_free(model, CONTAINER_OF(placing->all.next, struct placement, node));
	while (!ringcast_list_is_empty(&placing->ended)) {
		struct ended *ended = CONTAINER_OF(placing->ended.next, struct ended, node);
		ringcast_list_remove(&ended->node);
		free(ended);
	}
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
		look_at_session(model, placement);
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
		if (placement->deadline_ms > model->steady_ms)
			return;
		ringcast_list_remove(&placement->answer_node);
		if (placement->request != NULL && placement->session != NULL)
			fail_try(model, placement);
		else
			end_without_session(model, placement, PLACE_IS_FAILED); /* memory was short before */
	}
}

static void rewrite(struct model *model)
{
	if (model->placing->rewrite_ms == 0 || model->steady_ms < model->placing->rewrite_ms)
		return;
	model->placing->rewrite_ms = 0;
	for (struct list_node *node = model->placing->decided.next; node != &model->placing->decided; node = node->next)
		write_outcome(model, CONTAINER_OF(node, struct placement, decided_node));
}

static void forget(struct model *model)
{
	struct placing *placing = model->placing;
	for (int i = 0; i < FORGET_PER_TURN_MAX && !ringcast_list_is_empty(&placing->ended); i++) {
		struct ended *ended = CONTAINER_OF(placing->ended.next, struct ended, node);
		if (placing->ended_count <= model->settings.ended_placements_max && ended->ended_ms >= model->now_ms - GAME_SESSION_KEPT_MS)
			return;
		if (document_of(model, ended->id) != NULL && !ringcast_records_remove(&model->records, RECORD_PLACEMENT, ended->id))
			return;
		ringcast_list_remove(&ended->node);
		placing->ended_count--;
		free(ended);
	}
}

static bool take_effects(struct model *model)
{
	struct place_effect effect;
	for (int i = 0; i < TRIES_PER_TURN_MAX; i++) {
		if (!ringcast_place_board_next(model->placing->board, &effect))
			return false;
		if (effect.kind == PLACE_TRY)
			try_it(model, effect.owner, &effect);
		else
			end_without_session(model, effect.owner, effect.kind == PLACE_TIMED_OUT ? PLACE_IS_TIMED_OUT : PLACE_IS_FAILED);
	}
	return true;
}

bool ringcast_placing_turn(struct model *model)
{
	struct placing *placing = model->placing;
	sync_queues(model);
	look_at_touched(model);
	check_answers(model);
	rewrite(model);
	forget(model);
	sync_engine(model);
	if (ringcast_place_board_depth(placing->board, NULL) == 0)
		return false;
	if (model->steady_ms >= placing->probe_ms) {
		placing->probe_ms = model->steady_ms + PROBE_MS;
		hear_of_room(model, "", 0);
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
static void begin(struct model *model, const char *id, json_t *document)
{
	if (ringcast_text_index_find(&model->placing->by_id, id) != NULL)
		return;
	sync_queues(model); /* its queue may have become durable with it */
	struct placement *placement = add_placement(model, id, document);
	if (placement == NULL) {
		model->events_lost_count++; /* it goes on after the next start */
		return;
	}
	model->placing->counts.started++;
	give_to_board(model, placement);
}

static void end(struct model *model, const char *id, const json_t *document)
{
	enum place_state state;
	struct placement *placement = ringcast_text_index_find(&model->placing->by_id, id);
	if (!ringcast_place_state_find(text_of(document, "Status"), &state))
		return;
	model->placing->counts.results[state]++;
	if (placement != NULL) {
		if (state != PLACE_IS_FULFILLED)
			drop_session(model, placement);
		placement_free(model, placement);
	}
	if (!note_ended(model, id, model->now_ms))
		model->events_lost_count++; /* its record is kept beyond its time */
	if (model->settings.has_stream)
		ringcast_stream_placement(model, document, ringcast_place_state_event(state));
	if (model->placement_ended != NULL && json_object_get(document, "Owner") != NULL)
		model->placement_ended(model, document);
}

void ringcast_placing_stored(struct model *model, const struct record_change *change)
{
	if (change->kind == RECORD_QUEUE || change->kind == RECORD_FLEET || change->kind == RECORD_ALIAS)
		model->placing->is_dirty = true;
	if (change->kind == RECORD_QUEUE && change->after == NULL)
		set_queue(model, change->id, NULL);
	if (change->kind != RECORD_PLACEMENT || change->after == NULL)
		return;
	if (is_pending(change->after))
		begin(model, change->id, change->after);
	else
		end(model, change->id, change->after);
}

void ringcast_placing_refused(struct model *model)
{
	model->placing->is_dirty = true;
	model->placing->rewrite_ms = model->steady_ms + REWRITE_MS;
}

/* Asking */

bool ringcast_placing_start(struct model *model, json_t *document)
{
	const char *id = text_of(document, "PlacementId");
	json_object_set_new(document, "Status", json_string("PENDING"));
	json_object_set_new(document, "StartTime", ringcast_model_time(model->now_ms));
	return ringcast_records_put(&model->records, RECORD_PLACEMENT, id, document);
}

bool ringcast_placing_is_full(const struct model *model)
{
	return model->placing->by_id.count >= model->settings.placements_max;
}

bool ringcast_placing_stop(struct model *model, const char *id)
{
	json_t *document = is_pending(document_of(model, id)) ? ended_document(model, id, PLACE_IS_CANCELLED) : NULL;
	return document != NULL && ringcast_records_put(&model->records, RECORD_PLACEMENT, id, document);
}

void ringcast_placing_count(const struct model *model, struct placing_counts *ret_counts)
{
	int64_t started_ms;
	*ret_counts = model->placing->counts;
	ret_counts->depth = (uint32_t)model->placing->by_id.count;
	if (ringcast_place_board_oldest_ms(model->placing->board, &started_ms))
		ret_counts->oldest_ms = model->steady_ms - started_ms;
}
