#include "scripting/lua/watch.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "scripting/lua/lua_private.h"

enum { LOOKS = 4 }; /* within the limit: a callback is named after limit to limit * (1 + 1/LOOKS) */

struct lua_watch {
	const struct lua_running *running;
	pthread_mutex_t lock;                  /* held while the thread reads a session, and while one is forgotten */
	atomic_uint_fast64_t stuck_count;
	const struct log_sink *log; /* the creator's */
	uint32_t limit_ms;
	int stop_fd;
	pthread_t thread;
};

/* Under the lock, for a call that is still the same: what it reads does not change during a call, and lives until it is forgotten. */
static void name_it(struct lua_watch *watch, uint64_t serial, uint32_t stuck_ms)
{
	pthread_mutex_lock(&watch->lock);
	const struct lua_session *self = atomic_load_explicit(&watch->running->session, memory_order_acquire);
	if (self != NULL && atomic_load_explicit(&watch->running->serial, memory_order_acquire) == serial) {
		const struct script *script = self->program->program.script;
		ringcast_log(LOG_ERROR, "script", "callback does not come back", "script=%s@%.12s session=%s callback=%s running_ms=%u",
			     script->name, script->version, self->session_id, atomic_load_explicit(&self->what, memory_order_relaxed),
			     stuck_ms);
		atomic_fetch_add_explicit(&watch->stuck_count, 1, memory_order_relaxed);
	}
	pthread_mutex_unlock(&watch->lock);
}

/* Named after the limit, and again whenever that time has doubled. */
static void *watch_thread(void *context)
{
	struct lua_watch *watch = context;
	ringcast_log_bind(watch->log);
	struct pollfd stop = {.fd = watch->stop_fd, .events = POLLIN};
	uint32_t period_ms = watch->limit_ms / LOOKS > 0 ? watch->limit_ms / LOOKS : 1;
	uint64_t serial_seen = 0;
	uint32_t look_count = 0, look_count_next = LOOKS;
	while (poll(&stop, 1, (int)period_ms) == 0) {
		uint64_t serial = atomic_load_explicit(&watch->running->serial, memory_order_acquire);
		if (atomic_load_explicit(&watch->running->session, memory_order_acquire) == NULL || serial != serial_seen) {
			serial_seen = serial;
			look_count = 0;
			look_count_next = LOOKS;
			continue;
		}
		if (++look_count < look_count_next)
			continue;
		name_it(watch, serial, look_count * period_ms);
		look_count_next *= 2;
	}
	return NULL;
}

struct lua_watch *ringcast_lua_watch_create(uint32_t limit_ms, const struct lua_running *running)
{
	struct lua_watch *watch = calloc(1, sizeof(*watch));
	if (watch == NULL)
		return NULL;
	watch->limit_ms = limit_ms;
	watch->log = ringcast_log_bound();
	watch->running = running;
	watch->stop_fd = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&watch->lock, NULL);
	if (watch->stop_fd < 0 || pthread_create(&watch->thread, NULL, watch_thread, watch) != 0) {
		if (watch->stop_fd >= 0)
			close(watch->stop_fd);
		pthread_mutex_destroy(&watch->lock);
		free(watch);
		return NULL;
	}
	return watch;
}

void ringcast_lua_watch_destroy(struct lua_watch **watch)
{
	if (*watch == NULL)
		return;
	int error = eventfd_write((*watch)->stop_fd, 1);
	ringcast_assert(error == 0);
	pthread_join((*watch)->thread, NULL);
	close((*watch)->stop_fd);
	pthread_mutex_destroy(&(*watch)->lock);
	free(*watch);
	*watch = NULL;
}

void ringcast_lua_watch_forget(struct lua_watch *watch)
{
	ringcast_assert(atomic_load_explicit(&watch->running->session, memory_order_relaxed) == NULL);
	pthread_mutex_lock(&watch->lock);
	pthread_mutex_unlock(&watch->lock);
}

uint64_t ringcast_lua_watch_stuck_count(const struct lua_watch *watch)
{
	return atomic_load_explicit(&watch->stuck_count, memory_order_relaxed);
}
