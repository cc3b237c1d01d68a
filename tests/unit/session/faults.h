/*
 * Every allocation of the session layer (tables, slabs, bufs, the heap) passes through here: the test program is linked with --wrap. Counts them,
 * and refuses those it is told to.
 */
#ifndef TESTS_UNIT_SESSION_FAULTS_H
#define TESTS_UNIT_SESSION_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* From the call with this number on (0 is the next one), refuse count calls. */
void faults_begin(uint64_t first, uint64_t count);
/* Refuses no more; returns how many calls there were since begin. */
uint64_t faults_end(void);

/* Heap blocks that are allocated now. */
int64_t faults_heap_count(void);

#endif
