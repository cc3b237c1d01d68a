/*
 * What game servers say: lines are messages of one process, and numbers between them are time that passes and calls of the service. Whatever they
 * say, every request is answered once and with its own id, the counts of places are right, and what is saved can be read again.
 * What the service must answer is answered by a line of one letter, late or never, and then at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "service/hosts/server_sdk/core.h"

struct world {
	struct sdk_core core;
	struct sdk_link link;
	size_t sent_count;
	char session[HOST_ID_BYTES];
	uint64_t chance;
	struct list_node questions; /* that the service has not answered */
};

static void op_send(void *context, struct sdk_link *link, const char *text)
{
	struct world *world = context;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	ringcast_assert(json_is_object(json) && json_is_string(json_object_get(json, "Action")));
	world->sent_count += json_object_get(json, "RequestId") != NULL;
	json_decref(json);
}

static void op_close(void *context, struct sdk_link *link, uint16_t code, const char *reason)
{
}

static void op_give_back(void *context, struct host_call *call)
{
	struct world *world = context;
	if (call->kind == HOST_CREATE && call->result == HOST_OK)
		memcpy(world->session, call->session, sizeof(world->session));
	ringcast_host_call_destroy(&call);
}

static void op_tell(void *context, const struct host_event *event)
{
	json_decref(event->found);
}

static void op_random(void *context, void *out, size_t size)
{
	struct world *world = context;
	memset(out, 0, size);
	world->chance++;
	memcpy(out, &world->chance, size < sizeof(world->chance) ? size : sizeof(world->chance));
}

static bool op_is_own(void *context, const char *fleet_id, const char *process_id)
{
	return false;
}

static void op_stop(void *context, const char *process_id, int64_t notice_until_ms)
{
}

static void op_plan(void *context, const char *fleet_id, const char *folder, const json_t *runtime)
{
}

static void op_save(void *context, const struct sdk_process *process)
{
	json_t *saved = ringcast_sdk_process_save(process);
	struct sdk_process *again = ringcast_sdk_process_restore(saved);
	ringcast_assert(again != NULL && (again->session != NULL) == (process->session != NULL));
	if (again->session != NULL)
		ringcast_assert(again->session->place_count == process->session->place_count);
	ringcast_sdk_process_destroy(&again);
	json_decref(saved);
}

static bool op_ask(void *context, struct host_question *question)
{
	struct world *world = context;
	ringcast_assert(json_is_object(question->input));
	ringcast_list_add_tail(&world->questions, &question->node);
	return true;
}

static const struct sdk_core_ops ops = {op_send, op_close, op_give_back, op_tell, op_random, op_is_own, op_stop, op_plan, op_save, op_save, op_ask};

static void reply(struct world *world)
{
	if (ringcast_list_is_empty(&world->questions))
		return;
	struct host_question *question = CONTAINER_OF(world->questions.next, struct host_question, node);
	ringcast_list_remove(&question->node);
	question->status = 200;
	ringcast_sdk_core_take_answer(&world->core, question);
}

static void call(struct world *world, uint8_t choice)
{
	struct host_call *made = ringcast_host_call_create(choice % 4 == 0   ? HOST_CREATE
							   : choice % 4 == 1 ? HOST_RESERVE
							   : choice % 4 == 2 ? HOST_UPDATE
									     : HOST_END);
	memcpy(made->session, world->session, sizeof(made->session));
	if (made->kind == HOST_CREATE)
		made->facts = json_pack("{s:s, s:s}", "GameSessionId", "arn:1", "FleetId", "fleet-a");
	made->players_max = 3;
	if (made->kind == HOST_RESERVE)
		made->players[made->player_count++].player_id = strndup((const char *)&choice, 1);
	ringcast_sdk_core_submit(&world->core, made);
}

static void line(struct world *world, const uint8_t *data, size_t size)
{
	size_t before = world->sent_count;
	struct sdk_message message;
	char problem[SDK_PROBLEM_BYTES], *copy = malloc(size + 1); /* exactly as long, so that reading beyond it is noticed */
	if (size == 1) {
		free(copy);
		if (data[0] == 'r')
			reply(world);
		else
			call(world, data[0]);
		return;
	}
	memcpy(copy, data, size);
	bool is_request = ringcast_sdk_message_read(copy, size, &message, problem), is_connected = world->link.process != NULL;
	struct list_node *last = world->questions.prev;
	if (is_request)
		ringcast_sdk_message_free(&message);
	ringcast_sdk_core_hear(&world->core, &world->link, copy, size);
	bool is_asked = world->questions.prev != last; /* and answered later */
	ringcast_assert(world->sent_count - before == (is_request && is_connected && !is_asked ? 1 : 0));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = {0};
	const struct sdk_core_options options = {.ops = &ops, .context = &world, .ip_address = "1.2.3.4", .dns_name = "", .compute_name = "here", .endpoint = "ws://x",
						 .token_lifetime_s = 60, .health_timeout_ms = 100000, .terminate_timeout_ms = 1000, .processes_max = 2};
	const struct sdk_login login = {.fleet = "fleet-a", .compute = "c", .process = "p", .version = "5.4.0", .token_expires_ms = 100000};
	char problem[SDK_PROBLEM_BYTES];
	ringcast_list_init(&world.questions);
	bool is_ready = ringcast_sdk_core_init(&world.core, &options);
	ringcast_assert(is_ready);
	ringcast_sdk_core_learn(&world.core, "compute", "fleet-a/c", json_pack("{s:s}", "IpAddress", "1.2.3.4"));
	ringcast_sdk_core_learn(&world.core, "fleet", "fleet-a", json_pack("{s:s}", "ComputeType", "ANYWHERE"));
	ringcast_sdk_core_connect(&world.core, &world.link, &login, problem);
	for (const uint8_t *end = data + size; data < end;) {
		const uint8_t *newline = memchr(data, '\n', (size_t)(end - data)), *stop = newline != NULL ? newline : end;
		line(&world, data, (size_t)(stop - data));
		world.core.now_ms += 700;
		ringcast_sdk_core_tick(&world.core);
		ringcast_sdk_core_link_tick(&world.core, &world.link);
		data = stop + 1;
	}
	ringcast_sdk_core_closed(&world.core, &world.link);
	size_t sent_count = world.sent_count;
	while (!ringcast_list_is_empty(&world.questions))
		reply(&world);
	ringcast_assert(world.sent_count == sent_count); /* nobody is there any more */
	ringcast_sdk_core_fini(&world.core);
	return 0;
}
