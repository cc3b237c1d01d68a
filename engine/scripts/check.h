/* Tries a script out before anybody runs it: Lua in the calling thread, JavaScript in a Node process that ends with the answer. Control
 * threads. */
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

#endif
