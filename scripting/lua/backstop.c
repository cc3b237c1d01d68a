#include "scripting/lua/backstop.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "scripting/lua/lua_private.h"

enum { FIRINGS_PER_BUDGET = 2, FIRINGS_MAX = BACKSTOP_BUDGETS_MAX * FIRINGS_PER_BUDGET, PERIOD_US_MIN = 1000 };

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

struct lua_backstop {
	const struct lua_running *running;
	uint64_t serial;       /* the call that the last signal met */
	uint32_t firing_count; /* signals that met it */
	timer_t timer;
};

static _Thread_local struct lua_backstop *mine;
static struct sigaction before; /* ours was set */
static pthread_once_t installed = PTHREAD_ONCE_INIT;

/* In the signal handler: stores only. The first signal that meets a call says nothing of how long it has been running. */
static void fire(struct lua_backstop *backstop)
{
	struct lua_session *self = atomic_load_explicit(&backstop->running->session, memory_order_relaxed);
	uint64_t serial = atomic_load_explicit(&backstop->running->serial, memory_order_relaxed);
	if (self == NULL || serial != backstop->serial) {
		backstop->serial = serial;
		backstop->firing_count = 0;
		return;
	}
	if (self->is_strict && self->limits->budget_us != 0)
		ringcast_lua_alarm(self, ++backstop->firing_count >= FIRINGS_MAX);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
	if (info->si_code == SI_TIMER && mine != NULL && info->si_value.sival_ptr == mine)
		fire(mine);
	else if ((before.sa_flags & SA_SIGINFO) != 0)
		before.sa_sigaction(number, info, context);
	else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
		before.sa_handler(number);
}

static void install(void)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
	int result = sigaction(SIGURG, &action, &before);
	ringcast_assert(result == 0);
}

static bool timer_start(struct lua_backstop *backstop, uint32_t budget_us)
{
	uint32_t period_us = budget_us / FIRINGS_PER_BUDGET > PERIOD_US_MIN ? budget_us / FIRINGS_PER_BUDGET : PERIOD_US_MIN;
	struct timespec period = {.tv_sec = period_us / 1000000, .tv_nsec = (long)(period_us % 1000000) * 1000};
	struct itimerspec times = {.it_interval = period, .it_value = period};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGURG, .sigev_value = {.sival_ptr = backstop}};
	event.sigev_notify_thread_id = gettid();
	if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &backstop->timer) != 0)
		return false;
	if (timer_settime(backstop->timer, 0, &times, NULL) == 0)
		return true;
	timer_delete(backstop->timer);
	return false;
}

static void let_in(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

struct lua_backstop *ringcast_lua_backstop_create(const struct lua_running *running, uint32_t budget_us)
{
	struct lua_backstop *backstop = calloc(1, sizeof(*backstop));
	ringcast_assert(mine == NULL);
	if (backstop == NULL)
		return NULL;
	backstop->running = running;
	pthread_once(&installed, install);
	mine = backstop;
	let_in();
	if (timer_start(backstop, budget_us))
		return backstop;
	mine = NULL;
	free(backstop);
	return NULL;
}

void ringcast_lua_backstop_destroy(struct lua_backstop **backstop)
{
	if (*backstop == NULL)
		return;
	timer_delete((*backstop)->timer);
	if (mine == *backstop)
		mine = NULL;
	free(*backstop);
	*backstop = NULL;
}
