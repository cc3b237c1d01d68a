/* The only place that reads entropy from the system. */
#ifndef RINGCAST_IO_ENTROPY_H
#define RINGCAST_IO_ENTROPY_H

#include "base/types.h"

/* Fills out with unpredictable bytes. Blocks only before the kernel's generator is first seeded (early boot). Cannot fail. */
void ringcast_entropy_fill(void *out, size_t size);

#endif
