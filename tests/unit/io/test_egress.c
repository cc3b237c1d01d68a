/* Egress between a kernel and a device that do what the test says: routing.h and xdp.h are played here. One receiver, and a ring that takes frames or does not. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/egress.h"
#include "io/routing.h"
#include "io/xdp.h"

enum { LINK = 7, NOTES = 4 };

struct xdp_socket {
	uint64_t put_count, taken_count, kick_count;
	uint8_t frame[XDP_FRAME_BYTES];
};

static struct {
	struct netlink_route route;
	struct netlink_link link;
	bool is_link_known, is_stalled;
	struct netlink_change notes[NOTES];
	unsigned note_count;
	bool is_too_much;
	char opened[sizeof(((struct netlink_link *)0)->name)]; /* the device, last time */
	int open_result, kick_error;
	unsigned open_count, close_count, route_count;
	struct xdp_socket *open; /* the last one */
} world;

/* The kernel */

bool ringcast_routing_open(struct routing *routing)
{
	return true;
}

void ringcast_routing_close(struct routing *routing)
{
}

struct netlink_change ringcast_routing_ask_route(struct routing *routing, const uint8_t target[16], const uint8_t source[16])
{
	world.route_count++;
	return (struct netlink_change){.kind = TOLD_ROUTE, .route = world.route};
}

struct netlink_change ringcast_routing_ask_link(struct routing *routing, uint32_t link)
{
	return (struct netlink_change){.kind = world.is_link_known ? TOLD_LINK : TOLD_FAILED, .link = world.link};
}

struct netlink_change ringcast_routing_ask_neighbour(struct routing *routing, uint32_t link, const uint8_t ip[16])
{
	struct netlink_change change = {.kind = TOLD_NEIGHBOUR, .neighbour = {.link = link, .mac = {2, 0, 0, 0, 0, 2}, .is_usable = true, .is_permanent = true}};
	memcpy(change.neighbour.ip, ip, 16);
	return change;
}

bool ringcast_routing_ask_rules(struct routing *routing, routing_fn *each, void *context)
{
	return true;
}

enum routing_heard ringcast_routing_hear(struct routing *routing, routing_fn *each, void *context)
{
	enum routing_heard heard = world.is_too_much ? HEARD_TOO_MUCH : world.note_count > 0 ? HEARD_CHANGES : HEARD_NOTHING;
	for (unsigned i = 0; i < world.note_count; i++)
		each(context, &world.notes[i]);
	world.note_count = 0;
	world.is_too_much = false;
	return heard;
}

/* The device */

int ringcast_xdp_probe(char *reterr, size_t reterr_bytes)
{
	return 0;
}

int ringcast_xdp_open(const char *device, uint32_t queue, struct xdp_socket **ret_socket)
{
	world.open_count++;
	snprintf(world.opened, sizeof(world.opened), "%s", device);
	if (world.open_result == 0)
		*ret_socket = world.open = calloc(1, sizeof(**ret_socket));
	return world.open_result;
}

void ringcast_xdp_close(struct xdp_socket **socket)
{
	world.close_count += *socket != NULL;
	free(*socket);
	*socket = NULL;
}

bool ringcast_xdp_has_room(struct xdp_socket *socket, uint32_t frame_count)
{
	return socket->put_count - socket->taken_count + frame_count <= XDP_FRAME_COUNT;
}

uint8_t *ringcast_xdp_frame(struct xdp_socket *socket)
{
	return socket->frame;
}

void ringcast_xdp_put(struct xdp_socket *socket, uint32_t size)
{
	socket->put_count++;
}

uint64_t ringcast_xdp_put_count(const struct xdp_socket *socket)
{
	return socket->put_count;
}

uint64_t ringcast_xdp_taken_count(struct xdp_socket *socket)
{
	return socket->taken_count;
}

uint32_t ringcast_xdp_kick(struct xdp_socket *socket, int *ret_error)
{
	*ret_error = world.kick_error;
	socket->kick_count++;
	if (!world.is_stalled)
		socket->taken_count = socket->put_count;
	return (uint32_t)(socket->put_count - socket->taken_count);
}

uint64_t ringcast_xdp_memory_bytes(void)
{
	return 4 << 20;
}

/* The tests */

struct fixture {
	struct egress *egress;
	struct io_stats stats;
	uint64_t now_ns;
};

static void set_up(struct fixture *f)
{
	char error[200];
	memset(&world, 0, sizeof(world));
	world.is_link_known = true;
	world.link = (struct netlink_link){.index = LINK, .mtu = 1500, .queue_count = 1, .name = "eth0", .is_ethernet = true, .is_up = true};
	world.route = (struct netlink_route){.link = LINK, .is_unicast = true, .source = {[10] = 0xff, 0xff, 10, 1, 0, 1}};
	*f = (struct fixture){.now_ns = NS_PER_S};
	f->egress = ringcast_egress_create(10, 0, &f->stats, error, sizeof(error));
	cr_assert_not_null(f->egress);
}

static void tear_down(struct fixture *f)
{
	ringcast_egress_destroy(&f->egress);
	cr_assert_null(f->egress);
}

static bool send_bytes(struct fixture *f, uint32_t size)
{
	static const uint8_t bytes[2000];
	static const struct egress_source source = {.port = 4000};
	const struct io_datagram datagram = {.address = {.ip = {[10] = 0xff, 0xff, 10, 9, 0, 2}, .port = 5000}, .data = bytes, .size = size};
	return ringcast_egress_add(f->egress, &source, NULL, &datagram, f->now_ns);
}

static bool flush(struct fixture *f)
{
	bool has_pending = ringcast_egress_flush(f->egress);
	f->now_ns += 2 * NS_PER_MS;
	return has_pending;
}

static void tell_link(bool is_up, uint32_t mtu)
{
	struct netlink_change note = {.kind = TOLD_LINK, .link = world.link};
	note.link.is_up = is_up;
	note.link.mtu = mtu;
	world.notes[world.note_count++] = note;
}

/* Rounds ago a frame was written that the device has still not taken. What would go by the socket now would come first. */
Test(egress, the_socket_does_not_overtake_what_waits_in_the_ring)
{
	struct fixture f;
	set_up(&f);
	world.is_stalled = true;
	cr_assert(send_bytes(&f, 100));
	for (int i = 0; i < 3; i++)
		cr_assert(flush(&f), "it waits");
	tell_link(true, 1000); /* so that the next is one for the socket */
	cr_assert(send_bytes(&f, 1200), "not by the socket");
	cr_assert_eq(f.stats.egress_drops, 1);
	cr_assert_eq(f.stats.egress[EGRESS_TOO_LARGE], 0);
	cr_assert(flush(&f));
	world.is_stalled = false;
	cr_assert_not(send_bytes(&f, 1200), "the ring is empty after a kick: by the socket");
	cr_assert_eq(f.stats.egress[EGRESS_TOO_LARGE], 1);
	cr_assert_eq(f.stats.egress_drops, 1);
	tear_down(&f);
}

Test(egress, a_full_ring_drops_for_whom_it_holds)
{
	struct fixture f;
	set_up(&f);
	world.is_stalled = true;
	for (unsigned i = 0; i < XDP_FRAME_COUNT; i++)
		cr_assert(send_bytes(&f, 100));
	flush(&f);
	cr_assert(send_bytes(&f, 100));
	cr_assert_eq(f.stats.egress_drops, 1);
	cr_assert_eq(f.stats.egress[EGRESS_RING_FULL], 0);
	cr_assert_eq(f.stats.datagrams_sent, XDP_FRAME_COUNT);
	tear_down(&f);
}

/* While the frames are in the cache, and so that the same ones serve again. */
Test(egress, a_long_turn_is_sent_in_parts)
{
	struct fixture f;
	set_up(&f);
	for (unsigned i = 0; i < 1000; i++)
		cr_assert(send_bytes(&f, 100));
	cr_assert_gt(world.open->kick_count, 10);
	cr_assert_leq(world.open->put_count - world.open->taken_count, 64);
	cr_assert_not(flush(&f));
	cr_assert_eq(world.open->taken_count, 1000);
	tear_down(&f);
}

Test(egress, the_device_goes_down_within_a_long_turn)
{
	struct fixture f;
	set_up(&f);
	world.kick_error = -ENETDOWN;
	world.is_stalled = true;
	for (unsigned i = 0; i < 64; i++)
		cr_assert(send_bytes(&f, 100));
	cr_assert_eq(world.close_count, 1);
	cr_assert_eq(f.stats.egress_drops, 64);
	cr_assert_not(send_bytes(&f, 100));
	cr_assert_not(flush(&f));
	tear_down(&f);
}

Test(egress, nothing_overtakes_on_another_device_either)
{
	struct fixture f;
	set_up(&f);
	world.is_stalled = true;
	cr_assert(send_bytes(&f, 100));
	flush(&f);
	world.route.link = world.link.index = LINK + 1;
	world.notes[world.note_count++] = (struct netlink_change){.kind = TOLD_WAYS};
	cr_assert(send_bytes(&f, 100));
	cr_assert_eq(f.stats.egress_drops, 1);
	cr_assert_eq(f.stats.datagrams_sent, 1);
	world.is_stalled = false;
	cr_assert(send_bytes(&f, 100));
	cr_assert_eq(f.stats.datagrams_sent, 2);
	tear_down(&f);
}

Test(egress, a_link_that_goes_down_takes_its_socket_along)
{
	struct fixture f;
	set_up(&f);
	world.is_stalled = true;
	cr_assert(send_bytes(&f, 100));
	cr_assert(flush(&f));
	tell_link(false, 1500);
	cr_assert_not(send_bytes(&f, 100));
	cr_assert_eq(f.stats.egress[EGRESS_LINK_DOWN], 1);
	cr_assert_eq(world.close_count, 1);
	cr_assert_eq(f.stats.egress_drops, 1, "what was in its ring");
	cr_assert_not(flush(&f), "nobody is woken for it any more");
	tell_link(true, 1500);
	cr_assert(send_bytes(&f, 100));
	cr_assert_eq(world.open_count, 2);
	tear_down(&f);
}

/* Another device may have its name by then. */
Test(egress, a_link_with_another_name_is_opened_by_that)
{
	struct fixture f;
	set_up(&f);
	cr_assert(send_bytes(&f, 100));
	cr_assert_str_eq(world.opened, "eth0");
	flush(&f);
	tell_link(false, 1500);
	cr_assert_not(send_bytes(&f, 100));
	flush(&f);
	snprintf(world.link.name, sizeof(world.link.name), "wan0");
	tell_link(false, 1500);
	tell_link(true, 1500);
	cr_assert(send_bytes(&f, 100));
	cr_assert_str_eq(world.opened, "wan0");
	tear_down(&f);
}

/* While its socket is open nothing else of it changes. */
Test(egress, a_link_that_is_renamed_keeps_its_socket)
{
	struct fixture f;
	set_up(&f);
	cr_assert(send_bytes(&f, 100));
	flush(&f);
	snprintf(world.link.name, sizeof(world.link.name), "wan0");
	tell_link(true, 1500);
	cr_assert(send_bytes(&f, 100));
	cr_assert_eq(world.open_count, 1);
	world.kick_error = -ENETDOWN;
	flush(&f);
	world.kick_error = 0;
	f.now_ns += 20 * NS_PER_S;
	cr_assert(send_bytes(&f, 100));
	cr_assert_str_eq(world.opened, "wan0");
	tear_down(&f);
}

Test(egress, what_was_not_heard_may_have_been_a_links_end)
{
	struct fixture f;
	set_up(&f);
	cr_assert(send_bytes(&f, 100));
	flush(&f);
	world.is_too_much = true;
	cr_assert(send_bytes(&f, 100), "it is still there");
	cr_assert_eq(world.close_count, 0);
	flush(&f);
	world.is_too_much = true;
	world.is_link_known = false;
	cr_assert_not(send_bytes(&f, 100));
	cr_assert_eq(world.close_count, 1);
	tear_down(&f);
}

Test(egress, failed_calls_are_counted)
{
	struct fixture f;
	set_up(&f);
	cr_assert(send_bytes(&f, 100));
	world.kick_error = -EBUSY;
	cr_assert_not(flush(&f));
	cr_assert_eq(f.stats.egress_errors, 1);
	cr_assert_eq(world.close_count, 0, "one frame was thrown away");
	tear_down(&f);
}

Test(egress, a_device_that_is_down_before_anybody_says_so)
{
	struct fixture f;
	set_up(&f);
	cr_assert(send_bytes(&f, 100));
	world.kick_error = -ENETDOWN;
	world.is_stalled = true;
	cr_assert_not(flush(&f));
	cr_assert_eq(f.stats.egress_errors, 1);
	cr_assert_eq(world.close_count, 1);
	cr_assert_not(send_bytes(&f, 100), "not tried again at once");
	cr_assert_eq(f.stats.egress[EGRESS_QUEUE], 1);
	tell_link(false, 1500);
	tell_link(true, 1500);
	flush(&f);
	world.kick_error = 0;
	cr_assert(send_bytes(&f, 100), "up again");
	tear_down(&f);
}

/* The kernel learns that a path is narrow, and tells nobody. */
Test(egress, large_datagrams_ask_for_their_way_every_second)
{
	struct fixture f;
	set_up(&f);
	cr_assert(send_bytes(&f, 1200));
	world.route.mtu = 1000;
	f.now_ns += NS_PER_S;
	cr_assert(send_bytes(&f, 500), "any path takes that, so nobody asks");
	cr_assert_eq(world.route_count, 1);
	flush(&f);
	cr_assert_not(send_bytes(&f, 1200));
	cr_assert_eq(f.stats.egress[EGRESS_TOO_LARGE], 1);
	cr_assert_eq(world.route_count, 2);
	tear_down(&f);
}

Test(egress, what_went_wrong_names_its_remedy)
{
	cr_assert_not_null(strstr(ringcast_egress_remedy(-EINVAL), "ethtool -L"));
	cr_assert_not_null(strstr(ringcast_egress_remedy(-ENOBUFS), "LimitMEMLOCK"));
	cr_assert_not_null(strstr(ringcast_egress_remedy(-EBUSY), "another program"));
	cr_assert_str_eq(ringcast_egress_remedy(-EIO), strerror(EIO));
}
