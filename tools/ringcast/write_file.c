#include "tools/ringcast/write_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CLI_PATH_BYTES = 4096 };

static bool write_all(int fd, const char *text)
{
	for (size_t left = strlen(text); left > 0;) {
		ssize_t written = write(fd, text, left);
		if (written < 0 && errno != EINTR)
			return false;
		if (written > 0) {
			text += written;
			left -= (size_t)written;
		}
	}
	return fsync(fd) == 0;
}

bool ringcast_cli_write_file(const struct cli_invocation *invocation, const char *path, const char *text, mode_t mode)
{
	char fresh[CLI_PATH_BYTES + 8];
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	unlink(fresh);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	bool is_written = fd >= 0 && fchmod(fd, mode) == 0 && write_all(fd, text);
	int error = errno;
	if (fd >= 0)
		is_written = close(fd) == 0 && is_written;
	if (is_written && rename(fresh, path) == 0)
		return true;
	if (is_written)
		error = errno;
	unlink(fresh);
	ringcast_cli_error(invocation, "%s: %s", path, strerror(error));
	return false;
}
