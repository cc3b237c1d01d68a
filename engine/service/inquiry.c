#include "service/question.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/pause.h"
#include "service/outside.h"

enum { TURN_MS = 100 };

/* Who leaves before it is answered leaves it to the loop's thread. */
struct question {
	struct request request;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_done, is_left;
};

static void question_free(struct question *question)
{
	json_decref(question->request.input);
	json_decref(question->request.output);
	pthread_mutex_destroy(&question->lock);
	pthread_cond_destroy(&question->changed);
	free(question);
}

/* The loop's thread */

static void answer(struct request *request)
{
	struct question *question = request->context;
	pthread_mutex_lock(&question->lock);
	question->is_done = true;
	bool is_left = question->is_left;
	pthread_cond_signal(&question->changed);
	pthread_mutex_unlock(&question->lock);
	if (is_left)
		question_free(question);
}

/* The asker's */

/* Takes the input. NULL: no memory, or none is taken; nobody asks. */
static struct question *post(struct loop *loop, const struct operation *operation, json_t *input)
{
	struct question *question = calloc(1, sizeof(*question));
	if (question == NULL) {
		json_decref(input);
		return NULL;
	}
	pthread_mutex_init(&question->lock, NULL);
	pthread_cond_init(&question->changed, NULL);
	question->request = (struct request){.role = ROLE_OPERATOR, .operation = operation, .input = input, .done = answer, .context = question};
	if (question->request.input != NULL && ringcast_loop_ask(loop, &question->request))
		return question;
	question_free(question);
	return NULL;
}

static uint64_t now_ns(void)
{
	return (uint64_t)ringcast_outside_steady_ms() * NS_PER_MS;
}

/* Under the lock: until something changes, or the turn is over. */
static void wait_turn(struct question *question)
{
	uint64_t end_ns = now_ns() + TURN_MS * NS_PER_MS;
	const struct timespec end = {.tv_sec = (time_t)(end_ns / NS_PER_S), .tv_nsec = (long)(end_ns % NS_PER_S)};
	pthread_cond_clockwait(&question->changed, &question->lock, CLOCK_MONOTONIC, &end);
}

/* False: it is the loop's from now on. */
static bool await(struct question *question, uint64_t patience_ns)
{
	uint64_t before_ns = now_ns();
	bool is_patient = true;
	pthread_mutex_lock(&question->lock);
	while (!question->is_done && is_patient) {
		wait_turn(question);
		uint64_t after_ns = now_ns();
		is_patient = ringcast_pause_spend(&patience_ns, after_ns - before_ns, TURN_MS * NS_PER_MS);
		before_ns = after_ns;
	}
	bool is_done = question->is_done;
	question->is_left = !is_done;
	pthread_mutex_unlock(&question->lock);
	return is_done;
}

json_t *ringcast_question_ask(struct loop *loop, const struct operation *operation, json_t *input, uint32_t wait_ms, char problem[QUESTION_PROBLEM_BYTES])
{
	struct question *question = post(loop, operation, input);
	json_t *output = NULL;
	if (question == NULL) {
		snprintf(problem, QUESTION_PROBLEM_BYTES, "too many requests wait, or the service stops");
		return NULL;
	}
	if (!await(question, wait_ms * NS_PER_MS)) {
		snprintf(problem, QUESTION_PROBLEM_BYTES, "the service does not answer");
		return NULL;
	}
	if (question->request.fault == FAULT_NONE)
		output = json_incref(question->request.output);
	else
		snprintf(problem, QUESTION_PROBLEM_BYTES, "%.300s", question->request.message);
	question_free(question);
	return output;
}
