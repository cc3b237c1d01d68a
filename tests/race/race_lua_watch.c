/* The watchdog of Lua callbacks looks at sessions that come and go: it may read one only while its callback runs, and never after it was forgotten. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "scripting/lua/lua_private.h"
#include "scripting/lua/watch.h"

enum { CALLS = 20000, STUCK_EVERY = 1000 };

static unsigned named_count;

static void on_log(void *context, enum log_level level, const char *component, const char *message, const char *fields)
{
	named_count++;
	if (strstr(fields, "session=gsess-") == NULL || strstr(fields, "callback=onTick") == NULL) {
		fprintf(stderr, "not what is running: %s\n", fields);
		exit(1);
	}
}

static struct lua_session *new_session(struct lua_program *program, unsigned number)
{
	struct lua_session *self = calloc(1, sizeof(*self));
	ringcast_assert(self != NULL);
	self->program = program;
	snprintf(self->session_id, sizeof(self->session_id), "gsess-%u", number);
	atomic_store_explicit(&self->what, "onTick", memory_order_relaxed);
	return self;
}

/* Some callbacks do not come back until they were named. */
static void call(struct lua_watch *watch, struct lua_running *running, struct lua_session *self, bool is_stuck)
{
	uint64_t before = ringcast_lua_watch_stuck_count(watch);
	atomic_fetch_add(&running->serial, 1);
	atomic_store_explicit(&running->session, self, memory_order_release);
	while (is_stuck && ringcast_lua_watch_stuck_count(watch) == before)
		usleep(100);
	atomic_store_explicit(&running->session, NULL, memory_order_release);
}

int main(void)
{
	struct script script = {.name = "race", .version = "00000000000000000000000000000000"};
	struct lua_program program = {.program = {.script = &script}};
	struct lua_running running = {0};
	struct lua_watch *watch = ringcast_lua_watch_create(2, &running);
	if (watch == NULL)
		return 1;
	ringcast_log_set_sink(on_log, NULL, LOG_DEBUG);
	for (unsigned i = 0; i < CALLS; i++) {
		struct lua_session *self = new_session(&program, i);
		call(watch, &running, self, i % STUCK_EVERY == 0);
		ringcast_lua_watch_forget(watch);
		free(self);
	}
	ringcast_lua_watch_destroy(&watch);
	ringcast_log_set_sink(NULL, NULL, LOG_DEBUG);
	printf("%d calls, %u named\n", CALLS, named_count);
	return named_count >= CALLS / STUCK_EVERY ? 0 : 1;
}
