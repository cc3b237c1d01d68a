/*
 * Scripts that are updated and deleted while sessions start. What must be true: a session that begins runs the version that was acknowledged last, or the one of an
 * update that is not answered yet; a version that was refused, by its dry run or by the store, is run by nobody; what runs is not asked to change; the content of
 * a script stays while a fleet runs it, and a fleet while sessions of it live, those that are still starting too; after a restart the host is asked for just the
 * versions that the records name, before sessions are.
 */
#ifndef RINGCAST_TESTS_SIM_SERVICE_SCRIPT_H
#define RINGCAST_TESTS_SIM_SERVICE_SCRIPT_H

#include "oracle.h"

struct host_call;

enum { SIM_SCRIPTS = 2, SIM_VERSION_BYTES = 24 };

/* A script with the fleet that runs it; one client at a time changes them. */
struct known_script {
	char id[GAME_SESSION_ID_BYTES], fleet[GAME_SESSION_ID_BYTES]; /* "": there is none */
	char version[SIM_VERSION_BYTES];			      /* that was acknowledged last */
	char next[SIM_VERSION_BYTES]; /* of an update, or of what became of one when the process died; "": none is under way */
	bool is_busy, is_going;	      /* is_going: what is under way takes its fleet or its content away */
	bool is_unsure;		      /* something was refused that may be on the disk nevertheless */
	bool is_emptied;	      /* its content may be gone, though it is there */
	bool is_chosen;		      /* the host was asked for its version since the last start */
};

struct known_scripts {
	struct known_script all[SIM_SCRIPTS];
	uint32_t next_version;
	uint64_t started; /* sessions that ran one */
};

void sim_script_act(struct world *world);
void sim_script_hear(struct world *world, const struct ask *ask);
void sim_script_judge(void *world, const struct host_call *call); /* as it reaches the host */
void sim_script_begin(struct world *world, bool is_after_crash);  /* a process has started, and reads its records */
void sim_script_play(struct world *world);			  /* all is calm, and nothing runs: each fleet starts a session of the last version */

#endif
