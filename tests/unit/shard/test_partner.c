/* Services of a shard over a socket pair, on both production backends; one thread, the test being the other program. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shard/shard.h"
#include "shard/shard_private.h"

enum { PENDING_BYTES_MAX = 1 << 20, TURNS_MAX = 100000 };

struct talker { /* sends what is in out, keeps what comes in in */
	struct partner partner;
	uint8_t *out, *in;
	size_t out_size, in_size;
	unsigned closed_count, tick_count;
	uint8_t garbage; /* a chunk that begins so is refused; 0: none is */
};

static struct mailbox *mailbox;
static struct shard *shard;
static struct talker talker;
static int peer = -1;

static bool received(struct partner *partner, struct view bytes, uint64_t now_ns)
{
	struct talker *self = CONTAINER_OF(partner, struct talker, partner);
	cr_assert_gt(now_ns, 0);
	if (self->garbage != 0 && bytes.data[0] == self->garbage)
		return false;
	cr_assert_leq(self->in_size + bytes.size, PENDING_BYTES_MAX);
	memcpy(self->in + self->in_size, bytes.data, bytes.size);
	self->in_size += bytes.size;
	return true;
}

static void closed(struct partner *partner, uint64_t now_ns)
{
	(void)now_ns;
	CONTAINER_OF(partner, struct talker, partner)->closed_count++;
}

static struct view pending(struct partner *partner)
{
	const struct talker *self = CONTAINER_OF(partner, struct talker, partner);
	return ringcast_view_of(self->out, self->out_size);
}

static void taken(struct partner *partner, size_t size)
{
	struct talker *self = CONTAINER_OF(partner, struct talker, partner);
	cr_assert_leq(size, self->out_size);
	memmove(self->out, self->out + size, self->out_size -= size);
	memset(self->out + self->out_size, 0xee, size); /* ours to use again at once */
}

static void ticked(struct partner *partner, uint64_t now_ns)
{
	(void)now_ns;
	CONTAINER_OF(partner, struct talker, partner)->tick_count++;
}

static uint64_t deadline_ns(struct partner *partner)
{
	return partner->shard->now_ns + NS_PER_MS;
}

static const struct partner_ops ops = {
	.received = received, .closed = closed, .pending = pending, .taken = taken, .ticked = ticked, .deadline_ns = deadline_ns};

static void connect_talker(void)
{
	int pair[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	cr_assert_eq(ringcast_partner_adopt(&talker.partner, &pair[0]), 0);
	cr_assert_eq(pair[0], -1, "the descriptor has been taken");
	peer = pair[1];
	struct timeval patience = {.tv_sec = 20};
	cr_assert_eq(setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
}

static void set_up(bool is_uring)
{
	struct shard_options options = {.count = 1, .listen_count = 1};
	struct io_options io_options;
	char error[256] = "";
	ringcast_limits_default(&options.limits);
	options.listens[0].is_v4 = true;
	options.listens[0].address = (struct address){.ip = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
	mailbox = ringcast_mailbox_create(1);
	options.mailboxes = &mailbox;
	ringcast_shard_io_options(&options.limits, &io_options);
	struct io *io = is_uring ? ringcast_io_uring_create(&io_options, error, sizeof(error)) : ringcast_io_epoll_create(&io_options, error, sizeof(error));
	cr_assert(io, "%s", error);
	shard = ringcast_shard_create(&options, io, error, sizeof(error));
	cr_assert(shard, "%s", error);
	ringcast_partner_add(shard, &talker.partner, &ops);
	talker.out = malloc(PENDING_BYTES_MAX);
	talker.in = malloc(PENDING_BYTES_MAX);
	connect_talker();
}

static void tear_down(void)
{
	ringcast_shard_stop(shard);
	ringcast_shard_abort(shard);
	for (int i = 0; !ringcast_shard_is_idle(shard); i++) {
		cr_assert_lt(i, TURNS_MAX);
		ringcast_shard_tick(shard);
	}
	cr_assert_eq(talker.partner.state, PARTNER_IDLE);
	ringcast_partner_remove(&talker.partner);
	ringcast_partner_remove(&talker.partner); /* again: harmless */
	ringcast_shard_destroy(&shard);
	ringcast_mailbox_destroy(&mailbox);
	free(talker.out);
	free(talker.in);
	close(peer);
}

#define CASE(case_name)                                                                                                                    \
	static void case_name##_case(void);                                                                                                \
	Test(partner_uring, case_name, .timeout = 60)                                                                                      \
	{                                                                                                                                  \
		char reason[256];                                                                                                          \
		if (ringcast_io_uring_probe(reason, sizeof(reason)) != 0)                                                                  \
			cr_skip("no io_uring here: %s", reason);                                                                           \
		set_up(true);                                                                                                              \
		case_name##_case();                                                                                                        \
		tear_down();                                                                                                               \
	}                                                                                                                                  \
	Test(partner_epoll, case_name, .timeout = 60)                                                                                      \
	{                                                                                                                                  \
		set_up(false);                                                                                                             \
		case_name##_case();                                                                                                        \
		tear_down();                                                                                                               \
	}                                                                                                                                  \
	static void case_name##_case(void)

static void tick_until_idle(void)
{
	for (int i = 0; talker.partner.state != PARTNER_IDLE; i++) {
		cr_assert_lt(i, TURNS_MAX);
		ringcast_shard_tick(shard);
	}
}

/* Reads what the shard sends while it ticks. */
static void read_from_shard(uint8_t *out, size_t size)
{
	for (size_t used = 0; used < size;) {
		ringcast_shard_tick(shard);
		ssize_t got = recv(peer, out + used, size - used, MSG_DONTWAIT);
		cr_assert(got > 0 || (got < 0 && errno == EAGAIN), "%zd", got);
		used += got > 0 ? (size_t)got : 0;
	}
}

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 31 + i / 251);
}

CASE(carries_bytes_in)
{
	cr_assert_eq(write(peer, "hello", 5), 5);
	while (talker.in_size < 5)
		ringcast_shard_tick(shard);
	cr_assert_arr_eq(talker.in, "hello", 5);
	cr_assert_eq(talker.partner.bytes_received, 5);
	cr_assert_gt(talker.tick_count, 0);
}

CASE(carries_more_out_than_fits_at_once)
{
	uint8_t *got = malloc(PENDING_BYTES_MAX);
	for (size_t i = 0; i < PENDING_BYTES_MAX; i++)
		talker.out[i] = byte_at(i);
	talker.out_size = PENDING_BYTES_MAX;
	read_from_shard(got, PENDING_BYTES_MAX);
	for (size_t i = 0; i < PENDING_BYTES_MAX; i++)
		cr_assert_eq(got[i], byte_at(i), "byte %zu", i);
	cr_assert_eq(talker.partner.bytes_sent, PENDING_BYTES_MAX);
	free(got);
}

CASE(what_comes_while_sending_is_not_lost)
{
	uint8_t got[6];
	talker.out_size = 3;
	memcpy(talker.out, "abc", 3);
	ringcast_shard_tick(shard);
	memcpy(talker.out + talker.out_size, "def", 3);
	talker.out_size += 3;
	read_from_shard(got, 6);
	cr_assert_arr_eq(got, "abcdef", 6);
}

CASE(garbage_cuts_it_once)
{
	char byte;
	talker.garbage = 'X';
	cr_assert_eq(write(peer, "X1", 2), 2);
	tick_until_idle();
	cr_assert_eq(talker.closed_count, 1);
	cr_assert_eq(recv(peer, &byte, 1, 0), 0, "the other side sees the end");
}

CASE(the_other_sides_end_closes_it)
{
	cr_assert_eq(write(peer, "last words", 10), 10);
	cr_assert_eq(shutdown(peer, SHUT_RDWR), 0);
	tick_until_idle();
	cr_assert_eq(talker.closed_count, 1);
	cr_assert_eq(talker.in_size, 10, "what was said before is heard");
}

CASE(may_be_connected_again)
{
	int pair[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	cr_assert_eq(ringcast_partner_adopt(&talker.partner, &pair[0]), -EBUSY);
	cr_assert_geq(pair[0], 0, "still the caller's");
	close(pair[0]);
	close(pair[1]);
	for (unsigned i = 1; i <= 20; i++) {
		ringcast_partner_cut(&talker.partner);
		cr_assert_eq(talker.closed_count, i);
		ringcast_partner_cut(&talker.partner); /* harmless */
		cr_assert_eq(talker.closed_count, i);
		tick_until_idle();
		close(peer);
		connect_talker();
		talker.in_size = 0;
		cr_assert_eq(write(peer, "again", 5), 5);
		while (talker.in_size < 5)
			ringcast_shard_tick(shard);
	}
}

/* The other side reads nothing, so that a send is on its way when the partner is cut. */
CASE(may_be_cut_while_it_sends)
{
	memset(talker.out, 'x', PENDING_BYTES_MAX);
	talker.out_size = PENDING_BYTES_MAX;
	for (int i = 0; i < 50; i++)
		ringcast_shard_tick(shard);
	cr_assert(talker.partner.is_sending);
	ringcast_partner_cut(&talker.partner);
	tick_until_idle();
	cr_assert_eq(talker.closed_count, 1);
	cr_assert_not(talker.partner.is_sending);
}

CASE(a_stop_hears_it_out_and_closes_it)
{
	uint8_t got[4];
	memcpy(talker.out, "bye.", 4);
	talker.out_size = 4;
	ringcast_shard_stop(shard);
	for (int i = 0; !ringcast_shard_is_idle(shard); i++) {
		cr_assert_lt(i, TURNS_MAX);
		ringcast_shard_tick(shard);
	}
	cr_assert_eq(talker.closed_count, 1);
	cr_assert_eq(recv(peer, got, 4, 0), 4);
	cr_assert_arr_eq(got, "bye.", 4);
	cr_assert_eq(recv(peer, got, 4, 0), 0);
	int fd = 0;
	cr_assert_eq(ringcast_partner_adopt(&talker.partner, &fd), -EBUSY, "not while stopping");
	cr_assert_eq(fd, 0);
}
