#include "control/http_listener.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"

#define BACKLOG 128

/* Whether somebody answers at the UNIX path, or may: a connection is refused only where nobody listens. */
static bool is_served(const struct endpoint *endpoint)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool is_refused = fd >= 0 && connect(fd, &endpoint->any, endpoint->size) != 0 && errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return !is_refused;
}

/* A socket that a killed process left behind. Anything else stays, and bind says that the path is in use. */
static void remove_stale(const struct endpoint *endpoint)
{
	struct stat status;
	const char *path = endpoint->local.sun_path;
	if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode) && !is_served(endpoint))
		unlink(path);
}

/* Nobody but the owner and the group may connect, from the first moment on. */
static int bind_local(int fd, const struct endpoint *endpoint)
{
	remove_stale(endpoint);
	mode_t before = umask(0117);
	int result = bind(fd, &endpoint->any, endpoint->size);
	umask(before);
	return result;
}

static int bind_inet(int fd, const struct endpoint *endpoint)
{
	int one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (endpoint->any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	return bind(fd, &endpoint->any, endpoint->size);
}

int ringcast_http_listener_open(const struct endpoint *endpoint)
{
	ringcast_assert(endpoint && endpoint->size > 0);
	bool is_local = endpoint->any.sa_family == AF_UNIX;
	int fd = socket(endpoint->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if ((is_local ? bind_local(fd, endpoint) : bind_inet(fd, endpoint)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int problem = errno;
	close(fd);
	errno = problem;
	return -1;
}

void ringcast_http_listener_forget(const struct endpoint *endpoint)
{
	ringcast_assert(endpoint);
	if (endpoint->any.sa_family == AF_UNIX)
		remove_stale(endpoint);
}
