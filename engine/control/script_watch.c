#include "control/script_watch.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/types.h"

#define QUIET_NS (100 * NS_PER_MS)
#define QUIET_MAX_NS (500 * NS_PER_MS) /* of somebody who saves without end */
#define DEPTH_MAX 16
#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE)

struct script_watch {
	int fd;
	char folder[512];
	uint64_t first_ns, last_ns; /* of the changes not yet told; 0: none */
};

/* The folder and those in it; new ones are found by walking again at every change. */
static bool watch_folder(struct script_watch *watch, const char *path, unsigned depth)
{
	struct dirent *entry;
	if (inotify_add_watch(watch->fd, path, EVENTS | IN_ONLYDIR) < 0)
		return false;
	DIR *directory = depth < DEPTH_MAX ? opendir(path) : NULL;
	while (directory && (entry = readdir(directory))) {
		char child[1024];
		struct stat stat_of;
		int size = snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] == '.' || (size_t)size >= sizeof(child) || lstat(child, &stat_of) != 0 || !S_ISDIR(stat_of.st_mode))
			continue;
		watch_folder(watch, child, depth + 1); /* one that vanishes meanwhile has told its parent */
	}
	if (directory)
		closedir(directory);
	return true;
}

static bool find_folder(struct script_watch *watch, const char *path)
{
	struct stat stat_of;
	char *absolute = realpath(path, NULL);
	if (!absolute || stat(absolute, &stat_of) != 0 || strlen(absolute) >= sizeof(watch->folder)) {
		free(absolute);
		return false;
	}
	if (!S_ISDIR(stat_of.st_mode))
		*strrchr(absolute, '/') = 0; /* one file: editors replace it, so the folder is what stays */
	snprintf(watch->folder, sizeof(watch->folder), "%s", *absolute ? absolute : "/");
	free(absolute);
	return true;
}

struct script_watch *ringcast_script_watch_create(const char *path, struct config_error *reterr)
{
	ringcast_assert(path && reterr);
	struct script_watch *watch = calloc(1, sizeof(*watch));
	if (!watch) {
		snprintf(reterr->text, sizeof(reterr->text), "out of memory");
		return NULL;
	}
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd >= 0 && find_folder(watch, path) && watch_folder(watch, watch->folder, 0))
		return watch;
	snprintf(reterr->text, sizeof(reterr->text), "cannot watch %s: %s", path, strerror(errno));
	ringcast_script_watch_destroy(&watch);
	return NULL;
}

void ringcast_script_watch_destroy(struct script_watch **watch)
{
	ringcast_assert(watch);
	if (!*watch)
		return;
	if ((*watch)->fd >= 0)
		close((*watch)->fd);
	free(*watch);
	*watch = NULL;
}

int ringcast_script_watch_fd(const struct script_watch *watch)
{
	ringcast_assert(watch);
	return watch->fd;
}

void ringcast_script_watch_read(struct script_watch *watch, uint64_t now_ns)
{
	ringcast_assert(watch);
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	while (read(watch->fd, events, sizeof(events)) > 0)
		;
	if (watch->first_ns == 0)
		watch->first_ns = now_ns;
	watch->last_ns = now_ns;
	watch_folder(watch, watch->folder, 0);
}

static uint64_t due_ns(const struct script_watch *watch)
{
	uint64_t quiet_ns = watch->last_ns + QUIET_NS, latest_ns = watch->first_ns + QUIET_MAX_NS;
	return quiet_ns < latest_ns ? quiet_ns : latest_ns;
}

int ringcast_script_watch_wait_ms(const struct script_watch *watch, uint64_t now_ns)
{
	ringcast_assert(watch);
	if (watch->first_ns == 0)
		return -1;
	return due_ns(watch) > now_ns ? (int)((due_ns(watch) - now_ns) / NS_PER_MS) + 1 : 0;
}

bool ringcast_script_watch_is_due(struct script_watch *watch, uint64_t now_ns)
{
	ringcast_assert(watch);
	if (watch->first_ns == 0 || now_ns < due_ns(watch))
		return false;
	watch->first_ns = watch->last_ns = 0;
	return true;
}
