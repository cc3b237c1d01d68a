/* Folders of test files in the temporary directory, and scripts read from them. */
#ifndef TESTS_UNIT_SCRIPTING_FILES_H
#define TESTS_UNIT_SCRIPTING_FILES_H

#include <stddef.h>

#include "scripting/script.h"

enum { FILES_PATH_BYTES = 64 };

void files_make(char ret_folder[FILES_PATH_BYTES]);
void files_write(const char *folder, const char *path, const void *bytes, size_t size); /* makes the folders on the way */
void files_write_all(const char *folder, const char *const *files);                       /* {path, text, path, text, NULL} */
void files_remove(const char *folder);
/* Writes, reads, removes. Fails the test when it cannot be read. */
struct script *files_script(const char *const *files);

#endif
