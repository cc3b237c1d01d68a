/* Bytes into the caller's descriptor, however the system cuts them. It blocks, so it is for threads that may. */
#ifndef RINGCAST_BASE_WRITE_ALL_H
#define RINGCAST_BASE_WRITE_ALL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

/* False: errno says why; some of them may have been written. */
static inline bool ringcast_write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, bytes, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes += written;
		size -= (size_t)written;
	}
	return true;
}

#endif
