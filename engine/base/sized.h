/*
 * The rule for option structs of public headers, which begin with their size: an older caller's is shorter than ours, and what it lacks is zero; a newer
 * caller's is longer, and what we do not know of it must be zero.
 */
#ifndef RINGCAST_BASE_SIZED_H
#define RINGCAST_BASE_SIZED_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* False: given does not even hold its size, or sets what we do not know; own is untouched then. */
static inline bool ringcast_sized_copy(void *own, size_t own_bytes, const void *given)
{
	size_t given_bytes;
	memcpy(&given_bytes, given, sizeof(given_bytes));
	if (given_bytes < sizeof(size_t))
		return false;
	for (size_t i = own_bytes; i < given_bytes; i++)
		if (((const unsigned char *)given)[i] != 0)
			return false;
	memset(own, 0, own_bytes);
	memcpy(own, given, given_bytes < own_bytes ? given_bytes : own_bytes);
	return true;
}

#endif
