/* What the model counts: {"fleets": {id: {name: number}}, "statuses": {name: number}, "activations", "interruptions", "letters"}. */
#ifndef RINGCAST_SERVICE_OPERATIONS_WATCH_H
#define RINGCAST_SERVICE_OPERATIONS_WATCH_H

#include "service/operations/request.h"

extern const struct operation ringcast_operation_watch;

#endif
