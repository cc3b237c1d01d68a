/* A host for tests: keeps every call until the test answers it, in any order, and a loop without threads around it. */
#ifndef RINGCAST_TESTS_SERVICE_RIG_H
#define RINGCAST_TESTS_SERVICE_RIG_H

#include "service/loop.h"

struct rig {
	struct host host;
	struct list_node calls; /* submitted and not answered, oldest first */
	struct store *store;
	struct loop *loop;
	int64_t now_ms;
	uint32_t done_count;
};

struct rig_options {
	bool is_dev;
	/* of the loop; emit NULL: nobody wants to hear what happens */
	void (*emit)(void *context, struct service_event *event);
	bool (*emit_to)(void *context, const char *url, struct service_event *event);
	void (*scaled)(void *context, const struct scaling_decision *decision);
	uint64_t (*running_ns)(void *context);
};

void rig_init(struct rig *rig, bool is_dev);
void rig_init_with(struct rig *rig, const struct rig_options *options);
/* Another one on the same store, for a restart. NULL: problem says why. */
struct loop *rig_loop(struct rig *rig, const struct rig_options *given, char problem[STORE_PROBLEM_BYTES]);
void rig_fini(struct rig *rig);
void rig_turn(struct rig *rig); /* until there is nothing left to do */

/* A request whose answer the rig keeps; free it with rig_free. input: JSON. */
struct request *rig_ask(struct rig *rig, const char *operation, const char *input);
void rig_free(struct request *request);
/* Asks, turns, answers every call with OK (and the next session name), turns again. */
struct request *rig_run(struct rig *rig, const char *operation, const char *input);
struct host_call *rig_take_call(struct rig *rig); /* NULL: none waits */
void rig_answer(struct rig *rig, struct host_call *call, enum host_result result);
/* The output's member as text; for paths of members with dots between, numbers for elements. "" where there is none. */
const char *rig_text(const struct request *request, const char *path);

/* A game session of fleet-1 by this idempotency token; its id, until the next one is made. */
const char *rig_session(struct rig *rig, const char *token, uint32_t players_max);
void rig_expect_fault(struct request *request, enum fault fault); /* frees it */

#endif
