#include "io/entropy.h"

#include <errno.h>
#include <sys/random.h>

#include "base/assert.h"

void ringcast_entropy_fill(void *out, size_t size)
{
	uint8_t *bytes = out;
	while (size > 0) {
		ssize_t got = getrandom(bytes, size, 0);
		if (got < 0 && errno == EINTR)
			continue;
		ringcast_assert(got > 0); /* running on without entropy would hand out guessable session ids */
		bytes += got;
		size -= (size_t)got;
	}
}
