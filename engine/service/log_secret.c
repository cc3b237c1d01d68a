#include "service/log_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 512 };

/* 0, or the errno. A file of another size is none of ours, or was cut by a full disk. */
static int read_secret(const char *path, uint8_t ret_secret[LOG_URL_SECRET_BYTES])
{
	uint8_t bytes[LOG_URL_SECRET_BYTES + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t size = fd >= 0 ? read(fd, bytes, sizeof(bytes)) : -1;
	int problem = size < 0 ? errno : size != LOG_URL_SECRET_BYTES ? ENOENT : 0;
	if (fd >= 0)
		close(fd);
	if (problem == 0)
		memcpy(ret_secret, bytes, LOG_URL_SECRET_BYTES);
	explicit_bzero(bytes, sizeof(bytes));
	return problem;
}

/* Under another name first, so that there is never half a secret. */
static int write_secret(const char *path, const uint8_t secret[LOG_URL_SECRET_BYTES])
{
	char other[PATH_BYTES + 8];
	snprintf(other, sizeof(other), "%s.new", path);
	if (unlink(other) != 0 && errno != ENOENT)
		return errno;
	int fd = open(other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	errno = EIO; /* of a write that is short */
	bool is_written = write(fd, secret, LOG_URL_SECRET_BYTES) == LOG_URL_SECRET_BYTES && fsync(fd) == 0;
	int problem = is_written ? 0 : errno;
	close(fd);
	if (problem == 0 && rename(other, path) != 0)
		problem = errno;
	if (problem != 0)
		unlink(other);
	return problem;
}

bool ringcast_log_secret_take(const char *directory, bool (*random)(void *out, size_t size), uint8_t ret_secret[LOG_URL_SECRET_BYTES],
			      char problem[LOG_SECRET_PROBLEM_BYTES])
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%.400s/%s", directory, LOG_SECRET_FILE);
	int error = read_secret(path, ret_secret);
	if (error == 0)
		return true;
	if (error == ENOENT && !random(ret_secret, LOG_URL_SECRET_BYTES)) {
		snprintf(problem, LOG_SECRET_PROBLEM_BYTES, "the system gives no random numbers");
		return false;
	}
	if (error == ENOENT)
		error = write_secret(path, ret_secret);
	if (error != 0)
		snprintf(problem, LOG_SECRET_PROBLEM_BYTES, "service.session_logs: %.200s: %s", path, strerror(error));
	return error == 0;
}
