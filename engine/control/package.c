#include "control/package.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "base/assert.h"
#include "base/attr.h"
#include "base/dotfile.h"
#include "base/write_all.h"

#define CHUNK_BYTES 65536

struct unpacker {
	const struct package *package;
	zip_t *zip;
	const char **names; /* of the entries to unpack; NULL where one is passed over */
	zip_int64_t count;
	size_t prefix_size; /* of the folder around everything, with its slash */
	int directory;
	char *reterr;
	size_t reterr_bytes;
};

PRINTF_LIKE(2, 3) static bool refuse(struct unpacker *unpacker, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(unpacker->reterr, unpacker->reterr_bytes, format, arguments);
	va_end(arguments);
	for (char *c = unpacker->reterr; *c; c++) /* names come from outside; the text is one line */
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return false;
}

/* names */

static bool is_segment(const char *segment, size_t size)
{
	return size > 0 && !(size == 1 && segment[0] == '.') && !(size == 2 && segment[0] == '.' && segment[1] == '.');
}

static bool is_path(const char *name)
{
	size_t size = strlen(name), depth = 0;
	if (size == 0 || size >= PACKAGE_PATH_BYTES_MAX || name[0] == '/' || strchr(name, '\\'))
		return false;
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return false;
	for (const char *at = name; *at; depth++) {
		size_t segment_size = strcspn(at, "/");
		if (!is_segment(at, segment_size) || depth == PACKAGE_DEPTH_MAX)
			return false;
		at += segment_size + (at[segment_size] == '/');
	}
	return true;
}

static bool is_directory(const char *name)
{
	return name[strlen(name) - 1] == '/';
}

/* What other systems' archivers add for themselves, and what is no part of a script. */
static bool is_ignored(const char *name)
{
	bool is_passed_over = strncmp(name, "__MACOSX/", 9) == 0;
	for (const char *at = name; *at && !is_passed_over;) {
		size_t size = strcspn(at, "/");
		is_passed_over = ringcast_dotfile_is_passed_over(at, size, at[size] == '/');
		at += size + (at[size] == '/');
	}
	return is_passed_over;
}

/* checks, before anything is written */

static bool check_kind(struct unpacker *unpacker, zip_uint64_t index, const char *name)
{
	zip_uint8_t system;
	zip_uint32_t attributes;
	if (zip_file_get_external_attributes(unpacker->zip, index, 0, &system, &attributes) != 0)
		return refuse(unpacker, "%s: its attributes cannot be read", name);
	mode_t mode = system == ZIP_OPSYS_UNIX ? (mode_t)(attributes >> 16) : 0;
	if ((mode & S_IFMT) != 0 && !S_ISREG(mode) && !S_ISDIR(mode))
		return refuse(unpacker, "%s is a link or a special file", name);
	return true;
}

static bool check_size(struct unpacker *unpacker, const zip_stat_t *stat, const char *name, zip_uint64_t *sum)
{
	const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_ENCRYPTION_METHOD;
	if ((stat->valid & needed) != needed)
		return refuse(unpacker, "%s: its size is not told", name);
	if (stat->encryption_method != ZIP_EM_NONE)
		return refuse(unpacker, "%s is encrypted", name);
	zip_uint64_t bytes_max = unpacker->package->unpacked_bytes_max;
	if (stat->size > bytes_max || (*sum += stat->size) > bytes_max)
		return refuse(unpacker, "unpacked it is larger than %llu bytes (scripts.unpacked_max)", (unsigned long long)bytes_max);
	return true;
}

static bool check_entry(struct unpacker *unpacker, zip_uint64_t index, zip_uint64_t *sum)
{
	zip_stat_t stat;
	const char *name = zip_get_name(unpacker->zip, index, 0);
	if (!name || zip_stat_index(unpacker->zip, index, 0, &stat) != 0)
		return refuse(unpacker, "entry %llu cannot be read", (unsigned long long)index);
	if (!is_path(name))
		return refuse(unpacker, "'%.100s' is no path inside the script's folder", name);
	unpacker->names[index] = is_ignored(name) ? NULL : name;
	return check_kind(unpacker, index, name) && check_size(unpacker, &stat, name, sum);
}

static int compare_names(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;
	return strcmp(*left ? *left : "", *right ? *right : "");
}

static bool check_twice(struct unpacker *unpacker)
{
	bool is_good = true;
	const char **sorted = calloc((size_t)unpacker->count, sizeof(*sorted));
	if (!sorted)
		return refuse(unpacker, "out of memory");
	memcpy(sorted, unpacker->names, (size_t)unpacker->count * sizeof(*sorted));
	qsort(sorted, (size_t)unpacker->count, sizeof(*sorted), compare_names);
	for (zip_int64_t i = 1; is_good && i < unpacker->count; i++)
		if (sorted[i] && sorted[i - 1] && strcmp(sorted[i], sorted[i - 1]) == 0)
			is_good = refuse(unpacker, "%s is there twice", sorted[i]);
	free(sorted);
	return is_good;
}

/* "game/" when every entry lies in it. */
static void find_prefix(struct unpacker *unpacker)
{
	const char *first = NULL;
	size_t size = 0;
	for (zip_int64_t i = 0; i < unpacker->count; i++) {
		const char *name = unpacker->names[i];
		if (!name)
			continue;
		if (!first) {
			first = name;
			size = strcspn(name, "/") + 1;
		}
		if (strlen(name) < size || memcmp(name, first, size) != 0 || name[size - 1] != '/')
			return;
	}
	unpacker->prefix_size = first ? size : 0;
}

static bool check(struct unpacker *unpacker)
{
	zip_uint64_t sum = 0;
	for (zip_int64_t i = 0; i < unpacker->count; i++)
		if (!check_entry(unpacker, (zip_uint64_t)i, &sum))
			return false;
	if (!check_twice(unpacker))
		return false;
	find_prefix(unpacker);
	return true;
}

/* writing */

static bool make_folders(struct unpacker *unpacker, const char *path)
{
	char part[PACKAGE_PATH_BYTES_MAX];
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (mkdirat(unpacker->directory, part, 0755) != 0 && errno != EEXIST)
			return refuse(unpacker, "%s: %s", part, strerror(errno));
	}
	return true;
}

/* libzip checks the sum at the end of an entry. */
static bool copy(struct unpacker *unpacker, zip_file_t *file, int fd, const char *path, zip_uint64_t size)
{
	char chunk[CHUNK_BYTES];
	zip_uint64_t sum = 0;
	for (;;) {
		zip_int64_t read_size = zip_fread(file, chunk, sizeof(chunk));
		if (read_size < 0)
			return refuse(unpacker, "%s is damaged", path);
		if (read_size == 0)
			return sum == size || refuse(unpacker, "%s is shorter than it says", path);
		sum += (zip_uint64_t)read_size;
		if (sum > size)
			return refuse(unpacker, "%s is longer than it says", path);
		if (!ringcast_write_all(fd, chunk, (size_t)read_size))
			return refuse(unpacker, "%s: %s", path, strerror(errno));
	}
}

static bool unpack_file(struct unpacker *unpacker, zip_uint64_t index, const char *path)
{
	zip_stat_t stat;
	int fd = openat(unpacker->directory, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return refuse(unpacker, "%s: %s", path, errno == EEXIST ? "is there twice, or is a folder too" : strerror(errno));
	zip_file_t *file = zip_stat_index(unpacker->zip, index, 0, &stat) == 0 ? zip_fopen_index(unpacker->zip, index, 0) : NULL;
	bool is_good = file ? copy(unpacker, file, fd, path, stat.size) : refuse(unpacker, "%s: %s", path, zip_strerror(unpacker->zip));
	if (file)
		zip_fclose(file);
	if (close(fd) != 0 && is_good)
		is_good = refuse(unpacker, "%s: %s", path, strerror(errno));
	return is_good;
}

static bool unpack_all(struct unpacker *unpacker)
{
	for (zip_int64_t i = 0; i < unpacker->count; i++) {
		if (!unpacker->names[i])
			continue;
		const char *path = unpacker->names[i] + unpacker->prefix_size;
		if (!make_folders(unpacker, path))
			return false;
		if (*path && !is_directory(path) && !unpack_file(unpacker, (zip_uint64_t)i, path))
			return false;
	}
	return true;
}

static bool unpack_zip(struct unpacker *unpacker, const char *directory)
{
	unpacker->count = zip_get_num_entries(unpacker->zip, 0);
	if (unpacker->count <= 0)
		return refuse(unpacker, "the zip is empty");
	if ((zip_uint64_t)unpacker->count > unpacker->package->files_max)
		return refuse(unpacker, "the zip has more than %zu files (scripts.files_max)", unpacker->package->files_max);
	unpacker->names = calloc((size_t)unpacker->count, sizeof(*unpacker->names));
	unpacker->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool is_good = unpacker->names && unpacker->directory >= 0;
	if (!is_good)
		refuse(unpacker, "%s: %s", directory, strerror(errno));
	is_good = is_good && check(unpacker) && unpack_all(unpacker);
	if (unpacker->directory >= 0)
		close(unpacker->directory);
	free(unpacker->names);
	return is_good;
}

bool ringcast_package_unpack(const struct package *package, const char *directory, char *reterr, size_t reterr_bytes)
{
	ringcast_assert(directory && reterr && reterr_bytes > 0);
	struct unpacker unpacker = {.package = package, .reterr = reterr, .reterr_bytes = reterr_bytes};
	zip_error_t error;
	if (package->size > package->zip_bytes_max)
		return refuse(&unpacker, "the zip is larger than %zu bytes (scripts.package_max)", package->zip_bytes_max);
	zip_error_init(&error);
	zip_source_t *source = zip_source_buffer_create(package->bytes, package->size, 0, &error);
	if (source)
		unpacker.zip = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
	if (!unpacker.zip) {
		if (zip_error_code_zip(&error) == ZIP_ER_EXISTS)
			refuse(&unpacker, "the zip has a name twice");
		else
			refuse(&unpacker, "this is no zip file: %s", zip_error_strerror(&error));
		if (source)
			zip_source_free(source);
		zip_error_fini(&error);
		return false;
	}
	bool is_good = unpack_zip(&unpacker, directory);
	zip_discard(unpacker.zip);
	zip_error_fini(&error);
	return is_good;
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *where)
{
	(void)stat;
	(void)kind;
	(void)where;
	return remove(path);
}

bool ringcast_package_remove_folder(const char *path)
{
	return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0;
}
