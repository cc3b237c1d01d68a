/* The listening socket of an HTTP server. */
#ifndef RINGCAST_CONTROL_HTTP_LISTENER_H
#define RINGCAST_CONTROL_HTTP_LISTENER_H

#include <stdbool.h>

#include "control/value.h"

/* The descriptor, or -1 with errno. Of what stands at a UNIX path only a socket that nobody serves any more is removed. */
int ringcast_http_listener_open(const struct endpoint *endpoint);
/* Takes away what open has made in the file system, once the descriptor is closed. */
void ringcast_http_listener_forget(const struct endpoint *endpoint);

#endif
