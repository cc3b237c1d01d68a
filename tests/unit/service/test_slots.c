/* Who gives way when the endpoint has too many connections, or holds too much. A connection is a socket pair: what is cut is read as its end. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/slots.h"

enum { COUNT_MAX = 4, BYTES_MAX = 1000, CLIENTS_MAX = 64 };

static struct slots *slots;
static struct client {
	int ours, theirs;
	struct slot *slot;
} clients[CLIENTS_MAX];
static size_t client_count;

static void init(void)
{
	slots = ringcast_slots_create(COUNT_MAX, BYTES_MAX, 1);
	client_count = 0;
}

static void fini(void)
{
	for (size_t i = 0; i < client_count; i++) {
		ringcast_slots_remove(slots, clients[i].slot);
		close(clients[i].ours);
		close(clients[i].theirs);
	}
	ringcast_slots_destroy(&slots); /* asserts that nothing is counted any more */
}

TestSuite(slots, .init = init, .fini = fini);

/* Its number. */
static size_t come(const char *ip)
{
	int pair[2];
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	bool is_v6 = inet_pton(AF_INET, ip, &v4.sin_addr) != 1;
	cr_assert(!is_v6 || inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	struct slot *slot = ringcast_slots_add(slots, pair[0], is_v6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4);
	clients[client_count] = (struct client){pair[0], pair[1], slot};
	return client_count++;
}

static bool is_open(size_t client)
{
	char byte;
	return recv(clients[client].theirs, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void expect_open(const char *wanted)
{
	char seen[CLIENTS_MAX + 1] = "";
	for (size_t i = 0; i < client_count; i++)
		seen[i] = clients[i].slot == NULL ? '-' : is_open(i) ? 'o' : 'x';
	cr_assert_str_eq(seen, wanted);
}

Test(slots, the_largest_crowd_gives_way_though_another_has_waited_longer)
{
	come("192.0.2.1");
	for (int i = 0; i < 3; i++)
		come("192.0.2.2");
	come("192.0.2.3");
	expect_open("oxooo");
	come("192.0.2.2");
	expect_open("oxxooo");
	for (int i = 0; i < 20; i++)
		come("192.0.2.2");
	expect_open("oxxxoxxxxxxxxxxxxxxxxxxxoo");
	cr_assert_eq(ringcast_slots_cuts(slots).crowd, 22);
}

Test(slots, of_equals_the_one_that_has_waited_longest)
{
	for (int i = 0; i < COUNT_MAX; i++)
		come((const char *const[]){"192.0.2.1", "192.0.2.2", "2001:db8::1", "192.0.2.4"}[i]);
	ringcast_slots_set_busy(slots, clients[0].slot, true);
	ringcast_slots_set_busy(slots, clients[0].slot, false);
	come("192.0.2.5");
	expect_open("oxooo");
	come("192.0.2.6");
	expect_open("oxxooo");
}

Test(slots, who_is_worked_on_keeps_its_place_and_makes_no_crowd)
{
	for (int i = 0; i < 3; i++)
		ringcast_slots_set_busy(slots, clients[come("192.0.2.1")].slot, true);
	come("192.0.2.2");
	come("192.0.2.1");
	expect_open("oooxo");
	ringcast_slots_set_busy(slots, clients[4].slot, true);
	come("192.0.2.3");
	expect_open("oooxo-");
	cr_assert_eq(ringcast_slots_cuts(slots).busy, 1);
	ringcast_slots_set_busy(slots, clients[1].slot, false);
	come("192.0.2.3");
	expect_open("oxoxo-o");
}

Test(slots, a_64_of_ipv6_is_one_address_and_so_is_ipv4_however_it_is_written)
{
	come("2001:db8:0:1::1");
	come("192.0.2.1");
	come("::ffff:192.0.2.2");
	come("2001:db8:0:1::2");
	come("2001:db8:0:2::3");
	expect_open("xoooo");
	come("::ffff:192.0.2.1");
	expect_open("xxoooo");
	come("192.0.2.9");
	come("::ffff:192.0.2.9");
	expect_open("xxxxoooo");
}

Test(slots, who_holds_most_gives_way_when_too_much_is_held)
{
	for (int i = 0; i < 3; i++)
		come("192.0.2.1");
	cr_assert(ringcast_slots_hold(slots, clients[0].slot, 500));
	cr_assert(ringcast_slots_hold(slots, clients[1].slot, 400));
	cr_assert(ringcast_slots_hold(slots, clients[2].slot, 200));
	expect_open("xoo");
	cr_assert_not(ringcast_slots_hold(slots, clients[0].slot, 10), "it is cut");
	cr_assert_not(ringcast_slots_hold(slots, clients[2].slot, 700), "nobody else holds more");
	expect_open("xox");
	ringcast_slots_set_busy(slots, clients[1].slot, true);
	size_t last = come("192.0.2.1");
	cr_assert(ringcast_slots_hold(slots, clients[last].slot, 600));
	cr_assert(ringcast_slots_hold(slots, clients[last].slot, 0));
	cr_assert(ringcast_slots_hold(slots, clients[last].slot, 300));
	cr_assert_not(ringcast_slots_hold(slots, clients[last].slot, 601));
	expect_open("xoxx");
	cr_assert_eq(ringcast_slots_cuts(slots).memory, 3);
}
