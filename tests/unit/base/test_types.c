#include <signal.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/list.h"
#include "base/pages.h"
#include "tests/unit/base/check.h"

Test(types, handles_keep_index_and_generation_apart)
{
	static const uint32_t cases[][2] = {{0, 1}, {UINT32_MAX, 1}, {0, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}, {5, 7}};
	for (size_t i = 0; i < RLY_ARRAY_COUNT(cases); i++) {
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

struct member {
	int value;
	struct list_node node;
};

Test(list, keeps_order_and_lets_go_anywhere)
{
	for (int removed = 0; removed < 4; removed++) {
		struct list_node head;
		struct member members[4] = {0};
		ringcast_list_init(&head);
		cr_assert(ringcast_list_is_empty(&head));
		for (int i = 0; i < 4; i++) {
			members[i].value = i;
			cr_assert_not(ringcast_list_has(&members[i].node));
			ringcast_list_add_tail(&head, &members[i].node);
			cr_assert(ringcast_list_has(&members[i].node));
		}
		ringcast_list_remove(&members[removed].node);
		cr_assert_not(ringcast_list_has(&members[removed].node));
		int expected = 0;
		for (struct list_node *node = head.next; node != &head; node = node->next, expected++) {
			expected += expected == removed;
			cr_assert_eq(RLY_CONTAINER_OF(node, struct member, node)->value, expected);
		}
		cr_assert_eq(expected, removed == 3 ? 3 : 4);
		for (int i = 0; i < 4; i++)
			if (i != removed)
				ringcast_list_remove(&members[i].node);
		cr_assert(ringcast_list_is_empty(&head));
	}
}

Test(pages, come_aligned_zeroed_and_in_any_size)
{
	static const size_t sizes[] = {1, 4095, 4096, 4097, 1000000};
	for (size_t i = 0; i < RLY_ARRAY_COUNT(sizes); i++) {
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
	char text[200] = {0};
	ssize_t size = read(ends[0], text, sizeof(text) - 1);
	if (size > 0 && strcmp(text, "ringcast: assertion failed: two == 3 (some/file.c:42)\n") == 0)
		ringcast_assert_fail("as expected", "some/file.c", 43);
}
