#ifndef RINGCAST_LIFE_ERRORS_H
#define RINGCAST_LIFE_ERRORS_H

#include "base/drop.h"

/* What the public API makes of a reason that the session layer gives for not doing something. DROP_NONE: RINGCAST_OK. */
int ringcast_error_of_drop(enum drop_reason drop);

#endif
