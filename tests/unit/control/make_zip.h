/* Zip files in memory, good ones and bad ones, for tests of package and store. */
#ifndef RINGCAST_TESTS_MAKE_ZIP_H
#define RINGCAST_TESTS_MAKE_ZIP_H

#include <stddef.h>
#include <stdint.h>

struct zip_entry {
	const char *name;  /* NULL ends the list */
	const char *text;  /* NULL: zeros */
	size_t size;       /* of zeros */
	uint32_t mode;     /* of UNIX; 0: a plain file without one */
	const char *password;
};

struct zip_bytes {
	uint8_t *data; /* free() */
	size_t size;
};

struct zip_bytes make_zip(const struct zip_entry *entries);

#endif
