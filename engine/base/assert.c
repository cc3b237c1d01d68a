#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Straight to the file descriptor, in one write: the program is broken, so neither stdio's buffers nor its locks are to be
 * trusted, and lines of two threads that fail at once must not mix.
 */
void ringcast_assert_fail(const char *what, const char *file, int line)
{
	char text[512];
	int size = snprintf(text, sizeof(text), "ringcast: assertion failed: %s (%s:%d)\n", what, file, line);
	if (size >= (int)sizeof(text))
		size = (int)sizeof(text) - 1;
	if (size > 0 && write(STDERR_FILENO, text, (size_t)size) < 0)
		abort(); /* nobody is listening: the core file has to do */
	abort();
}
