/* What the library says of itself: its version, and its errors in words. */
#include "ringcast/ringcast.h"

#ifndef RINGCAST_VERSION
#error "RINGCAST_VERSION comes from meson"
#endif

const char *ringcast_version(void)
{
	return RINGCAST_VERSION;
}

const char *ringcast_error_text(int error)
{
	switch (error) {
	case RINGCAST_OK:
		return "ok";
	case RINGCAST_ERROR_ARGUMENT:
		return "bad argument";
	case RINGCAST_ERROR_MEMORY:
		return "out of memory";
	case RINGCAST_ERROR_NOT_FOUND:
		return "not found";
	case RINGCAST_ERROR_FULL:
		return "a configured limit is reached";
	case RINGCAST_ERROR_STATE:
		return "not possible in this state";
	case RINGCAST_ERROR_SYSTEM:
		return "refused by the operating system";
	case RINGCAST_ERROR_TIMEOUT:
		return "no answer in time";
	case RINGCAST_ERROR_EXISTS:
		return "already exists";
	case RINGCAST_ERROR_SCRIPT:
		return "the script is not well; see the log";
	default:
		return "unknown error";
	}
}
