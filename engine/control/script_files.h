/* The files of a version of a script as text, for whoever compares two of them. */
#ifndef RINGCAST_CONTROL_SCRIPT_FILES_H
#define RINGCAST_CONTROL_SCRIPT_FILES_H

#include <jansson.h>

enum { SCRIPT_FILES_MAX = 256, SCRIPT_FILE_BYTES_MAX = 262144, SCRIPT_FILES_BYTES_MAX = 2097152, SCRIPT_FILES_LOOKED_AT_MAX = 20000 };

/*
 * {"files": [{"name", "bytes", "text"}], "left_out": how many more there are}, by name. text is null where the file is no text or longer than a file may be here.
 * Folders of packages (node_modules) are left out without being counted. NULL: there is no such folder, or no memory.
 */
json_t *ringcast_script_files_read(const char *folder);

#endif
