/* A line as words: between blanks, or in quotes with escapes inside, up to a # that begins a comment. */
#ifndef RINGCAST_TOOLS_WORDS_H
#define RINGCAST_TOOLS_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum { WORDS_ERROR_BYTES = 256 };

struct word {
	char *bytes; /* decoded, within the line, NUL behind it */
	size_t size;
	bool is_quoted;
};

/* Cuts line in place. False: what is wrong is in reterr. */
bool ringcast_words_split(char *line, struct word *words, size_t words_max, size_t *ret_count, char reterr[WORDS_ERROR_BYTES]);

#endif
