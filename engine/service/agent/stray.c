#include "service/agent/stray.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENVIRONMENT_BYTES = 16384, PATH_BYTES = 64 };

/* How much was read; -1: nothing, since it is gone or not ours. */
static ssize_t read_file(pid_t pid, const char *name, char *out, size_t size)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	size_t got = 0;
	for (ssize_t more = 1; more > 0 && got + 1 < size; got += more > 0 ? (size_t)more : 0)
		more = read(fd, out + got, size - 1 - got);
	close(fd);
	out[got] = '\0';
	return (ssize_t)got;
}

/* Fields behind the name in parentheses, which may hold anything: state, parent, group, session. Zombies are nobody any more. */
static bool is_of_session(pid_t pid, pid_t leader)
{
	char text[1024], state;
	int session;
	const char *rest = read_file(pid, "stat", text, sizeof(text)) > 0 ? strrchr(text, ')') : NULL;
	return rest != NULL && sscanf(rest + 1, " %c %*d %*d %d", &state, &session) == 2 && state != 'Z' && state != 'X' && session == leader;
}

/* The environment that its program began with; a child that only forked has its parent's. */
static bool has_name(pid_t pid, const char *variable)
{
	char text[ENVIRONMENT_BYTES];
	ssize_t size = read_file(pid, "environ", text, sizeof(text));
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(text + at) + 1)
		if (strcmp(text + at, variable) == 0)
			return true;
	return false;
}

static size_t kill_some(const char *variable, pid_t leader)
{
	DIR *directory = opendir("/proc");
	size_t count = 0;
	for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
		pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)atoi(entry->d_name) : 0;
		if (pid <= 1 || pid == getpid() || !((leader > 1 && is_of_session(pid, leader)) || has_name(pid, variable)))
			continue;
		count += kill(pid, SIGKILL) == 0;
	}
	if (directory != NULL)
		closedir(directory);
	return count;
}

size_t ringcast_agent_strays_kill(const char *id, pid_t leader)
{
	enum { ROUNDS_MAX = 8 }; /* those that were born during a look are found by the next */
	char variable[128];
	size_t count = 0, found = 1;
	snprintf(variable, sizeof(variable), AGENT_NAME_VARIABLE "=%s", id);
	for (int i = 0; i < ROUNDS_MAX && found > 0; i++) {
		found = kill_some(variable, leader);
		count += found;
	}
	return count;
}
