/* The console's files and the API's contract, put into C by tools/console/bundle.py when the daemon is built: what is installed needs nothing beside it. */
#ifndef RINGCAST_CONTROL_CONSOLE_FILE_H
#define RINGCAST_CONTROL_CONSOLE_FILE_H

#include <stddef.h>

struct console_file {
	const char *name; /* below /console/; "": the page itself */
	const char *content_type;
	const unsigned char *bytes;
	size_t byte_count;
};

extern const struct console_file ringcast_console_files[];
extern const size_t ringcast_console_file_count;
extern const struct console_file ringcast_openapi_file; /* openapi.yaml as it stands */

#endif
