#include "base/types.h"
#include "tests/unit/base/check.h"

Test(types, handles_keep_index_and_generation_apart)
{
	static const uint32_t cases[][2] = {{0, 1}, {UINT32_MAX, 1}, {0, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}, {5, 7}};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		handle h = ringcast_handle_of(cases[i][0], cases[i][1]);
		cr_assert_neq(h, HANDLE_NONE);
		cr_assert_eq(ringcast_handle_index(h), cases[i][0]);
		cr_assert_eq(ringcast_handle_generation(h), cases[i][1]);
	}
}

Test(types, addresses_compare_by_bytes_and_port)
{
	struct address v4 = {.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}, .port = 1900};
	struct address v6 = {.ip = {[15] = 1}, .port = 1900};
	struct address other_port = v4;
	other_port.port = 1901;
	cr_assert(ringcast_address_is_v4(&v4));
	cr_assert_not(ringcast_address_is_v4(&v6));
	cr_assert(ringcast_address_is_equal(&v4, &v4));
	cr_assert_not(ringcast_address_is_equal(&v4, &v6));
	cr_assert_not(ringcast_address_is_equal(&v4, &other_port));
	cr_assert(ringcast_address_has_same_ip(&v4, &other_port));
	/* Every byte of the prefix counts. */
	for (size_t i = 0; i < 12; i++) {
		struct address almost = v4;
		almost.ip[i] ^= 1;
		cr_assert_not(ringcast_address_is_v4(&almost), "byte %zu", i);
	}
}
