#include <signal.h>
#include <unistd.h>

#include "base/assert.h"
#include "tests/unit/base/check.h"

Test(assert, a_condition_that_holds_is_evaluated_once)
{
	int count = 0;
	ringcast_assert(++count == 1);
	cr_assert_eq(count, 1);
}

Test(assert, says_what_and_where_then_aborts, .signal = SIGABRT)
{
	int ends[2];
	if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
		return; /* no abort: the test fails */
	if (fork() == 0)
		ringcast_assert_fail("two == 3", "some/file.c", 42);
	static const char expected[] = "ringcast: assertion failed: two == 3 (some/file.c:42)\n"; /* the dump follows */
	char text[sizeof(expected)] = {0};
	for (size_t used = 0; used < sizeof(text) - 1;) {
		ssize_t size = read(ends[0], text + used, sizeof(text) - 1 - used);
		if (size <= 0)
			return;
		used += (size_t)size;
	}
	if (strcmp(text, expected) == 0)
		ringcast_assert_fail("as expected", "some/file.c", 43);
}
