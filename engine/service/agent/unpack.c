#include "service/agent/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/write_all.h"

enum { BLOCK_BYTES = 65536, NAME_BYTES_MAX = 512, PATH_BYTES = 1600, SHOWN = 100, FILTERS_MAX = 2 };

#define TOO_LARGE "the archive holds more bytes than service.build_max"
#define TOO_MANY "the archive has more entries than service.build_entries_max"

struct unpacking {
	const char *folder;
	const struct unpack_limits *limits;
	const bool *is_stopping; /* atomic; NULL: nobody stops it */
	uint64_t bytes;
	uint32_t entries;
	bool has_root; /* an entry for the folder itself, of which there is one at most; more are counted */
	char *problem;
};

static bool fail(struct unpacking *unpacking, const char *name, const char *what)
{
	snprintf(unpacking->problem, UNPACK_PROBLEM_BYTES, "%.*s: %.120s", SHOWN, name, what);
	return false;
}

/* False: the daemon does not wait for a large archive when it ends. */
static bool goes_on(struct unpacking *unpacking)
{
	return unpacking->is_stopping == NULL || !__atomic_load_n(unpacking->is_stopping, __ATOMIC_RELAXED) || fail(unpacking, "the archive", "the service stops");
}

/* Relative, without "..", and no longer than there is room for; what may stand in it otherwise the file system says. */
static bool is_inside(const char *name)
{
	if (*name == '\0' || *name == '/' || strlen(name) > NAME_BYTES_MAX)
		return false;
	for (const char *part = name; part != NULL; part = strchr(part, '/') != NULL ? strchr(part, '/') + 1 : NULL)
		if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
			return false;
	return true;
}

/* The folders above it: they are ours, since no link is ever made in here. */
static bool make_parents(struct unpacking *unpacking, const char *name, char *path)
{
	for (char *slash = strchr(path + strlen(unpacking->folder) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		int result = mkdir(path, 0750);
		int error = errno;
		*slash = '/';
		if (result != 0 && error != EEXIST)
			return fail(unpacking, name, strerror(error));
	}
	return true;
}

/*
 * A file with holes in it is written whole, so that its size is what it takes. fd -1: a folder's data, which nobody needs; it is read here and counts,
 * since the library would read it on the way to the next entry, without a bound.
 */
static bool copy_data(struct unpacking *unpacking, struct archive *archive, const char *name, int fd)
{
	char block[BLOCK_BYTES];
	for (;;) {
		la_ssize_t got = archive_read_data(archive, block, sizeof(block));
		if (got == 0)
			return true;
		if (got < 0)
			return fail(unpacking, name, archive_error_string(archive) != NULL ? archive_error_string(archive) : "cannot be read");
		unpacking->bytes += (uint64_t)got;
		if (unpacking->bytes > unpacking->limits->bytes_max)
			return fail(unpacking, name, TOO_LARGE);
		if (fd >= 0 && !ringcast_write_all(fd, block, (size_t)got))
			return fail(unpacking, name, strerror(errno));
		if (!goes_on(unpacking))
			return false;
	}
}

/* What ends in a hole, or is nothing else, has no data there; it counts as what it is all the same. */
static bool fill_up(struct unpacking *unpacking, struct archive_entry *entry, int fd)
{
	struct stat made;
	const char *name = archive_entry_pathname(entry);
	la_int64_t size = archive_entry_size_is_set(entry) ? archive_entry_size(entry) : 0;
	if (fstat(fd, &made) != 0)
		return fail(unpacking, name, strerror(errno));
	if (size <= made.st_size)
		return true;
	unpacking->bytes += (uint64_t)(size - made.st_size);
	if (unpacking->bytes > unpacking->limits->bytes_max)
		return fail(unpacking, name, TOO_LARGE);
	return ftruncate(fd, size) == 0 || fail(unpacking, name, strerror(errno));
}

static bool make_file(struct unpacking *unpacking, struct archive *archive, struct archive_entry *entry, const char *path)
{
	const char *name = archive_entry_pathname(entry);
	mode_t mode = (archive_entry_perm(entry) & 0111) != 0 ? 0750 : 0640;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return fail(unpacking, name, errno == EEXIST ? "is in the archive twice" : strerror(errno));
	bool is_copied = copy_data(unpacking, archive, name, fd) && fill_up(unpacking, entry, fd);
	return (close(fd) == 0 || fail(unpacking, name, strerror(errno))) && is_copied;
}

static bool make_folder(struct unpacking *unpacking, struct archive *archive, const char *name, const char *path)
{
	return (mkdir(path, 0750) == 0 || errno == EEXIST || fail(unpacking, name, strerror(errno))) && copy_data(unpacking, archive, name, -1);
}

/* "./", as tar has it of a folder that is packed whole. Again and again it costs time, so that it counts. */
static bool take_root(struct unpacking *unpacking, struct archive *archive, struct archive_entry *entry)
{
	if (archive_entry_filetype(entry) != AE_IFDIR)
		return fail(unpacking, "./", "is no folder");
	if (unpacking->has_root && ++unpacking->entries > unpacking->limits->entries_max)
		return fail(unpacking, "./", TOO_MANY);
	unpacking->has_root = true;
	return copy_data(unpacking, archive, "./", -1);
}

static bool take_entry(struct unpacking *unpacking, struct archive *archive, struct archive_entry *entry)
{
	const char *name = archive_entry_pathname(entry);
	char path[PATH_BYTES];
	if (name == NULL)
		return fail(unpacking, "an entry", "its name cannot be read");
	while (strncmp(name, "./", 2) == 0)
		name += 2;
	if (*name == '\0' || strcmp(name, ".") == 0)
		return take_root(unpacking, archive, entry);
	if (++unpacking->entries > unpacking->limits->entries_max)
		return fail(unpacking, name, TOO_MANY);
	if (!is_inside(name))
		return fail(unpacking, name, "leads out of the build, or is too long");
	if (archive_entry_hardlink(entry) != NULL || archive_entry_filetype(entry) == AE_IFLNK)
		return fail(unpacking, name, "is a link; put the file itself into the archive");
	if (archive_entry_is_encrypted(entry))
		return fail(unpacking, name, "is encrypted");
	if (snprintf(path, sizeof(path), "%s/%s", unpacking->folder, name) >= (int)sizeof(path))
		return fail(unpacking, name, "is too long");
	while (path[strlen(path) - 1] == '/')
		path[strlen(path) - 1] = '\0';
	if (!make_parents(unpacking, name, path))
		return false;
	if (archive_entry_filetype(entry) == AE_IFDIR)
		return make_folder(unpacking, archive, name, path);
	if (archive_entry_filetype(entry) == AE_IFREG)
		return make_file(unpacking, archive, entry, path);
	return fail(unpacking, name, "is no file and no folder");
}

static bool take_entries(struct unpacking *unpacking, struct archive *archive)
{
	struct archive_entry *entry;
	for (;;) {
		if (!goes_on(unpacking))
			return false;
		int result = archive_read_next_header(archive, &entry);
		if (result == ARCHIVE_EOF)
			return unpacking->entries > 0 || fail(unpacking, "the archive", "is empty");
		if (result == ARCHIVE_RETRY)
			continue;
		if (result != ARCHIVE_OK && result != ARCHIVE_WARN)
			return fail(unpacking, "the archive", archive_error_string(archive) != NULL ? archive_error_string(archive) : "cannot be read");
		if (!take_entry(unpacking, archive, entry))
			return false;
	}
}

static bool read_archive(struct unpacking *unpacking, const char *path)
{
	struct archive *archive = archive_read_new();
	if (archive == NULL)
		return fail(unpacking, "the archive", "out of memory");
	archive_read_support_format_zip(archive);
	archive_read_support_format_tar(archive);
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_xz(archive);
	archive_read_support_filter_zstd(archive);
	archive_read_support_filter_bzip2(archive);
	bool is_read = archive_read_open_filename(archive, path, BLOCK_BYTES) == ARCHIVE_OK ||
		       fail(unpacking, "the archive", archive_error_string(archive) != NULL ? archive_error_string(archive) : "cannot be opened");
	/* Packed twice, a few bytes are endless ones, which no bound on files sees. The tar or zip itself counts as a filter. */
	if (is_read && archive_filter_count(archive) > FILTERS_MAX)
		is_read = fail(unpacking, "the archive", "is packed more than once");
	is_read = is_read && take_entries(unpacking, archive);
	archive_read_free(archive);
	return is_read;
}

static int open_folder(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/*
 * All of it at once: a flush for each of many thousand files would make a small build wait for the disk as long as a large one. The folder is open since
 * before the first file was written, so that the kernel tells of every write that has failed since then.
 */
static bool fill_folder(struct unpacking *unpacking, const char *archive)
{
	int fd = open_folder(unpacking->folder);
	if (fd < 0)
		return fail(unpacking, unpacking->folder, strerror(errno));
	bool is_full = read_archive(unpacking, archive) && (syncfs(fd) == 0 || fail(unpacking, "the build", strerror(errno)));
	close(fd);
	return is_full;
}

/* Its name is on the disk, too. */
static bool name_folder(struct unpacking *unpacking, const char *folder)
{
	char above[PATH_BYTES / 2];
	snprintf(above, sizeof(above), "%s", folder);
	char *slash = strrchr(above, '/');
	if (slash != NULL && slash != above)
		*slash = '\0';
	int fd = open_folder(slash != NULL ? above : ".");
	bool is_named = fd >= 0 && rename(unpacking->folder, folder) == 0;
	if (is_named && fsync(fd) != 0) {
		int error = errno;
		ringcast_unpack_remove(folder);
		is_named = false;
		errno = error;
	}
	if (!is_named)
		fail(unpacking, folder, strerror(errno));
	if (fd >= 0)
		close(fd);
	return is_named;
}

bool ringcast_unpack(const char *archive, const char *folder, const struct unpack_limits *limits, const bool *is_stopping, uint64_t *ret_bytes,
		     char problem[UNPACK_PROBLEM_BYTES])
{
	char fresh[PATH_BYTES / 2];
	struct unpacking unpacking = {.folder = fresh, .limits = limits, .is_stopping = is_stopping, .problem = problem};
	if (snprintf(fresh, sizeof(fresh), "%s.new", folder) >= (int)sizeof(fresh))
		return fail(&unpacking, folder, "is too long");
	ringcast_unpack_remove(fresh); /* of a daemon that was killed */
	bool is_done = mkdir(fresh, 0750) == 0 || fail(&unpacking, fresh, strerror(errno));
	is_done = is_done && fill_folder(&unpacking, archive) && name_folder(&unpacking, folder);
	if (!is_done)
		ringcast_unpack_remove(fresh);
	*ret_bytes = unpacking.bytes;
	return is_done;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
	return remove(path);
}

bool ringcast_unpack_remove(const char *folder)
{
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT;
}
