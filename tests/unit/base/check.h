/*
 * Criterion reports every assertion to its parent process, passed ones too, which is too slow for property tests with millions
 * of steps. check() reports failures only.
 */
#ifndef TESTS_UNIT_BASE_CHECK_H
#define TESTS_UNIT_BASE_CHECK_H

#include <criterion/criterion.h>

#include "base/attr.h"

#define check(condition, format, ...)                                                                                                  \
	do {                                                                                                                           \
		if (!(condition))                                                                                                      \
			cr_assert_fail("%s: " format, #condition, ##__VA_ARGS__);                                                      \
	} while (0)

#endif
