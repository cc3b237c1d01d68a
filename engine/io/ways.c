#include "io/ways.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"

static bool is_zero(const uint8_t ip[16])
{
	static const uint8_t zero[16];
	return memcmp(ip, zero, sizeof(zero)) == 0;
}

static bool is_v4(const uint8_t ip[16])
{
	struct address address = {0};
	memcpy(address.ip, ip, sizeof(address.ip));
	return ringcast_address_is_v4(&address);
}

static uint32_t row_count_for(uint32_t receiver_count)
{
	enum { ROW_COUNT_MIN = 64, ROW_COUNT_MAX = 16384 };
	uint32_t count = ROW_COUNT_MIN;
	while (count * WAYS_ROW < 2 * receiver_count && count < ROW_COUNT_MAX)
		count *= 2;
	return count;
}

uint64_t ringcast_ways_memory_bytes(uint32_t receiver_count)
{
	return (uint64_t)row_count_for(receiver_count) * WAYS_ROW * (sizeof(struct way) + sizeof(struct way_neighbour));
}

bool ringcast_ways_init(struct ways *ways, uint32_t receiver_count, uint64_t seed)
{
	*ways = (struct ways){.row_count = row_count_for(receiver_count), .generation = 1, .seed = seed};
	ways->neighbour_capacity = ways->row_count * WAYS_ROW;
	ways->ways = calloc((size_t)ways->row_count * WAYS_ROW, sizeof(*ways->ways));
	ways->neighbours = calloc(ways->neighbour_capacity, sizeof(*ways->neighbours));
	if (ways->ways != NULL && ways->neighbours != NULL)
		return true;
	ringcast_ways_fini(ways);
	return false;
}

void ringcast_ways_fini(struct ways *ways)
{
	free(ways->ways);
	free(ways->neighbours);
	*ways = (struct ways){0};
}

/* Links */

static struct way_link *find_link(struct ways *ways, uint32_t index)
{
	for (uint32_t i = 0; i < WAYS_LINK_COUNT_MAX; i++)
		if (ways->links[i].is_used && ways->links[i].link.index == index)
			return &ways->links[i];
	return NULL;
}

const struct netlink_link *ringcast_ways_link(const struct ways *ways, uint32_t link)
{
	for (uint32_t i = 0; i < WAYS_LINK_COUNT_MAX; i++)
		if (ways->links[i].is_used && ways->links[i].link.index == link)
			return &ways->links[i].link;
	return NULL;
}

/* Only so many: the others' receivers go by the socket. */
void ringcast_ways_put_link(struct ways *ways, const struct netlink_link *link)
{
	struct way_link *place = find_link(ways, link->index);
	for (uint32_t i = 0; i < WAYS_LINK_COUNT_MAX && place == NULL; i++)
		if (!ways->links[i].is_used)
			place = &ways->links[i];
	if (place != NULL)
		*place = (struct way_link){.link = *link, .is_used = true};
}

/* Links tell of much that no way rests on. */
static bool is_other_link(const struct netlink_link *before, const struct netlink_link *now)
{
	return before->is_up != now->is_up || before->mtu != now->mtu || before->is_ethernet != now->is_ethernet || memcmp(before->mac, now->mac, sizeof(now->mac)) != 0 ||
	       strcmp(before->kind, now->kind) != 0 || strcmp(before->name, now->name) != 0; /* by which its socket is opened */
}

static void on_link(struct ways *ways, const struct netlink_link *link)
{
	struct way_link *before = find_link(ways, link->index);
	if (before == NULL || !is_other_link(&before->link, link))
		return;
	before->link = *link;
	ways->generation++;
}

static void on_link_gone(struct ways *ways, uint32_t index)
{
	struct way_link *link = find_link(ways, index);
	if (link == NULL)
		return;
	*link = (struct way_link){0};
	ways->generation++;
}

/* Neighbours */

static void forget_neighbours(struct ways *ways)
{
	memset(ways->neighbours, 0, ways->neighbour_capacity * sizeof(*ways->neighbours));
	ways->neighbour_count = 0;
	ways->generation++; /* ways name them by their place */
}

/* The place of such a neighbour, or the free one where it would be. */
static struct way_neighbour *seek_neighbour(const struct ways *ways, uint32_t link, const uint8_t ip[16])
{
	uint32_t at = (uint32_t)ringcast_hash_bytes(ip, 16, ways->seed + link) & (ways->neighbour_capacity - 1);
	for (;; at = (at + 1) & (ways->neighbour_capacity - 1)) {
		struct way_neighbour *neighbour = &ways->neighbours[at];
		if (!neighbour->is_used || (neighbour->link == link && memcmp(neighbour->ip, ip, 16) == 0))
			return neighbour;
	}
}

static struct way_neighbour *take_neighbour(struct ways *ways, uint32_t link, const uint8_t ip[16])
{
	if (ways->neighbour_count >= ways->neighbour_capacity / 2)
		forget_neighbours(ways);
	struct way_neighbour *neighbour = seek_neighbour(ways, link, ip);
	if (neighbour->is_used)
		return neighbour;
	ways->neighbour_count++;
	*neighbour = (struct way_neighbour){.link = link, .is_used = true, .version = 1};
	memcpy(neighbour->ip, ip, 16);
	return neighbour;
}

/* Of all neighbours that the kernel tells of, those that ways lead to. */
static void on_neighbour(struct ways *ways, const struct netlink_neighbour *change)
{
	struct way_neighbour *neighbour = seek_neighbour(ways, change->link, change->ip);
	if (!neighbour->is_used)
		return;
	neighbour->is_usable = change->is_usable;
	neighbour->is_permanent = change->is_permanent;
	if (!change->is_usable || memcmp(neighbour->mac, change->mac, sizeof(change->mac)) == 0)
		return;
	memcpy(neighbour->mac, change->mac, sizeof(change->mac));
	neighbour->version++;
}

struct way_neighbour *ringcast_ways_neighbour(struct ways *ways, const struct way *way)
{
	return way->reason == EGRESS_NONE ? &ways->neighbours[way->neighbour] : NULL;
}

/* Ways */

static struct way *row_of(const struct ways *ways, const uint8_t target[16], const uint8_t source[16])
{
	uint8_t key[32];
	memcpy(key, target, 16);
	memcpy(key + 16, source, 16);
	return &ways->ways[(ringcast_hash_bytes(key, sizeof(key), ways->seed) & (ways->row_count - 1)) * WAYS_ROW];
}

static bool is_of(const struct way *way, const uint8_t target[16], const uint8_t source[16])
{
	return way->is_used && memcmp(way->target, target, 16) == 0 && memcmp(way->source, source, 16) == 0;
}

struct way *ringcast_ways_seek(const struct ways *ways, const uint8_t target[16], const uint8_t source[16])
{
	struct way *row = row_of(ways, target, source);
	for (struct way *way = row; way < row + WAYS_ROW; way++)
		if (is_of(way, target, source))
			return way;
	return NULL;
}

struct way *ringcast_ways_find(const struct ways *ways, const uint8_t target[16], const uint8_t source[16], uint64_t now_ns)
{
	struct way *way = ringcast_ways_seek(ways, target, source);
	return way != NULL && way->generation == ways->generation && now_ns < way->asked_ns + WAYS_FRESH_NS ? way : NULL;
}

bool ringcast_ways_is_sure(const struct way *way, uint32_t size, uint64_t now_ns)
{
	enum { ANY_V4_BYTES = 576, ANY_V6_BYTES = 1280 }; /* what every path takes */
	if (way->reason != EGRESS_NONE || now_ns < way->asked_ns + WAYS_SURE_NS)
		return true;
	return ringcast_ethernet_ip_bytes(&way->head, size) <= (way->head.size == ETHERNET_V4_BYTES ? ANY_V4_BYTES : ANY_V6_BYTES);
}

static struct way *place_in(struct ways *ways, struct way *row)
{
	for (struct way *way = row; way < row + WAYS_ROW; way++)
		if (!way->is_used || way->generation != ways->generation)
			return way;
	return row + ways->turn++ % WAYS_ROW;
}

struct way *ringcast_ways_add(struct ways *ways, const uint8_t target[16], const uint8_t source[16], uint64_t now_ns)
{
	struct way_trail trail = {0};
	struct way *way = ringcast_ways_seek(ways, target, source);
	if (way != NULL)
		trail = way->trail;
	else
		way = place_in(ways, row_of(ways, target, source));
	*way = (struct way){.is_used = true, .reason = EGRESS_NO_ROUTE, .generation = ways->generation, .asked_ns = now_ns, .trail = trail};
	memcpy(way->target, target, 16);
	memcpy(way->source, source, 16);
	return way;
}

/* What may be sent into as it is: hardware, and what stands in for it. All others do something to what goes through them, or choose. */
static bool is_plain(const struct netlink_link *link)
{
	return link->is_ethernet && (link->kind[0] == '\0' || strcmp(link->kind, "veth") == 0 || strcmp(link->kind, "ifb") == 0);
}

static bool is_link_local(const uint8_t ip[16])
{
	return ip[0] == 0xfe && (ip[1] & 0xc0) == 0x80;
}

static enum egress_reason judge_route(const struct netlink_route *route, const struct netlink_link *link, const uint8_t source[16], const uint8_t target[16])
{
	if (route->is_local)
		return EGRESS_LOCAL;
	if (!route->is_unicast || route->link == 0)
		return EGRESS_NO_ROUTE;
	if (route->is_wrapped || link == NULL || !is_plain(link))
		return EGRESS_DEVICE;
	return is_zero(source) || is_v4(source) != is_v4(target) || is_link_local(target) ? EGRESS_ADDRESS : EGRESS_NONE;
}

static void prepare_head(struct way *way, const struct netlink_route *route, const struct netlink_link *link, const uint8_t source[16])
{
	struct ethernet_way ethernet = {.hop_limit = route->hop_limit != 0 && route->hop_limit < 256 ? (uint8_t)route->hop_limit : 64};
	memcpy(ethernet.source_mac, link->mac, sizeof(link->mac));
	memcpy(ethernet.source_ip, source, 16);
	memcpy(ethernet.target_ip, way->target, 16);
	ringcast_ethernet_prepare(&ethernet, &way->head);
	way->mtu = route->mtu != 0 && route->mtu < link->mtu ? route->mtu : link->mtu;
}

void ringcast_ways_settle(struct ways *ways, struct way *way, const struct netlink_route *route)
{
	const struct netlink_link *link = ringcast_ways_link(ways, route->link);
	const uint8_t *source = is_zero(way->source) ? route->source : way->source;
	way->reason = (uint8_t)judge_route(route, link, source, way->target);
	way->link = route->link;
	if (way->reason != EGRESS_NONE)
		return;
	const struct way_neighbour *neighbour = take_neighbour(ways, route->link, is_zero(route->gateway) ? way->target : route->gateway);
	way->generation = ways->generation; /* taking one may have made it newer */
	way->neighbour = (uint32_t)(neighbour - ways->neighbours);
	way->neighbour_version = 0;
	prepare_head(way, route, link, source);
}

static enum egress_reason judge_neighbour(struct way *way, struct way_neighbour *neighbour, uint64_t now_ns)
{
	if (!neighbour->is_usable)
		return EGRESS_NEIGHBOUR;
	if (!neighbour->is_permanent && now_ns >= neighbour->refreshed_ns + WAYS_REFRESH_NS) {
		neighbour->refreshed_ns = now_ns;
		return EGRESS_REFRESH;
	}
	if (way->neighbour_version != neighbour->version)
		ringcast_ethernet_set_target_mac(&way->head, neighbour->mac);
	way->neighbour_version = neighbour->version;
	return EGRESS_NONE;
}

enum egress_reason ringcast_ways_judge(struct ways *ways, struct way *way, uint32_t size, uint64_t now_ns)
{
	if (ways->has_policy)
		return EGRESS_POLICY;
	if (way->reason != EGRESS_NONE)
		return (enum egress_reason)way->reason;
	const struct netlink_link *link = ringcast_ways_link(ways, way->link);
	if (link == NULL || !link->is_up)
		return EGRESS_LINK_DOWN;
	if (ringcast_ethernet_ip_bytes(&way->head, size) > way->mtu)
		return EGRESS_TOO_LARGE;
	return judge_neighbour(way, &ways->neighbours[way->neighbour], now_ns);
}

/* What is told */

static void on_rule(struct ways *ways, bool is_policy)
{
	ways->has_policy |= is_policy;
	ways->generation++;
}

void ringcast_ways_apply(struct ways *ways, const struct netlink_change *change)
{
	switch (change->kind) {
	case TOLD_LINK:
		on_link(ways, &change->link);
		return;
	case TOLD_LINK_GONE:
		on_link_gone(ways, change->link.index);
		return;
	case TOLD_NEIGHBOUR:
		on_neighbour(ways, &change->neighbour);
		return;
	case TOLD_ROUTE:
	case TOLD_WAYS:
		ways->generation++;
		return;
	case TOLD_RULE:
		on_rule(ways, change->is_policy);
		return;
	case TOLD_OTHER:
	case TOLD_FAILED:
	case TOLD_DONE:
		return;
	}
}

void ringcast_ways_forget(struct ways *ways)
{
	memset(ways->links, 0, sizeof(ways->links));
	forget_neighbours(ways);
}
