/*
 * A scenario: what simulated players do to a script, and what must come of it; one step per line of a text file. docs/scripting.md has the
 * language. Parsing is here, running in scenario_run.c.
 */
#ifndef RINGCAST_TOOLS_SCENARIO_H
#define RINGCAST_TOOLS_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	SCENARIO_STEPS_MAX = 2000,
	SCENARIO_PLAYERS_MAX = 64,
	SCENARIO_NAME_BYTES = 32,
	SCENARIO_TEXT_BYTES = 4096,
	SCENARIO_ERROR_BYTES = 512,
	SCENARIO_WITHIN_MS = 5000, /* what an expectation waits for, unless it says */
	SCENARIO_FOR_MS = 200,     /* how long nothing must come, unless it says */
};

enum step_kind {
	STEP_SESSION, /* text: properties; number: players_max */
	STEP_JOIN,
	STEP_JOIN_REFUSED,
	STEP_LEAVE,
	STEP_SEND,
	STEP_JOIN_GROUP,
	STEP_LEAVE_GROUP,
	STEP_EXPECT,    /* a message */
	STEP_EXPECT_NO, /* opcode 0: nothing at all */
	STEP_EXPECT_MEMBERS,
	STEP_EXPECT_CLOSED, /* number: close code, 0: any */
	STEP_EXPECT_LOG,
	STEP_EXPECT_ENDED,
	STEP_WAIT,
	STEP_FORGET,
	STEP_ALLOW_ERRORS,
};

enum step_target { TARGET_SERVER, TARGET_EVERYONE, TARGET_GROUP, TARGET_PLAYER };

struct text { /* owned by the scenario; may hold NUL */
	char *bytes;
	size_t size;
	bool is_given;
};

struct step {
	enum step_kind kind;
	int line;
	const char *source;               /* the line itself */
	char player[SCENARIO_NAME_BYTES]; /* who does or gets it; "" with FORGET: everyone */
	int32_t opcode, group;
	enum step_target target;
	char peer[SCENARIO_NAME_BYTES]; /* target player, or expected sender; "" : any, "server" */
	struct text text;               /* payload, or what is expected */
	struct text id, data;           /* of a join */
	char (*members)[SCENARIO_NAME_BYTES];
	size_t member_count;
	uint32_t number, within_ms;
	bool is_fast, is_contained, is_eventual, is_tcp_only;
};

struct scenario {
	const char *path;
	char *source; /* the file, cut into lines */
	struct step *steps;
	size_t step_count;
};

/* False: "path:line: what is wrong" in reterr. */
bool ringcast_scenario_read(const char *path, struct scenario *ret_scenario, char reterr[SCENARIO_ERROR_BYTES]);
bool ringcast_scenario_parse(const char *path, char *source, struct scenario *ret_scenario,
			     char reterr[SCENARIO_ERROR_BYTES]); /* takes source */
void ringcast_scenario_fini(struct scenario *scenario);

/* Runs it against a current version of script in engine. True: everything came as expected; else out has line, expectation and what came.
 */
struct ringcast_engine;
bool ringcast_scenario_run(const struct scenario *scenario, struct ringcast_engine *engine, const char *script, FILE *out);

#endif
