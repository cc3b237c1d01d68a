/* Tries a script out before anybody runs it: in a process that ends with the answer, ours for Lua (scripting/lua/check_main.c), Node for
 * JavaScript. Control threads. */
#ifndef RINGCAST_SCRIPTS_CHECK_H
#define RINGCAST_SCRIPTS_CHECK_H

#include "ringcast/ringcast.h"
#include "scripting/host.h"
#include "scripting/sidecar/process.h"

struct script_check_options {
	const struct script_limits *limits;
	const struct sidecar_process_options *process; /* how a Node process is started */
};

/*
 * True: script->facts are filled, and its main file is settled. False: one clear line in reterr, with file and line where there is one, and without
 * the path where the script happens to lie.
 */
bool ringcast_script_dry_run(struct script *script, const struct script_check_options *options, char *reterr, size_t reterr_bytes);
/* One line on what JavaScript is confined to on this machine. True: all of it holds. */
bool ringcast_script_confinement(const struct sidecar_process_options *process, char *ret_text, size_t text_bytes);

/* Whether Lua's compiler could work in this process. It would end that otherwise, with its first loop. */
bool ringcast_script_can_compile(void);

#endif
