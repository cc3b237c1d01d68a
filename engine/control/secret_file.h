/* A small text file with secrets in it: read whole, wiped when it is no longer needed. */
#ifndef RINGCAST_CONTROL_SECRET_FILE_H
#define RINGCAST_CONTROL_SECRET_FILE_H

#include "control/config.h"

struct secret_file {
	char path[2 * CONFIG_STRING_BYTES];
	char *text; /* with NUL; may be taken apart */
};

/* key: the configuration key that names it, for the message. False: reterr says what is wrong. */
bool ringcast_secret_file_read(const char *key, const struct config_text *path, struct secret_file *ret_file, struct config_error *reterr);
void ringcast_secret_file_forget(struct secret_file *file); /* wipes and frees */

#endif
