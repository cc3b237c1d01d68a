#include "service/operations/scaling.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/model/fleet_event.h"
#include "service/operations/placing.h"

/* A target wants less for this many minutes before anything is taken away. */
enum { SCALE_IN_PERIODS = 10 };

struct policy_state {
	char *id;
	bool is_seen;	       /* in this evaluation */
	uint32_t streak;       /* evaluations in a row that the threshold was passed; of a target, that it wanted less */
	int64_t rests_until_ms;
	int64_t wanted_most[2]; /* of a target's streak: the most that it wanted of instances and of processes */
};

struct told {
	char fleet[MODEL_ID_BYTES];
	int64_t desired;
};

struct scaling {
	struct policy_state *states;
	size_t state_count;
	struct told *told;
	size_t told_count;
	int64_t next_ms;
	bool has_begun;
};

/* What becomes of one fleet in an evaluation. */
struct fleet_change {
	int64_t desired, processes; /* processes: -1 is as many as there may be */
	char reason[SCALING_REASON_BYTES];
};

struct scaling *ringcast_scaling_create(void)
{
	return calloc(1, sizeof(struct scaling));
}

void ringcast_scaling_destroy(struct scaling **scaling)
{
	if (*scaling == NULL)
		return;
	for (size_t i = 0; i < (*scaling)->state_count; i++)
		free((*scaling)->states[i].id);
	free((*scaling)->states);
	free((*scaling)->told);
	free(*scaling);
	*scaling = NULL;
}

/* States of policies */

/* NULL: out of memory. */
static struct policy_state *state_of(struct scaling *scaling, const char *id)
{
	for (size_t i = 0; i < scaling->state_count; i++)
		if (strcmp(scaling->states[i].id, id) == 0)
			return &scaling->states[i];
	struct policy_state *grown = reallocarray(scaling->states, scaling->state_count + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	scaling->states = grown;
	struct policy_state *state = &grown[scaling->state_count];
	*state = (struct policy_state){.id = strdup(id)};
	if (state->id == NULL)
		return NULL;
	scaling->state_count++;
	return state;
}

static void forget_unseen(struct scaling *scaling)
{
	size_t kept = 0;
	for (size_t i = 0; i < scaling->state_count; i++) {
		struct policy_state *state = &scaling->states[i];
		if (!state->is_seen) {
			free(state->id);
			continue;
		}
		state->is_seen = false;
		scaling->states[kept++] = *state;
	}
	scaling->state_count = kept;
}

/* Rules */

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

static bool is_beyond(double value, const char *comparison, double threshold)
{
	if (strcmp(comparison, "GreaterThanThreshold") == 0)
		return value > threshold;
	if (strcmp(comparison, "GreaterThanOrEqualToThreshold") == 0)
		return value >= threshold;
	if (strcmp(comparison, "LessThanThreshold") == 0)
		return value < threshold;
	return value <= threshold;
}

/* Rules follow one another, each from what the one before has asked for: none of them leaves what a number of hosts can be. */
static int64_t within_reach(double wished)
{
	return wished > INT32_MAX ? INT32_MAX : wished < INT32_MIN ? INT32_MIN : (int64_t)wished;
}

static int64_t adjusted(const json_t *policy, int64_t desired)
{
	int64_t by = json_integer_value(json_object_get(policy, "ScalingAdjustment"));
	const char *type = text_of(policy, "ScalingAdjustmentType");
	if (strcmp(type, "ExactCapacity") == 0)
		return within_reach((double)by);
	if (strcmp(type, "ChangeInCapacity") == 0)
		return within_reach((double)desired + (double)by);
	/* Percent: at least one, in its direction. */
	double change = (double)desired * (double)by / 100;
	return within_reach((double)desired + (change > 0 ? ceil(change) : floor(change)));
}

/* QueueDepth and WaitTime (seconds, of the one that has waited longest) are of the queues that lead to the fleet. False: it cannot be told here. */
static bool metric_of(const struct model *model, const char *fleet_id, const struct fleet_figures *figures, const char *name, double *ret_value)
{
	uint32_t depth;
	int64_t oldest_ms;
	bool is_depth = strcmp(name, "QueueDepth") == 0;
	if (!is_depth && strcmp(name, "WaitTime") != 0)
		return ringcast_fleet_metric(figures, name, ret_value);
	ringcast_placing_fleet_waits(model, fleet_id, &depth, &oldest_ms);
	*ret_value = is_depth ? (double)depth : (double)oldest_ms / 1e3;
	return true;
}

/* A fleet at the time of an evaluation. */
struct look {
	const struct model *model;
	const char *fleet_id;
	struct fleet_figures figures;
	int64_t now_ms;
};

static void apply_rule(struct policy_state *state, const json_t *policy, const struct look *look, struct fleet_change *change)
{
	const char *metric = text_of(policy, "MetricName"), *comparison = text_of(policy, "ComparisonOperator");
	double threshold = json_number_value(json_object_get(policy, "Threshold")), value;
	if (!metric_of(look->model, look->fleet_id, &look->figures, metric, &value) || !is_beyond(value, comparison, threshold)) {
		state->streak = 0;
		return;
	}
	state->streak++;
	if (state->streak < (uint32_t)json_integer_value(json_object_get(policy, "EvaluationPeriods")) || look->now_ms < state->rests_until_ms)
		return;
	state->rests_until_ms = look->now_ms + SCALING_REST_MS;
	change->desired = adjusted(policy, change->desired);
	snprintf(change->reason, sizeof(change->reason), "policy %.80s: %s is %g, %s %g for %" PRIu32 " min", text_of(policy, "Name"), metric, value, comparison, threshold,
		 state->streak);
	state->streak = 0;
}

/* Targets */

/* How many units there must be, so that of what they hold together so much is free; at least one, so that there is anything to be had. */
static int64_t needed(size_t used, double per_unit, double free_percent)
{
	double whole = (double)used / (1 - (free_percent < 99 ? free_percent : 99) / 100);
	double units = per_unit > 0 ? ceil(whole / per_unit - 1e-9) : 1;
	return units < 1 ? 1 : units > INT32_MAX ? INT32_MAX : (int64_t)units;
}

/* More at once; less only when it was enough for a while, and then as much as was needed at most in that while. */
static void apply_target(struct policy_state *state, const json_t *policy, const struct fleet_figures *figures, struct fleet_change *change)
{
	double target = json_number_value(json_object_get(json_object_get(policy, "TargetConfiguration"), "TargetValue"));
	double held = (double)(figures->sessions + figures->available);
	int64_t wanted[2] = {needed(figures->sessions, figures->instances > 0 ? held / (double)figures->instances : 0, target),
			     needed(figures->sessions, 1, target)};
	int64_t now[2] = {change->desired, change->processes < 0 ? INT64_MAX : change->processes};
	if (!figures->is_custom)
		wanted[1] = now[1]; /* sessions of scripts need no processes */
	bool is_more = wanted[0] > now[0] || wanted[1] > now[1], is_less = wanted[0] < now[0] || wanted[1] < now[1];
	for (size_t i = 0; i < 2; i++)
		state->wanted_most[i] = state->streak == 0 || wanted[i] > state->wanted_most[i] ? wanted[i] : state->wanted_most[i];
	state->streak = is_less ? state->streak + 1 : 0;
	bool is_over = state->streak >= SCALE_IN_PERIODS;
	if (!is_more && !is_over)
		return;
	change->desired = is_over ? state->wanted_most[0] : wanted[0] > now[0] ? wanted[0] : now[0];
	if (figures->is_custom && (is_over || wanted[1] > now[1]))
		change->processes = is_over ? state->wanted_most[1] : wanted[1];
	snprintf(change->reason, sizeof(change->reason), "policy %.80s: %.0f %% of game sessions are available, the target is %g %%", text_of(policy, "Name"),
		 ringcast_fleet_percent_available(figures), target);
	state->streak = 0;
}

/* Fleets */

static bool is_stopped(const json_t *fleet)
{
	size_t i;
	json_t *action;
	json_array_foreach(json_object_get(fleet, "StoppedActions"), i, action)
		if (strcmp(json_string_value(action), "AUTO_SCALING") == 0)
			return true;
	return false;
}

static json_int_t processes_of(const json_t *fleet)
{
	const json_t *wanted = json_object_get(json_object_get(fleet, "Capacity"), "WantedProcesses");
	return json_is_integer(wanted) ? json_integer_value(wanted) : -1;
}

static void put_capacity(struct model *model, const char *fleet_id, const struct fleet_change *change)
{
	const json_t *old = ringcast_records_find(&model->records, RECORD_FLEET, fleet_id);
	json_t *fleet = json_copy((json_t *)old), *before = json_object_get(old, "Capacity"), *capacity = before != NULL ? json_copy(before) : json_object();
	bool is_whole = json_object_set_new(capacity, "DesiredInstances", json_integer(change->desired)) == 0 &&
			json_object_set_new(capacity, "Reason", json_string(change->reason)) == 0;
	json_object_del(capacity, "WantedProcesses");
	if (is_whole && change->processes >= 0)
		is_whole = json_object_set_new(capacity, "WantedProcesses", json_integer(change->processes)) == 0;
	is_whole = json_object_set_new(fleet, "Capacity", capacity) == 0 && is_whole;
	if (is_whole)
		ringcast_records_put(&model->records, RECORD_FLEET, fleet_id, fleet); /* where memory is short, the next minute tries again */
	else
		json_decref(fleet);
}

/* Policies are filed as "fleet/name". */
static bool is_policy_of(const struct record *policy, const char *fleet_id)
{
	size_t size = strlen(fleet_id);
	return strncmp(policy->id, fleet_id, size) == 0 && policy->id[size] == '/';
}

static const struct record *first_policy(const struct model *model, const char *fleet_id)
{
	char before[MODEL_ID_BYTES + 2];
	snprintf(before, sizeof(before), "%s/", fleet_id);
	const struct record *policy = ringcast_records_next(&model->records, RECORD_POLICY, before);
	return policy != NULL && is_policy_of(policy, fleet_id) ? policy : NULL;
}

static void evaluate_fleet(struct scaling *scaling, struct model *model, const struct record *record, int64_t now_ms)
{
	char id[MODEL_ID_BYTES];
	const struct record *policy = first_policy(model, record->id);
	bool has_target = false;
	if ((policy == NULL && processes_of(record->document) < 0) || is_stopped(record->document))
		return;
	snprintf(id, sizeof(id), "%s", record->id);
	const struct look look = {model, id, ringcast_fleet_figures(model, record->document), now_ms};
	const struct fleet_figures figures = look.figures;
	struct fleet_change change = {.desired = figures.desired, .processes = processes_of(record->document)};
	int64_t processes = change.processes;
	for (; policy != NULL && is_policy_of(policy, id); policy = ringcast_records_next(&model->records, RECORD_POLICY, policy->id)) {
		struct policy_state *state = state_of(scaling, policy->id);
		if (state == NULL)
			continue; /* out of memory: the next minute tries again */
		state->is_seen = true;
		bool is_target = strcmp(text_of(policy->document, "PolicyType"), "TargetBased") == 0;
		has_target = has_target || is_target;
		if (is_target)
			apply_target(state, policy->document, &figures, &change);
		else
			apply_rule(state, policy->document, &look, &change);
	}
	if (!has_target)
		change.processes = -1; /* it was removed: all of them run again */
	change.desired = change.desired > figures.high ? figures.high : change.desired < figures.low ? figures.low : change.desired;
	if (change.desired == figures.desired && change.processes == processes)
		return;
	put_capacity(model, id, &change);
	if (change.desired != figures.desired)
		ringcast_fleet_event_note(model, id, "FLEET_SCALING_EVENT", "the wished number of hosts goes from %" PRId64 " to %" PRId64 ": %s", figures.desired,
					  change.desired, change.reason);
}

void ringcast_scaling_evaluate(struct scaling *scaling, struct model *model, int64_t now_ms)
{
	char id[MODEL_ID_BYTES] = "";
	if (scaling->has_begun && now_ms < scaling->next_ms)
		return;
	scaling->next_ms = now_ms + SCALING_PERIOD_MS;
	if (!scaling->has_begun) { /* hosts have not told yet what they run */
		scaling->has_begun = true;
		return;
	}
	const struct record *fleet;
	while ((fleet = ringcast_records_next(&model->records, RECORD_FLEET, id)) != NULL) {
		snprintf(id, sizeof(id), "%s", fleet->id);
		evaluate_fleet(scaling, model, fleet, now_ms);
	}
	forget_unseen(scaling);
}

int64_t ringcast_scaling_next_ms(const struct scaling *scaling)
{
	return scaling->has_begun ? scaling->next_ms : 0;
}

/* Telling */

static struct told *told_of(struct scaling *scaling, const char *fleet_id)
{
	for (size_t i = 0; i < scaling->told_count; i++)
		if (strcmp(scaling->told[i].fleet, fleet_id) == 0)
			return &scaling->told[i];
	return NULL;
}

static struct told *told_new(struct scaling *scaling, const char *fleet_id)
{
	struct told *grown = reallocarray(scaling->told, scaling->told_count + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	scaling->told = grown;
	struct told *told = &grown[scaling->told_count++];
	*told = (struct told){.desired = 1}; /* what a fleet has that nobody has said anything of */
	snprintf(told->fleet, sizeof(told->fleet), "%s", fleet_id);
	return told;
}

bool ringcast_scaling_hear(struct scaling *scaling, const char *fleet_id, const json_t *fleet, bool is_first, struct scaling_decision *ret_decision)
{
	const json_t *capacity = json_object_get(fleet, "Capacity"), *desired = json_object_get(capacity, "DesiredInstances");
	struct told *told = told_of(scaling, fleet_id);
	if (fleet == NULL && told != NULL)
		*told = scaling->told[--scaling->told_count];
	if (!json_is_integer(desired) || (told == NULL && (told = told_new(scaling, fleet_id)) == NULL))
		return false;
	bool is_new = told->desired != json_integer_value(desired) && !is_first;
	told->desired = json_integer_value(desired);
	if (!is_new)
		return false;
	*ret_decision = (struct scaling_decision){.desired = told->desired};
	snprintf(ret_decision->fleet, sizeof(ret_decision->fleet), "%s", fleet_id);
	const char *reason = text_of(capacity, "Reason");
	snprintf(ret_decision->reason, sizeof(ret_decision->reason), "%s", *reason != '\0' ? reason : "UpdateFleetCapacity");
	return true;
}
