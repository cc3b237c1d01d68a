/* Asking a shard that ticks when the test says so, and not before: what is given up, late, closed or many at once. No shard is needed to be asked. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask/ask.h"
#include "ringcast/ringcast.h"

enum { MAILBOXES = 3 };

struct question {
	struct ask ask;
	int turns_left;
};

static struct mailbox *mailboxes[MAILBOXES];
static int answered_count, completed_count, freed_count, completed_result; /* atomic */

static bool answer(struct shard *shard, struct ask *ask)
{
	struct question *question = CONTAINER_OF(ask, struct question, ask);
	(void)shard;
	if (--question->turns_left > 0)
		return false;
	__atomic_add_fetch(&answered_count, 1, __ATOMIC_RELAXED);
	ask->result = RINGCAST_ERROR_EXISTS;
	return true;
}

static void completed(struct ask *ask)
{
	completed_result = ask->result;
	__atomic_add_fetch(&completed_count, 1, __ATOMIC_RELAXED);
}

static void free_question(struct ask *ask)
{
	__atomic_add_fetch(&freed_count, 1, __ATOMIC_RELAXED);
	free(CONTAINER_OF(ask, struct question, ask));
}

static struct ask *make(int turns)
{
	struct question *question = calloc(1, sizeof(*question));
	cr_assert_not_null(question);
	ringcast_ask_init(&question->ask, answer, free_question);
	question->ask.completed = completed;
	question->turns_left = turns;
	return &question->ask;
}

static void tick(unsigned i)
{
	ringcast_mailbox_answer(mailboxes[i], NULL);
}

static void set_up(void)
{
	for (unsigned i = 0; i < MAILBOXES; i++)
		cr_assert_not_null(mailboxes[i] = ringcast_mailbox_create(1));
}

static void tear_down(void)
{
	for (unsigned i = 0; i < MAILBOXES; i++)
		ringcast_mailbox_destroy(&mailboxes[i]);
}

TestSuite(ask, .init = set_up, .fini = tear_down, .timeout = 60);

Test(ask, is_answered_between_posting_and_waiting)
{
	struct ask *ask = make(1);
	ringcast_ask_post(ask, mailboxes[0]);
	cr_assert_eq(completed_count, 0);
	tick(0);
	cr_assert_eq(completed_count, 1);
	cr_assert_eq(completed_result, RINGCAST_ERROR_EXISTS);
	cr_assert_eq(ringcast_ask_await(ask, 0), RINGCAST_ERROR_EXISTS);
	cr_assert_eq(freed_count, 0, "the asker reads the answer");
	ringcast_ask_release(ask);
	cr_assert_eq(freed_count, 1);
}

/* The deadline has passed before it began: no time is waited for. */
Test(ask, given_up_is_never_carried_out)
{
	struct ask *ask = make(1);
	ringcast_ask_post(ask, mailboxes[0]);
	cr_assert_eq(ringcast_ask_await(ask, 0), RINGCAST_ERROR_TIMEOUT);
	ringcast_ask_release(ask);
	cr_assert_eq(freed_count, 0, "the mailbox still has it");
	tick(0);
	cr_assert_eq(answered_count, 0);
	cr_assert_eq(completed_count, 0);
	cr_assert_eq(freed_count, 1);
}

Test(ask, one_that_is_done_cannot_be_given_up)
{
	struct ask *ask = make(1);
	ringcast_ask_post(ask, mailboxes[0]);
	tick(0);
	cr_assert_not(ringcast_ask_give_up(ask));
	cr_assert_eq(ringcast_ask_await(ask, 0), RINGCAST_ERROR_EXISTS);
	ringcast_ask_release(ask);
}

static bool answer_stubbornly(struct shard *shard, struct ask *ask)
{
	(void)shard;
	cr_assert_not(ringcast_ask_give_up(ask), "not while the shard is at it");
	ask->result = RINGCAST_OK;
	return true;
}

Test(ask, one_that_is_begun_cannot_be_given_up)
{
	struct ask *ask = make(1);
	ask->answer = answer_stubbornly;
	ringcast_ask_post(ask, mailboxes[0]);
	tick(0);
	cr_assert_eq(ringcast_ask_await(ask, 0), RINGCAST_OK);
	ringcast_ask_release(ask);
}

Test(ask, goes_on_turn_by_turn_and_may_be_given_up_between_turns)
{
	struct ask *ask = make(3), *other = make(3);
	ringcast_ask_post(ask, mailboxes[0]);
	ringcast_ask_post(other, mailboxes[0]);
	tick(0);
	tick(0);
	cr_assert_eq(answered_count, 0);
	cr_assert(ringcast_ask_give_up(other));
	tick(0);
	tick(0);
	cr_assert_eq(answered_count, 1);
	cr_assert_eq(ringcast_ask_await(ask, 0), RINGCAST_ERROR_EXISTS);
	ringcast_ask_release(ask);
	ringcast_ask_release(other);
	cr_assert_eq(freed_count, 2);
}

Test(ask, a_lasting_one_outlives_its_askers_patience)
{
	struct ask *ask = make(1);
	ask->is_lasting = true;
	ringcast_ask_post(ask, mailboxes[0]);
	cr_assert_eq(ringcast_ask_await(ask, 0), RINGCAST_ERROR_TIMEOUT);
	ringcast_ask_release(ask);
	tick(0);
	cr_assert_eq(answered_count, 1);
	cr_assert_eq(freed_count, 1);
}

Test(ask, a_closing_mailbox_answers_all_that_wait)
{
	struct ask *waiting = make(1), *begun = make(9), *given_up = make(1), *late = make(1);
	ringcast_ask_post(begun, mailboxes[0]);
	tick(0);
	ringcast_ask_post(waiting, mailboxes[0]);
	ringcast_ask_post(given_up, mailboxes[0]);
	cr_assert(ringcast_ask_give_up(given_up));
	ringcast_mailbox_close(mailboxes[0]);
	cr_assert_eq(completed_count, 2);
	ringcast_ask_post(late, mailboxes[0]);
	cr_assert_eq(completed_count, 3);
	cr_assert_eq(ringcast_ask_await(waiting, 0), RINGCAST_ERROR_STATE);
	cr_assert_eq(ringcast_ask_await(begun, 0), RINGCAST_ERROR_STATE);
	cr_assert_eq(ringcast_ask_await(late, 0), RINGCAST_ERROR_STATE);
	ringcast_ask_release(waiting);
	ringcast_ask_release(begun);
	ringcast_ask_release(given_up);
	ringcast_ask_release(late);
	cr_assert_eq(answered_count, 0);
	cr_assert_eq(freed_count, 4);
}

Test(ask, destroying_a_mailbox_releases_what_is_in_it)
{
	struct ask *ask = make(1);
	ringcast_ask_post(ask, mailboxes[0]);
	ringcast_mailbox_destroy(&mailboxes[0]);
	cr_assert_eq(ringcast_ask_await(ask, 0), RINGCAST_ERROR_STATE);
	ringcast_ask_release(ask);
	cr_assert_eq(freed_count, 1);
}

Test(ask, a_tick_works_on_few_and_the_next_goes_on)
{
	enum { COUNT = 3 * MAILBOX_REQUESTS_PER_TICK_MAX };
	struct ask *asks[COUNT];
	for (int i = 0; i < COUNT; i++)
		ringcast_ask_post(asks[i] = make(1), mailboxes[0]);
	for (int i = 1; i <= 3; i++) {
		tick(0);
		cr_assert_eq(answered_count, i * MAILBOX_REQUESTS_PER_TICK_MAX);
	}
	for (int i = 0; i < COUNT; i++)
		ringcast_ask_release(asks[i]);
	cr_assert_eq(freed_count, COUNT);
}

Test(ask, a_mailbox_has_room_for_so_many)
{
	struct ask **asks = calloc(MAILBOX_REQUESTS_MAX, sizeof(struct ask *));
	struct ask *one_more = make(1);
	for (int i = 0; i < MAILBOX_REQUESTS_MAX; i++)
		ringcast_ask_post(asks[i] = make(1), mailboxes[0]);
	ringcast_ask_post(one_more, mailboxes[0]);
	cr_assert_eq(ringcast_ask_await(one_more, 0), RINGCAST_ERROR_FULL);
	tick(0);
	for (int i = 0; i < MAILBOX_REQUESTS_MAX; i++)
		ringcast_ask_release(asks[i]);
	ringcast_ask_release(one_more);
	free(asks);
}

Test(ask, one_with_a_bound_of_its_own_has_a_place_in_a_full_mailbox)
{
	enum { TICKS = MAILBOX_REQUESTS_MAX / MAILBOX_REQUESTS_PER_TICK_MAX + 1 };
	struct ask *answer = make(1), *one_more = make(1);
	for (int i = 0; i < MAILBOX_REQUESTS_MAX; i++) {
		struct ask *ask = make(1);
		ringcast_ask_post(ask, mailboxes[0]);
		ringcast_ask_release(ask);
	}
	answer->request.has_own_bound = true;
	ringcast_ask_post(answer, mailboxes[0]);
	cr_assert_eq(completed_count, 0, "it was refused");
	ringcast_ask_post(one_more, mailboxes[0]);
	cr_assert_eq(ringcast_ask_await(one_more, 0), RINGCAST_ERROR_FULL);
	for (int i = 0; i < TICKS; i++)
		tick(0);
	cr_assert_eq(answered_count, MAILBOX_REQUESTS_MAX + 1);
	cr_assert_eq(ringcast_ask_await(answer, 0), RINGCAST_ERROR_EXISTS);
	ringcast_ask_release(answer);
	ringcast_ask_release(one_more);
}

/* Whoever asks may be taken off its processor at any point, also while it keeps other askers out. */
Test(ask, a_tick_does_not_wait_for_those_who_ask)
{
	struct ask *long_one = make(2), *short_one = make(1);
	ringcast_ask_post(long_one, mailboxes[0]);
	ringcast_ask_post(short_one, mailboxes[0]);
	pthread_mutex_lock(&mailboxes[0]->lock);
	tick(0);
	tick(0);
	pthread_mutex_unlock(&mailboxes[0]->lock);
	cr_assert_eq(completed_count, 2);
	ringcast_ask_release(long_one);
	ringcast_ask_release(short_one);
}

/* Its first answer needs the last one's question to be there: nobody is asked one after the other. */
static void *tick_when_all_are_asked(void *argument)
{
	(void)argument;
	for (unsigned i = 0; i < MAILBOXES;)
		i = __atomic_load_n(&mailboxes[i]->asked, __ATOMIC_ACQUIRE) != NULL ? i + 1 : i;
	for (unsigned i = 0; i < MAILBOXES; i++)
		tick(i);
	return NULL;
}

Test(ask, all_are_asked_at_once)
{
	struct ask *asks[MAILBOXES];
	pthread_t thread;
	for (unsigned i = 0; i < MAILBOXES; i++)
		asks[i] = make(1);
	cr_assert_eq(pthread_create(&thread, NULL, tick_when_all_are_asked, NULL), 0);
	cr_assert_eq(ringcast_ask_all(asks, mailboxes, MAILBOXES), RINGCAST_ERROR_EXISTS);
	pthread_join(thread, NULL);
	cr_assert_eq(answered_count, MAILBOXES);
	for (unsigned i = 0; i < MAILBOXES; i++)
		ringcast_ask_release(asks[i]);
}

static void *ask_on_a_shard(void *argument)
{
	struct ask *ask = argument;
	ringcast_ask_forbid_waiting();
	cr_assert_eq(ringcast_ask_shard(ask, mailboxes[0]), RINGCAST_ERROR_STATE);
	return NULL;
}

Test(ask, a_shard_does_not_wait_for_itself)
{
	struct ask *ask = make(1);
	pthread_t thread;
	cr_assert_eq(pthread_create(&thread, NULL, ask_on_a_shard, ask), 0);
	pthread_join(thread, NULL);
	tick(0);
	cr_assert_eq(answered_count, 0, "it was not even posted");
	ringcast_ask_release(ask);
	cr_assert_eq(freed_count, 1);
}

/* The shard of a process that has been stopped: it answers when it is told that the process goes on. */
static void *tick_when_told(void *argument)
{
	char byte;
	ssize_t got = read(*(const int *)argument, &byte, 1);
	tick(0);
	return got == 1 ? argument : NULL;
}

/* Exits with 0 if the question was answered. */
static void ask_in_a_process_that_stops(int started, int woken)
{
	struct ask *ask = make(1);
	pthread_t thread;
	bool is_started = pthread_create(&thread, NULL, tick_when_told, &woken) == 0;
	ringcast_ask_post(ask, mailboxes[0]);
	is_started &= write(started, "", 1) == 1;
	int result = is_started ? ringcast_ask_await(ask, 2 * NS_PER_S) : RINGCAST_ERROR_STATE;
	_exit(result == RINGCAST_ERROR_EXISTS ? 0 : 1);
}

Test(ask, a_process_that_stood_still_has_not_waited)
{
	int started[2], woken[2], status;
	char byte;
	cr_assert(pipe(started) == 0 && pipe(woken) == 0);
	pid_t child = fork();
	if (child == 0)
		ask_in_a_process_that_stops(started[1], woken[0]);
	cr_assert_eq(read(started[0], &byte, 1), 1);
	cr_assert_eq(kill(child, SIGSTOP), 0);
	cr_assert(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
	usleep(3500000);
	cr_assert_eq(kill(child, SIGCONT), 0);
	usleep(200000); /* time enough to give up for one who counts it all */
	cr_assert_eq(write(woken[1], "", 1), 1);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "it was given up");
}
