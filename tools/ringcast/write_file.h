/* Small files with secrets in them. */
#ifndef RINGCAST_TOOLS_WRITE_FILE_H
#define RINGCAST_TOOLS_WRITE_FILE_H

#include <sys/types.h>

#include "tools/ringcast/cli.h"

/* Whole or not at all, in the place of what was there, and never readable by others on the way. False: it was told what is wrong. */
bool ringcast_cli_write_file(const struct cli_invocation *invocation, const char *path, const char *text, mode_t mode);

#endif
