#include "scripts/check.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "scripting/lua/lua_host.h"
#include "scripting/lua/trial.h"
#include "scripting/sidecar/command.h"
#include "scripts/trial.h"

enum { CHECK_TIMEOUT_MS = 15000, CHECK_ANSWER_BYTES_MAX = 65536 };

static bool refuse(char *reterr, size_t reterr_bytes, const char *format, const char *value)
{
	snprintf(reterr, reterr_bytes, format, value);
	return false;
}

/* The answer: one line of JSON, the last that the process printed (the script may print too, while it loads) */

static bool find_callback(const char *text, uint32_t *ret_bit)
{
	static const char *const names[] = {
#define X(name, text) text,
		SCRIPT_CALLBACKS(X)
#undef X
	};

	for (uint32_t i = 0; i < SCRIPT_CALLBACK_COUNT; i++) {
		if (strcmp(names[i], text) == 0) {
			*ret_bit = UINT32_C(1) << i;
			return true;
		}
	}
	return false;
}

static uint32_t number_of(const json_t *configuration, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(configuration, key));
	return value > 0 && value <= UINT32_MAX ? (uint32_t)value : 0;
}

static void take_facts(const json_t *answer, struct script_facts *facts)
{
	const json_t *callbacks = json_object_get(answer, "callbacks"), *configuration = json_object_get(answer, "configuration");
	uint32_t bit;
	for (size_t i = 0; i < json_array_size(callbacks); i++) {
		const char *name = json_string_value(json_array_get(callbacks, i));
		if (name != NULL && find_callback(name, &bit))
			facts->callbacks |= bit;
	}
	facts->players_max = number_of(configuration, "maxPlayers");
	facts->ping_interval_ms = number_of(configuration, "pingIntervalTime");
	facts->tick_interval_ms = number_of(configuration, "tickInterval");
}

static const char *last_line(char *text)
{
	size_t size = strlen(text);
	while (size > 0 && text[size - 1] == '\n')
		text[--size] = '\0';
	const char *end = strrchr(text, '\n');
	return end != NULL ? end + 1 : text;
}

static bool take_main(const json_t *answer, struct script *script, char *reterr, size_t reterr_bytes)
{
	const char *main = json_string_value(json_object_get(answer, "main"));
	return script->main != NULL || ringcast_script_settle(script, main != NULL ? main : "", reterr, reterr_bytes);
}

static bool read_answer(char *text, struct script *script, char *reterr, size_t reterr_bytes)
{
	json_t *answer = json_loads(last_line(text), 0, NULL);
	const char *error = json_string_value(json_object_get(answer, "error"));
	bool is_good = error == NULL && json_is_array(json_object_get(answer, "callbacks"));
	if (error != NULL)
		refuse(reterr, reterr_bytes, "%s", error);
	else if (!is_good)
		refuse(reterr, reterr_bytes, "the dry run ended without an answer: %.200s",
		       *text != '\0' ? last_line(text) : "the process said nothing");
	else
		take_facts(answer, &script->facts);
	is_good = is_good && take_main(answer, script, reterr, reterr_bytes);
	json_decref(answer);
	return is_good;
}

static enum trial_end run_js(const struct sidecar_process_options *process, const char *program, const struct script *script, char *out)
{
	const char *arguments[] = {program, script->folder, script->main, NULL};
	struct sidecar_command command;
	errno = ENOMEM;
	if (!ringcast_sidecar_command_make(&command, process, arguments, script->folder))
		return TRIAL_NOT_STARTED;
	struct trial trial = {.arguments = command.arguments, .environment = command.environment, .input = -1, .timeout_ms = CHECK_TIMEOUT_MS};
	enum trial_end end = ringcast_trial_run(&trial, out, CHECK_ANSWER_BYTES_MAX);
	int error = errno;
	ringcast_sidecar_command_free(&command);
	errno = error;
	return end;
}

static bool check_js(struct script *script, const struct sidecar_process_options *process, char *reterr, size_t reterr_bytes)
{
	char program[512];
	char *out = malloc(CHECK_ANSWER_BYTES_MAX);
	bool is_good = false;
	if (out == NULL)
		return refuse(reterr, reterr_bytes, "%s", "out of memory");
	if (!ringcast_sidecar_process_check_program(process, program, sizeof(program)))
		refuse(reterr, reterr_bytes, "%s: the JavaScript sidecar is not there; RINGCAST_SIDECAR names its main file (sidecar.js)", program);
	else
		switch (run_js(process, program, script, out)) {
		case TRIAL_ENDED:
			is_good = read_answer(out, script, reterr, reterr_bytes);
			break;
		case TRIAL_NOT_STARTED:
			snprintf(reterr, reterr_bytes, "cannot run %s: %s (JavaScript needs Node.js 18 or newer; scripts.node names the program)",
				 process->node != NULL ? process->node : "node", strerror(errno));
			break;
		case TRIAL_REFUSED: /* ringcast-confine could not become it */
			snprintf(reterr, reterr_bytes, "cannot run %s (JavaScript needs Node.js 18 or newer; scripts.node names the program, not a script around it)",
				 process->node != NULL ? process->node : "node");
			break;
		case TRIAL_LATE:
		case TRIAL_OUT_OF_TIME:
			refuse(reterr, reterr_bytes, "%s: did not come to an end while loading", script->main != NULL ? script->main : "the script");
			break;
		}
	free(out);
	return is_good;
}

#ifdef HAVE_LUA
static bool run_lua(const struct trial *trial, struct script *script, char *out, char *reterr, size_t reterr_bytes)
{
	switch (ringcast_trial_run(trial, out, CHECK_ANSWER_BYTES_MAX)) {
	case TRIAL_ENDED:
	case TRIAL_REFUSED:
		return read_answer(out, script, reterr, reterr_bytes);
	case TRIAL_NOT_STARTED:
		snprintf(reterr, reterr_bytes, "cannot run %s: %s", trial->arguments[0], strerror(errno));
		return false;
	case TRIAL_LATE:
	case TRIAL_OUT_OF_TIME:
		return refuse(reterr, reterr_bytes, "%s: does not come to an end while loading", script->main);
	}
	ringcast_unreachable("end of a trial");
}
#endif

static bool check_lua(struct script *script, const struct script_limits *limits, char *reterr, size_t reterr_bytes)
{
#ifdef HAVE_LUA
	char program[512];
	struct trial trial = {
		.arguments = (char *[]){program, NULL},
		.environment = (char *[]){NULL},
		.timeout_ms = CHECK_TIMEOUT_MS,
	};
	bool is_good = false;
	if (!ringcast_lua_trial_find_program(program, sizeof(program)))
		return refuse(reterr, reterr_bytes, "%s: the program that tries Lua scripts out is not there; RINGCAST_LUA_CHECK names it", program);
	char *out = malloc(CHECK_ANSWER_BYTES_MAX);
	trial.input = out != NULL ? ringcast_lua_trial_write(script, limits) : -1;
	if (trial.input < 0)
		snprintf(reterr, reterr_bytes, "cannot try the script out: %s", strerror(errno));
	else
		is_good = run_lua(&trial, script, out, reterr, reterr_bytes);
	if (trial.input >= 0)
		close(trial.input);
	free(out);
	return is_good;
#else
	return refuse(reterr, reterr_bytes, "%s", "this Ringcast was built without Lua");
#endif
}

bool ringcast_script_dry_run(struct script *script, const struct script_check_options *options, char *reterr, size_t reterr_bytes)
{
	if (script->language == SCRIPT_LUA)
		return check_lua(script, options->limits, reterr, reterr_bytes);
	return check_js(script, options->process, reterr, reterr_bytes);
}

bool ringcast_script_confinement(const struct sidecar_process_options *process, char *ret_text, size_t text_bytes)
{
	return ringcast_sidecar_confinement_report(process, ret_text, text_bytes);
}

bool ringcast_script_can_compile(void)
{
#ifdef HAVE_LUA
	return ringcast_lua_can_compile();
#else
	return true;
#endif
}
