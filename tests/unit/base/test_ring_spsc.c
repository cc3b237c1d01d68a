#include <signal.h>

#include "base/prng.h"
#include "base/ring_spsc.h"
#include "tests/unit/base/check.h"

/* Two threads are the business of tests/race; here one thread plays both sides and the model is a pair of counters. */

Test(ring_spsc, keeps_order_and_bounds_at_every_record_size)
{
	static const size_t sizes[] = {1, 2, 3, 7, 8, 16, 24, 33, 48, 63, 64};
	for (size_t s = 0; s < ARRAY_COUNT(sizes); s++) {
		struct ring_spsc ring;
		struct prng prng;
		uint32_t pushed = 0, popped = 0;
		ringcast_prng_init(&prng, s);
		check(ringcast_ring_spsc_init(&ring, sizes[s], 8), "size %zu", sizes[s]);
		for (unsigned step = 0; step < 20000; step++) {
			uint8_t record[64 + 1];
			bool is_pushing = ringcast_prng_chance(&prng, step / 100 % 2 ? 7 : 3, 10);
			if (is_pushing) {
				memset(record, (int)(pushed & 0xff), sizeof(record));
				bool has_room = pushed - popped < 8;
				check(ringcast_ring_spsc_push(&ring, record) == has_room, "size %zu step %u", sizes[s], step);
				pushed += has_room;
			} else {
				memset(record, 0x5A, sizeof(record));
				bool has_record = pushed != popped;
				check(ringcast_ring_spsc_pop(&ring, record) == has_record, "size %zu step %u", sizes[s], step);
				check(!has_record || (record[0] == (popped & 0xff) && record[sizes[s] - 1] == (popped & 0xff)),
				      "size %zu step %u", sizes[s], step);
				check(record[sizes[s]] == 0x5A, "pop writes one record and no more");
				popped += has_record;
			}
			check(ringcast_ring_spsc_is_empty(&ring) == (pushed == popped), "size %zu step %u", sizes[s], step);
		}
		ringcast_ring_spsc_fini(&ring);
	}
}

Test(ring_spsc, capacity_is_rounded_up_to_a_power_of_two)
{
	static const uint32_t cases[][2] = {{1, 1}, {2, 2}, {3, 4}, {5, 8}, {1000, 1024}, {1024, 1024}};
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct ring_spsc ring;
		uint32_t record = 1, count = 0;
		cr_assert(ringcast_ring_spsc_init(&ring, sizeof(record), cases[i][0]));
		while (ringcast_ring_spsc_push(&ring, &record))
			count++;
		cr_assert_eq(count, cases[i][1]);
		ringcast_ring_spsc_fini(&ring);
	}
}

Test(ring_spsc, counters_wrap_around)
{
	struct ring_spsc ring;
	uint64_t record;
	cr_assert(ringcast_ring_spsc_init(&ring, sizeof(record), 4));
	ring.head = ring.tail = ring.head_cached = ring.tail_cached = UINT32_MAX - 5; /* as after 2^32 records */
	for (uint64_t i = 0; i < 20; i += 4) {
		for (uint64_t k = i; k < i + 4; k++)
			cr_assert(ringcast_ring_spsc_push(&ring, &k));
		cr_assert_not(ringcast_ring_spsc_push(&ring, &i));
		for (uint64_t k = i; k < i + 4; k++) {
			cr_assert(ringcast_ring_spsc_pop(&ring, &record));
			cr_assert_eq(record, k);
		}
		cr_assert_not(ringcast_ring_spsc_pop(&ring, &record));
	}
	ringcast_ring_spsc_fini(&ring);
}

Test(ring_spsc, the_two_sides_write_different_cache_lines)
{
	size_t producer_line = offsetof(struct ring_spsc, head) / CACHE_LINE_BYTES;
	size_t consumer_line = offsetof(struct ring_spsc, tail) / CACHE_LINE_BYTES;
	cr_assert_neq(producer_line, consumer_line);
	cr_assert_neq(producer_line, 0, "what both only read has a line of its own");
	cr_assert_eq(offsetof(struct ring_spsc, tail_cached) / CACHE_LINE_BYTES, producer_line);
	cr_assert_eq(offsetof(struct ring_spsc, head_cached) / CACHE_LINE_BYTES, consumer_line);
}

Test(ring_spsc, a_record_above_a_cache_line_aborts, .signal = SIGABRT)
{
	struct ring_spsc ring;
	(void)ringcast_ring_spsc_init(&ring, 65, 4);
}
