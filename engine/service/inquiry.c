#include "service/inquiry.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/pause.h"
#include "service/outside.h"

enum { TURN_MS = 100 };

/* Who leaves before it is answered leaves it to the loop's thread. */
struct inquiry {
	struct request request;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_done, is_left;
};

static void inquiry_free(struct inquiry *inquiry)
{
	json_decref(inquiry->request.input);
	json_decref(inquiry->request.output);
	pthread_mutex_destroy(&inquiry->lock);
	pthread_cond_destroy(&inquiry->changed);
	free(inquiry);
}

/* The loop's thread */

static void answer(struct request *request)
{
	struct inquiry *inquiry = request->context;
	pthread_mutex_lock(&inquiry->lock);
	inquiry->is_done = true;
	bool is_left = inquiry->is_left;
	pthread_cond_signal(&inquiry->changed);
	pthread_mutex_unlock(&inquiry->lock);
	if (is_left)
		inquiry_free(inquiry);
}

/* The asker's */

/* Takes the input. NULL: no memory, or none is taken; nobody asks. */
static struct inquiry *post(struct loop *loop, const struct operation *operation, json_t *input)
{
	struct inquiry *inquiry = calloc(1, sizeof(*inquiry));
	if (inquiry == NULL) {
		json_decref(input);
		return NULL;
	}
	pthread_mutex_init(&inquiry->lock, NULL);
	pthread_cond_init(&inquiry->changed, NULL);
	inquiry->request = (struct request){.role = ROLE_OPERATOR, .operation = operation, .input = input, .done = answer, .context = inquiry};
	if (inquiry->request.input != NULL && ringcast_loop_ask(loop, &inquiry->request))
		return inquiry;
	inquiry_free(inquiry);
	return NULL;
}

static uint64_t now_ns(void)
{
	return (uint64_t)ringcast_outside_steady_ms() * NS_PER_MS;
}

/* Under the lock: until something changes, or the turn is over. */
static void wait_turn(struct inquiry *inquiry)
{
	uint64_t end_ns = now_ns() + TURN_MS * NS_PER_MS;
	const struct timespec end = {.tv_sec = (time_t)(end_ns / NS_PER_S), .tv_nsec = (long)(end_ns % NS_PER_S)};
	pthread_cond_clockwait(&inquiry->changed, &inquiry->lock, CLOCK_MONOTONIC, &end);
}

/* False: it is the loop's from now on. */
static bool await(struct inquiry *inquiry, uint64_t patience_ns)
{
	uint64_t before_ns = now_ns();
	bool is_patient = true;
	pthread_mutex_lock(&inquiry->lock);
	while (!inquiry->is_done && is_patient) {
		wait_turn(inquiry);
		uint64_t after_ns = now_ns();
		is_patient = ringcast_pause_spend(&patience_ns, after_ns - before_ns, TURN_MS * NS_PER_MS);
		before_ns = after_ns;
	}
	bool is_done = inquiry->is_done;
	inquiry->is_left = !is_done;
	pthread_mutex_unlock(&inquiry->lock);
	return is_done;
}

json_t *ringcast_inquiry_ask(struct loop *loop, const struct operation *operation, json_t *input, uint32_t wait_ms, char problem[INQUIRY_PROBLEM_BYTES])
{
	struct inquiry *inquiry = post(loop, operation, input);
	json_t *output = NULL;
	if (inquiry == NULL) {
		snprintf(problem, INQUIRY_PROBLEM_BYTES, "too many requests wait, or the service stops");
		return NULL;
	}
	if (!await(inquiry, wait_ms * NS_PER_MS)) {
		snprintf(problem, INQUIRY_PROBLEM_BYTES, "the service does not answer");
		return NULL;
	}
	if (inquiry->request.fault == FAULT_NONE)
		output = json_incref(inquiry->request.output);
	else
		snprintf(problem, INQUIRY_PROBLEM_BYTES, "%.300s", inquiry->request.message);
	inquiry_free(inquiry);
	return output;
}
