/*
 * Everything at once, from a seed: peers that write, stop reading, leave and reset; streams that send, are handed over between two ios and
 * are closed at any moment; few receive buffers, held for a while. The law: each byte arrives once, in order, at the io that owns the
 * stream; and each stream has one last word.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/prng.h"
#include "io_harness.h"

enum { PEER_COUNT = 10, STEP_COUNT = 12000, HELD_COUNT_MAX = 12, SEND_BYTES_MAX = 200000 };

struct player {
	int fd; /* the peer's side; -1 when it has left */
	struct address address;
	io_id stream;               /* HANDLE_NONE until accepted, and on the way between two ios */
	int owner;                  /* index of the io */
	uint64_t written, received; /* peer to server */
	uint64_t sent, read;        /* server to peer */
	uint8_t *data;              /* of the send in flight */
	uint32_t data_bytes;
	bool is_sending, is_closing, is_detaching, has_ended;
};

struct chaos {
	struct harness hs[2];
	struct address bound;
	struct prng prng;
	struct player players[PEER_COUNT];
	struct io_event held[HELD_COUNT_MAX];
	int held_owner[HELD_COUNT_MAX];
	unsigned held_count;
	unsigned closed_count, adopted_count, reset_count;
};

static unsigned below(struct chaos *c, unsigned limit)
{
	return (unsigned)ringcast_prng_below(&c->prng, limit);
}

static struct io *io_of(struct chaos *c, int owner)
{
	return c->hs[owner].io;
}

static void connect_player(struct chaos *c, struct player *player)
{
	*player = (struct player){.fd = ringcast_peer_connect(&c->bound, true)};
	player->address = ringcast_peer_address(player->fd);
}

static void release_one(struct chaos *c)
{
	unsigned index = below(c, c->held_count);
	io_of(c, c->held_owner[index])->ops->release(io_of(c, c->held_owner[index]), &c->held[index]);
	c->held[index] = c->held[--c->held_count];
	c->held_owner[index] = c->held_owner[c->held_count];
}

static void on_accept(struct chaos *c, const struct io_event *event)
{
	struct player *player = c->players;
	while (player < c->players + PEER_COUNT &&
	       (player->stream != HANDLE_NONE || !ringcast_address_is_equal(&player->address, &event->address)))
		player++;
	cr_assert_lt(player, c->players + PEER_COUNT, "accepted one who is not ours");
	player->stream = event->stream;
	io_of(c, 0)->ops->stream_start(io_of(c, 0), player->stream, (uint64_t)(player - c->players));
}

static void on_recv(struct chaos *c, int owner, struct player *player, const struct io_event *event)
{
	cr_assert_not(player->is_closing);
	cr_assert_not(player->has_ended);
	cr_assert(ringcast_pattern_matches(event->data, event->size, player->received));
	player->received += event->size;
	cr_assert_leq(player->received, player->written);
	if (c->held_count == HELD_COUNT_MAX)
		release_one(c);
	c->held[c->held_count] = *event;
	c->held_owner[c->held_count++] = owner;
}

static void on_sent(struct player *player, const struct io_event *event)
{
	cr_assert(player->is_sending);
	player->is_sending = false;
	if (event->result > 0) {
		cr_assert_eq(event->result, (int32_t)player->data_bytes);
		player->sent += player->data_bytes;
	} else {
		cr_assert(player->is_closing || player->fd < 0, "a send fails only with its stream: %d", event->result);
	}
	free(player->data);
	player->data = NULL;
}

static void on_end(struct player *player, const struct io_event *event)
{
	cr_assert_not(player->has_ended);
	cr_assert_not(player->is_closing);
	cr_assert_lt(player->fd, 0, "the peer is still there: %d", event->result);
	player->has_ended = true;
}

static void on_closed(struct chaos *c, struct player *player)
{
	cr_assert(player->is_closing);
	cr_assert_not(player->is_sending);
	if (player->fd >= 0)
		close(player->fd);
	c->closed_count++;
	connect_player(c, player);
}

static void on_detached(struct chaos *c, struct player *player, const struct io_event *event)
{
	cr_assert(player->is_detaching);
	player->is_detaching = false;
	player->has_ended = false; /* the new owner is told again */
	player->owner = !player->owner;
	struct io *io = io_of(c, player->owner);
	cr_assert_eq(io->ops->stream_adopt(io, event->result, &player->stream), 0);
	io->ops->stream_start(io, player->stream, (uint64_t)(player - c->players));
	c->adopted_count++;
}

static void on_event(struct chaos *c, int owner, const struct io_event *event)
{
	struct player *player = &c->players[event->user];
	if (event->kind == IO_EVENT_ACCEPT) {
		on_accept(c, event);
		return;
	}
	cr_assert_eq(event->id, player->stream);
	cr_assert_eq(owner, player->owner);
	switch (event->kind) {
	case IO_EVENT_RECV:
		on_recv(c, owner, player, event);
		break;
	case IO_EVENT_SENT:
		on_sent(player, event);
		break;
	case IO_EVENT_END:
		on_end(player, event);
		break;
	case IO_EVENT_CLOSED:
		on_closed(c, player);
		break;
	case IO_EVENT_DETACHED:
		on_detached(c, player, event);
		break;
	default:
		cr_assert_fail("an event of kind %d", event->kind);
	}
}

static void turn(struct chaos *c, int owner)
{
	struct harness *h = &c->hs[owner];
	h->batch_count_max = 1 + below(c, 20);
	ringcast_harness_turn(h);
	while (h->event_count > 0) {
		struct io_event event = ringcast_harness_next(h);
		on_event(c, owner, &event);
	}
}

static void peer_write(struct chaos *c, struct player *player)
{
	uint8_t data[5000];
	size_t size = 1 + below(c, sizeof(data));
	if (player->fd < 0)
		return;
	ringcast_pattern_fill(data, size, player->written);
	ssize_t written = send(player->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (written > 0)
		player->written += (uint64_t)written;
}

static void peer_read(struct chaos *c, struct player *player)
{
	static uint8_t data[100000];
	if (player->fd < 0)
		return;
	ssize_t got = recv(player->fd, data, 1 + below(c, sizeof(data)), MSG_DONTWAIT);
	if (got > 0) {
		cr_assert(ringcast_pattern_matches(data, (size_t)got, player->read));
		player->read += (uint64_t)got;
	} else if (got == 0 || errno != EAGAIN) {
		cr_assert(player->is_closing, "an end without a close");
	}
}

static void peer_leave(struct chaos *c, struct player *player)
{
	if (player->fd < 0 || player->stream == HANDLE_NONE)
		return;
	if (below(c, 2) == 0)
		ringcast_peer_reset(player->fd);
	else
		close(player->fd);
	player->fd = -1;
	c->reset_count++;
}

static bool is_usable(const struct player *player)
{
	return player->stream != HANDLE_NONE && !player->is_closing && !player->is_detaching;
}

static void server_send(struct chaos *c, struct player *player)
{
	struct iovec iov[IO_IOV_MAX];
	unsigned iov_count = 1 + below(c, below(c, 2) == 0 ? 1 : IO_IOV_MAX);
	if (!is_usable(player) || player->is_sending)
		return;
	player->data_bytes = iov_count + below(c, below(c, 3) == 0 ? SEND_BYTES_MAX : 1000);
	player->data = malloc(player->data_bytes);
	ringcast_pattern_fill(player->data, player->data_bytes, player->sent);
	uint32_t part = player->data_bytes / iov_count;
	for (unsigned i = 0; i < iov_count; i++)
		iov[i] = (struct iovec){.iov_base = player->data + i * part, .iov_len = part};
	iov[iov_count - 1].iov_len = player->data_bytes - (iov_count - 1) * part;
	io_of(c, player->owner)->ops->stream_send(io_of(c, player->owner), player->stream, iov, iov_count);
	player->is_sending = true;
}

static void server_detach(struct chaos *c, struct player *player)
{
	if (!is_usable(player) || player->is_sending)
		return;
	io_of(c, player->owner)->ops->stream_detach(io_of(c, player->owner), player->stream);
	player->is_detaching = true;
}

static void server_close(struct chaos *c, struct player *player)
{
	if (!is_usable(player))
		return;
	io_of(c, player->owner)->ops->stream_close(io_of(c, player->owner), player->stream);
	player->is_closing = true;
}

static void step(struct chaos *c)
{
	struct player *player = &c->players[below(c, PEER_COUNT)];
	unsigned dice = below(c, 200);
	if (player->has_ended || dice < 2)
		server_close(c, player);
	else if (dice < 4)
		peer_leave(c, player);
	else if (dice < 10)
		server_detach(c, player);
	else if (dice < 50)
		peer_write(c, player);
	else if (dice < 90)
		peer_read(c, player);
	else if (dice < 120)
		server_send(c, player);
	else if (dice < 150 && c->held_count > 0)
		release_one(c);
	else
		turn(c, (int)(dice & 1));
}

static bool is_settled(const struct player *player)
{
	return player->stream != HANDLE_NONE && !player->is_closing && !player->is_detaching && !player->is_sending && !player->has_ended &&
	       player->fd >= 0 && player->received == player->written && player->read == player->sent;
}

/* No new mischief: everything on the way must arrive. */
static void settle(struct chaos *c)
{
	unsigned settled_count = 0;
	while (settled_count < PEER_COUNT) {
		settled_count = 0;
		for (unsigned i = 0; i < PEER_COUNT; i++) {
			struct player *player = &c->players[i];
			peer_read(c, player);
			if (player->has_ended)
				server_close(c, player);
			settled_count += is_settled(player);
		}
		while (c->held_count > 0)
			release_one(c);
		turn(c, 0);
		turn(c, 1);
	}
}

static void run_chaos(const struct backend *backend, uint64_t seed)
{
	struct io_options options = {.stream_count_max = PEER_COUNT, .stream_buffer_count = HELD_COUNT_MAX + 2, .stream_buffer_bytes = 700};
	static struct chaos c;
	c = (struct chaos){0};
	ringcast_prng_init(&c.prng, seed);
	ringcast_harness_init(&c.hs[0], backend, &options);
	ringcast_harness_init(&c.hs[1], backend, &options);
	ringcast_harness_listen(&c.hs[0], true, &c.bound);
	for (unsigned i = 0; i < PEER_COUNT; i++)
		connect_player(&c, &c.players[i]);
	for (unsigned i = 0; i < STEP_COUNT; i++)
		step(&c);
	settle(&c);
	cr_assert_gt(c.closed_count, 20);
	cr_assert_gt(c.adopted_count, 50);
	cr_assert_gt(c.reset_count, 5);
	cr_assert_gt(c.hs[0].io->ops->stats(c.hs[0].io)->rx_buffers_empty, 0);
	for (unsigned i = 0; i < PEER_COUNT; i++)
		close(c.players[i].fd);
	ringcast_harness_fini(&c.hs[0]);
	ringcast_harness_fini(&c.hs[1]);
}

IO_CASE(chaos)
{
	for (uint64_t seed = 1; seed <= 12; seed++)
		run_chaos(backend, seed);
}
