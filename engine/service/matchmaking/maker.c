/*
 * Configurations at work. A configuration is read when somebody needs it, and again when its record is another one than it was read from, so nobody has to
 * be told of changes that the store refused. Its pool is made anew then: who waits goes over with their age, who is in a match stays until it has ended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/matchmaking/private.h"

struct maker *ringcast_maker_find(const struct matchmaking *matchmaking, const char *name)
{
	for (struct list_node *node = matchmaking->makers.next; node != &matchmaking->makers; node = node->next) {
		struct maker *maker = CONTAINER_OF(node, struct maker, node);
		if (strcmp(maker->name, name) == 0)
			return maker;
	}
	return NULL;
}

struct ground *ringcast_maker_ground(const struct maker *maker)
{
	return ringcast_list_is_empty(&maker->grounds) ? NULL : CONTAINER_OF(maker->grounds.next, struct ground, node);
}

bool ringcast_maker_is_standalone(const json_t *configuration)
{
	const char *mode = json_string_value(json_object_get(configuration, "FlexMatchMode"));
	return mode != NULL && strcmp(mode, "STANDALONE") == 0;
}

/* Grounds */

static void ground_destroy(struct matchmaking *matchmaking, struct ground *ground)
{
	if (matchmaking->turn_of == ground)
		matchmaking->turn_of = NULL;
	ringcast_list_remove(&ground->node);
	ringcast_match_pool_destroy(&ground->pool);
	ringcast_match_rule_set_destroy(&ground->rule_set);
	json_decref(ground->configuration);
	free(ground->by_slot);
	free(ground->effects);
	free(ground);
}

static uint64_t seconds_of(const json_t *configuration, const char *name)
{
	return (uint64_t)json_number_value(json_object_get(configuration, name)) * 1000000000u;
}

static struct match_pool *new_pool(struct matchmaking *matchmaking, const struct match_rule_set *rule_set, const json_t *configuration)
{
	const struct match_pool_options options = {
		.seed = ringcast_prng_next(&matchmaking->model->prng),
		.tickets_max = matchmaking->model->settings.match_tickets_max,
		.request_timeout_ns = seconds_of(configuration, "RequestTimeoutSeconds"),
		.acceptance_timeout_ns =
			json_is_true(json_object_get(configuration, "AcceptanceRequired")) ? seconds_of(configuration, "AcceptanceTimeoutSeconds") : 0,
	};
	return ringcast_match_pool_create(rule_set, &options);
}

static struct match_rule_set *read_rule_set(struct matchmaking *matchmaking, const json_t *configuration, char problem[MATCHMAKING_PROBLEM_BYTES])
{
	char why[DOCUMENT_PROBLEM_BYTES] = "";
	const char *name = json_string_value(json_object_get(configuration, "RuleSetName"));
	const json_t *record = name == NULL ? NULL : ringcast_records_find(&matchmaking->model->records, RECORD_RULE_SET, name);
	const char *body = json_string_value(json_object_get(record, "RuleSetBody"));
	struct match_rule_set *rule_set =
		body == NULL ? NULL : ringcast_match_rule_set_create(body, strlen(body), ringcast_prng_next(&matchmaking->model->prng), why);
	if (rule_set == NULL)
		snprintf(problem, MATCHMAKING_PROBLEM_BYTES, "the rule set %.128s %s%.150s", name != NULL ? name : "", body == NULL ? "is not there" : "is wrong: ", why);
	return rule_set;
}

/* AdditionalPlayerCount; more than any match has are as many as a match has. */
static uint16_t places_kept_open(const json_t *configuration)
{
	json_int_t count = json_integer_value(json_object_get(configuration, "AdditionalPlayerCount"));
	return count < UINT16_MAX ? (uint16_t)count : UINT16_MAX;
}

/* Before the others. NULL: problem says why. */
static struct ground *open_ground(struct matchmaking *matchmaking, struct maker *maker, json_t *configuration, char problem[MATCHMAKING_PROBLEM_BYTES])
{
	struct ground *ground = calloc(1, sizeof(*ground));
	if (ground != NULL)
		ground->rule_set = read_rule_set(matchmaking, configuration, problem);
	else
		snprintf(problem, MATCHMAKING_PROBLEM_BYTES, "out of memory");
	if (ground != NULL && ground->rule_set != NULL) {
		ground->players_max = ground->rule_set->players_max;
		if (!ringcast_maker_is_standalone(configuration))
			ringcast_match_rule_set_keep_open(ground->rule_set, places_kept_open(configuration));
	}
	if (ground != NULL && ground->rule_set != NULL) {
		ground->pool = new_pool(matchmaking, ground->rule_set, configuration);
		ground->effects = calloc(MATCH_EFFECTS_A_TICKET * (size_t)matchmaking->model->settings.match_tickets_max, sizeof(*ground->effects));
		if (ground->pool == NULL || ground->effects == NULL)
			snprintf(problem, MATCHMAKING_PROBLEM_BYTES, "out of memory");
	}
	if (ground == NULL || ground->pool == NULL || ground->effects == NULL) {
		if (ground != NULL) {
			ringcast_match_pool_destroy(&ground->pool);
			ringcast_match_rule_set_destroy(&ground->rule_set);
			free(ground->effects);
		}
		free(ground);
		return NULL;
	}
	ground->maker = maker;
	ground->configuration = json_incref(configuration);
	ground->next_round_ms = INT64_MAX;
	ringcast_list_add_tail(maker->grounds.next, &ground->node); /* that is, at the head */
	return ground;
}

void ringcast_ground_wake(struct matchmaking *matchmaking, struct ground *ground)
{
	int64_t soonest_ms = ground->round_began_ms + matchmaking->model->settings.match_round_ms, now_ms = matchmaking->model->steady_ms;
	ground->is_dirty = true;
	soonest_ms = soonest_ms > now_ms ? soonest_ms : now_ms;
	if (ground->next_round_ms > soonest_ms)
		ground->next_round_ms = soonest_ms;
}

void ringcast_ground_close_empty(struct matchmaking *matchmaking, struct maker *maker)
{
	struct list_node *node = maker->grounds.next;
	while (node != &maker->grounds) {
		struct ground *ground = CONTAINER_OF(node, struct ground, node);
		node = node->next;
		if (ground->ticket_count == 0 && ground != ringcast_maker_ground(maker))
			ground_destroy(matchmaking, ground);
	}
}

/* Makers */

static struct maker *maker_create(struct matchmaking *matchmaking, const char *name)
{
	struct maker *maker = calloc(1, sizeof(*maker));
	if (maker == NULL)
		return NULL;
	snprintf(maker->name, sizeof(maker->name), "%s", name);
	ringcast_list_init(&maker->grounds);
	ringcast_list_add_tail(&matchmaking->makers, &maker->node);
	return maker;
}

void ringcast_maker_close(struct matchmaking *matchmaking, struct maker *maker)
{
	while (!ringcast_list_is_empty(&maker->grounds))
		ground_destroy(matchmaking, ringcast_maker_ground(maker));
	ringcast_list_remove(&maker->node);
	free(maker);
}

struct maker *ringcast_maker_ensure(struct matchmaking *matchmaking, const char *name)
{
	struct maker *maker = ringcast_maker_find(matchmaking, name);
	return maker != NULL ? maker : maker_create(matchmaking, name);
}

/* Who waits goes over to the newest ground; whom its rules cannot take has failed. */
static void move_waiting(struct matchmaking *matchmaking, struct maker *maker)
{
	struct ground *newest = ringcast_maker_ground(maker);
	char problem[MATCHMAKING_PROBLEM_BYTES];
	struct list_node *node = matchmaking->live.next;
	while (node != &matchmaking->live) {
		struct ticket *ticket = CONTAINER_OF(node, struct ticket, node);
		node = node->next;
		bool is_waiting = ticket->state == MATCH_IS_QUEUED || ticket->state == MATCH_IS_SEARCHING;
		if (ticket->maker != maker || ticket->ground == NULL || ticket->ground == newest || !is_waiting)
			continue;
		ringcast_ticket_leave(matchmaking, ticket);
		if (!ringcast_ticket_enter(matchmaking, ticket, newest, problem)) {
			ringcast_ticket_end(matchmaking, ticket, MATCH_IS_FAILED, NULL);
			ringcast_news_ended(matchmaking, ticket);
		}
	}
	ringcast_ground_close_empty(matchmaking, maker);
}

struct maker *ringcast_maker_open(struct matchmaking *matchmaking, const char *name, char problem[MATCHMAKING_PROBLEM_BYTES])
{
	json_t *configuration = ringcast_records_find(&matchmaking->model->records, RECORD_MATCHMAKER, name);
	struct maker *maker = ringcast_maker_find(matchmaking, name);
	if (configuration == NULL) {
		snprintf(problem, MATCHMAKING_PROBLEM_BYTES, "there is no matchmaking configuration %.128s", name);
		return NULL;
	}
	if (maker == NULL)
		maker = maker_create(matchmaking, name);
	struct ground *ground = maker == NULL ? NULL : ringcast_maker_ground(maker);
	if (ground != NULL && ground->configuration == configuration)
		return maker;
	if (maker == NULL || open_ground(matchmaking, maker, configuration, problem) == NULL) {
		if (maker == NULL)
			snprintf(problem, MATCHMAKING_PROBLEM_BYTES, "out of memory");
		else if (ringcast_list_is_empty(&maker->grounds) && maker->live_count == 0)
			ringcast_maker_close(matchmaking, maker);
		return NULL;
	}
	move_waiting(matchmaking, maker);
	return maker;
}

/* Waits */

void ringcast_maker_note_wait(struct maker *maker, int64_t ms)
{
	maker->waits_ms[maker->wait_count++ % WAITS_KEPT] = ms;
}

bool ringcast_maker_estimate_ms(const struct maker *maker, int64_t *ret_ms)
{
	uint32_t count = maker->wait_count < WAITS_KEPT ? maker->wait_count : WAITS_KEPT;
	int64_t sum = 0;
	for (uint32_t i = 0; i < count; i++)
		sum += maker->waits_ms[i];
	if (count > 0)
		*ret_ms = sum / count;
	return count > 0;
}
