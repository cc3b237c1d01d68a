#include "disk.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { SECTOR_BYTES = 512, NAME_BYTES = 64, SHM_REGIONS_MAX = 64 };

/* A change that has not been synced. data NULL: the file was cut to offset. */
struct disk_write {
	struct disk_write *next;
	size_t offset, size;
	uint8_t *data;
};

struct image {
	uint8_t *bytes;
	size_t size, capacity;
};

struct disk_file {
	struct disk_file *next;
	char name[NAME_BYTES];
	struct image now, durable;
	bool is_durable; /* it has been synced, so it is there after a crash */
	struct disk_write *writes, **writes_end;
	void *shm[SHM_REGIONS_MAX];
};

struct handle {
	sqlite3_file base;
	struct disk_file *file;
};

static struct disk *the_disk;

/* Images */

static void image_resize(struct image *image, size_t size)
{
	if (size > image->capacity) {
		image->capacity = size * 2;
		image->bytes = realloc(image->bytes, image->capacity);
		ringcast_assert(image->bytes != NULL);
	}
	if (size > image->size)
		memset(image->bytes + image->size, 0, size - image->size);
	image->size = size;
}

static void image_write(struct image *image, size_t offset, const uint8_t *data, size_t size)
{
	if (offset + size > image->size)
		image_resize(image, offset + size);
	memcpy(image->bytes + offset, data, size);
}

static void note_write(struct disk_file *file, size_t offset, const void *data, size_t size)
{
	struct disk_write *write = calloc(1, sizeof(*write));
	ringcast_assert(write != NULL);
	*write = (struct disk_write){NULL, offset, size, NULL};
	if (data != NULL) {
		write->data = malloc(size);
		ringcast_assert(write->data != NULL);
		memcpy(write->data, data, size);
	}
	*file->writes_end = write;
	file->writes_end = &write->next;
}

/* In whole, or each sector by chance. */
static void apply_write(struct disk_file *file, const struct disk_write *write, struct prng *tear)
{
	if (write->data == NULL) {
		image_resize(&file->durable, write->offset);
		return;
	}
	for (size_t at = 0; at < write->size; at += SECTOR_BYTES) {
		size_t size = write->size - at < SECTOR_BYTES ? write->size - at : SECTOR_BYTES;
		if (tear == NULL || ringcast_prng_chance(tear, 1, 2))
			image_write(&file->durable, write->offset + at, write->data + at, size);
	}
}

static void drop_writes(struct disk_file *file)
{
	while (file->writes != NULL) {
		struct disk_write *next = file->writes->next;
		free(file->writes->data);
		free(file->writes);
		file->writes = next;
	}
	file->writes_end = &file->writes;
}

/* Files */

static struct disk_file *find_file(const char *name)
{
	for (struct disk_file *file = the_disk->files; file != NULL; file = file->next)
		if (strcmp(file->name, name) == 0)
			return file;
	return NULL;
}

static struct disk_file *add_file(const char *name)
{
	struct disk_file *file = calloc(1, sizeof(*file));
	ringcast_assert(file != NULL && strlen(name) < NAME_BYTES);
	snprintf(file->name, sizeof(file->name), "%s", name);
	file->writes_end = &file->writes;
	file->next = the_disk->files;
	the_disk->files = file;
	return file;
}

static void shm_drop(struct disk_file *file)
{
	for (size_t i = 0; i < SHM_REGIONS_MAX; i++) {
		free(file->shm[i]);
		file->shm[i] = NULL;
	}
}

static void remove_file(struct disk_file *file)
{
	struct disk_file **at = &the_disk->files;
	while (*at != file)
		at = &(*at)->next;
	*at = file->next;
	drop_writes(file);
	shm_drop(file);
	free(file->now.bytes);
	free(file->durable.bytes);
	free(file);
}

/* One change of the disk. SQLITE_OK: go on. */
static int begin_change(int error)
{
	struct disk *disk = the_disk;
	if (disk->is_crashed)
		return error;
	disk->change_count++;
	if (disk->crash_at != 0 && disk->change_count >= disk->crash_at) {
		disk->is_crashed = true;
		return error;
	}
	if (!ringcast_prng_chance(&disk->prng, disk->write_error, 1000))
		return SQLITE_OK;
	disk->error_count++;
	return error;
}

/* SQLite's methods of a file */

static int file_close(sqlite3_file *base)
{
	((struct handle *)base)->file = NULL;
	return SQLITE_OK;
}

static int file_read(sqlite3_file *base, void *out, int size, sqlite3_int64 offset)
{
	const struct image *image = &((struct handle *)base)->file->now;
	size_t from = (size_t)offset, count = from < image->size ? image->size - from : 0;
	if (the_disk->is_crashed)
		return SQLITE_IOERR_READ;
	if (count > (size_t)size)
		count = (size_t)size;
	if (count > 0)
		memcpy(out, image->bytes + from, count);
	memset((uint8_t *)out + count, 0, (size_t)size - count);
	return count == (size_t)size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *base, const void *data, int size, sqlite3_int64 offset)
{
	struct disk_file *file = ((struct handle *)base)->file;
	int result = begin_change(SQLITE_IOERR_WRITE);
	if (result == SQLITE_OK && the_disk->is_full && (size_t)offset + (size_t)size > file->now.size) {
		the_disk->error_count++;
		result = SQLITE_FULL;
	}
	if (result != SQLITE_OK)
		return result;
	note_write(file, (size_t)offset, data, (size_t)size);
	image_write(&file->now, (size_t)offset, data, (size_t)size);
	return SQLITE_OK;
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	struct disk_file *file = ((struct handle *)base)->file;
	int result = begin_change(SQLITE_IOERR_TRUNCATE);
	if (result != SQLITE_OK)
		return result;
	note_write(file, (size_t)size, NULL, 0);
	image_resize(&file->now, (size_t)size);
	return SQLITE_OK;
}

static int file_sync(sqlite3_file *base, int flags)
{
	struct disk_file *file = ((struct handle *)base)->file;
	int result = begin_change(SQLITE_IOERR_FSYNC);
	if (result != SQLITE_OK)
		return result;
	for (const struct disk_write *write = file->writes; write != NULL; write = write->next)
		apply_write(file, write, NULL);
	drop_writes(file);
	file->is_durable = true;
	return SQLITE_OK;
}

static int file_size(sqlite3_file *base, sqlite3_int64 *ret_size)
{
	*ret_size = (sqlite3_int64)((struct handle *)base)->file->now.size;
	return SQLITE_OK;
}

static int file_lock(sqlite3_file *base, int lock)
{
	return SQLITE_OK; /* there is one connection */
}

static int file_check_lock(sqlite3_file *base, int *ret_is_locked)
{
	*ret_is_locked = 0;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *base, int what, void *argument)
{
	return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *base)
{
	return SECTOR_BYTES;
}

static int file_traits(sqlite3_file *base)
{
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int shm_map(sqlite3_file *base, int region, int size, int is_extended, void volatile **ret_memory)
{
	struct disk_file *file = ((struct handle *)base)->file;
	ringcast_assert(region < SHM_REGIONS_MAX);
	if (file->shm[region] == NULL && is_extended)
		file->shm[region] = calloc(1, (size_t)size);
	*ret_memory = file->shm[region];
	return SQLITE_OK;
}

static int shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
	return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *base)
{
}

static int shm_unmap(sqlite3_file *base, int is_deleted)
{
	shm_drop(((struct handle *)base)->file);
	return SQLITE_OK;
}

static const sqlite3_io_methods file_methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_lock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_traits,
	.xShmMap = shm_map,
	.xShmLock = shm_lock,
	.xShmBarrier = shm_barrier,
	.xShmUnmap = shm_unmap,
};

/* SQLite's methods of a file system */

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *ret_flags)
{
	static const char temporary[] = "temporary";
	struct handle *opened = (struct handle *)base;
	*opened = (struct handle){{NULL}, NULL};
	if (the_disk->is_crashed)
		return SQLITE_CANTOPEN;
	opened->file = find_file(name != NULL ? name : temporary);
	if (opened->file == NULL && (flags & SQLITE_OPEN_CREATE) == 0)
		return SQLITE_CANTOPEN;
	if (opened->file == NULL)
		opened->file = add_file(name != NULL ? name : temporary);
	base->pMethods = &file_methods;
	if (ret_flags != NULL)
		*ret_flags = flags;
	return SQLITE_OK;
}

static int disk_delete(sqlite3_vfs *vfs, const char *name, int is_synced)
{
	struct disk_file *file = find_file(name);
	int result = begin_change(SQLITE_IOERR_DELETE);
	if (result == SQLITE_OK && file != NULL)
		remove_file(file);
	return result;
}

static int disk_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret_is_there)
{
	const struct disk_file *file = find_file(name);
	*ret_is_there = file != NULL && file->now.size > 0;
	return the_disk->is_crashed ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}

static int disk_full_name(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
	snprintf(out, (size_t)size, "%s", name);
	return SQLITE_OK;
}

static int disk_random(sqlite3_vfs *vfs, int size, char *out)
{
	ringcast_prng_fill(&the_disk->prng, out, (size_t)size);
	return size;
}

static int disk_sleep(sqlite3_vfs *vfs, int us)
{
	return us;
}

static int disk_time(sqlite3_vfs *vfs, double *ret_days)
{
	*ret_days = 2460000;
	return SQLITE_OK;
}

static int disk_last_error(sqlite3_vfs *vfs, int size, char *out)
{
	return 0;
}

static sqlite3_vfs file_system = {
	.iVersion = 1,
	.szOsFile = sizeof(struct handle),
	.mxPathname = NAME_BYTES,
	.zName = "simulated",
	.xOpen = disk_open,
	.xDelete = disk_delete,
	.xAccess = disk_access,
	.xFullPathname = disk_full_name,
	.xRandomness = disk_random,
	.xSleep = disk_sleep,
	.xCurrentTime = disk_time,
	.xGetLastError = disk_last_error,
};

/* Life */

void sim_disk_init(struct disk *disk, uint64_t seed)
{
	*disk = (struct disk){0};
	ringcast_prng_init(&disk->prng, seed ^ UINT64_C(0x4449534b));
	the_disk = disk;
	sqlite3_vfs_register(&file_system, 1);
	sqlite3_randomness(0, NULL); /* what it has of chance comes from this disk again */
}

void sim_disk_fini(struct disk *disk)
{
	while (disk->files != NULL)
		remove_file(disk->files);
}

static void settle_file(struct disk *disk, struct disk_file *file, bool is_process_only)
{
	for (const struct disk_write *write = file->writes; write != NULL; write = write->next)
		if (is_process_only)
			apply_write(file, write, NULL);
		else if (ringcast_prng_chance(&disk->prng, disk->torn, 2000))
			apply_write(file, write, ringcast_prng_chance(&disk->prng, 1, 2) ? &disk->prng : NULL);
	drop_writes(file);
	shm_drop(file);
	image_resize(&file->now, 0);
	image_write(&file->now, 0, file->durable.size > 0 ? file->durable.bytes : (const uint8_t *)"", file->durable.size);
	file->is_durable = true;
}

void sim_disk_restart(struct disk *disk, bool is_process_only)
{
	struct disk_file *next;
	for (struct disk_file *file = disk->files; file != NULL; file = next) {
		next = file->next;
		if (!file->is_durable && !is_process_only && !ringcast_prng_chance(&disk->prng, disk->torn, 2000))
			remove_file(file);
		else
			settle_file(disk, file, is_process_only);
	}
	disk->is_crashed = false;
	disk->change_count = disk->crash_at = 0;
}
