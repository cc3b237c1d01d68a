#include "base/assert.h"

#include <stdlib.h>

#include "base/panic.h"

/* The report goes straight to the descriptor: the program is broken, so neither stdio's buffers nor its locks are to be trusted. */
void ringcast_assert_fail(const char *what, const char *file, int line)
{
	ringcast_panic_assertion(what, file, line);
	abort();
}
