/* A small text file with secrets in it: read whole, wiped when it is no longer needed. */
#ifndef RINGCAST_CONTROL_SECRET_FILE_H
#define RINGCAST_CONTROL_SECRET_FILE_H

#include "control/config.h"

struct secret_file {
	char path[2 * CONFIG_STRING_BYTES];
	char *text; /* with NUL; may be taken apart */
};

enum { SECRET_WORDS = 3 };

/* What is wrong with a line's words, or NULL. */
typedef const char *secret_line_fn(void *context, char *words[SECRET_WORDS]);

/* key: the configuration key that names it, for the message. False: reterr says what is wrong. */
bool ringcast_secret_file_read(const char *key, const struct config_text *path, struct secret_file *ret_file, struct config_error *reterr);
/*
 * The words of a line, at most one more than SECRET_WORDS; 0 for an empty line or one that begins with #. The line is taken apart.
 */
size_t ringcast_secret_words(char *line, char *words[SECRET_WORDS + 1]);
/* Each line that says something, in order. False: key, file and line are in reterr, with what each said, or form where there are not three words. */
bool ringcast_secret_lines(const char *key, struct secret_file *file, const char *form, secret_line_fn *each, void *context, struct config_error *reterr);
void ringcast_secret_file_forget(struct secret_file *file); /* wipes and frees */

#endif
