/* Waiting handshakes: order in each line, turns between them, the bound. */
#include <criterion/criterion.h>

#include "base/prng.h"
#include "transport/handshake_queue.h"

enum { CAPACITY = 4, STREAMS = 6 };

static struct handshake_queue queue;
static struct buf_pool *pool;
static struct list_node streams[STREAMS];

static void set_up(void)
{
	struct buf_pool_options options = {.class_counts = {64}};
	pool = ringcast_buf_pool_create(&options);
	memset(streams, 0, sizeof(streams));
	cr_assert(pool != NULL && ringcast_handshake_queue_init(&queue, CAPACITY, 1));
}

static void tear_down(void)
{
	ringcast_handshake_queue_fini(&queue);
	ringcast_buf_pool_destroy(&pool); /* asserts that every buf is back */
}

TestSuite(handshake_queue, .init = set_up, .fini = tear_down);

static bool add_from(uint8_t host, uint16_t port)
{
	struct handshake_datagram datagram = {.address = {.ip = {[10] = 0xff, [11] = 0xff, [15] = host}, .port = port}, .buf = ringcast_buf_alloc(pool, 10)};
	cr_assert(datagram.buf != NULL);
	return ringcast_handshake_queue_add_datagram(&queue, &datagram);
}

static bool add_datagram(uint16_t port)
{
	return add_from(1, port);
}

/* The stream's index, or minus the datagram's port. */
static int next(void)
{
	struct handshake_turn turn;
	cr_assert(ringcast_handshake_queue_next(&queue, &turn));
	if (turn.stream != NULL)
		return (int)(turn.stream - streams);
	ringcast_buf_unref(turn.datagram.buf);
	return -(int)turn.datagram.address.port;
}

Test(handshake_queue, empty)
{
	struct handshake_turn turn;
	cr_assert(!ringcast_handshake_queue_next(&queue, &turn));
	cr_assert_eq(ringcast_handshake_queue_count(&queue), 0);
}

Test(handshake_queue, lines_take_turns_and_keep_their_order)
{
	for (uint16_t i = 0; i < 3; i++) {
		ringcast_handshake_queue_add_stream(&queue, &streams[i]);
		cr_assert(add_datagram((uint16_t)(10 + i)));
	}
	const int expected[] = {0, -10, 1, -11, 2, -12};
	for (int i = 0; i < 6; i++)
		cr_assert_eq(next(), expected[i]);
	cr_assert_eq(ringcast_handshake_queue_count(&queue), 0);
}

Test(handshake_queue, one_line_alone_does_not_wait_for_the_other)
{
	for (uint16_t i = 1; i <= 3; i++)
		cr_assert(add_datagram(i));
	for (int i = 1; i <= 3; i++)
		cr_assert_eq(next(), -i);
	ringcast_handshake_queue_add_stream(&queue, &streams[4]);
	ringcast_handshake_queue_add_stream(&queue, &streams[1]);
	cr_assert_eq(next(), 4);
	cr_assert_eq(next(), 1);
}

Test(handshake_queue, datagrams_are_bounded_and_streams_are_not)
{
	for (uint16_t i = 1; i <= CAPACITY; i++)
		cr_assert(add_datagram(i));
	cr_assert_not(add_datagram(99), "the oldest has gone for it");
	for (int i = 0; i < STREAMS; i++)
		ringcast_handshake_queue_add_stream(&queue, &streams[i]);
	cr_assert_eq(ringcast_handshake_queue_count(&queue), CAPACITY + STREAMS);
	for (int i = 0; i < STREAMS; i++)
		ringcast_handshake_queue_remove_stream(&queue, &streams[i]);
	cr_assert_eq(next(), -2);
}

/* Whoever fills it first, and however often it comes: the others have their places, and their turns. */
Test(handshake_queue, a_hog_keeps_nobody_out)
{
	for (uint16_t i = 1; i <= 2 * CAPACITY; i++)
		add_from(1, i);
	cr_assert_not(add_from(2, 100));
	cr_assert_not(add_from(3, 101));
	for (uint16_t i = 1; i <= 2 * CAPACITY; i++)
		add_from(1, i);
	cr_assert_eq(ringcast_handshake_queue_count(&queue), CAPACITY);
	int first = next(), second = next(), third = next();
	cr_assert(first == -2 * CAPACITY + 1 && second == -100 && third == -101, "%d %d %d", first, second, third);
}

Test(handshake_queue, room_is_made_where_somebody_waits)
{
	struct address newcomer = {.ip = {[10] = 0xff, [11] = 0xff, [15] = 9}};
	cr_assert_not(ringcast_handshake_queue_make_room(&queue, &newcomer));
	add_from(1, 1);
	cr_assert(ringcast_handshake_queue_make_room(&queue, &newcomer));
	cr_assert_eq(ringcast_handshake_queue_count(&queue), 0);
}

Test(handshake_queue, who_leaves_is_not_served)
{
	for (int i = 0; i < 3; i++)
		ringcast_handshake_queue_add_stream(&queue, &streams[i]);
	ringcast_handshake_queue_remove_stream(&queue, &streams[1]);
	ringcast_handshake_queue_remove_stream(&queue, &streams[1]); /* harmless */
	cr_assert_eq(next(), 0);
	cr_assert_eq(next(), 2);
}

Test(handshake_queue, nothing_is_lost_or_repeated_over_many_turns)
{
	struct prng prng;
	uint16_t in = 1, out = 1;
	ringcast_prng_init(&prng, 5);
	for (int round = 0; round < 20000; round++) {
		if (ringcast_handshake_queue_count(&queue) < CAPACITY && ringcast_prng_chance(&prng, 1, 2)) {
			cr_assert(add_datagram(in));
			in++;
		} else if (in != out) {
			cr_assert_eq(next(), -(int)out);
			out++;
		}
		if (in == 60000)
			break;
	}
	cr_assert_gt(out, 1000);
}
