/* What the library says of itself: its version, its errors in words, and which error a refusal of the session layer is. */
#include "life/errors.h"

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
		return "the script cannot be loaded or has failed; the log says why";
	case RINGCAST_ERROR_UNHEARD:
		return "nobody listens for it";
	default:
		return "unknown error";
	}
}

int ringcast_error_of_drop(enum drop_reason drop)
{
	switch (drop) {
	case DROP_NONE:
		return RINGCAST_OK;
	case DROP_NO_SESSION:
	case DROP_NO_TARGET:
	case DROP_NOT_MEMBER:
		return RINGCAST_ERROR_NOT_FOUND;
	case DROP_PLAYER_EXISTS:
		return RINGCAST_ERROR_EXISTS;
	case DROP_OVERSIZE:
	case DROP_BAD_STATE:
	case DROP_MALFORMED:
	case DROP_EVENT_INVALID:
		return RINGCAST_ERROR_ARGUMENT;
	case DROP_SERVICE_UNHEARD:
	case DROP_EVENT_UNHEARD:
		return RINGCAST_ERROR_UNHEARD;
	case DROP_DRAINING:
	case DROP_SESSION_CLOSED:
	case DROP_SESSION_ENDED:
		return RINGCAST_ERROR_STATE;
	default: /* the others are bounds: of sessions, players, groups, timers, commands, buffers */
		return RINGCAST_ERROR_FULL;
	}
}
