/*
 * ringcast-lua-check: tries the Lua script out that comes by its standard input (trial.h), and prints one line of JSON: what the script exports, or what
 * is wrong with it. Not for people. It confines itself before it reads anything.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "scripting/lua/lua_host.h"
#include "scripting/lua/trial.h"

enum { CPU_SECONDS_MAX = 2, OWN_BYTES = 256 << 20 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

static void limit(int what, rlim_t value)
{
	setrlimit(what, &(struct rlimit){value, value});
}

/* Ends with who asked; opens nothing, writes no file, gains no rights; two seconds of processor time, then SIGXCPU, which says why. */
static void confine(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS_MAX, CPU_SECONDS_MAX + 1});
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, 3);
}

/* The shadow memory of sanitizers does not fit such a limit. The script's memory is counted besides. */
static void confine_memory(uint64_t script_bytes)
{
	if (!IS_SANITIZED)
		limit(RLIMIT_AS, script_bytes + OWN_BYTES);
}

/* A script may raise bytes that are no text. */
static json_t *text_of(char *error)
{
	json_t *text = json_string(error);
	if (text != NULL)
		return text;
	for (char *c = error; *c != '\0'; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return json_string(error);
}

static json_t *callbacks_of(uint32_t bits)
{
	json_t *names = json_array();
	for (int i = 0; i < SCRIPT_CALLBACK_COUNT; i++)
		if ((bits & 1u << i) != 0)
			json_array_append_new(names, json_string(ringcast_script_callback_name((enum script_callback)i)));
	return names;
}

static json_t *answer_of(struct script *script, const struct script_limits *limits)
{
	char error[SCRIPT_ERROR_BYTES] = "out of memory";
	if (script == NULL || !ringcast_lua_check(script, limits, error, sizeof(error)))
		return json_pack("{s:o}", "error", text_of(error));
	const struct script_facts *facts = &script->facts;
	return json_pack("{s:o, s:{s:I, s:I, s:I}}", "callbacks", callbacks_of(facts->callbacks), "configuration", "maxPlayers", (json_int_t)facts->players_max,
			 "pingIntervalTime", (json_int_t)facts->ping_interval_ms, "tickInterval", (json_int_t)facts->tick_interval_ms);
}

int main(void)
{
	struct script_limits limits = {0};
	confine();
	struct script *script = ringcast_lua_trial_read(STDIN_FILENO, &limits);
	confine_memory(limits.memory_bytes);
	json_t *answer = answer_of(script, &limits);
	char *line = json_dumps(answer, JSON_COMPACT);
	json_decref(answer);
	ringcast_script_unref(&script);
	if (line == NULL || puts(line) < 0 || fflush(stdout) != 0)
		return 1;
	free(line);
	return 0;
}
