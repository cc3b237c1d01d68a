/* Time and chance for the service: the only file of it that asks the system. Everything else is told. */
#ifndef RINGCAST_SERVICE_OUTSIDE_H
#define RINGCAST_SERVICE_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t ringcast_outside_now_ms(void); /* since the epoch */
int64_t ringcast_outside_steady_ms(void); /* CLOCK_MONOTONIC: never jumps */
bool ringcast_outside_random(void *out, size_t size); /* false: the system gives none */

#endif
