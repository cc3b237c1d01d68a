/*
 * Assertions that stay on in production.
 *
 * ringcast_assert: caller mistakes and broken invariants; always on; prints what and where, then aborts.
 * ringcast_assert_slow: invariants too dear for the hot path; on when RINGCAST_SLOW_ASSERTS is defined.
 * Never assert on bytes from the wire: those are values, see drop.h.
 */
#ifndef RINGCAST_BASE_ASSERT_H
#define RINGCAST_BASE_ASSERT_H

#include "base/attr.h"

NORETURN void ringcast_assert_fail(const char *what, const char *file, int line);

#define ringcast_assert(condition)                                                                                     \
	do {                                                                                                           \
		if (UNLIKELY(!(condition)))                                                                        \
			ringcast_assert_fail(#condition, __FILE__, __LINE__);                                          \
	} while (0)

#ifdef RINGCAST_SLOW_ASSERTS
#define ringcast_assert_slow(condition) ringcast_assert(condition)
#else
#define ringcast_assert_slow(condition) ((void)sizeof(condition))
#endif

#define ringcast_unreachable(what) ringcast_assert_fail("unreachable: " what, __FILE__, __LINE__)

#endif
