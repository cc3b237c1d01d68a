/* Names that people give to things, and that go into paths, addresses and file names as they are. */
#ifndef RINGCAST_BASE_PLAIN_NAME_H
#define RINGCAST_BASE_PLAIN_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* What a name that is refused is answered with. */
#define PLAIN_NAME_RULE "a-z, 0-9, '.', '_' and '-', a letter or digit first, 63 characters at most"
enum { PLAIN_NAME_BYTES_MAX = 63 };

/* By PLAIN_NAME_RULE. Never ".", ".." or a hidden file. */
bool ringcast_plain_name_is_one(const char *name);

#endif
