#include "io/routing.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_netlink(uint32_t groups)
{
	const struct sockaddr_nl name = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&name, sizeof(name)) != 0) {
		int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

bool ringcast_routing_open(struct routing *routing)
{
	routing->note_fd = -1;
	routing->ask_fd = open_netlink(0);
	if (routing->ask_fd >= 0)
		routing->note_fd = open_netlink(RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE | RTMGRP_IPV6_IFADDR |
						RTMGRP_IPV6_ROUTE | 1u << (RTNLGRP_IPV6_RULE - 1));
	return routing->note_fd >= 0;
}

void ringcast_routing_close(struct routing *routing)
{
	if (routing->ask_fd >= 0)
		close(routing->ask_fd);
	if (routing->note_fd >= 0)
		close(routing->note_fd);
}

/* Netlink answers while it is asked, so nothing is waited for. The answer to this very question, or TOLD_FAILED. */
static struct netlink_change ask(struct routing *routing, const uint8_t *question, uint32_t size)
{
	struct netlink_change change;
	ssize_t got = send(routing->ask_fd, question, size, 0) == (ssize_t)size ? 0 : -1;
	while (got >= 0) {
		got = recv(routing->ask_fd, routing->bytes, sizeof(routing->bytes), 0);
		struct view rest = ringcast_view_of(routing->bytes, got > 0 ? (size_t)got : 0);
		while (ringcast_netlink_next(&rest, &change))
			if (change.sequence == routing->sequence)
				return change;
	}
	return (struct netlink_change){.kind = TOLD_FAILED, .error = -EAGAIN};
}

struct netlink_change ringcast_routing_ask_route(struct routing *routing, const uint8_t target[16], const uint8_t source[16])
{
	uint8_t question[NETLINK_REQUEST_BYTES];
	return ask(routing, question, ringcast_netlink_ask_route(++routing->sequence, target, source, question));
}

struct netlink_change ringcast_routing_ask_link(struct routing *routing, uint32_t link)
{
	uint8_t question[NETLINK_REQUEST_BYTES];
	return ask(routing, question, ringcast_netlink_ask_link(++routing->sequence, link, question));
}

struct netlink_change ringcast_routing_ask_neighbour(struct routing *routing, uint32_t link, const uint8_t ip[16])
{
	uint8_t question[NETLINK_REQUEST_BYTES];
	return ask(routing, question, ringcast_netlink_ask_neighbour(++routing->sequence, link, ip, question));
}

bool ringcast_routing_ask_rules(struct routing *routing, routing_fn *each, void *context)
{
	uint8_t question[NETLINK_REQUEST_BYTES];
	struct netlink_change change = {0};
	uint32_t size = ringcast_netlink_ask_rules(++routing->sequence, question);
	ssize_t got = send(routing->ask_fd, question, size, 0);
	while (got > 0 && change.kind != TOLD_DONE) {
		got = recv(routing->ask_fd, routing->bytes, sizeof(routing->bytes), 0);
		struct view rest = ringcast_view_of(routing->bytes, got > 0 ? (size_t)got : 0);
		while (ringcast_netlink_next(&rest, &change))
			each(context, &change);
	}
	return change.kind == TOLD_DONE;
}

enum routing_heard ringcast_routing_hear(struct routing *routing, routing_fn *each, void *context)
{
	struct netlink_change change;
	ssize_t got = recv(routing->note_fd, routing->bytes, sizeof(routing->bytes), MSG_TRUNC);
	if (got < 0 && errno != ENOBUFS)
		return HEARD_NOTHING;
	if (got < 0 || got > (ssize_t)sizeof(routing->bytes))
		return HEARD_TOO_MUCH;
	struct view rest = ringcast_view_of(routing->bytes, (size_t)got);
	while (ringcast_netlink_next(&rest, &change))
		each(context, &change);
	return HEARD_CHANGES;
}
