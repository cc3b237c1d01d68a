/* Names that may stand in paths. */
#include <criterion/criterion.h>

#include "base/plain_name.h"

Test(plain_name, what_is_one)
{
	static const char *const good[] = {"a", "0", "game-1.2_x", "a..b", "a123456789012345678901234567890123456789012345678901234567890bc"};
	static const char *const bad[] = {"", ".", "..", ".hidden", "-a", "_a", "A", "aB", "a b", "a/b", "a@b", "\xc3\xa4", "a\n",
					  "a1234567890123456789012345678901234567890123456789012345678901bcd"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_expect(ringcast_plain_name_is_one(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(ringcast_plain_name_is_one(bad[i]), "%s", bad[i]);
}
