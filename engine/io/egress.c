/* Joins what the kernel tells (netlink), what is kept of it (ways) and what sends (xdp). */
#include "io/egress.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "io/entropy.h"
#include "io/xdp.h"

enum { QUESTIONS_PER_ROUND = 128, NETLINK_BYTES = 16384, NOTES_PER_LOOK = 64 };

#define RETRY_NS (10 * NS_PER_S)
#define LOOK_NS NS_PER_MS /* how often what the kernel tells is listened to, while something is sent */

struct device {
	uint32_t link; /* 0: free */
	struct xdp_socket *xdp; /* NULL: could not be opened */
	uint64_t retry_ns; /* not to be tried before */
	int result; /* of the last try */
};

struct egress {
	struct ways ways;
	struct device devices[WAYS_DEVICE_COUNT_MAX];
	uint32_t queue;
	int ask_fd, note_fd;
	uint32_t sequence;
	uint32_t question_count; /* of this round */
	uint64_t round;
	uint64_t looked_ns;
	bool is_rules_due, has_pending;
	struct io_stats *stats;
	_Alignas(8) uint8_t bytes[NETLINK_BYTES];
};

/* The kernel is asked */

static int open_netlink(uint32_t groups)
{
	const struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&name, sizeof(name)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Netlink answers while it is asked, so nothing is waited for. The answer to this very question, or TOLD_FAILED. */
static struct netlink_change ask(struct egress *egress, const uint8_t *question, uint32_t size)
{
	struct netlink_change change = {.kind = TOLD_FAILED, .error = -EAGAIN};
	ssize_t got = send(egress->ask_fd, question, size, 0) == (ssize_t)size ? 0 : -1;
	while (got >= 0) {
		got = recv(egress->ask_fd, egress->bytes, sizeof(egress->bytes), 0);
		struct view rest = ringcast_view_of(egress->bytes, got > 0 ? (size_t)got : 0);
		while (ringcast_netlink_next(&rest, &change))
			if (change.sequence == egress->sequence)
				return change;
	}
	return (struct netlink_change){.kind = TOLD_FAILED, .error = -EAGAIN};
}

static void ask_rules(struct egress *egress)
{
	uint8_t question[NETLINK_REQUEST_BYTES];
	struct netlink_change change = {0};
	uint32_t size = ringcast_netlink_ask_rules(++egress->sequence, question);
	ssize_t got = send(egress->ask_fd, question, size, 0);
	egress->is_rules_due = false;
	egress->ways.has_policy = false;
	while (got > 0 && change.kind != TOLD_DONE) {
		got = recv(egress->ask_fd, egress->bytes, sizeof(egress->bytes), 0);
		struct view rest = ringcast_view_of(egress->bytes, got > 0 ? (size_t)got : 0);
		while (ringcast_netlink_next(&rest, &change))
			ringcast_ways_apply(&egress->ways, &change);
	}
	if (change.kind != TOLD_DONE)
		egress->ways.has_policy = egress->is_rules_due = true; /* what is not known may be anything */
}

static void ask_link(struct egress *egress, uint32_t link)
{
	uint8_t question[NETLINK_REQUEST_BYTES];
	if (link == 0 || ringcast_ways_link(&egress->ways, link) != NULL)
		return;
	struct netlink_change change = ask(egress, question, ringcast_netlink_ask_link(++egress->sequence, link, question));
	if (change.kind == TOLD_LINK)
		ringcast_ways_put_link(&egress->ways, &change.link);
}

static void ask_neighbour(struct egress *egress, struct way *way)
{
	uint8_t question[NETLINK_REQUEST_BYTES];
	struct way_neighbour *neighbour = ringcast_ways_neighbour(&egress->ways, way);
	if (neighbour == NULL || neighbour->is_asked)
		return;
	neighbour->is_asked = true;
	struct netlink_change change = ask(egress, question, ringcast_netlink_ask_neighbour(++egress->sequence, neighbour->link, neighbour->ip, question));
	if (change.kind == TOLD_NEIGHBOUR)
		ringcast_ways_apply(&egress->ways, &change);
}

/* The first datagram to somebody, or to whom nothing was sent for long. */
static struct way *ask_way(struct egress *egress, const uint8_t target[16], const uint8_t source[16], uint64_t now_ns)
{
	uint8_t question[NETLINK_REQUEST_BYTES];
	if (egress->question_count >= QUESTIONS_PER_ROUND)
		return NULL;
	egress->question_count++;
	struct netlink_change change = ask(egress, question, ringcast_netlink_ask_route(++egress->sequence, target, source, question));
	if (change.kind == TOLD_ROUTE)
		ask_link(egress, change.route.link);
	struct way *way = ringcast_ways_add(&egress->ways, target, source, now_ns);
	if (change.kind == TOLD_ROUTE)
		ringcast_ways_settle(&egress->ways, way, &change.route);
	ask_neighbour(egress, way);
	return way;
}

/* The kernel tells */

static void close_device(struct egress *egress, uint32_t link)
{
	for (uint32_t i = 0; i < WAYS_DEVICE_COUNT_MAX; i++) {
		if (egress->devices[i].link != link)
			continue;
		ringcast_xdp_close(&egress->devices[i].xdp);
		egress->devices[i] = (struct device){0};
	}
}

static void on_note(struct egress *egress, const struct netlink_change *change)
{
	if (change->kind == TOLD_LINK_GONE)
		close_device(egress, change->link.index);
	if (change->kind == TOLD_RULE)
		egress->is_rules_due = true;
	ringcast_ways_apply(&egress->ways, change);
}

static bool take_notes(struct egress *egress)
{
	struct netlink_change change;
	ssize_t got = recv(egress->note_fd, egress->bytes, sizeof(egress->bytes), MSG_TRUNC);
	if (got < 0 && errno != ENOBUFS)
		return false;
	if (got < 0 || got > (ssize_t)sizeof(egress->bytes)) { /* more was told than there was room for */
		ringcast_ways_forget(&egress->ways);
		egress->is_rules_due = true;
		return true;
	}
	struct view rest = ringcast_view_of(egress->bytes, (size_t)got);
	while (ringcast_netlink_next(&rest, &change))
		on_note(egress, &change);
	return true;
}

static void look(struct egress *egress, uint64_t now_ns)
{
	egress->looked_ns = now_ns;
	for (int i = 0; i < NOTES_PER_LOOK && take_notes(egress); i++)
		;
	if (egress->is_rules_due)
		ask_rules(egress);
}

/* Devices */

/* Told once, not at each try. */
static void tell(const struct egress *egress, const struct device *device, const struct netlink_link *link)
{
	if (device->result == 0)
		ringcast_log(LOG_INFO, "egress", "datagrams leave by AF_XDP", "device=%s queue=%u", link->name, egress->queue);
	else
		ringcast_log(LOG_WARN, "egress", "datagrams leave by the socket", "device=%s queue=%u queues=%u reason=\"%s\"", link->name, egress->queue,
			     link->queue_count, device->result == -ECHRNG ? "the device has fewer transmit queues than there are shards" : strerror(-device->result));
}

static struct xdp_socket *open_device(struct egress *egress, struct device *device, const struct netlink_link *link, uint64_t now_ns)
{
	int before = device->link == link->index ? device->result : 1;
	device->result = egress->queue < link->queue_count ? ringcast_xdp_open(link->name, egress->queue, &device->xdp) : -ECHRNG;
	device->link = link->index;
	device->retry_ns = now_ns + RETRY_NS;
	if (device->result != before)
		tell(egress, device, link);
	return device->xdp;
}

static struct xdp_socket *socket_of(struct egress *egress, uint32_t link, uint64_t now_ns)
{
	struct device *place = NULL;
	for (uint32_t i = 0; i < WAYS_DEVICE_COUNT_MAX; i++) {
		struct device *device = &egress->devices[i];
		if (device->link == link && (device->xdp != NULL || now_ns < device->retry_ns))
			return device->xdp;
		if (device->link == link || (device->link == 0 && place == NULL))
			place = device;
	}
	const struct netlink_link *found = ringcast_ways_link(&egress->ways, link);
	return place != NULL && found != NULL ? open_device(egress, place, found, now_ns) : NULL;
}

/* Sending */

static uint32_t segment_count(const struct io_datagram *datagram)
{
	if (datagram->segment_bytes == 0 || datagram->size <= datagram->segment_bytes)
		return 1;
	return (datagram->size + datagram->segment_bytes - 1) / datagram->segment_bytes;
}

static uint32_t segment_bytes(const struct io_datagram *datagram)
{
	return segment_count(datagram) == 1 ? datagram->size : datagram->segment_bytes;
}

static struct way *find_way(struct egress *egress, const struct egress_source *source, const struct local *local, const struct io_datagram *datagram,
			    uint64_t now_ns)
{
	const uint8_t *from = local != NULL ? local->ip : source->ip;
	struct way *way = ringcast_ways_find(&egress->ways, datagram->address.ip, from, now_ns);
	return way != NULL ? way : ask_way(egress, datagram->address.ip, from, now_ns);
}

static void write_frames(struct xdp_socket *xdp, const struct way *way, uint16_t port, const struct io_datagram *datagram)
{
	uint32_t segment = segment_bytes(datagram), offset = 0;
	do {
		uint32_t size = datagram->size - offset < segment ? datagram->size - offset : segment;
		uint8_t *frame = ringcast_xdp_frame(xdp);
		ringcast_xdp_put(xdp, ringcast_ethernet_write(&way->head, port, datagram->address.port, datagram->data + offset, size, frame));
		offset += size;
	} while (offset < datagram->size);
}

/* A receiver some of whose datagrams have gone by the socket in this round stays with it until the next, so that they stay in order. */
static enum egress_reason judge(struct egress *egress, struct way *way, const struct io_datagram *datagram, uint64_t now_ns, struct xdp_socket **ret_xdp)
{
	uint32_t size = segment_bytes(datagram);
	if (way->socket_round == egress->round)
		return (enum egress_reason)way->socket_reason;
	enum egress_reason reason = ringcast_ways_judge(&egress->ways, way, size, now_ns);
	if (reason != EGRESS_NONE)
		return reason;
	if (way->head.size + size > XDP_FRAME_BYTES)
		return EGRESS_TOO_LARGE;
	*ret_xdp = socket_of(egress, way->link, now_ns);
	if (*ret_xdp == NULL)
		return EGRESS_QUEUE;
	/* A turn may have more to send than there are frames: what is written goes first. */
	if (!ringcast_xdp_has_room(*ret_xdp, segment_count(datagram)))
		ringcast_xdp_kick(*ret_xdp);
	return ringcast_xdp_has_room(*ret_xdp, segment_count(datagram)) ? EGRESS_NONE : EGRESS_RING_FULL;
}

static uint32_t kick(struct egress *egress)
{
	uint32_t waiting = 0;
	for (uint32_t i = 0; i < WAYS_DEVICE_COUNT_MAX && egress->has_pending; i++)
		if (egress->devices[i].xdp != NULL)
			waiting += ringcast_xdp_kick(egress->devices[i].xdp);
	return waiting;
}

static void leave_to_socket(struct egress *egress, struct way *way, enum egress_reason reason)
{
	way->socket_round = egress->round;
	way->socket_reason = (uint8_t)reason;
	if (way->xdp_round == egress->round)
		kick(egress);
}

static enum egress_reason send_or_judge(struct egress *egress, const struct egress_source *source, const struct local *local,
					const struct io_datagram *datagram, uint64_t now_ns)
{
	struct xdp_socket *xdp = NULL;
	if (local != NULL && local->interface != 0)
		return EGRESS_ADDRESS;
	struct way *way = find_way(egress, source, local, datagram, now_ns);
	if (way == NULL)
		return EGRESS_NO_ROUTE;
	enum egress_reason reason = judge(egress, way, datagram, now_ns, &xdp);
	if (reason == EGRESS_NONE) {
		write_frames(xdp, way, source->port, datagram);
		way->xdp_round = egress->round;
		egress->has_pending = true;
	} else {
		leave_to_socket(egress, way, reason);
	}
	return reason;
}

enum egress_reason ringcast_egress_add(struct egress *egress, const struct egress_source *source, const struct local *local,
				       const struct io_datagram *datagram, uint64_t now_ns)
{
	if (now_ns >= egress->looked_ns + LOOK_NS)
		look(egress, now_ns);
	enum egress_reason reason = send_or_judge(egress, source, local, datagram, now_ns);
	egress->stats->egress[reason] += segment_count(datagram);
	if (reason == EGRESS_NONE)
		egress->stats->datagrams_sent += segment_count(datagram);
	return reason;
}

bool ringcast_egress_flush(struct egress *egress)
{
	egress->round++;
	egress->question_count = 0;
	egress->has_pending = kick(egress) > 0;
	return egress->has_pending;
}

/* Life */

static bool open_descriptors(struct egress *egress)
{
	egress->ask_fd = open_netlink(0);
	egress->note_fd = open_netlink(RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE |
				       1u << (RTNLGRP_IPV6_RULE - 1));
	return egress->ask_fd >= 0 && egress->note_fd >= 0;
}

struct egress *ringcast_egress_create(uint32_t receiver_count, uint32_t queue, struct io_stats *stats, char *reterr, size_t reterr_bytes)
{
	uint64_t seed;
	if (ringcast_xdp_probe(reterr, reterr_bytes) != 0)
		return NULL;
	struct egress *egress = calloc(1, sizeof(*egress));
	ringcast_entropy_fill(&seed, sizeof(seed));
	if (egress == NULL || !ringcast_ways_init(&egress->ways, receiver_count, seed)) {
		snprintf(reterr, reterr_bytes, "out of memory");
		free(egress);
		return NULL;
	}
	egress->queue = queue;
	egress->stats = stats;
	egress->round = 1; /* ways begin with none */
	egress->is_rules_due = true;
	if (open_descriptors(egress))
		return egress;
	snprintf(reterr, reterr_bytes, "no netlink socket (%s)", strerror(errno));
	ringcast_egress_destroy(&egress);
	return NULL;
}

void ringcast_egress_destroy(struct egress **egress)
{
	struct egress *self = *egress;
	if (self == NULL)
		return;
	for (uint32_t i = 0; i < WAYS_DEVICE_COUNT_MAX; i++)
		ringcast_xdp_close(&self->devices[i].xdp);
	if (self->ask_fd >= 0)
		close(self->ask_fd);
	if (self->note_fd >= 0)
		close(self->note_fd);
	ringcast_ways_fini(&self->ways);
	free(self);
	*egress = NULL;
}

bool ringcast_egress_wanted(const struct io_options *options, struct io_stats *stats, struct egress **ret_egress, char *reterr, size_t reterr_bytes)
{
	*ret_egress = NULL;
	if (options->is_egress_xdp)
		*ret_egress = ringcast_egress_create(options->stream_count_max, options->shard_index, stats, reterr, reterr_bytes);
	return !options->is_egress_xdp || *ret_egress != NULL;
}

struct egress_source ringcast_egress_source_of(const struct address *bound)
{
	static const uint8_t any_v4[16] = {[10] = 0xff, [11] = 0xff};
	struct egress_source source = {.port = bound->port};
	if (memcmp(bound->ip, any_v4, sizeof(any_v4)) != 0)
		memcpy(source.ip, bound->ip, sizeof(source.ip));
	return source;
}
