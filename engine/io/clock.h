/* The only place that reads a clock. */
#ifndef RINGCAST_IO_CLOCK_H
#define RINGCAST_IO_CLOCK_H

#include "base/types.h"

/* CLOCK_MONOTONIC. Never 0, never goes back. */
uint64_t ringcast_clock_now_ns(void);
/* Processor time of the calling thread: stands still while that sleeps, is stopped, or waits for its turn. A system call. */
uint64_t ringcast_clock_thread_cpu_ns(void);
/* CLOCK_REALTIME in seconds: for the dates in certificates and tokens, for nothing else. */
uint64_t ringcast_clock_wall_s(void);

#endif
