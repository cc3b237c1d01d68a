#include <unistd.h>

#include "base/pages.h"
#include "tests/unit/base/check.h"

Test(pages, come_aligned_zeroed_and_in_any_size)
{
	static const size_t sizes[] = {1, 4095, 4096, 4097, 1000000};
	for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
		uint8_t *pages = ringcast_pages_reserve(sizes[i]);
		cr_assert_not_null(pages);
		cr_assert_eq((uintptr_t)pages % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
		for (size_t k = 0; k < sizes[i]; k++)
			check(pages[k] == 0, "size %zu byte %zu", sizes[i], k);
		memset(pages, 1, sizes[i]);
		ringcast_pages_release(pages, sizes[i]);
	}
	ringcast_pages_release(NULL, 0);
}

Test(pages, what_cannot_be_had_is_null)
{
	size_t product = 77;
	cr_assert_null(ringcast_pages_reserve(0));
	cr_assert_null(ringcast_pages_reserve((size_t)1 << 60));
	cr_assert_not(ringcast_pages_size_of(SIZE_MAX / 2, 3, &product));
	cr_assert_eq(product, 77, "untouched on failure");
	cr_assert(ringcast_pages_size_of(6, 7, &product));
	cr_assert_eq(product, 42);
}
