#include "control/dev_script.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"

/* From the last part of the path: "My Game.lua" becomes my-game. */
static void make_name(const char *path, char ret_name[RINGCAST_SCRIPT_NAME_BYTES])
{
	char *absolute = realpath(path, NULL);
	const char *last = absolute ? strrchr(absolute, '/') + 1 : "";
	size_t size = strcspn(last, "."), used = 0;
	for (size_t i = 0; i < size && used < RINGCAST_SCRIPT_NAME_BYTES - 1; i++) {
		char c = (char)tolower((unsigned char)last[i]);
		if (isalnum((unsigned char)c) && (unsigned char)c < 0x80)
			ret_name[used++] = c;
		else if (used > 0)
			ret_name[used++] = '-';
	}
	ret_name[used] = 0;
	if (used == 0)
		snprintf(ret_name, RINGCAST_SCRIPT_NAME_BYTES, "dev");
	free(absolute);
}

static uint64_t clock_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* True: a version that was not live before. */
static bool load(struct dev_script *script)
{
	char error[1024] = "", quoted[1200];
	ringcast_script_info info;
	uint64_t began_ms = clock_ms();
	ringcast_script_source source = RINGCAST_SCRIPT_SOURCE_INIT;
	source.name = script->name;
	source.path = script->path;
	source.main = script->main;
	int result = ringcast_script_add(script->engine, &source, &info, error, sizeof(error));
	if (result != RINGCAST_OK) {
		ringcast_logs_event(script->logs, RINGCAST_LOG_ERROR,
				    *script->version ? "the script cannot be loaded, keeping the version before" : "the script cannot be loaded",
				    "script=%s err=%s", script->name,
				    ringcast_logs_quote(*error ? error : ringcast_error_text(result), quoted, sizeof(quoted)));
		return false;
	}
	if (strcmp(info.version, script->version) == 0)
		return false;
	memcpy(script->version, info.version, sizeof(script->version));
	ringcast_logs_event(script->logs, RINGCAST_LOG_INFO, "the script is live for new sessions", "script=%s@%.12s load_ms=%" PRIu64,
			    info.name, info.version, clock_ms() - began_ms);
	return true;
}

bool ringcast_dev_script_start(struct dev_script *script, ringcast_engine *engine, struct logs *logs)
{
	const char *path = script->path;
	struct config_error error;
	char quoted[600];
	script->engine = engine;
	script->logs = logs;
	if (!path)
		return true;
	make_name(path, script->name);
	if (!load(script))
		return false;
	script->watch = ringcast_script_watch_create(path, &error);
	if (!script->watch)
		ringcast_logs_event(logs, RINGCAST_LOG_ERROR, "the script cannot be watched", "err=%s",
				    ringcast_logs_quote(error.text, quoted, sizeof(quoted)));
	return script->watch != NULL;
}

void ringcast_dev_script_stop(struct dev_script *script)
{
	ringcast_script_watch_destroy(&script->watch);
}

bool ringcast_dev_script_advance(struct dev_script *script, uint64_t now_ns)
{
	return script->watch && ringcast_script_watch_is_due(script->watch, now_ns) && load(script);
}
