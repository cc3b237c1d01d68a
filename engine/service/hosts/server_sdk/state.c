#include "service/hosts/server_sdk/state.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"

enum { PATH_BYTES = 1200 };

/* Processes of other machines choose their ids themselves, so a file is named by a digest. */
static void path_of(const char *folder, const struct sdk_process *process, char ret_path[PATH_BYTES])
{
	uint64_t digest = ringcast_hash_bytes(process->fleet, strlen(process->fleet) + 1, 1);
	digest = ringcast_hash_bytes(process->compute, strlen(process->compute) + 1, digest);
	digest = ringcast_hash_bytes(process->id, strlen(process->id) + 1, digest);
	snprintf(ret_path, PATH_BYTES, "%s/%016" PRIx64 ".json", folder, digest);
}

void ringcast_sdk_state_save(const char *folder, const struct sdk_process *process)
{
	char path[PATH_BYTES], other[PATH_BYTES + 8];
	if (*folder == '\0')
		return;
	json_t *saved = ringcast_sdk_process_save(process);
	path_of(folder, process, path);
	snprintf(other, sizeof(other), "%s.new", path);
	if (saved == NULL || json_dump_file(saved, other, JSON_COMPACT) != 0 || rename(other, path) != 0)
		ringcast_log(LOG_WARN, "service", "a game server's session will not be known after a restart", "file=\"%s\" err=\"%s\"", path,
			     saved == NULL ? "out of memory" : strerror(errno));
	json_decref(saved);
}

void ringcast_sdk_state_forget(const char *folder, const struct sdk_process *process)
{
	char path[PATH_BYTES];
	path_of(folder, process, path);
	if (*folder != '\0')
		unlink(path);
}

static void restore(const char *path, struct sdk_core *core)
{
	json_t *saved = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	if (saved == NULL || !ringcast_sdk_core_restore(core, saved)) {
		ringcast_log(LOG_INFO, "service", "a game server of before is not taken up", "file=\"%s\"", path);
		unlink(path);
	}
	json_decref(saved);
}

void ringcast_sdk_state_restore(const char *folder, struct sdk_core *core)
{
	char path[PATH_BYTES];
	DIR *directory = *folder != '\0' ? opendir(folder) : NULL;
	for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) > 64)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		restore(path, core);
	}
	if (directory != NULL)
		closedir(directory);
}
