/* rtnetlink's messages out of any bytes: each step takes something, nothing is read beyond, and whatever is told leaves the tables in order. */
#include "base/assert.h"
#include "fuzz_target.h"
#include "io/ways.h"

static void try_way(struct ways *ways, const struct netlink_route *route, uint64_t now_ns)
{
	static const uint8_t target[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1}, source[16];
	struct way *way = ringcast_ways_add(ways, target, source, now_ns);
	ringcast_ways_settle(ways, way, route);
	ringcast_assert(way->reason < EGRESS_REASON_COUNT);
	ringcast_assert(ringcast_ways_find(ways, target, source, now_ns) == way);
	for (int i = 0; i < 2; i++) {
		enum egress_reason reason = ringcast_ways_judge(ways, way, 100, now_ns);
		ringcast_assert(reason != EGRESS_NONE || (way->head.size != 0 && way->mtu >= 100));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ways ways;
	struct netlink_change change;
	struct view rest = ringcast_view_of(data, size);
	bool is_made = ringcast_ways_init(&ways, 4, 1);
	ringcast_assert(is_made);
	for (uint64_t now_ns = 1;; now_ns += NS_PER_S) {
		size_t before = rest.size;
		if (!ringcast_netlink_next(&rest, &change))
			break;
		ringcast_assert(rest.size < before && rest.data + rest.size == data + size);
		if (change.kind == TOLD_LINK)
			ringcast_ways_put_link(&ways, &change.link);
		if (change.kind == TOLD_ROUTE)
			try_way(&ways, &change.route, now_ns);
		ringcast_ways_apply(&ways, &change);
		ringcast_assert(ways.neighbour_count <= ways.neighbour_capacity / 2);
	}
	ringcast_ways_fini(&ways);
	return 0;
}
