/*
 * Queues and placements: whatever JSON asks for a queue and then for a placement in it is refused with a line or accepted; what was accepted waits, is tried
 * where a fleet is, or ends, and latencies and orders of locations only ever choose among the queue's own sites.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "service/operations/placing.h"
#include "service/operations/request.h"

static void done(struct request *request)
{
	(void)request;
}

/* True: accepted. Name and so on are put in, so that the two belong together. */
static bool ask(struct model *model, const char *operation, const json_t *from, const char *const names[][2])
{
	struct request request = {.operation = ringcast_operation_find(operation), .role = ROLE_OPERATOR, .done = done};
	request.input = json_is_object(from) ? json_deep_copy(from) : json_object();
	for (size_t i = 0; names[i][0] != NULL; i++)
		json_object_set_new(request.input, names[i][0], json_string(names[i][1]));
	ringcast_request_run(model, &request);
	ringcast_assert(request.is_answered && (request.fault == FAULT_NONE || request.message[0] != '\0'));
	if (request.fault != FAULT_NONE)
		ringcast_records_undo(&model->records, 0);
	json_decref(request.input);
	json_decref(request.output);
	return request.fault == FAULT_NONE;
}

/* As the loop does when a batch is on the disk. */
static void store(struct model *model)
{
	size_t count = model->records.change_count;
	for (size_t i = 0; i < count; i++) {
		struct record_change change = model->records.changes[i];
		json_incref(change.after);
		ringcast_placing_stored(model, &change);
		json_decref(change.after);
	}
	ringcast_records_settle(&model->records, count);
}

static void check_call(const struct model *model)
{
	size_t count = 0;
	for (const struct list_node *node = model->calls.next; node != &model->calls; node = node->next) {
		const struct host_call *call = CONTAINER_OF(node, struct host_call, node);
		ringcast_assert(call->kind == HOST_CREATE && strncmp(call->key, "fleet-", strlen("fleet-")) == 0);
		count++;
	}
	ringcast_assert(count <= 1 && count == model->sessions.live_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const queue_names[][2] = {{"Name", "q"}, {NULL, NULL}};
	static const char *const placement_names[][2] = {{"PlacementId", "p"}, {"GameSessionQueueName", "q"}, {NULL, NULL}};
	const struct model_settings settings = {.region = "local", .is_dev = true, .ip_address = "", .dns_name = "", .sessions_max = 2, .players_per_session_max = 64,
						.placements_max = 4, .ended_placements_max = 4};
	json_t *input = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
	struct model model;
	ringcast_model_init(&model, &settings, 1);
	ringcast_assert(ringcast_placing_init(&model));
	if (ask(&model, "CreateGameSessionQueue", json_array_get(input, 0), queue_names)) {
		store(&model);
		if (ask(&model, "StartGameSessionPlacement", json_array_get(input, 1), placement_names)) {
			store(&model);
			ringcast_placing_turn(&model);
			check_call(&model);
			for (int i = 0; i < 4; i++, model.running_ms = model.steady_ms += 7000)
				ringcast_placing_turn(&model);
			model.running_ms = model.steady_ms += 2 * 86400000ll;
			ringcast_placing_turn(&model);
			store(&model);
			ringcast_assert(!ringcast_placing_is_waiting(&model));
		}
	}
	ringcast_placing_fini(&model);
	ringcast_model_fini(&model);
	json_decref(input);
	return 0;
}
