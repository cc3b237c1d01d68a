#include "make_zip.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

static void add(zip_t *zip, const struct zip_entry *entry)
{
	size_t size = strlen(entry->name);
	if (size > 0 && entry->name[size - 1] == '/') {
		cr_assert(zip_dir_add(zip, entry->name, 0) >= 0);
		return;
	}
	size_t bytes = entry->text ? strlen(entry->text) : entry->size;
	char *copy = bytes ? calloc(1, bytes) : NULL; /* libzip never frees what is empty */
	if (entry->text && copy)
		memcpy(copy, entry->text, bytes);
	zip_source_t *source = zip_source_buffer(zip, copy, bytes, 1);
	zip_int64_t index = zip_file_add(zip, entry->name, source, 0);
	cr_assert(index >= 0, "%s: %s", entry->name, zip_strerror(zip));
	if (entry->mode)
		cr_assert(zip_file_set_external_attributes(zip, (zip_uint64_t)index, 0, ZIP_OPSYS_UNIX, entry->mode << 16) == 0);
	if (entry->password)
		cr_assert(zip_file_set_encryption(zip, (zip_uint64_t)index, ZIP_EM_AES_128, entry->password) == 0);
}

struct zip_bytes make_zip(const struct zip_entry *entries)
{
	zip_error_t error;
	zip_stat_t stat;
	zip_error_init(&error);
	zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &error);
	zip_t *zip = zip_open_from_source(source, ZIP_TRUNCATE, &error);
	cr_assert(zip);
	zip_source_keep(source);
	for (; entries->name; entries++)
		add(zip, entries);
	cr_assert(zip_close(zip) == 0, "%s", zip_strerror(zip));
	cr_assert(zip_source_open(source) == 0);
	zip_stat_init(&stat);
	cr_assert(zip_source_stat(source, &stat) == 0);
	struct zip_bytes bytes = {.data = malloc(stat.size), .size = stat.size};
	cr_assert(zip_source_read(source, bytes.data, stat.size) == (zip_int64_t)stat.size);
	zip_source_close(source);
	zip_source_free(source);
	zip_error_fini(&error);
	return bytes;
}
