/* One UDP port, several sockets: who is in the map is heard by its shard, whoever else by the kernel's choice, and always the same. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "io/socket.h"
#include "io/steering.h"

enum { SHARDS = 4, CLIENTS = 16 };

struct fixture {
	struct steering *steering;
	int shards[SHARDS], clients[CLIENTS];
	struct address server, names[CLIENTS];
	bool is_v4;
};

static bool set_up(struct fixture *f, bool is_v4, uint32_t map_size)
{
	char error[200];
	*f = (struct fixture){.is_v4 = is_v4};
	f->steering = ringcast_steering_create(SHARDS, map_size, error, sizeof(error));
	if (f->steering == NULL) {
		cr_assert_neq(error[0], 0);
		cr_skip_test("%s", error);
		return false;
	}
	bool is_parsed = ringcast_socket_parse_address(is_v4 ? "127.0.0.1:0" : "[::1]:0", &f->server);
	cr_assert(is_parsed);
	for (uint32_t i = 0; i < SHARDS; i++) {
		struct io_options options = {.steering = f->steering, .shard_index = i};
		cr_assert_eq(ringcast_steering_open_udp(&options, &f->server, is_v4, 3, &f->server, &f->shards[i]), 0);
	}
	for (int i = 0; i < CLIENTS; i++) {
		struct address any = f->server;
		any.port = 0;
		cr_assert_eq(ringcast_socket_open_udp(&any, is_v4, 0, 0, &f->names[i], &f->clients[i]), 0);
	}
	return true;
}

static void tear_down(struct fixture *f)
{
	for (int i = 0; i < SHARDS; i++)
		close(f->shards[i]);
	for (int i = 0; i < CLIENTS; i++)
		close(f->clients[i]);
	ringcast_steering_destroy(&f->steering);
	cr_assert_null(f->steering);
}

/* Which shard hears this client. On loopback a datagram is there when sendto returns. */
static int heard_by(const struct fixture *f, int client)
{
	union socket_name name;
	socklen_t size = ringcast_socket_encode_address(&f->server, f->is_v4, &name);
	char byte;
	int found = -1;
	cr_assert_eq(sendto(f->clients[client], "x", 1, 0, &name.any, size), 1);
	for (int i = 0; i < SHARDS; i++) {
		if (recv(f->shards[i], &byte, 1, MSG_DONTWAIT) != 1)
			continue;
		cr_assert_eq(found, -1, "one only");
		found = i;
	}
	cr_assert_neq(found, -1);
	return found;
}

static void steers(bool is_v4)
{
	struct fixture f;
	if (!set_up(&f, is_v4, CLIENTS))
		return;
	int by_chance[CLIENTS];
	unsigned heard = 0;
	for (int i = 0; i < CLIENTS; i++) {
		by_chance[i] = heard_by(&f, i);
		heard |= 1u << by_chance[i];
	}
	cr_assert(heard & (heard - 1), "strangers come to more than one shard");
	for (uint32_t shard = 0; shard < SHARDS; shard++)
		for (int i = 0; i < CLIENTS; i++) {
			cr_assert(ringcast_steering_put(f.steering, &f.names[i], 3, shard));
			cr_assert_eq(heard_by(&f, i), (int)shard);
		}
	for (int i = 0; i < CLIENTS; i++) {
		ringcast_steering_remove(f.steering, &f.names[i], 3, SHARDS - 1);
		cr_assert(ringcast_steering_put(f.steering, &f.names[i], 2, (uint32_t)(by_chance[i] + 1) % SHARDS)); /* another port's affair */
		cr_assert_eq(heard_by(&f, i), by_chance[i]);
		ringcast_steering_remove(f.steering, &f.names[i], 2, (uint32_t)(by_chance[i] + 1) % SHARDS);
	}
	tear_down(&f);
}

Test(steering, ipv4)
{
	steers(true);
}

Test(steering, ipv6)
{
	steers(false);
}

/* Its player has left, but somebody else's player of another shard has the address by now. */
Test(steering, a_shard_takes_out_what_is_its_own)
{
	struct fixture f;
	if (!set_up(&f, true, CLIENTS))
		return;
	uint32_t other = ((uint32_t)heard_by(&f, 0) + 1) % SHARDS;
	cr_assert(ringcast_steering_put(f.steering, &f.names[0], 3, (other + 1) % SHARDS));
	cr_assert(ringcast_steering_put(f.steering, &f.names[0], 3, other));
	ringcast_steering_remove(f.steering, &f.names[0], 3, (other + 1) % SHARDS);
	cr_assert_eq(heard_by(&f, 0), (int)other);
	ringcast_steering_remove(f.steering, &f.names[0], 3, other);
	cr_assert_neq(heard_by(&f, 0), (int)other);
	tear_down(&f);
}

Test(steering, a_full_map_leaves_it_to_chance)
{
	struct fixture f;
	if (!set_up(&f, true, 2))
		return;
	int by_chance = heard_by(&f, 2);
	cr_assert(ringcast_steering_put(f.steering, &f.names[0], 3, 0));
	cr_assert(ringcast_steering_put(f.steering, &f.names[1], 3, 1));
	cr_assert(!ringcast_steering_put(f.steering, &f.names[2], 3, (uint32_t)(by_chance + 1) % SHARDS));
	cr_assert_eq(heard_by(&f, 2), by_chance);
	cr_assert_eq(heard_by(&f, 1), 1);
	ringcast_steering_remove(f.steering, &f.names[0], 3, 0);
	cr_assert(ringcast_steering_put(f.steering, &f.names[2], 3, (uint32_t)(by_chance + 1) % SHARDS));
	cr_assert_eq(heard_by(&f, 2), (by_chance + 1) % SHARDS);
	tear_down(&f);
}

/* The port is the engine's alone: neither a socket without SO_REUSEPORT nor another engine's first shard gets it. */
Test(steering, the_port_is_not_shared_with_others)
{
	struct fixture f;
	struct address bound;
	int fd;
	char error[200];
	if (!set_up(&f, true, 2))
		return;
	cr_assert_eq(ringcast_socket_open_udp(&f.server, true, 0, 0, &bound, &fd), -EADDRINUSE);
	struct steering *other = ringcast_steering_create(SHARDS, 2, error, sizeof(error));
	cr_assert_not_null(other);
	struct io_options options = {.steering = other, .shard_index = 0};
	cr_assert_eq(ringcast_steering_open_udp(&options, &f.server, true, 0, &bound, &fd), -EADDRINUSE);
	ringcast_steering_destroy(&other);
	tear_down(&f);
}
