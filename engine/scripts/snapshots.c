#include "scripts/snapshots.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "scripting/snapshot.h"

void ringcast_snapshots_init(struct snapshots *snapshots)
{
	*snapshots = (struct snapshots){.count = 0};
	pthread_mutex_init(&snapshots->lock, NULL);
}

void ringcast_snapshots_fini(struct snapshots *snapshots)
{
	if (snapshots->root[0] != '\0')
		ringcast_snapshot_remove(snapshots->root);
	pthread_mutex_destroy(&snapshots->lock);
}

/* Readable for the user that scripts run as. */
static bool make_root(struct snapshots *snapshots)
{
	const char *temporary = getenv("TMPDIR");
	char path[SNAPSHOTS_PATH_BYTES];
	int size = snprintf(path, sizeof(path), "%s/ringcast-scripts-XXXXXX", temporary != NULL && temporary[0] == '/' ? temporary : "/tmp");
	if ((size_t)size >= sizeof(path) || mkdtemp(path) == NULL)
		return false;
	char writable[SNAPSHOTS_PATH_BYTES];
	if (snprintf(writable, sizeof(writable), "%s/tmp", path) >= (int)sizeof(writable) || chmod(path, 0755) != 0 ||
	    mkdir(writable, 01777) != 0 || chmod(writable, 01777) != 0) /* the second without umask */
		return false;
	memcpy(snapshots->temporary, writable, sizeof(writable));
	memcpy(snapshots->root, path, (size_t)size + 1);
	return true;
}

const char *ringcast_snapshots_root(struct snapshots *snapshots, char *reterr, size_t reterr_bytes)
{
	pthread_mutex_lock(&snapshots->lock);
	bool is_there = snapshots->root[0] != '\0' || make_root(snapshots);
	if (!is_there)
		snprintf(reterr, reterr_bytes, "no temporary folder for scripts: %s", strerror(errno));
	pthread_mutex_unlock(&snapshots->lock);
	return is_there ? snapshots->root : NULL;
}

bool ringcast_snapshots_take(struct snapshots *snapshots, struct script *script, char *reterr, size_t reterr_bytes)
{
	char folder[SNAPSHOTS_PATH_BYTES + 32];
	const char *root = ringcast_snapshots_root(snapshots, reterr, reterr_bytes);
	if (root == NULL)
		return false;
	uint64_t number = __atomic_add_fetch(&snapshots->count, 1, __ATOMIC_RELAXED);
	snprintf(folder, sizeof(folder), "%s/%llu", root, (unsigned long long)number);
	return ringcast_snapshot_write(script, folder, reterr, reterr_bytes);
}
