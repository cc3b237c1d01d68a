#include "scripting/lua/lua_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "scripting/lua/backstop.h"
#include "scripting/lua/lua_private.h"
#include "scripting/lua/watch.h"

/* False: something that was asked for is not to be had. */
static bool guard(struct lua_host *host, const struct lua_options *options)
{
	uint32_t budget_us = host->environment->limits->budget_us;
	if (options->watchdog_ms != 0)
		host->watch = ringcast_lua_watch_create(options->watchdog_ms, &host->running);
	if (options->has_backstop && budget_us != 0)
		host->backstop = ringcast_lua_backstop_create(&host->running, budget_us);
	bool is_guarded = (host->watch != NULL || options->watchdog_ms == 0) && (host->backstop != NULL || !options->has_backstop || budget_us == 0);
	if (!is_guarded)
		ringcast_log(LOG_ERROR, "script", "no thread or no timer to watch Lua scripts with", "err=\"%s\"", strerror(errno));
	return is_guarded;
}

struct lua_host *ringcast_lua_create(const struct script_environment *environment, const struct lua_options *options)
{
	struct lua_host *host = calloc(1, sizeof(*host));
	if (host == NULL)
		return NULL;
	host->environment = environment;
	host->arguments = strdup(options->arguments != NULL ? options->arguments : "");
	if (host->arguments != NULL) {
		host->log_level_min = ringcast_lua_log_threshold(host->arguments);
		if (guard(host, options))
			return host;
	}
	ringcast_lua_destroy(&host);
	return NULL;
}

void ringcast_lua_destroy(struct lua_host **host)
{
	if (*host == NULL)
		return;
	ringcast_assert((*host)->program_count == 0);
	ringcast_lua_backstop_destroy(&(*host)->backstop);
	ringcast_lua_watch_destroy(&(*host)->watch);
	free((*host)->arguments);
	free(*host);
	*host = NULL;
}

bool ringcast_lua_can_compile(void)
{
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return false;
	bool is_allowed = mprotect(page, size, PROT_READ | PROT_EXEC) == 0;
	munmap(page, size);
	return is_allowed;
}

uint64_t ringcast_lua_stuck_count(const struct lua_host *host)
{
	return host->watch != NULL ? ringcast_lua_watch_stuck_count(host->watch) : 0;
}

struct lua_program *ringcast_lua_program_create(struct lua_host *host, struct script *script)
{
	struct lua_program *program = calloc(1, sizeof(*program));
	if (program == NULL)
		return NULL;
	program->chunks = calloc(script->file_count, sizeof(*program->chunks));
	if (program->chunks == NULL) {
		free(program);
		return NULL;
	}
	program->host = host;
	program->program.script = ringcast_script_ref(script);
	return program;
}

void ringcast_lua_program_destroy(struct lua_program **program)
{
	if (*program == NULL)
		return;
	for (size_t i = 0; i < (*program)->program.script->file_count; i++)
		free((*program)->chunks[i].bytes);
	free((*program)->chunks);
	ringcast_script_unref(&(*program)->program.script);
	free(*program);
	*program = NULL;
}

/* Nothing is compiled here: the first session does that, file by file as they are required. The dry run has said that it will succeed. */
static struct script_program *load(void *context, struct script *script, char *reterr, size_t reterr_bytes)
{
	struct lua_host *host = context;
	ringcast_assert(script->language == SCRIPT_LUA);
	struct lua_program *program = ringcast_lua_program_create(host, script);
	if (program == NULL) {
		snprintf(reterr, reterr_bytes, "out of memory");
		return NULL;
	}
	program->program.hooks = ringcast_lua_hooks(script->facts.callbacks);
	program->program.hooks_context = program;
	host->program_count++;
	return &program->program;
}

static void unload(void *context, struct script_program *base)
{
	struct lua_host *host = context;
	struct lua_program *program = (struct lua_program *)base;
	ringcast_assert(base->session_count == 0 && host->program_count > 0);
	host->program_count--;
	ringcast_lua_program_destroy(&program);
}

static uint64_t session_bytes(void *context, const struct session *session)
{
	const struct lua_session *self = session->user;
	return self != NULL ? self->bytes + sizeof(*self) : 0;
}

const struct script_host_ops ringcast_lua_ops = {.language = SCRIPT_LUA, .load = load, .unload = unload, .session_bytes = session_bytes};
