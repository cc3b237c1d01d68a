/*
 * Zip files that come from outside, unpacked into a folder, or refused as a whole with one clear line. Nothing leaves the folder: absolute
 * paths,
 * "..", backslashes, links, special files, names twice, encrypted entries, and what is too much (bytes, files, depth, ratio) are refused
 * before the first byte is written. A single folder around everything is taken off.
 */
#ifndef RINGCAST_CONTROL_PACKAGE_H
#define RINGCAST_CONTROL_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>

#define PACKAGE_ZIP_BYTES_MAX (5 << 20)
#define PACKAGE_UNPACKED_BYTES_MAX (5 << 20)
#define PACKAGE_FILES_MAX 1000
#define PACKAGE_PATH_BYTES_MAX 256
#define PACKAGE_DEPTH_MAX 16
#define PACKAGE_RATIO_MAX 200 /* of an entry larger than 64 KiB */

/* directory exists and is empty; after a refusal it may hold a part of the files, which the caller removes. */
bool ringcast_package_unpack(const void *bytes, size_t size, const char *directory, char *reterr, size_t reterr_bytes);
/* Removes a folder and all in it, without following links. False with errno set: something is left. */
bool ringcast_package_remove_folder(const char *path);

#endif
