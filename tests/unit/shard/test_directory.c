/* Whose a datagram is, over all shards; and the rings by which it gets there. */
#include <criterion/criterion.h>

#include "shard/directory.h"
#include "shard/mailbox.h"

Test(directory, a_place_is_one_players)
{
	struct directory directory;
	cr_assert(ringcast_directory_init(&directory, 2, 42));
	cr_assert_eq(ringcast_directory_find(&directory, 7), DIRECTORY_NOBODY);
	cr_assert(ringcast_directory_add(&directory, 7, 0));
	cr_assert(!ringcast_directory_add(&directory, 7, 1), "of another shard, too");
	cr_assert_eq(ringcast_directory_find(&directory, 7), 0);
	cr_assert(ringcast_directory_add(&directory, 9, 63));
	cr_assert(!ringcast_directory_add(&directory, 11, 1), "full");
	ringcast_directory_remove(&directory, 7);
	cr_assert_eq(ringcast_directory_find(&directory, 7), DIRECTORY_NOBODY);
	cr_assert(ringcast_directory_add(&directory, 11, 1));
	cr_assert_eq(ringcast_directory_find(&directory, 9), 63);
	ringcast_directory_fini(&directory);
}

/* An association's: whoever came last has it, and only that shard takes it out. */
Test(directory, a_place_that_has_gone_to_another_is_left_to_it)
{
	struct directory directory;
	cr_assert(ringcast_directory_init(&directory, 2, 42));
	cr_assert(ringcast_directory_put(&directory, 7, 0));
	cr_assert(ringcast_directory_put(&directory, 7, 3));
	cr_assert_eq(ringcast_directory_find(&directory, 7), 3);
	cr_assert(!ringcast_directory_drop(&directory, 7, 0));
	cr_assert_eq(ringcast_directory_find(&directory, 7), 3);
	cr_assert(ringcast_directory_put(&directory, 9, 0));
	cr_assert(!ringcast_directory_put(&directory, 11, 0), "full");
	cr_assert(ringcast_directory_drop(&directory, 7, 3));
	cr_assert(!ringcast_directory_drop(&directory, 7, 3));
	ringcast_directory_fini(&directory);
}

Test(directory, who_is_known_has_an_allowance_of_hellos)
{
	struct directory directory;
	struct address home = {.ip = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 1}}, other = {.ip = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 2}};
	cr_assert(ringcast_directory_init(&directory, 1, 42));
	cr_assert(!ringcast_directory_take_hello(&directory, &home, 2, NS_PER_S));
	cr_assert(ringcast_directory_know(&directory, &home, NS_PER_S));
	cr_assert(ringcast_directory_know(&directory, &home, NS_PER_S));
	cr_assert(!ringcast_directory_know(&directory, &other, NS_PER_S), "full");
	for (int i = 0; i < 3; i++)
		cr_assert_eq(ringcast_directory_take_hello(&directory, &home, 2, NS_PER_S), i < 2);
	ringcast_directory_forget(&directory, &home);
	cr_assert(ringcast_directory_take_hello(&directory, &home, 2, 3 * NS_PER_S), "one of them is still there");
	ringcast_directory_forget(&directory, &home);
	cr_assert(!ringcast_directory_take_hello(&directory, &home, 2, 5 * NS_PER_S));
	cr_assert(ringcast_directory_know(&directory, &other, 9 * NS_PER_S), "it has the place now");
	ringcast_directory_fini(&directory);
}

/* A flood of strays fills its own ring and no other. */
Test(directory, strays_wake_and_have_an_end)
{
	struct mailbox *mailbox = ringcast_mailbox_create(2);
	uint32_t count = 0, size;
	cr_assert_not_null(mailbox);
	mailbox->has_strays = true;
	cr_assert(ringcast_mailbox_prepare_sleep(mailbox));
	for (uint8_t *record; (record = ringcast_ring_bytes_begin(&mailbox->strays[1], 1200)) != NULL; count++) {
		record[0] = (uint8_t)count;
		ringcast_ring_bytes_end(&mailbox->strays[1]);
	}
	cr_assert_gt(count, 40);
	cr_assert_leq(count, MAILBOX_STRAYS_BYTES / 1200);
	cr_assert(!ringcast_mailbox_prepare_sleep(mailbox), "there is mail");
	cr_assert_not_null(ringcast_ring_bytes_begin(&mailbox->strays[0], 1200));
	cr_assert_not_null(ringcast_mailbox_letter_begin(mailbox, 1, 1200));
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *record = ringcast_ring_bytes_peek(&mailbox->strays[1], &size);
		cr_assert_eq(size, 1200);
		cr_assert_eq(record[0], (uint8_t)i);
		ringcast_ring_bytes_pop(&mailbox->strays[1]);
	}
	cr_assert(ringcast_mailbox_prepare_sleep(mailbox));
	ringcast_mailbox_destroy(&mailbox);
}
