/* Who has to make room: the crowd's longest waiting, the largest holder; never one that is being served, never the newcomer for others' sake. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/http_clients.h"

#define CLIENTS_MAX 16

static struct {
	struct http_clients *clients;
	int near[CLIENTS_MAX], far[CLIENTS_MAX];
	struct http_client *list[CLIENTS_MAX];
	unsigned count;
	struct http_cuts cuts;
} world;

static void setup(void)
{
	const struct http_clients_options options = {.connections_max = 6, .connections_per_address_max = 4, .memory_bytes_max = 1000, .cuts = &world.cuts};
	world.clients = ringcast_http_clients_create(&options);
}

static void teardown(void)
{
	for (unsigned i = 0; i < world.count; i++) {
		ringcast_http_clients_remove(world.list[i]);
		close(world.near[i]);
		close(world.far[i]);
	}
	ringcast_http_clients_destroy(&world.clients);
}

static int add_from(const void *address)
{
	int pair[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct http_client *client = ringcast_http_clients_add(world.clients, pair[0], address);
	if (!client) {
		close(pair[0]);
		close(pair[1]);
		return -1;
	}
	world.near[world.count] = pair[0];
	world.far[world.count] = pair[1];
	world.list[world.count] = client;
	return (int)world.count++;
}

/* The index of a new client from 192.0.2.host, or -1. */
static int add(unsigned host)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(5000)};
	address.sin_addr.s_addr = htonl(0xC0000200 | host);
	return add_from(&address);
}

static int add_v6(const char *text)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(5000)};
	cr_assert_eq(inet_pton(AF_INET6, text, &address.sin6_addr), 1);
	return add_from(&address);
}

static bool is_cut(int index)
{
	char byte;
	return recv(world.far[index], &byte, 1, MSG_DONTWAIT) == 0;
}

TestSuite(http_clients, .init = setup, .fini = teardown, .timeout = 30);

Test(http_clients, a_crowd_makes_room_for_its_own)
{
	int first = add(1), lonely = add(2);
	for (int i = 0; i < 3; i++)
		add(1);
	cr_assert_not(is_cut(first));
	cr_assert_geq(add(1), 0);
	cr_assert(is_cut(first), "the fifth of one address replaces its first");
	cr_assert_not(is_cut(lonely));
}

Test(http_clients, a_64_is_one_subscriber)
{
	int first = add_v6("2001:db8:1:1::1"), lonely = add_v6("2001:db8:1:2::1");
	add_v6("2001:db8:1:1::2");
	add_v6("2001:db8:1:1:5::3");
	add_v6("2001:db8:1:1::4");
	cr_assert_not(is_cut(first));
	cr_assert_geq(add_v6("2001:db8:1:1::5"), 0);
	cr_assert(is_cut(first));
	cr_assert_not(is_cut(lonely));
	cr_assert_eq(world.cuts.crowd, 1);
}

Test(http_clients, the_largest_crowd_makes_room_for_others)
{
	int lonely = add(2), oldest = add(1);
	for (int i = 0; i < 3; i++)
		add(1);
	add(3);
	cr_assert_geq(add(4), 0);
	cr_assert(is_cut(oldest));
	cr_assert_not(is_cut(lonely), "though it waits longest of all");
}

Test(http_clients, nobody_is_cut_while_served)
{
	int clients[4];
	for (int i = 0; i < 4; i++)
		ringcast_http_client_begin(world.list[clients[i] = add(1)]);
	cr_assert_eq(add(1), -1);
	ringcast_http_client_end(world.list[clients[2]]);
	cr_assert_geq(add(1), 0);
	cr_assert(is_cut(clients[2]));
	cr_assert_not(is_cut(clients[0]));
}

Test(http_clients, the_largest_holder_goes)
{
	int hog = add(1), small = add(2), served = add(3), next = add(4);
	cr_assert(ringcast_http_client_hold(world.list[hog], 500));
	cr_assert(ringcast_http_client_hold(world.list[small], 100));
	cr_assert(ringcast_http_client_hold(world.list[served], 300));
	ringcast_http_client_begin(world.list[served]);
	cr_assert(ringcast_http_client_hold(world.list[next], 200));
	cr_assert(is_cut(hog));
	cr_assert_not(is_cut(small));
	cr_assert_eq(ringcast_http_clients_held_bytes(world.clients), 600);
	cr_assert_not(ringcast_http_client_hold(world.list[hog], 1), "one that was cut gets nothing more");
	ringcast_http_client_release(world.list[hog], 500);
	cr_assert_eq(ringcast_http_clients_held_bytes(world.clients), 600);
}

Test(http_clients, whoever_would_be_the_largest_is_refused)
{
	int first = add(1), second = add(2);
	cr_assert(ringcast_http_client_hold(world.list[first], 400));
	cr_assert(ringcast_http_client_hold(world.list[second], 600));
	cr_assert_not(ringcast_http_client_hold(world.list[second], 1));
	cr_assert_not(ringcast_http_client_hold(world.list[first], 300));
	cr_assert_not(is_cut(first));
	cr_assert_not(is_cut(second));
	cr_assert_not(ringcast_http_client_hold(world.list[first], 1001), "more than there is");
	ringcast_http_client_release(world.list[second], 600);
	cr_assert(ringcast_http_client_hold(world.list[first], 600));
	ringcast_http_client_release(world.list[first], 1000);
	cr_assert_eq(ringcast_http_clients_held_bytes(world.clients), 0);
}

Test(http_clients, addresses)
{
	cr_assert_str_eq(ringcast_http_client_address(world.list[add(7)]), "192.0.2.7:5000");
}
