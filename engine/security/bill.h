#ifndef RINGCAST_SECURITY_BILL_H
#define RINGCAST_SECURITY_BILL_H

#include "ringcast/ringcast.h"

/* What encryption may take of one shard's memory; 0 when options ask for none. */
uint64_t ringcast_security_memory_bytes(const ringcast_engine_options *options, const ringcast_limits *limits, ringcast_memory_fn *each, void *context);

#endif
