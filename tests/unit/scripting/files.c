#include "files.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void files_make(char ret_folder[FILES_PATH_BYTES])
{
	snprintf(ret_folder, FILES_PATH_BYTES, "/tmp/ringcast-script-XXXXXX");
	cr_assert_not_null(mkdtemp(ret_folder));
}

void files_write(const char *folder, const char *path, const void *bytes, size_t size)
{
	char whole[1024];
	snprintf(whole, sizeof(whole), "%s/%s", folder, path);
	for (char *slash = strchr(whole + strlen(folder) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(whole, 0700);
		*slash = '/';
	}
	FILE *file = fopen(whole, "wb");
	cr_assert_not_null(file, "%s", whole);
	cr_assert_eq(fwrite(bytes, 1, size, file), size);
	cr_assert_eq(fclose(file), 0);
}

void files_write_all(const char *folder, const char *const *files)
{
	for (; *files != NULL; files += 2)
		files_write(folder, files[0], files[1], strlen(files[1]));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return remove(path);
}

void files_remove(const char *folder)
{
	cr_assert_eq(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

struct script *files_script(const char *const *files)
{
	char folder[FILES_PATH_BYTES], error[SCRIPT_ERROR_BYTES] = "";
	files_make(folder);
	files_write_all(folder, files);
	struct script *script = ringcast_script_read(&(struct script_source){.name = "test", .path = folder}, error, sizeof(error));
	cr_assert_not_null(script, "%s", error);
	files_remove(folder);
	return script;
}
