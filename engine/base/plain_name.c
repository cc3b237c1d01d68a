#include "base/plain_name.h"

#include <string.h>

bool ringcast_plain_name_is_one(const char *name)
{
	size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");
	return size > 0 && size <= PLAIN_NAME_BYTES_MAX && name[size] == '\0' && strchr("._-", name[0]) == NULL;
}
