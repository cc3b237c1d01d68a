#include "io/netlink.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/assert.h"

/* Attributes: length and type, then a value, padded to four bytes. */

struct attribute {
	uint16_t type;
	struct view value;
};

static bool next_attribute(struct view *rest, struct attribute *ret_attribute)
{
	struct rtattr head;
	if (rest->size < sizeof(head))
		return false;
	memcpy(&head, rest->data, sizeof(head));
	if (head.rta_len < sizeof(head) || head.rta_len > rest->size)
		return false;
	*ret_attribute = (struct attribute){head.rta_type & NLA_TYPE_MASK, ringcast_view_of(rest->data + sizeof(head), head.rta_len - sizeof(head))};
	size_t taken = RTA_ALIGN((size_t)head.rta_len);
	taken = taken < rest->size ? taken : rest->size;
	*rest = ringcast_view_of(rest->data + taken, rest->size - taken);
	return true;
}

static uint32_t read_u32(struct view value)
{
	uint32_t number = 0;
	if (value.size >= sizeof(number))
		memcpy(&number, value.data, sizeof(number));
	return number;
}

static void read_text(struct view value, char *out, size_t size)
{
	size_t length = value.size < size ? value.size : size - 1;
	memset(out, 0, size);
	if (length > 0)
		memcpy(out, value.data, length);
}

/* An IP address of either family; false, and nothing written, for anything else. */
static bool read_ip(struct view value, uint8_t out[16])
{
	if (value.size == 4) {
		memcpy(out, (const uint8_t[12]){[10] = 0xff, [11] = 0xff}, 12);
		memcpy(out + 12, value.data, 4);
	} else if (value.size == 16) {
		memcpy(out, value.data, 16);
	}
	return value.size == 4 || value.size == 16;
}

static bool read_mac(struct view value, uint8_t out[ETHERNET_MAC_BYTES])
{
	if (value.size != ETHERNET_MAC_BYTES)
		return false;
	memcpy(out, value.data, ETHERNET_MAC_BYTES);
	return true;
}

/* Messages. Each takes what is behind the netlink header. */

static bool take_head(struct view *body, void *out, size_t size)
{
	if (body->size < size)
		return false;
	memcpy(out, body->data, size);
	size_t taken = NLMSG_ALIGN(size) < body->size ? NLMSG_ALIGN(size) : body->size;
	*body = ringcast_view_of(body->data + taken, body->size - taken);
	return true;
}

static void read_link_kind(struct view info, struct netlink_link *link)
{
	struct attribute attribute;
	while (next_attribute(&info, &attribute))
		if (attribute.type == IFLA_INFO_KIND)
			read_text(attribute.value, link->kind, sizeof(link->kind));
}

static bool read_link(struct view body, struct netlink_link *link)
{
	struct ifinfomsg head;
	struct attribute attribute;
	if (!take_head(&body, &head, sizeof(head)) || head.ifi_family != AF_UNSPEC) /* a bridge tells of its ports in its own family, and not all */
		return false;
	*link = (struct netlink_link){.index = (uint32_t)head.ifi_index, .is_up = (head.ifi_flags & (IFF_UP | IFF_LOWER_UP)) == (IFF_UP | IFF_LOWER_UP)};
	while (next_attribute(&body, &attribute)) {
		if (attribute.type == IFLA_ADDRESS)
			link->is_ethernet = read_mac(attribute.value, link->mac) && head.ifi_type == ARPHRD_ETHER;
		else if (attribute.type == IFLA_MTU)
			link->mtu = read_u32(attribute.value);
		else if (attribute.type == IFLA_NUM_TX_QUEUES)
			link->queue_count = read_u32(attribute.value);
		else if (attribute.type == IFLA_IFNAME)
			read_text(attribute.value, link->name, sizeof(link->name));
		else if (attribute.type == IFLA_LINKINFO)
			read_link_kind(attribute.value, link);
	}
	return link->mtu != 0;
}

static bool read_neighbour(struct view body, bool is_gone, struct netlink_neighbour *neighbour)
{
	enum { USABLE = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP };
	struct ndmsg head;
	struct attribute attribute;
	bool has_ip = false, has_mac = false;
	if (!take_head(&body, &head, sizeof(head)))
		return false;
	*neighbour = (struct netlink_neighbour){.link = (uint32_t)head.ndm_ifindex, .is_permanent = (head.ndm_state & (NUD_PERMANENT | NUD_NOARP)) != 0};
	while (next_attribute(&body, &attribute)) {
		if (attribute.type == NDA_DST)
			has_ip = read_ip(attribute.value, neighbour->ip);
		else if (attribute.type == NDA_LLADDR)
			has_mac = read_mac(attribute.value, neighbour->mac);
	}
	neighbour->is_usable = !is_gone && has_mac && (head.ndm_state & USABLE) != 0;
	return has_ip && (head.ndm_family == AF_INET || head.ndm_family == AF_INET6);
}

static void read_metrics(struct view metrics, struct netlink_route *route)
{
	struct attribute attribute;
	while (next_attribute(&metrics, &attribute)) {
		if (attribute.type == RTAX_MTU)
			route->mtu = read_u32(attribute.value);
		else if (attribute.type == RTAX_HOPLIMIT)
			route->hop_limit = read_u32(attribute.value);
	}
}

/* A gateway of the other family: IPv4 by way of an IPv6 neighbour. */
static void read_via(struct view via, struct netlink_route *route)
{
	if (via.size < sizeof(struct rtvia) || !read_ip(ringcast_view_of(via.data + sizeof(struct rtvia), via.size - sizeof(struct rtvia)), route->gateway))
		route->is_unicast = false;
}

static bool read_route(struct view body, struct netlink_route *route)
{
	struct rtmsg head;
	struct attribute attribute;
	if (!take_head(&body, &head, sizeof(head)))
		return false;
	*route = (struct netlink_route){.is_unicast = head.rtm_type == RTN_UNICAST, .is_local = head.rtm_type == RTN_LOCAL};
	while (next_attribute(&body, &attribute)) {
		if (attribute.type == RTA_OIF)
			route->link = read_u32(attribute.value);
		else if (attribute.type == RTA_GATEWAY)
			read_ip(attribute.value, route->gateway);
		else if (attribute.type == RTA_VIA)
			read_via(attribute.value, route);
		else if (attribute.type == RTA_PREFSRC)
			read_ip(attribute.value, route->source);
		else if (attribute.type == RTA_METRICS)
			read_metrics(attribute.value, route);
		else if (attribute.type == RTA_ENCAP || attribute.type == RTA_NEWDST)
			route->is_wrapped = true;
	}
	return true;
}

/* Local, main and default, each asked of everything: what every machine has. */
static bool is_usual_rule(const struct fib_rule_hdr *head, uint32_t table, bool has_selector)
{
	return !has_selector && head->action == FR_ACT_TO_TBL && head->src_len == 0 && head->dst_len == 0 && head->tos == 0 &&
	       (table == RT_TABLE_LOCAL || table == RT_TABLE_MAIN || table == RT_TABLE_DEFAULT);
}

static bool read_rule(struct view body, bool *ret_is_policy)
{
	struct fib_rule_hdr head;
	struct attribute attribute;
	bool has_selector = false;
	if (!take_head(&body, &head, sizeof(head)))
		return false;
	uint32_t table = head.table;
	while (next_attribute(&body, &attribute)) {
		if (attribute.type == FRA_TABLE)
			table = read_u32(attribute.value);
		else if (attribute.type != FRA_PRIORITY && attribute.type != FRA_SUPPRESS_PREFIXLEN && attribute.type != FRA_PROTOCOL && attribute.type != FRA_PAD)
			has_selector = true;
	}
	*ret_is_policy = !is_usual_rule(&head, table, has_selector);
	return true;
}

static bool read_error(struct view body, int32_t *ret_error)
{
	struct nlmsgerr head;
	if (!take_head(&body, &head, sizeof(head)))
		return false;
	*ret_error = head.error;
	return true;
}

static enum netlink_told read_message(uint16_t type, struct view body, struct netlink_change *change)
{
	switch (type) {
	case RTM_NEWLINK:
		return read_link(body, &change->link) ? TOLD_LINK : TOLD_OTHER;
	case RTM_DELLINK:
		return read_link(body, &change->link) ? TOLD_LINK_GONE : TOLD_OTHER;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return read_neighbour(body, type == RTM_DELNEIGH, &change->neighbour) ? TOLD_NEIGHBOUR : TOLD_OTHER;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return read_route(body, &change->route) ? TOLD_ROUTE : TOLD_OTHER;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return TOLD_WAYS;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		return read_rule(body, &change->is_policy) ? TOLD_RULE : TOLD_OTHER;
	case NLMSG_ERROR:
		return read_error(body, &change->error) ? TOLD_FAILED : TOLD_OTHER;
	case NLMSG_DONE:
		return TOLD_DONE;
	default:
		return TOLD_OTHER;
	}
}

bool ringcast_netlink_next(struct view *rest, struct netlink_change *ret_change)
{
	struct nlmsghdr head;
	if (rest->size < sizeof(head))
		return false;
	memcpy(&head, rest->data, sizeof(head));
	if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > rest->size)
		return false;
	struct view body = ringcast_view_of(rest->data + sizeof(head), head.nlmsg_len - sizeof(head));
	size_t taken = NLMSG_ALIGN((size_t)head.nlmsg_len);
	taken = taken < rest->size ? taken : rest->size;
	*rest = ringcast_view_of(rest->data + taken, rest->size - taken);
	*ret_change = (struct netlink_change){.sequence = head.nlmsg_seq};
	ret_change->kind = read_message(head.nlmsg_type, body, ret_change);
	return true;
}

/* Questions */

static bool is_zero(const uint8_t ip[16])
{
	static const uint8_t zero[16];
	return memcmp(ip, zero, sizeof(zero)) == 0;
}

static struct view of_family(const uint8_t ip[16])
{
	struct address address = {0};
	memcpy(address.ip, ip, sizeof(address.ip));
	return ringcast_address_is_v4(&address) ? ringcast_view_of(ip + 12, 4) : ringcast_view_of(ip, 16);
}

static uint32_t begin(uint16_t type, uint16_t flags, uint32_t sequence, const void *head, size_t size, uint8_t *out)
{
	struct nlmsghdr message = {.nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = sequence};
	memset(out, 0, NETLINK_REQUEST_BYTES);
	memcpy(out, &message, sizeof(message));
	memcpy(out + sizeof(message), head, size);
	return (uint32_t)(sizeof(message) + NLMSG_ALIGN(size));
}

static uint32_t add(uint8_t *out, uint32_t used, uint16_t type, struct view value)
{
	struct rtattr head = {.rta_len = (uint16_t)(sizeof(head) + value.size), .rta_type = type};
	ringcast_assert(used + sizeof(head) + value.size <= NETLINK_REQUEST_BYTES);
	memcpy(out + used, &head, sizeof(head));
	memcpy(out + used + sizeof(head), value.data, value.size);
	return used + (uint32_t)RTA_ALIGN(head.rta_len);
}

static uint32_t finish(uint8_t *out, uint32_t used)
{
	memcpy(out, &used, sizeof(used)); /* nlmsg_len comes first */
	return used;
}

uint32_t ringcast_netlink_ask_route(uint32_t sequence, const uint8_t target[16], const uint8_t source[16], uint8_t out[NETLINK_REQUEST_BYTES])
{
	struct view to = of_family(target), from = of_family(source);
	struct rtmsg head = {.rtm_family = to.size == 4 ? AF_INET : AF_INET6, .rtm_dst_len = (uint8_t)(8 * to.size)};
	bool has_source = !is_zero(source) && from.size == to.size;
	if (has_source)
		head.rtm_src_len = (uint8_t)(8 * from.size);
	uint32_t used = begin(RTM_GETROUTE, 0, sequence, &head, sizeof(head), out);
	used = add(out, used, RTA_DST, to);
	if (has_source)
		used = add(out, used, RTA_SRC, from);
	return finish(out, used);
}

uint32_t ringcast_netlink_ask_link(uint32_t sequence, uint32_t link, uint8_t out[NETLINK_REQUEST_BYTES])
{
	struct ifinfomsg head = {.ifi_family = AF_UNSPEC, .ifi_index = (int)link};
	return finish(out, begin(RTM_GETLINK, 0, sequence, &head, sizeof(head), out));
}

uint32_t ringcast_netlink_ask_neighbour(uint32_t sequence, uint32_t link, const uint8_t ip[16], uint8_t out[NETLINK_REQUEST_BYTES])
{
	struct view of = of_family(ip);
	struct ndmsg head = {.ndm_family = of.size == 4 ? AF_INET : AF_INET6, .ndm_ifindex = (int)link};
	return finish(out, add(out, begin(RTM_GETNEIGH, 0, sequence, &head, sizeof(head), out), NDA_DST, of));
}

uint32_t ringcast_netlink_ask_rules(uint32_t sequence, uint8_t out[NETLINK_REQUEST_BYTES])
{
	struct fib_rule_hdr head = {.family = AF_UNSPEC};
	return finish(out, begin(RTM_GETRULE, NLM_F_DUMP, sequence, &head, sizeof(head), out));
}
