/* A thread that asks the loop and waits. The loop has no thread of its own here: one of the test turns it, from when it is told to. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"
#include "service/operations/letters.h"
#include "service/inquiry.h"

enum { WAIT_MS = 2000 };

struct turner {
	struct rig rig;
	pthread_t thread;
	int woken; /* a pipe: turns once somebody writes */
	bool is_over; /* atomic */
};

static void *turn_when_told(void *context)
{
	struct turner *turner = context;
	char byte;
	cr_assert_eq(read(turner->woken, &byte, 1), 1);
	while (!__atomic_load_n(&turner->is_over, __ATOMIC_RELAXED)) {
		rig_turn(&turner->rig);
		usleep(1000);
	}
	return NULL;
}

static void turner_start(struct turner *turner, int woken)
{
	*turner = (struct turner){.woken = woken};
	rig_init(&turner->rig, true);
	cr_assert_eq(pthread_create(&turner->thread, NULL, turn_when_told, turner), 0);
}

static void turner_stop(struct turner *turner)
{
	__atomic_store_n(&turner->is_over, true, __ATOMIC_RELAXED);
	pthread_join(turner->thread, NULL);
	rig_fini(&turner->rig);
}

static json_t *ask(struct turner *turner, char problem[INQUIRY_PROBLEM_BYTES])
{
	return ringcast_inquiry_ask(turner->rig.loop, &ringcast_operation_list_letters, json_object(), WAIT_MS, problem);
}

Test(inquiry, one_that_was_left_is_freed_by_the_loop)
{
	struct turner turner;
	char problem[INQUIRY_PROBLEM_BYTES] = "";
	int woken[2];
	cr_assert_eq(pipe(woken), 0);
	turner_start(&turner, woken[0]);
	cr_assert_null(ask(&turner, problem), "nobody turned");
	cr_assert_str_eq(problem, "the service does not answer");
	cr_assert_eq(write(woken[1], "", 1), 1);
	json_t *output = NULL;
	while (output == NULL) /* the test's timeout ends it */
		output = ask(&turner, problem);
	cr_assert(json_is_array(json_object_get(output, "letters")));
	json_decref(output);
	turner_stop(&turner);
	close(woken[0]);
	close(woken[1]);
}

/* Exits with 0 if the inquiry was answered. */
static void ask_in_a_process_that_stops(int started, int woken)
{
	struct turner turner;
	char problem[INQUIRY_PROBLEM_BYTES];
	turner_start(&turner, woken);
	if (write(started, "", 1) != 1)
		_exit(2);
	_exit(ask(&turner, problem) != NULL ? 0 : 1);
}

static int status_after_a_stop(void)
{
	int started[2], woken[2], status;
	char byte;
	siginfo_t info;
	cr_assert(pipe(started) == 0 && pipe(woken) == 0);
	pid_t child = fork();
	if (child == 0)
		ask_in_a_process_that_stops(started[1], woken[0]);
	cr_assert_eq(read(started[0], &byte, 1), 1);
	usleep(300000); /* time enough to begin to wait */
	cr_assert_eq(kill(child, SIGSTOP), 0);
	cr_assert_eq(waitid(P_PID, (id_t)child, &info, WSTOPPED | WEXITED | WNOWAIT), 0);
	usleep(3500000);
	cr_assert_eq(kill(child, SIGCONT), 0);
	usleep(200000); /* time enough to give up for one who counts it all */
	cr_assert_eq(write(woken[1], "", 1), 1);
	cr_assert_eq(waitpid(child, &status, 0), child);
	for (int i = 0; i < 2; i++) {
		close(started[i]);
		close(woken[i]);
	}
	return status;
}

/* Once is enough: on a machine that is too busy the two seconds may have passed while the process ran. */
Test(inquiry, a_process_that_stood_still_has_not_waited, .timeout = 110)
{
	int status = -1;
	for (int i = 0; i < 5 && status != 0; i++)
		status = status_after_a_stop();
	cr_assert_eq(status, 0, "it was given up each time");
}
