/*
 * What a Node process is started with: the command line, with the program in front that takes away what a script does not need, and an environment of
 * allowed names. For the sidecar's processes and for the dry run alike.
 */
#ifndef RINGCAST_SCRIPTING_SIDECAR_COMMAND_H
#define RINGCAST_SCRIPTING_SIDECAR_COMMAND_H

#include "scripting/sidecar/process.h"

enum { SIDECAR_WORDS_MAX = 160 };

struct sidecar_command {
	char *arguments[SIDECAR_WORDS_MAX], *environment[SIDECAR_WORDS_MAX]; /* NULL at the end of each */
	unsigned argument_count, environment_count;
	bool is_short; /* of memory, or of words */
};

/* node_arguments: behind the program, NULL at the end. folder: of the only script that it needs to read; NULL: of all scripts. False: out of memory. */
bool ringcast_sidecar_command_make(struct sidecar_command *ret_command, const struct sidecar_process_options *options,
				   const char *const *node_arguments, const char *folder);
void ringcast_sidecar_command_free(struct sidecar_command *command);

/*
 * One line for the log on what holds for scripts on this machine; what does not is in capitals (NOT). True: all of it holds. Starts a process and waits
 * for it.
 */
bool ringcast_sidecar_confinement_report(const struct sidecar_process_options *options, char *ret_text, size_t text_bytes);

#endif
