/*
 * Probes of the running program for tracers such as bpftrace: USDT, from the table probe.def. A probe that nobody traces is one nop; its three numbers have to be at hand.
 * Compiled in where the build has sys/sdt.h (Debian's systemtap-sdt-dev) and the option usdt is not disabled.
 */
#ifndef RINGCAST_BASE_TRACE_H
#define RINGCAST_BASE_TRACE_H

#include "base/recorder.h"

#if !defined(RINGCAST_NO_USDT) && __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define RINGCAST_TRACE(NAME, first, second, third) STAP_PROBE3(ringcast, NAME, (uint64_t)(first), (uint64_t)(second), (int64_t)(third))
#else
#define RINGCAST_TRACE(NAME, first, second, third) ((void)(first), (void)(second), (void)(third))
#endif

/* For tracers and for the flight recorder: of those that are PROBE in the table. */
#define RINGCAST_PROBE(recorder, NAME, now_ns, first, second, third)                               \
	do {                                                                                       \
		RINGCAST_TRACE(NAME, first, second, third);                                        \
		ringcast_recorder_note((recorder), PROBE_##NAME, (now_ns), (first), (second), (third)); \
	} while (0)

#endif
