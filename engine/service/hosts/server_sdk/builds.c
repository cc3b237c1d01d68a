#include "service/hosts/server_sdk/builds.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/worker.h"

enum { PATH_BYTES = 700 };

struct removal {
	struct list_node node;
	char id[HOST_ID_BYTES];
};

struct builds {
	struct builds_options options;
	struct worker worker; /* its lock guards the rest */
	struct list_node calls, removals;
	bool is_stopping; /* atomic: what is under way ends, too */
};

static bool refuse(struct host_call *call, enum host_result result, const char *path, const char *what)
{
	call->result = result;
	snprintf(call->text, sizeof(call->text), "%.120s: %.120s", path, what);
	return false;
}

static bool path_of(const struct builds *builds, const char *name, char ret_path[PATH_BYTES])
{
	return snprintf(ret_path, PATH_BYTES, "%s/%s", builds->options.unpacked, name) < PATH_BYTES - 8;
}

/* errno says why not. */
static bool make_place(const struct builds *builds)
{
	if (mkdir(builds->options.unpacked, 0750) != 0 && errno != EEXIST)
		return false;
	errno = ringcast_agent_rights_share(&builds->options.reader, builds->options.unpacked, true);
	return errno == 0;
}

static bool unpack(const struct builds *builds, struct host_call *call, const char *archive)
{
	char folder[PATH_BYTES], problem[UNPACK_PROBLEM_BYTES], *key = NULL;
	if (builds->options.unpacked == NULL)
		return refuse(call, HOST_NOT_FOUND, archive, "is an archive, and there is no place to unpack it: set service.servers, or unpack it yourself");
	if (!make_place(builds) || !path_of(builds, call->session, folder))
		return refuse(call, HOST_FAILED, builds->options.unpacked, strerror(errno));
	if (!ringcast_unpack(archive, folder, &builds->options.limits, &builds->is_stopping, &call->size_bytes, problem))
		return refuse(call, __atomic_load_n(&builds->is_stopping, __ATOMIC_RELAXED) ? HOST_FAILED : HOST_NOT_FOUND, archive, problem);
	if (asprintf(&key, BUILDS_UNPACKED "%s", call->session) < 0) {
		ringcast_unpack_remove(folder);
		return refuse(call, HOST_FAILED, archive, "out of memory");
	}
	free(call->key);
	call->key = key;
	ringcast_log(LOG_INFO, "service", "a build is unpacked", "archive=\"%s\" build=%s bytes=%llu", archive, call->session, (unsigned long long)call->size_bytes);
	return true;
}

static bool look(const struct builds *builds, struct host_call *call)
{
	char path[PATH_BYTES];
	struct stat found;
	if (builds->options.builds == NULL || snprintf(path, sizeof(path), "%s/%s", builds->options.builds, call->key) >= (int)sizeof(path))
		return refuse(call, HOST_NOT_FOUND, call->key, "there is no place for builds, or the name is too long");
	if (stat(path, &found) != 0)
		return refuse(call, HOST_NOT_FOUND, path, strerror(errno));
	if (S_ISREG(found.st_mode))
		return unpack(builds, call, path);
	return S_ISDIR(found.st_mode) || refuse(call, HOST_NOT_FOUND, path, "is no folder and no archive");
}

static void remove_unpacked(const struct builds *builds, const char *id)
{
	char path[PATH_BYTES];
	if (builds->options.unpacked != NULL && path_of(builds, id, path) && !ringcast_unpack_remove(path))
		ringcast_log(LOG_WARN, "service", "what was unpacked of a build stays behind", "folder=\"%s\" err=\"%s\"", path, strerror(errno));
}

static struct list_node *take(struct list_node *list)
{
	struct list_node *node = list->next;
	ringcast_list_remove(node);
	return node;
}

/* The lock is held, and is not while something is done. */
static void work_off(struct builds *builds)
{
	while (!ringcast_list_is_empty(&builds->removals) || (!ringcast_list_is_empty(&builds->calls) && !builds->worker.is_stopping)) {
		bool is_removal = !ringcast_list_is_empty(&builds->removals);
		struct list_node *node = take(is_removal ? &builds->removals : &builds->calls);
		pthread_mutex_unlock(&builds->worker.lock);
		if (is_removal) {
			struct removal *removal = CONTAINER_OF(node, struct removal, node);
			remove_unpacked(builds, removal->id);
			free(removal);
		} else {
			struct host_call *call = CONTAINER_OF(node, struct host_call, node);
			if (look(builds, call))
				call->result = HOST_OK;
			builds->options.give_back(builds->options.context, call);
		}
		pthread_mutex_lock(&builds->worker.lock);
	}
}

static void *run(void *context)
{
	struct builds *builds = context;
	pthread_mutex_lock(&builds->worker.lock);
	work_off(builds);
	while (!builds->worker.is_stopping) {
		pthread_cond_wait(&builds->worker.changed, &builds->worker.lock);
		work_off(builds);
	}
	pthread_mutex_unlock(&builds->worker.lock);
	return NULL;
}

void ringcast_builds_look(struct builds *builds, struct host_call *call)
{
	pthread_mutex_lock(&builds->worker.lock);
	ringcast_list_add_tail(&builds->calls, &call->node);
	pthread_cond_signal(&builds->worker.changed);
	pthread_mutex_unlock(&builds->worker.lock);
}

void ringcast_builds_remove(struct builds *builds, const char *build_id)
{
	struct removal *removal = calloc(1, sizeof(*removal));
	if (removal == NULL) /* the next start sweeps it */
		return;
	snprintf(removal->id, sizeof(removal->id), "%s", build_id);
	pthread_mutex_lock(&builds->worker.lock);
	ringcast_list_add_tail(&builds->removals, &removal->node);
	pthread_cond_signal(&builds->worker.changed);
	pthread_mutex_unlock(&builds->worker.lock);
}

void ringcast_builds_sweep(const char *unpacked, bool (*has)(void *context, const char *build_id), void *context)
{
	char path[PATH_BYTES];
	DIR *directory = opendir(unpacked);
	for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;)
		if (entry->d_name[0] != '.' && !has(context, entry->d_name) && snprintf(path, sizeof(path), "%s/%s", unpacked, entry->d_name) < (int)sizeof(path))
			ringcast_unpack_remove(path);
	if (directory != NULL)
		closedir(directory);
}

struct builds *ringcast_builds_start(const struct builds_options *options)
{
	struct builds *builds = calloc(1, sizeof(*builds));
	if (builds == NULL)
		return NULL;
	builds->options = *options;
	ringcast_list_init(&builds->calls);
	ringcast_list_init(&builds->removals);
	if (ringcast_worker_start(&builds->worker, run, builds))
		return builds;
	free(builds);
	return NULL;
}

void ringcast_builds_stop(struct builds **builds)
{
	struct builds *old = *builds;
	if (old == NULL)
		return;
	__atomic_store_n(&old->is_stopping, true, __ATOMIC_RELAXED);
	ringcast_worker_stop(&old->worker);
	while (!ringcast_list_is_empty(&old->calls)) {
		struct host_call *call = CONTAINER_OF(take(&old->calls), struct host_call, node);
		refuse(call, HOST_FAILED, call->key, "the service stops");
		old->options.give_back(old->options.context, call);
	}
	free(old);
	*builds = NULL;
}
