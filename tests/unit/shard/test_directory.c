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
