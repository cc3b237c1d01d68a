/*
 * Zip files that come from outside, unpacked into a folder, or refused as a whole with one clear line. Nothing leaves the folder: absolute
 * paths,
 * "..", backslashes, links, special files, names twice, encrypted entries, and what is too much (bytes, files, depth) are refused
 * before the first byte is written. What base/dotfile.h names is passed over. A single folder around everything is taken off.
 */
#ifndef RINGCAST_CONTROL_PACKAGE_H
#define RINGCAST_CONTROL_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>

#define PACKAGE_PATH_BYTES_MAX 512
#define PACKAGE_DEPTH_MAX 32

struct package {
	const void *bytes; /* of the zip */
	size_t size;
	size_t zip_bytes_max, unpacked_bytes_max; /* scripts.package_max, scripts.unpacked_max */
	size_t files_max;                         /* scripts.files_max */
};

/* directory exists and is empty; after a refusal it may hold a part of the files, which the caller removes. */
bool ringcast_package_unpack(const struct package *package, const char *directory, char *reterr, size_t reterr_bytes);
/* Removes a folder and all in it, without following links. False with errno set: something is left. */
bool ringcast_package_remove_folder(const char *path);

#endif
