/* Joins what the kernel tells (routing), what is kept of it (ways) and what sends (xdp). */
#include "io/egress.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "io/entropy.h"
#include "io/routing.h"
#include "io/xdp.h"

enum {
	QUESTIONS_PER_ROUND = 128,
	NOTES_PER_LOOK = 64,
	KICK_FRAMES = 64, /* written, and then sent: the next ones are written where these were, in memory that is still in the cache. A fifth of a frame's cost */
};

#define RETRY_NS (10 * NS_PER_S)
#define LOOK_NS NS_PER_MS /* how often what the kernel tells is listened to, while something is sent */

struct device {
	uint32_t link; /* 0: free */
	uint32_t serial; /* of its AF_XDP socket, which no other has had; 0: it has none */
	struct xdp_socket *xdp; /* NULL: could not be opened */
	uint64_t kicked_count;  /* frames put when it was last kicked */
	uint64_t retry_ns; /* not to be tried before */
	int result; /* of the last try */
};

struct egress {
	struct ways ways;
	struct device devices[WAYS_DEVICE_COUNT_MAX];
	uint32_t queue;
	uint32_t serial; /* of the newest AF_XDP socket */
	uint32_t question_count; /* of this round */
	uint64_t round;
	uint64_t looked_ns;
	bool is_rules_due, has_pending;
	struct io_stats *stats;
	struct routing routing;
};

/* The kernel is asked */

static void on_rule(void *context, const struct netlink_change *change)
{
	ringcast_ways_apply(context, change);
}

static void ask_rules(struct egress *egress)
{
	egress->is_rules_due = false;
	egress->ways.has_policy = false;
	if (!ringcast_routing_ask_rules(&egress->routing, on_rule, &egress->ways))
		egress->ways.has_policy = egress->is_rules_due = true; /* what is not known may be anything */
}

static void ask_link(struct egress *egress, uint32_t link)
{
	if (link == 0 || ringcast_ways_link(&egress->ways, link) != NULL)
		return;
	struct netlink_change change = ringcast_routing_ask_link(&egress->routing, link);
	if (change.kind == TOLD_LINK)
		ringcast_ways_put_link(&egress->ways, &change.link);
}

static void ask_neighbour(struct egress *egress, struct way *way)
{
	struct way_neighbour *neighbour = ringcast_ways_neighbour(&egress->ways, way);
	if (neighbour == NULL || neighbour->is_asked)
		return;
	neighbour->is_asked = true;
	struct netlink_change change = ringcast_routing_ask_neighbour(&egress->routing, neighbour->link, neighbour->ip);
	if (change.kind == TOLD_NEIGHBOUR)
		ringcast_ways_apply(&egress->ways, &change);
}

/* The first datagram to somebody, or to whom nothing was sent for long. */
static struct way *ask_way(struct egress *egress, const uint8_t target[16], const uint8_t source[16], uint64_t now_ns)
{
	if (egress->question_count >= QUESTIONS_PER_ROUND)
		return NULL;
	egress->question_count++;
	struct netlink_change change = ringcast_routing_ask_route(&egress->routing, target, source);
	if (change.kind == TOLD_ROUTE)
		ask_link(egress, change.route.link);
	struct way *way = ringcast_ways_add(&egress->ways, target, source, now_ns);
	if (change.kind == TOLD_ROUTE)
		ringcast_ways_settle(&egress->ways, way, &change.route);
	ask_neighbour(egress, way);
	return way;
}

/* Closing */

/* What is still in its ring is lost. */
static void close_socket(struct egress *egress, struct device *device)
{
	if (device->xdp == NULL)
		return;
	egress->stats->egress_drops += ringcast_xdp_put_count(device->xdp) - ringcast_xdp_taken_count(device->xdp);
	ringcast_xdp_close(&device->xdp);
	device->serial = 0;
	device->kicked_count = 0;
}

static void close_device(struct egress *egress, struct device *device)
{
	close_socket(egress, device);
	*device = (struct device){0};
}

static void close_link(struct egress *egress, uint32_t link)
{
	for (uint32_t i = 0; i < WAYS_DEVICE_COUNT_MAX; i++)
		if (egress->devices[i].link == link)
			close_device(egress, &egress->devices[i]);
}

/* The kernel tells */

static void on_note(void *context, const struct netlink_change *change)
{
	struct egress *egress = context;
	if (change->kind == TOLD_LINK_GONE || (change->kind == TOLD_LINK && !change->link.is_up))
		close_link(egress, change->link.index);
	if (change->kind == TOLD_RULE)
		egress->is_rules_due = true;
	ringcast_ways_apply(&egress->ways, change);
}

/* Links may have gone unheard. */
static void forget(struct egress *egress)
{
	ringcast_ways_forget(&egress->ways);
	egress->is_rules_due = true;
	for (uint32_t i = 0; i < WAYS_DEVICE_COUNT_MAX; i++) {
		struct device *device = &egress->devices[i];
		if (device->link == 0)
			continue;
		struct netlink_change change = ringcast_routing_ask_link(&egress->routing, device->link);
		if (change.kind != TOLD_LINK || !change.link.is_up)
			close_device(egress, device);
	}
}

static void look(struct egress *egress, uint64_t now_ns)
{
	egress->looked_ns = now_ns;
	enum routing_heard heard = HEARD_CHANGES;
	for (int i = 0; i < NOTES_PER_LOOK && heard != HEARD_NOTHING; i++) {
		heard = ringcast_routing_hear(&egress->routing, on_note, egress);
		if (heard == HEARD_TOO_MUCH)
			forget(egress);
	}
	if (egress->is_rules_due)
		ask_rules(egress);
}

/* Devices */

/* Told once, not at each try. */
static void tell(const struct egress *egress, const struct device *device, const char *name)
{
	if (device->result == 0)
		ringcast_log(LOG_INFO, "egress", "datagrams leave by AF_XDP", "device=%s queue=%u", name, egress->queue);
	else
		ringcast_log(LOG_WARN, "egress", "datagrams leave by the socket", "device=%s queue=%u reason=\"%s\"", name, egress->queue,
			     ringcast_egress_remedy(device->result));
}

static struct device *open_device(struct egress *egress, struct device *device, const struct netlink_link *link, uint64_t now_ns)
{
	int before = device->link == link->index ? device->result : 1;
	device->result = egress->queue < link->queue_count ? ringcast_xdp_open(link->name, egress->queue, &device->xdp) : -ECHRNG;
	device->link = link->index;
	device->retry_ns = now_ns + RETRY_NS;
	if (device->xdp != NULL)
		device->serial = ++egress->serial;
	if (device->result != before)
		tell(egress, device, link->name);
	return device->xdp != NULL ? device : NULL;
}

/* NULL: there is no AF_XDP socket on that link. */
static struct device *device_of(struct egress *egress, uint32_t link, uint64_t now_ns)
{
	struct device *place = NULL;
	for (uint32_t i = 0; i < WAYS_DEVICE_COUNT_MAX; i++) {
		struct device *device = &egress->devices[i];
		if (device->link == link && (device->xdp != NULL || now_ns < device->retry_ns))
			return device->xdp != NULL ? device : NULL;
		if (device->link == link || (device->link == 0 && place == NULL))
			place = device;
	}
	const struct netlink_link *found = ringcast_ways_link(&egress->ways, link);
	return place != NULL && found != NULL ? open_device(egress, place, found, now_ns) : NULL;
}

/* The device has gone or down, and no note of it has come yet. */
static bool is_end(int error)
{
	return error == -ENETDOWN || error == -ENXIO || error == -ENODEV;
}

static uint32_t kick_device(struct egress *egress, struct device *device)
{
	int error;
	device->kicked_count = ringcast_xdp_put_count(device->xdp);
	uint32_t waiting = ringcast_xdp_kick(device->xdp, &error);
	if (error == 0)
		return waiting;
	egress->stats->egress_errors++;
	if (!is_end(error))
		return waiting;
	const struct netlink_link *link = ringcast_ways_link(&egress->ways, device->link);
	close_socket(egress, device);
	device->result = error;
	device->retry_ns = egress->looked_ns + RETRY_NS;
	tell(egress, device, link != NULL ? link->name : "?");
	return 0;
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

/* A way that is too old for so much is still better than none, when no more may be asked. */
static struct way *find_way(struct egress *egress, const uint8_t source[16], const struct io_datagram *datagram, uint64_t now_ns)
{
	struct way *way = ringcast_ways_find(&egress->ways, datagram->address.ip, source, now_ns);
	if (way != NULL && ringcast_ways_is_sure(way, segment_bytes(datagram), now_ns))
		return way;
	struct way *asked = ask_way(egress, datagram->address.ip, source, now_ns);
	return asked != NULL ? asked : way;
}

static void write_frames(const struct device *device, struct way *way, uint16_t port, const struct io_datagram *datagram)
{
	uint32_t segment = segment_bytes(datagram), offset = 0;
	do {
		uint32_t size = datagram->size - offset < segment ? datagram->size - offset : segment;
		uint8_t *frame = ringcast_xdp_frame(device->xdp);
		ringcast_xdp_put(device->xdp, ringcast_ethernet_write(&way->head, port, datagram->address.port, datagram->data + offset, size, frame));
		offset += size;
	} while (offset < datagram->size);
	way->trail.xdp_serial = device->serial;
	way->trail.xdp_count = ringcast_xdp_put_count(device->xdp);
}

/* A receiver some of whose datagrams have gone by the socket in this round stays with it until the next, so that they stay in order. */
static enum egress_reason judge(struct egress *egress, struct way *way, const struct io_datagram *datagram, uint64_t now_ns, struct device **ret_device)
{
	uint32_t size = segment_bytes(datagram), count = segment_count(datagram);
	if (way->trail.socket_round == egress->round)
		return (enum egress_reason)way->trail.socket_reason;
	enum egress_reason reason = ringcast_ways_judge(&egress->ways, way, size, now_ns);
	if (reason != EGRESS_NONE)
		return reason;
	if (way->head.size + size > XDP_FRAME_BYTES)
		return EGRESS_TOO_LARGE;
	struct device *device = device_of(egress, way->link, now_ns);
	/* A turn may have more to send than there are frames: what is written goes first. */
	if (device != NULL && !ringcast_xdp_has_room(device->xdp, count))
		kick_device(egress, device);
	if (device == NULL || device->xdp == NULL)
		return EGRESS_QUEUE;
	if (!ringcast_xdp_has_room(device->xdp, count))
		return EGRESS_RING_FULL;
	*ret_device = device;
	return EGRESS_NONE;
}

/* The device in whose ring the receiver's last frame still waits. */
static struct device *find_waiting(struct egress *egress, const struct way_trail *trail)
{
	for (uint32_t i = 0; i < WAYS_DEVICE_COUNT_MAX && trail->xdp_serial != 0; i++)
		if (egress->devices[i].serial == trail->xdp_serial)
			return ringcast_xdp_taken_count(egress->devices[i].xdp) < trail->xdp_count ? &egress->devices[i] : NULL;
	return NULL;
}

/* Whether a datagram that leaves by target (NULL: by the socket) comes before what was written for its receiver earlier, be it rounds ago. */
static bool would_overtake(struct egress *egress, const struct way_trail *trail, const struct device *target)
{
	struct device *waiting = find_waiting(egress, trail);
	if (waiting == NULL || waiting == target)
		return false;
	kick_device(egress, waiting);
	return find_waiting(egress, trail) != NULL;
}

static uint32_t kick(struct egress *egress)
{
	uint32_t waiting = 0;
	for (uint32_t i = 0; i < WAYS_DEVICE_COUNT_MAX && egress->has_pending; i++)
		if (egress->devices[i].xdp != NULL)
			waiting += kick_device(egress, &egress->devices[i]);
	return waiting;
}

static bool count_sent(struct egress *egress, const struct io_datagram *datagram, enum egress_reason reason)
{
	egress->stats->egress[reason] += segment_count(datagram);
	if (reason == EGRESS_NONE)
		egress->stats->datagrams_sent += segment_count(datagram);
	return reason == EGRESS_NONE;
}

bool ringcast_egress_add(struct egress *egress, const struct egress_source *source, const struct local *local, const struct io_datagram *datagram,
			 uint64_t now_ns)
{
	struct device *device = NULL;
	const uint8_t *from = local != NULL ? local->ip : source->ip;
	if (now_ns >= egress->looked_ns + LOOK_NS)
		look(egress, now_ns);
	if (local != NULL && local->interface != 0)
		return count_sent(egress, datagram, EGRESS_ADDRESS);
	struct way *way = find_way(egress, from, datagram, now_ns);
	enum egress_reason reason = way != NULL ? judge(egress, way, datagram, now_ns, &device) : EGRESS_NO_ROUTE;
	if (way == NULL)
		way = ringcast_ways_seek(&egress->ways, datagram->address.ip, from);
	if (way != NULL && would_overtake(egress, &way->trail, device)) {
		egress->stats->egress_drops += segment_count(datagram);
		return true;
	}
	if (reason == EGRESS_NONE) {
		write_frames(device, way, source->port, datagram);
		egress->has_pending = true;
		if (ringcast_xdp_put_count(device->xdp) - device->kicked_count >= KICK_FRAMES)
			kick_device(egress, device);
	} else if (way != NULL) {
		way->trail.socket_round = egress->round;
		way->trail.socket_reason = (uint8_t)reason;
	}
	return count_sent(egress, datagram, reason);
}

bool ringcast_egress_flush(struct egress *egress)
{
	egress->round++;
	egress->question_count = 0;
	egress->has_pending = kick(egress) > 0;
	return egress->has_pending;
}

/* Life */

uint64_t ringcast_egress_memory_bytes(uint32_t receiver_count)
{
	return sizeof(struct egress) + ringcast_ways_memory_bytes(receiver_count) + WAYS_DEVICE_COUNT_MAX * ringcast_xdp_memory_bytes();
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
	if (ringcast_routing_open(&egress->routing))
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
	ringcast_routing_close(&self->routing);
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
