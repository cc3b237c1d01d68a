/* Ways, and what the kernel's messages make of them. The messages are built here, by the kernel's own structures. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "io/ways.h"

enum { LINK = 7, NOW = 1000000000 };

static const uint8_t RECEIVER[16] = {[10] = 0xff, 0xff, 10, 9, 0, 2}, OURS[16] = {[10] = 0xff, 0xff, 10, 1, 0, 1}, GATEWAY[16] = {[10] = 0xff, 0xff, 10, 1, 0, 254};
static const uint8_t NOBODY[16];

struct message {
	_Alignas(4) uint8_t bytes[1024];
	uint32_t size;
};

static void begin(struct message *message, uint16_t type, const void *head, size_t size)
{
	struct nlmsghdr netlink = {.nlmsg_type = type, .nlmsg_seq = 5};
	*message = (struct message){.size = (uint32_t)(sizeof(netlink) + NLMSG_ALIGN(size))};
	memcpy(message->bytes, &netlink, sizeof(netlink));
	memcpy(message->bytes + sizeof(netlink), head, size);
}

static void add(struct message *message, uint16_t type, const void *value, size_t size)
{
	struct rtattr head = {.rta_type = type, .rta_len = (uint16_t)(sizeof(head) + size)};
	memcpy(message->bytes + message->size, &head, sizeof(head));
	memcpy(message->bytes + message->size + sizeof(head), value, size);
	message->size += (uint32_t)RTA_ALIGN(head.rta_len);
}

static void add_u32(struct message *message, uint16_t type, uint32_t value)
{
	add(message, type, &value, sizeof(value));
}

static struct netlink_change read_it(struct message *message)
{
	struct netlink_change change = {0};
	memcpy(message->bytes, &message->size, sizeof(message->size));
	struct view rest = ringcast_view_of(message->bytes, message->size);
	cr_assert(ringcast_netlink_next(&rest, &change));
	cr_assert_eq(rest.size, 0);
	cr_assert_eq(change.sequence, 5);
	return change;
}

static struct netlink_change link_change(uint32_t flags, uint32_t mtu, const char *kind)
{
	struct message message;
	struct ifinfomsg head = {.ifi_index = LINK, .ifi_type = ARPHRD_ETHER, .ifi_flags = flags};
	begin(&message, RTM_NEWLINK, &head, sizeof(head));
	add(&message, IFLA_IFNAME, "eth0", 5);
	add(&message, IFLA_ADDRESS, "\2\0\0\0\0\1", 6);
	add_u32(&message, IFLA_MTU, mtu);
	add_u32(&message, IFLA_NUM_TX_QUEUES, 2);
	if (kind != NULL) {
		struct message info = {.size = 0};
		add(&info, IFLA_INFO_KIND, kind, strlen(kind) + 1);
		add(&message, IFLA_LINKINFO, info.bytes, info.size);
	}
	return read_it(&message);
}

static struct netlink_change neighbour_change(uint16_t type, const uint8_t ip[16], uint16_t state, const char *mac)
{
	struct message message;
	struct ndmsg head = {.ndm_family = AF_INET, .ndm_ifindex = LINK, .ndm_state = state};
	begin(&message, type, &head, sizeof(head));
	add(&message, NDA_DST, ip + 12, 4);
	if (mac != NULL)
		add(&message, NDA_LLADDR, mac, 6);
	return read_it(&message);
}

static struct netlink_change route_change(uint8_t type, const uint8_t *gateway, uint32_t mtu)
{
	struct message message;
	struct rtmsg head = {.rtm_family = AF_INET, .rtm_type = type, .rtm_dst_len = 32};
	begin(&message, RTM_NEWROUTE, &head, sizeof(head));
	add(&message, RTA_DST, RECEIVER + 12, 4);
	add_u32(&message, RTA_OIF, LINK);
	add(&message, RTA_PREFSRC, OURS + 12, 4);
	if (gateway != NULL)
		add(&message, RTA_GATEWAY, gateway + 12, 4);
	if (mtu != 0) {
		struct message metrics = {.size = 0};
		add_u32(&metrics, RTAX_MTU, mtu);
		add(&message, RTA_METRICS, metrics.bytes, metrics.size);
	}
	return read_it(&message);
}

static struct netlink_change rule_change(uint32_t table, uint16_t selector)
{
	struct message message;
	struct fib_rule_hdr head = {.family = AF_INET, .action = FR_ACT_TO_TBL, .table = (uint8_t)table};
	begin(&message, RTM_NEWRULE, &head, sizeof(head));
	add_u32(&message, FRA_TABLE, table);
	add_u32(&message, FRA_PRIORITY, 100);
	if (selector != 0)
		add_u32(&message, selector, 1);
	return read_it(&message);
}

struct fixture {
	struct ways ways;
	struct way *way;
};

/* A way over a gateway that is there, of which the kernel has just been reminded. */
static void set_up(struct fixture *fixture)
{
	cr_assert(ringcast_ways_init(&fixture->ways, 10, 42));
	struct netlink_change link = link_change(IFF_UP | IFF_LOWER_UP, 1500, NULL), route = route_change(RTN_UNICAST, GATEWAY, 0);
	cr_assert_eq(link.kind, TOLD_LINK);
	cr_assert_eq(route.kind, TOLD_ROUTE);
	ringcast_ways_put_link(&fixture->ways, &link.link);
	fixture->way = ringcast_ways_add(&fixture->ways, RECEIVER, NOBODY, NOW);
	ringcast_ways_settle(&fixture->ways, fixture->way, &route.route);
	cr_assert_eq(ringcast_ways_judge(&fixture->ways, fixture->way, 100, NOW), EGRESS_NEIGHBOUR);
	struct netlink_change neighbour = neighbour_change(RTM_NEWNEIGH, GATEWAY, NUD_REACHABLE, "\2\0\0\0\0\2");
	ringcast_ways_apply(&fixture->ways, &neighbour);
	cr_assert_eq(ringcast_ways_judge(&fixture->ways, fixture->way, 100, NOW), EGRESS_REFRESH);
	cr_assert_eq(ringcast_ways_judge(&fixture->ways, fixture->way, 100, NOW), EGRESS_NONE);
	cr_assert_eq(ringcast_ways_find(&fixture->ways, RECEIVER, NOBODY, NOW), fixture->way);
}

static void apply(struct fixture *fixture, struct netlink_change change)
{
	ringcast_ways_apply(&fixture->ways, &change);
}

static enum egress_reason settle(struct fixture *fixture, struct netlink_change route)
{
	fixture->way = ringcast_ways_add(&fixture->ways, RECEIVER, NOBODY, NOW);
	ringcast_ways_settle(&fixture->ways, fixture->way, &route.route);
	return ringcast_ways_judge(&fixture->ways, fixture->way, 100, NOW);
}

Test(ways, lead_over_the_gateway_by_its_address_of_now)
{
	struct fixture f;
	set_up(&f);
	cr_assert_eq(memcmp(f.way->head.bytes, "\2\0\0\0\0\2\2\0\0\0\0\1\10\0", 14), 0);
	apply(&f, neighbour_change(RTM_NEWNEIGH, GATEWAY, NUD_STALE, "\2\0\0\0\0\3"));
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 100, NOW), EGRESS_NONE);
	cr_assert_eq(memcmp(f.way->head.bytes, "\2\0\0\0\0\3\2\0\0\0\0\1\10\0", 14), 0);
	ringcast_ways_fini(&f.ways);
}

Test(ways, end_with_their_neighbour_and_begin_again)
{
	struct fixture f;
	set_up(&f);
	apply(&f, neighbour_change(RTM_NEWNEIGH, GATEWAY, NUD_FAILED, NULL));
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 100, NOW), EGRESS_NEIGHBOUR);
	apply(&f, neighbour_change(RTM_NEWNEIGH, GATEWAY, NUD_REACHABLE, "\2\0\0\0\0\2"));
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 100, NOW), EGRESS_NONE);
	apply(&f, neighbour_change(RTM_DELNEIGH, GATEWAY, NUD_REACHABLE, "\2\0\0\0\0\2"));
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 100, NOW), EGRESS_NEIGHBOUR);
	ringcast_ways_fini(&f.ways);
}

Test(ways, the_kernel_is_reminded_every_second_unless_its_neighbour_is_permanent)
{
	struct fixture f;
	set_up(&f);
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 100, NOW + WAYS_REFRESH_NS - 1), EGRESS_NONE);
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 100, NOW + WAYS_REFRESH_NS), EGRESS_REFRESH);
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 100, NOW + WAYS_REFRESH_NS), EGRESS_NONE);
	apply(&f, neighbour_change(RTM_NEWNEIGH, GATEWAY, NUD_PERMANENT, "\2\0\0\0\0\2"));
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 100, NOW + 9 * WAYS_REFRESH_NS), EGRESS_NONE);
	ringcast_ways_fini(&f.ways);
}

Test(ways, other_neighbours_are_nobodys_business)
{
	struct fixture f;
	set_up(&f);
	uint8_t ip[16];
	memcpy(ip, GATEWAY, sizeof(ip));
	for (unsigned i = 0; i < 100000; i++) {
		ip[14] = (uint8_t)(i >> 8);
		ip[13] = (uint8_t)i;
		apply(&f, neighbour_change(RTM_NEWNEIGH, ip, NUD_REACHABLE, "\2\0\0\0\0\4"));
	}
	cr_assert_eq(f.ways.neighbour_count, 1);
	ringcast_ways_fini(&f.ways);
}

Test(ways, go_stale)
{
	struct fixture f;
	set_up(&f);
	cr_assert_eq(ringcast_ways_find(&f.ways, RECEIVER, NOBODY, NOW + WAYS_FRESH_NS - 1), f.way);
	cr_assert_null(ringcast_ways_find(&f.ways, RECEIVER, NOBODY, NOW + WAYS_FRESH_NS));
	cr_assert_null(ringcast_ways_find(&f.ways, RECEIVER, OURS, NOW), "another source is another way");
	ringcast_ways_fini(&f.ways);
}

Test(ways, are_asked_for_again_when_what_they_rest_on_changes)
{
	struct fixture f;
	const struct netlink_change changes[] = {
		route_change(RTN_UNICAST, NULL, 0), link_change(IFF_UP | IFF_LOWER_UP, 1400, NULL), link_change(IFF_UP, 1500, NULL), rule_change(RT_TABLE_MAIN, 0)};
	for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		set_up(&f);
		apply(&f, link_change(IFF_UP | IFF_LOWER_UP, 1500, NULL)); /* nothing new */
		cr_assert_eq(ringcast_ways_find(&f.ways, RECEIVER, NOBODY, NOW), f.way);
		apply(&f, changes[i]);
		cr_assert_null(ringcast_ways_find(&f.ways, RECEIVER, NOBODY, NOW), "change %u", i);
		ringcast_ways_fini(&f.ways);
	}
}

Test(ways, end_with_their_link)
{
	struct fixture f;
	struct netlink_change gone = link_change(IFF_UP, 1500, NULL);
	set_up(&f);
	apply(&f, gone);
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 100, NOW), EGRESS_LINK_DOWN, "no carrier");
	gone.kind = TOLD_LINK_GONE;
	apply(&f, gone);
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 100, NOW), EGRESS_LINK_DOWN);
	cr_assert_eq(settle(&f, route_change(RTN_UNICAST, NULL, 0)), EGRESS_DEVICE, "a link that nobody knows");
	ringcast_ways_fini(&f.ways);
}

Test(ways, are_as_wide_as_the_narrower_of_link_and_route)
{
	struct fixture f;
	set_up(&f);
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 1472, NOW), EGRESS_NONE);
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 1473, NOW), EGRESS_TOO_LARGE);
	cr_assert_eq(settle(&f, route_change(RTN_UNICAST, GATEWAY, 1400)), EGRESS_NONE);
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 1372, NOW), EGRESS_NONE);
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 1373, NOW), EGRESS_TOO_LARGE);
	cr_assert_eq(settle(&f, route_change(RTN_UNICAST, GATEWAY, 9000)), EGRESS_NONE);
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 1473, NOW), EGRESS_TOO_LARGE);
	ringcast_ways_fini(&f.ways);
}

Test(ways, some_are_not_for_us)
{
	static const char *const kinds[] = {"vlan", "bond", "bridge", "wireguard", "vxlan", "macvlan", "tun", "team", "a-name-longer-than-any-kind"};
	struct fixture f;
	set_up(&f);
	cr_assert_eq(settle(&f, route_change(RTN_LOCAL, NULL, 0)), EGRESS_LOCAL);
	cr_assert_eq(settle(&f, route_change(RTN_MULTICAST, NULL, 0)), EGRESS_NO_ROUTE);
	cr_assert_eq(settle(&f, route_change(RTN_UNREACHABLE, NULL, 0)), EGRESS_NO_ROUTE);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		apply(&f, link_change(IFF_UP | IFF_LOWER_UP, 1500, kinds[i]));
		cr_assert_eq(settle(&f, route_change(RTN_UNICAST, GATEWAY, 0)), EGRESS_DEVICE, "%s", kinds[i]);
	}
	apply(&f, link_change(IFF_UP | IFF_LOWER_UP, 1500, "veth"));
	cr_assert_eq(settle(&f, route_change(RTN_UNICAST, GATEWAY, 0)), EGRESS_NONE);
	ringcast_ways_fini(&f.ways);
}

Test(ways, a_rule_of_ones_own_is_policy)
{
	static const uint16_t selectors[] = {FRA_FWMARK, FRA_IIFNAME, FRA_SRC, FRA_SPORT_RANGE, FRA_L3MDEV, FRA_UID_RANGE};
	struct fixture f;
	set_up(&f);
	apply(&f, rule_change(RT_TABLE_LOCAL, 0));
	apply(&f, rule_change(RT_TABLE_MAIN, FRA_SUPPRESS_PREFIXLEN));
	apply(&f, rule_change(RT_TABLE_DEFAULT, FRA_PROTOCOL));
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 100, NOW), EGRESS_NONE);
	apply(&f, rule_change(100, 0));
	cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 100, NOW), EGRESS_POLICY);
	for (unsigned i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++) {
		f.ways.has_policy = false;
		apply(&f, rule_change(RT_TABLE_MAIN, selectors[i]));
		cr_assert_eq(ringcast_ways_judge(&f.ways, f.way, 100, NOW), EGRESS_POLICY, "selector %u", selectors[i]);
	}
	ringcast_ways_fini(&f.ways);
}

Test(ways, a_full_table_forgets)
{
	struct fixture f;
	uint8_t ip[16];
	memcpy(ip, RECEIVER, sizeof(ip));
	set_up(&f);
	for (unsigned i = 0; i < 10000; i++) {
		ip[12] = (uint8_t)(20 + i / 65536);
		ip[14] = (uint8_t)(i >> 8);
		ip[15] = (uint8_t)i;
		struct netlink_change route = route_change(RTN_UNICAST, NULL, 0);
		struct way *way = ringcast_ways_add(&f.ways, ip, NOBODY, NOW);
		ringcast_ways_settle(&f.ways, way, &route.route);
		cr_assert_eq(ringcast_ways_find(&f.ways, ip, NOBODY, NOW), way, "the newest is there");
		cr_assert_leq(f.ways.neighbour_count, f.ways.neighbour_capacity / 2);
	}
	ringcast_ways_fini(&f.ways);
}

/* Any cut of a message is read within its bounds (AddressSanitizer looks), and the whole of it afterwards. */
Test(ways, messages_cut_short)
{
	struct message message;
	struct rtmsg head = {.rtm_family = AF_INET, .rtm_type = RTN_UNICAST};
	begin(&message, RTM_NEWROUTE, &head, sizeof(head));
	add_u32(&message, RTA_OIF, LINK);
	for (uint32_t size = 0; size <= message.size; size++) {
		struct netlink_change change;
		uint8_t *copy = malloc(size + 1);
		memcpy(copy, message.bytes, size);
		if (size >= 4)
			memcpy(copy, &size, sizeof(size));
		struct view rest = ringcast_view_of(copy, size);
		cr_assert_eq(ringcast_netlink_next(&rest, &change), size >= sizeof(struct nlmsghdr));
		free(copy);
	}
}
