/* Game sessions: create, describe, search, update, terminate. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "service/operations/change.h"
#include "service/operations/creation.h"
#include "service/api/log_url.h"
#include "service/operations/fleet_of.h"
#include "service/operations/handlers.h"
#include "service/operations/page.h"
#include "service/operations/runtime.h"
#include "service/operations/scripts.h"
#include "service/search/filter.h"

enum { DESCRIBE_LIMIT = 100, SEARCH_LIMIT = 20, LIMIT_MAX = 1000 };

/* Creating */

static uint64_t digest_of(const json_t *input)
{
	char *text = json_dumps(input, JSON_COMPACT | JSON_SORT_KEYS);
	uint64_t digest = text != NULL ? ringcast_hash_bytes(text, strlen(text), 1) : 0;
	free(text);
	return digest;
}

static bool is_room(struct model *model, struct request *request)
{
	if (model->sessions.live_counts[MODEL_HOST_ENGINE] < model->settings.sessions_max)
		return true;
	ringcast_request_refuse(request, FAULT_FLEET_CAPACITY, "all %" PRIu32 " sessions that the engine holds are in use", model->settings.sessions_max);
	return false;
}

static bool is_fleet_ready(struct request *request, const json_t *fleet)
{
	const char *status = json_string_value(json_object_get(fleet, "Status"));
	if (fleet == NULL || (status != NULL && strcmp(status, "ACTIVE") == 0))
		return true;
	ringcast_request_refuse(request, FAULT_FLEET_STATUS, "the fleet is %s, not ACTIVE", status != NULL ? status : "unknown");
	return false;
}

static bool is_size_right(struct model *model, struct request *request)
{
	int64_t players_max = ringcast_request_number(request, "MaximumPlayerSessionCount", 0);
	bool is_given = ringcast_request_has(request, "MaximumPlayerSessionCount");
	if (!is_given || (players_max >= 1 && players_max <= (int64_t)model->settings.players_per_session_max))
		return true;
	ringcast_request_refuse(request, FAULT_INVALID, "MaximumPlayerSessionCount: %" PRId64 ", must be 1 to %" PRIu32 " here%s", players_max,
				model->settings.players_per_session_max,
				players_max == 0 ? "; to let nobody in, use PlayerSessionCreationPolicy DENY_ALL" : "");
	return false;
}

static void answer_session(struct model *model, struct request *request, const struct game_session *session)
{
	ringcast_request_answer_with(request, "GameSession", ringcast_model_show_session(model, session));
}

/*
 * The same token again: the session that it made, if the request was the same. While the host has not answered, both wait for its answer, since
 * nobody may be told of a session that is not there in the end. True: answered, or parked.
 */
static bool is_repeated(struct model *model, struct request *request, const char *fleet_id, const char *id)
{
	struct game_session *session = ringcast_game_session_find(&model->sessions, fleet_id, id);
	if (session == NULL)
		return false;
	if (session->digest != digest_of(request->input))
		ringcast_request_refuse(request, FAULT_IDEMPOTENT_MISMATCH, "the idempotency token %s was used with other parameters", id);
	else if (session->creation != NULL)
		ringcast_request_join(request, session->creation);
	else
		answer_session(model, request, session);
	return true;
}

static void refuse_host(struct request *request, const struct host_call *call, const char *what)
{
	switch (call->result) {
	case HOST_NOT_FOUND:
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "%s: %s", what, *call->text != '\0' ? call->text : "it has gone");
		break;
	case HOST_FULL:
		ringcast_request_refuse(request, FAULT_FLEET_CAPACITY, "%s: no host has room", what);
		break;
	case HOST_STATE:
		ringcast_request_refuse(request, FAULT_SESSION_STATUS, "%s: not in this state%s%s", what, *call->text != '\0' ? ": " : "", call->text);
		break;
	case HOST_EXISTS:
		ringcast_request_refuse(request, FAULT_INVALID, "%s: the player holds a place already", what);
		break;
	default:
		ringcast_request_refuse(request, FAULT_INTERNAL, "%s: %s", what, *call->text != '\0' ? call->text : "the host did not answer");
		break;
	}
}

static void created(struct model *model, struct host_call *call)
{
	struct game_session *session = ringcast_session_of_creation(model, call);
	if (session == NULL) {
		if (call->result == HOST_OK)
			ringcast_model_disown(model, call->host, call->session);
		return;
	}
	session->creation = NULL;
	bool is_there = call->result == HOST_OK && ringcast_model_begin(model, session, call);
	for (struct request *request = call->request; request != NULL; request = request->next_waiting)
		if (is_there)
			answer_session(model, request, session);
		else
			refuse_host(request, call, "create the session");
	if (!is_there)
		ringcast_game_session_remove(&model->sessions, session);
}

void ringcast_operation_CreateGameSession(struct model *model, struct request *request)
{
	char id[MODEL_ID_BYTES];
	json_t *fleet;
	const char *fleet_id = ringcast_fleet_of(model, request, &fleet), *token = ringcast_request_text(request, "IdempotencyToken");
	if (fleet_id == NULL || !is_fleet_ready(request, fleet) || !is_size_right(model, request))
		return;
	if (*token == '\0')
		token = ringcast_request_text(request, "GameSessionId");
	if (*token != '\0' && is_repeated(model, request, fleet_id, token))
		return;
	ringcast_model_new_id(model, "gsess-", id);
	struct session_plan plan = {.fleet_id = fleet_id, .location = ringcast_request_text(request, "Location"), .id = *token != '\0' ? token : id,
				    .fleet = fleet, .facts = request->input, .digest = digest_of(request->input),
				    .players_max = (uint32_t)ringcast_request_number(request, "MaximumPlayerSessionCount", 0)};
	if ((ringcast_fleet_is_custom(fleet) || is_room(model, request)) && ringcast_script_of_fleet(model, request, fleet, plan.script))
		ringcast_session_begin(model, request, &plan, created);
}

/* Describing */

struct wish {
	const char *fleet_id; /* NULL: any */
	size_t fleet_bytes;
	const char *location; /* "": any */
	bool has_status;
	enum game_session_status status;
};

static bool is_wished(const struct wish *wish, const struct game_session *session)
{
	if (wish->has_status && session->status != wish->status)
		return false;
	if (*wish->location != '\0' && strcmp(wish->location, session->location) != 0)
		return false;
	return wish->fleet_id == NULL ||
	       (wish->fleet_bytes == session->fleet_bytes && memcmp(wish->fleet_id, session->key, session->fleet_bytes) == 0);
}

static json_t *show_detail(const struct model *model, const struct game_session *session)
{
	json_t *detail = json_object();
	json_object_set_new(detail, "GameSession", ringcast_model_show_session(model, session));
	json_object_set_new(detail, "ProtectionPolicy", json_string(session->is_protected ? "FullProtection" : "NoProtection"));
	return detail;
}

typedef json_t *show_fn(const struct model *model, const struct game_session *session);

static bool is_wish_for_live(const struct wish *wish)
{
	return wish->has_status && wish->status != GAME_SESSION_TERMINATED && wish->status != GAME_SESSION_ERROR;
}

/* What has ended is not looked at where nobody asks for it. */
static const struct session_order *order_of(const struct model *model, const struct wish *wish)
{
	return is_wish_for_live(wish) ? &model->sessions.live : &model->sessions.all;
}

/* In the order in which they were created. NULL: there is no more. */
static struct game_session *next_wished(const struct session_order *order, const struct wish *wish, size_t *at)
{
	struct game_session *session;
	while ((session = ringcast_session_order_next(order, at)) != NULL && !is_wished(wish, session))
		;
	return session;
}

/* From behind the page's number on. */
static void answer_page(struct model *model, struct request *request, const struct wish *wish, const char *name, show_fn *show)
{
	struct page page;
	if (!ringcast_page_begin(request, DESCRIBE_LIMIT, LIMIT_MAX, &page))
		return;
	json_t *output = json_object(), *list = json_array();
	const struct session_order *order = order_of(model, wish);
	size_t at = ringcast_session_order_behind(order, strtoull(page.behind, NULL, 10));
	uint64_t last = 0;
	const struct game_session *session;
	while ((session = next_wished(order, wish, &at)) != NULL) {
		if (json_array_size(list) == page.limit) {
			char text[32];
			snprintf(text, sizeof(text), "%" PRIu64, last);
			ringcast_page_continue(&page, text, output);
			break;
		}
		json_array_append_new(list, show(model, session));
		last = session->number;
	}
	json_object_set_new(output, name, list);
	ringcast_request_answer(request, output);
}

static struct game_session *session_of(struct model *model, struct request *request)
{
	const char *id = ringcast_request_text(request, "GameSessionId");
	struct game_session *session = ringcast_game_session_resolve(&model->sessions, id);
	if (session == NULL)
		ringcast_request_refuse(request, FAULT_NOT_FOUND, "there is no game session %.200s", id);
	return session;
}

static void describe(struct model *model, struct request *request, const char *name, show_fn *show)
{
	struct wish wish = {.location = ringcast_request_text(request, "Location")};
	const char *status = ringcast_request_text(request, "StatusFilter");
	json_t *fleet;
	if (*status != '\0' && !(wish.has_status = ringcast_game_session_status_find(status, &wish.status))) {
		ringcast_request_refuse(request, FAULT_INVALID, "StatusFilter: must be one of ACTIVATING, ACTIVE, TERMINATING, TERMINATED, ERROR");
		return;
	}
	if (ringcast_request_has(request, "GameSessionId")) {
		const struct game_session *session = session_of(model, request);
		if (session != NULL)
			ringcast_request_answer_with(request, name, is_wished(&wish, session) ? json_pack("[o]", show(model, session)) : json_array());
		return;
	}
	wish.fleet_id = ringcast_fleet_of(model, request, &fleet);
	wish.fleet_bytes = wish.fleet_id != NULL ? strlen(wish.fleet_id) : 0;
	if (wish.fleet_id != NULL)
		answer_page(model, request, &wish, name, show);
}

void ringcast_operation_DescribeGameSessions(struct model *model, struct request *request)
{
	describe(model, request, "GameSessions", ringcast_model_show_session);
}

void ringcast_operation_DescribeGameSessionDetails(struct model *model, struct request *request)
{
	describe(model, request, "GameSessionDetails", show_detail);
}

/* Searching */

static const char *text_of(void *context, enum filter_operand operand, const char *key)
{
	const struct game_session *session = context;
	if (operand == FILTER_NAME)
		return ringcast_game_facts_name(session->facts);
	return operand == FILTER_ID ? session->id : ringcast_game_facts_property(session->facts, key);
}

static double number_of(void *context, enum filter_operand operand)
{
	const struct game_session *session = context;
	switch (operand) {
	case FILTER_PLAYERS_MAX:
		return session->players_max;
	case FILTER_CREATED_MS:
		return (double)session->created_ms;
	case FILTER_PLAYER_COUNT:
		return session->player_count;
	default:
		return session->player_count < session->players_max && !session->is_deny_all;
	}
}

/* The first of all that are found, in order: no more than a page shows, and one to know that there are more. */
struct search {
	struct filter filter;
	struct filter_sort sort;
	bool has_filter, has_sort;
	struct game_session *found[SEARCH_LIMIT + 1];
	size_t count, count_max;
};

static struct filter_subject subject_of(struct game_session *session)
{
	return (struct filter_subject){session, text_of, number_of};
}

static bool is_before(const struct search *search, struct game_session *left, struct game_session *right)
{
	struct filter_subject left_subject = subject_of(left), right_subject = subject_of(right);
	int order = search->has_sort ? ringcast_filter_sort_compare(&search->sort, &left_subject, &right_subject) : 0;
	return order < 0 || (order == 0 && left->number < right->number);
}

static bool read_search(struct request *request, struct search *search)
{
	char problem[FILTER_PROBLEM_BYTES];
	search->has_filter = ringcast_request_has(request, "FilterExpression");
	search->has_sort = ringcast_request_has(request, "SortExpression");
	if (search->has_filter && !ringcast_filter_read(ringcast_request_text(request, "FilterExpression"), &search->filter, problem)) {
		ringcast_request_refuse(request, FAULT_INVALID, "FilterExpression: %s", problem);
		return false;
	}
	if (search->has_sort && !ringcast_filter_sort_read(ringcast_request_text(request, "SortExpression"), &search->sort, problem)) {
		ringcast_request_refuse(request, FAULT_INVALID, "SortExpression: %s", problem);
		return false;
	}
	return true;
}

/*
 * Where a page begins: behind the session that the last page ended with, as it was then. Its place is kept in the token, because the session
 * may have changed or ended since, and what has not changed must be shown once all the same.
 */
struct place {
	uint64_t number;
	double value;
	const char *text; /* NULL: it had no such property */
};

static const char *text_of_place(void *context, enum filter_operand operand, const char *key)
{
	return ((const struct place *)context)->text;
}

static double number_of_place(void *context, enum filter_operand operand)
{
	return ((const struct place *)context)->value;
}

/* "12 17.5-name": number, value and text; without the dash there is no text. */
static void write_place(const struct search *search, struct game_session *session, char out[PAGE_BEHIND_BYTES])
{
	bool is_number = search->has_sort && !ringcast_filter_sort_is_text(&search->sort);
	const char *text = search->has_sort && !is_number ? text_of(session, search->sort.operand, search->sort.key) : NULL;
	snprintf(out, PAGE_BEHIND_BYTES, "%" PRIu64 " %.17g%s%.*s", session->number, is_number ? number_of(session, search->sort.operand) : 0.0,
		 text != NULL ? "-" : "", FILTER_SORT_BYTES, text != NULL ? text : "");
}

static struct place read_place(const char *behind)
{
	char *end;
	struct place place = {.number = strtoull(behind, &end, 10)};
	place.value = strtod(end, &end);
	place.text = *end == '-' ? end + 1 : NULL;
	return place;
}

static bool is_behind(const struct search *search, struct game_session *session, const struct place *place)
{
	struct filter_subject subject = subject_of(session), there = {(void *)place, text_of_place, number_of_place};
	int order = search->has_sort ? ringcast_filter_sort_compare(&search->sort, &subject, &there) : 0;
	return order > 0 || (order == 0 && session->number > place->number);
}

static void take_found(struct search *search, struct game_session *session)
{
	size_t place = 0, end = search->count;
	if (search->count == search->count_max && !is_before(search, session, search->found[search->count - 1]))
		return;
	while (place < end) {
		size_t middle = (place + end) / 2;
		if (is_before(search, session, search->found[middle]))
			end = middle;
		else
			place = middle + 1;
	}
	size_t last = search->count < search->count_max ? search->count++ : search->count_max - 1;
	memmove(&search->found[place + 1], &search->found[place], (last - place) * sizeof(search->found[0]));
	search->found[place] = session;
}

static void find_all(struct model *model, const struct wish *wish, struct search *search, const struct place *behind)
{
	const struct session_order *order = order_of(model, wish);
	struct game_session *session;
	size_t at = 0;
	while ((session = next_wished(order, wish, &at)) != NULL) {
		struct filter_subject subject = subject_of(session);
		if ((!search->has_filter || ringcast_filter_passes(&search->filter, &subject)) &&
		    (behind == NULL || is_behind(search, session, behind)))
			take_found(search, session);
	}
}

static void answer_search(struct model *model, struct request *request, const struct search *search, const struct page *page)
{
	json_t *output = json_object(), *list = json_array();
	for (size_t i = 0; i < search->count && i < page->limit; i++)
		json_array_append_new(list, ringcast_model_show_session(model, search->found[i]));
	if (search->count > page->limit) {
		char text[PAGE_BEHIND_BYTES];
		write_place(search, search->found[page->limit - 1], text);
		ringcast_page_continue(page, text, output);
	}
	json_object_set_new(output, "GameSessions", list);
	ringcast_request_answer(request, output);
}

void ringcast_operation_SearchGameSessions(struct model *model, struct request *request)
{
	struct wish wish = {.location = ringcast_request_text(request, "Location"), .has_status = true, .status = GAME_SESSION_ACTIVE};
	struct page page;
	json_t *fleet;
	wish.fleet_id = ringcast_fleet_of(model, request, &fleet);
	wish.fleet_bytes = wish.fleet_id != NULL ? strlen(wish.fleet_id) : 0;
	if (wish.fleet_id == NULL || !ringcast_page_begin(request, SEARCH_LIMIT, SEARCH_LIMIT, &page))
		return;
	struct search *search = calloc(1, sizeof(*search));
	if (search == NULL) {
		ringcast_request_refuse_memory(request);
		return;
	}
	if (read_search(request, search)) {
		struct place behind = read_place(page.behind);
		search->count_max = page.limit + 1;
		find_all(model, &wish, search, *page.behind != '\0' ? &behind : NULL);
		answer_search(model, request, search, &page);
	}
	free(search);
}

/* Changing */

/* From the call, since the request may have been given up before the host answered. */
static bool take_update(struct game_session *session, const struct host_call *call)
{
	json_t *shown = ringcast_game_facts_show(session->facts);
	const char *protection = json_string_value(json_object_get(call->facts, "ProtectionPolicy"));
	struct game_facts *facts = json_object_update(shown, call->facts) == 0 ? ringcast_game_facts_pack(shown) : NULL;
	json_decref(shown);
	if (facts == NULL)
		return false;
	if (call->has_policy)
		session->is_deny_all = call->is_deny_all;
	if (protection != NULL)
		session->is_protected = strcmp(protection, "FullProtection") == 0;
	if (call->players_max != 0)
		session->players_max = call->players_max;
	free(session->facts);
	session->facts = facts;
	return true;
}

static void updated(struct model *model, struct host_call *call)
{
	struct request *request = call->request;
	struct game_session *session = ringcast_game_session_of_host(&model->sessions, call->session);
	bool is_taken = call->result == HOST_OK && session != NULL && take_update(session, call);
	if (request == NULL)
		return;
	if (is_taken)
		answer_session(model, request, session);
	else if (call->result == HOST_OK && session != NULL)
		ringcast_request_refuse_memory(request);
	else if (call->result == HOST_OK || call->result == HOST_NOT_FOUND)
		ringcast_request_refuse(request, FAULT_SESSION_STATUS, "update the session: it has ended");
	else
		refuse_host(request, call, "update the session");
}

void ringcast_operation_UpdateGameSession(struct model *model, struct request *request)
{
	struct game_session *session = session_of(model, request);
	if (session == NULL || !is_size_right(model, request))
		return;
	if (session->status != GAME_SESSION_ACTIVE) {
		ringcast_request_refuse(request, FAULT_SESSION_STATUS, "the session is %s, not ACTIVE", ringcast_game_session_status_name(session->status));
		return;
	}
	static const char *const names[] = {"Name", "GameProperties", "ProtectionPolicy", NULL};
	json_t *shared = ringcast_change_merge(NULL, request, names), *changed = json_deep_copy(shared); /* the call goes to another thread */
	json_decref(shared);
	struct host_call *call = ringcast_request_call(model, request, HOST_UPDATE, session, updated);
	if (call != NULL && changed == NULL) {
		ringcast_request_call_drop(request, call);
	} else if (call == NULL) {
		json_decref(changed);
	} else {
		call->facts = changed;
		const char *policy = ringcast_request_text(request, "PlayerSessionCreationPolicy");
		call->players_max = (uint32_t)ringcast_request_number(request, "MaximumPlayerSessionCount", 0);
		call->has_policy = *policy != '\0';
		call->is_deny_all = strcmp(policy, "DENY_ALL") == 0;
	}
}

static void ended(struct model *model, struct host_call *call)
{
	struct request *request = call->request;
	struct game_session *session = ringcast_game_session_of_host(&model->sessions, call->session);
	if (session != NULL && call->result == HOST_NOT_FOUND)
		ringcast_game_session_move(&model->sessions, session, GAME_SESSION_TERMINATED, session->status_reason, model->now_ms);
	if (request == NULL)
		return;
	if (session != NULL && (call->result == HOST_OK || call->result == HOST_NOT_FOUND))
		answer_session(model, request, session);
	else
		refuse_host(request, call, "terminate the session");
}

/* Where a studio's own machine runs the process, nobody here can kill it. */
static bool may_force(struct model *model, struct request *request, const struct game_session *session)
{
	char fleet_id[MODEL_ID_BYTES * 4];
	snprintf(fleet_id, sizeof(fleet_id), "%.*s", (int)session->fleet_bytes, session->key);
	const json_t *fleet = ringcast_records_find(&model->records, RECORD_FLEET, fleet_id);
	if (session->host != MODEL_HOST_CUSTOM || ringcast_fleet_has_build(fleet))
		return true;
	ringcast_request_refuse(request, FAULT_INVALID, "TerminationMode: FORCE_TERMINATE needs a fleet with a build; use TRIGGER_ON_PROCESS_TERMINATE");
	return false;
}

void ringcast_operation_TerminateGameSession(struct model *model, struct request *request)
{
	struct game_session *session = session_of(model, request);
	bool is_forced = strcmp(ringcast_request_text(request, "TerminationMode"), "FORCE_TERMINATE") == 0;
	if (session == NULL)
		return;
	if (session->status == GAME_SESSION_ERROR || session->status == GAME_SESSION_TERMINATED || *session->host_session == '\0') {
		ringcast_request_refuse(request, FAULT_SESSION_STATUS, "the session is %s", ringcast_game_session_status_name(session->status));
		return;
	}
	if (is_forced && !may_force(model, request, session))
		return;
	struct host_call *call = ringcast_request_call(model, request, HOST_END, session, ended);
	if (call == NULL)
		return;
	call->is_forced = is_forced;
	ringcast_game_session_move(&model->sessions, session, GAME_SESSION_TERMINATING, is_forced ? "FORCE_TERMINATED" : "TRIGGERED_ON_PROCESS_TERMINATE",
				   model->now_ms);
}

void ringcast_operation_GetGameSessionLogUrl(struct model *model, struct request *request)
{
	char path[LOG_URL_PATH_BYTES];
	const struct game_session *session = session_of(model, request);
	if (session == NULL)
		return;
	if (!model->settings.has_session_logs) {
		ringcast_request_refuse(request, FAULT_INVALID, "no logs are kept here: set service.session_logs");
		return;
	}
	if (session->host != MODEL_HOST_ENGINE || *session->host_session == '\0') {
		ringcast_request_refuse(request, FAULT_INVALID, "the session has no log here: custom game servers write their own");
		return;
	}
	ringcast_log_url_path(model->settings.log_secret, session->host_session, model->now_ms / 1000 + LOG_URL_LIFETIME_S, path);
	ringcast_request_answer_with(request, "PreSignedUrl", json_sprintf("%s%s", model->settings.log_endpoint, path));
}
