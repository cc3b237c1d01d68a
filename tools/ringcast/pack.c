#include "tools/ringcast/pack.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

enum { PATH_BYTES = 1024, DEPTH_MAX = 32, FILE_BYTES_MAX = 1 << 30 };

struct packer {
	zip_t *zip;
	char *reterr;
	size_t reterr_bytes;
};

static bool refuse(char *reterr, size_t reterr_bytes, const char *path, const char *problem)
{
	snprintf(reterr, reterr_bytes, "%s: %s", path, problem);
	return false;
}

static bool read_file(const char *path, struct pack *ret_pack, char *reterr, size_t reterr_bytes)
{
	struct stat stat_of;
	FILE *file = fopen(path, "re");
	if (!file || fstat(fileno(file), &stat_of) != 0) {
		refuse(reterr, reterr_bytes, path, strerror(errno));
		if (file)
			fclose(file);
		return false;
	}
	bool is_small = stat_of.st_size <= FILE_BYTES_MAX;
	char *bytes = is_small ? malloc((size_t)stat_of.st_size + 1) : NULL;
	size_t size = bytes ? fread(bytes, 1, (size_t)stat_of.st_size, file) : 0;
	fclose(file);
	if (bytes && size == (size_t)stat_of.st_size) {
		*ret_pack = (struct pack){.bytes = bytes, .size = size};
		return true;
	}
	free(bytes);
	return refuse(reterr, reterr_bytes, path, is_small ? "cannot be read" : "is larger than 1 GB");
}

static bool add_file(struct packer *packer, const char *path, const char *name)
{
	struct pack file;
	if (!read_file(path, &file, packer->reterr, packer->reterr_bytes))
		return false;
	if (file.size == 0) { /* libzip would never free what it is told is empty */
		free(file.bytes);
		file.bytes = NULL;
	}
	zip_source_t *source = zip_source_buffer(packer->zip, file.bytes, file.size, 1);
	if (source && zip_file_add(packer->zip, name, source, ZIP_FL_ENC_UTF_8) >= 0)
		return true;
	if (source)
		zip_source_free(source); /* and the bytes */
	else
		free(file.bytes);
	return refuse(packer->reterr, packer->reterr_bytes, path, zip_strerror(packer->zip));
}

static bool add_folder(struct packer *packer, const char *path, const char *prefix, unsigned depth);

static bool add_entry(struct packer *packer, const char *folder, const char *prefix, const char *entry, unsigned depth)
{
	char path[PATH_BYTES], name[PATH_BYTES];
	struct stat stat_of;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, entry) >= sizeof(path) ||
	    (size_t)snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "/" : "", entry) >= sizeof(name) || depth > DEPTH_MAX)
		return refuse(packer->reterr, packer->reterr_bytes, folder, "too deep");
	if (lstat(path, &stat_of) != 0)
		return refuse(packer->reterr, packer->reterr_bytes, path, strerror(errno));
	if (S_ISDIR(stat_of.st_mode))
		return add_folder(packer, path, name, depth + 1);
	if (!S_ISREG(stat_of.st_mode))
		return refuse(packer->reterr, packer->reterr_bytes, path, "is a link or a special file");
	return add_file(packer, path, name);
}

/* What tools keep beside the files: .git, node_modules/.bin. Files with a dot in front are files like others. */
static bool is_tool_folder(const char *folder, const struct dirent *entry)
{
	char path[PATH_BYTES];
	struct stat stat_of;
	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return true;
	snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
	return entry->d_name[0] == '.' && lstat(path, &stat_of) == 0 && S_ISDIR(stat_of.st_mode);
}

static bool add_folder(struct packer *packer, const char *path, const char *prefix, unsigned depth)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	bool is_good = count >= 0 || refuse(packer->reterr, packer->reterr_bytes, path, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (is_good && !is_tool_folder(path, entries[i]))
			is_good = add_entry(packer, path, prefix, entries[i]->d_name, depth);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return is_good;
}

static bool has_ending(const char *path, const char *ending)
{
	size_t size = strlen(path), ending_size = strlen(ending);
	return size > ending_size && strcmp(path + size - ending_size, ending) == 0;
}

static bool add_all(struct packer *packer, const char *path, bool is_folder)
{
	if (is_folder)
		return add_folder(packer, path, "", 0);
	const char *slash = strrchr(path, '/');
	if (has_ending(path, ".lua")) /* one file of Lua is the script, whatever it is called */
		return add_file(packer, path, "main.lua");
	if (has_ending(path, ".js") || has_ending(path, ".mjs") || has_ending(path, ".cjs"))
		return add_file(packer, path, slash ? slash + 1 : path);
	return refuse(packer->reterr, packer->reterr_bytes, path, "is neither a folder nor a .zip, .lua, .js, .mjs or .cjs file");
}

static bool read_back(zip_source_t *source, struct pack *ret_pack)
{
	zip_stat_t stat_of;
	zip_stat_init(&stat_of);
	if (zip_source_open(source) != 0)
		return false;
	struct pack pack = {0};
	if (zip_source_stat(source, &stat_of) == 0 && (stat_of.valid & ZIP_STAT_SIZE))
		pack = (struct pack){.bytes = malloc(stat_of.size + 1), .size = stat_of.size};
	bool is_read = pack.bytes && zip_source_read(source, pack.bytes, pack.size) == (zip_int64_t)pack.size;
	zip_source_close(source);
	if (is_read)
		*ret_pack = pack;
	else
		free(pack.bytes);
	return is_read;
}

static bool make(const char *path, bool is_folder, struct pack *ret_pack, char *reterr, size_t reterr_bytes)
{
	zip_error_t error;
	zip_error_init(&error);
	zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &error);
	struct packer packer = {
		.zip = source ? zip_open_from_source(source, ZIP_TRUNCATE, &error) : NULL, .reterr = reterr, .reterr_bytes = reterr_bytes};
	zip_error_fini(&error);
	if (!packer.zip) {
		if (source)
			zip_source_free(source);
		return refuse(reterr, reterr_bytes, path, "out of memory");
	}
	zip_source_keep(source);
	bool is_good = add_all(&packer, path, is_folder);
	if (!is_good)
		zip_discard(packer.zip);
	else if (zip_get_num_entries(packer.zip, 0) == 0) {
		zip_discard(packer.zip);
		is_good = refuse(reterr, reterr_bytes, path, "is empty");
	} else if (zip_close(packer.zip) != 0) {
		is_good = refuse(reterr, reterr_bytes, path, zip_strerror(packer.zip));
		zip_discard(packer.zip);
	} else if (!read_back(source, ret_pack)) {
		is_good = refuse(reterr, reterr_bytes, path, "out of memory");
	}
	zip_source_free(source);
	return is_good;
}

bool ringcast_pack(const char *path, struct pack *ret_pack, char *reterr, size_t reterr_bytes)
{
	struct stat stat_of;
	if (stat(path, &stat_of) != 0)
		return refuse(reterr, reterr_bytes, path, strerror(errno));
	if (!S_ISDIR(stat_of.st_mode) && has_ending(path, ".zip"))
		return read_file(path, ret_pack, reterr, reterr_bytes);
	return make(path, S_ISDIR(stat_of.st_mode), ret_pack, reterr, reterr_bytes);
}
