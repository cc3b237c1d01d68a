/* Frames of a game server's WebSocket over a socket pair. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/hosts/server_sdk/link.h"

struct world {
	struct link *link;
	int peer;
	char heard[64];
	size_t heard_count, released_count;
};

static void hear(void *context, struct link *link, const char *text, size_t size)
{
	struct world *world = context;
	snprintf(world->heard, sizeof(world->heard), "%.*s", (int)size, text);
	world->heard_count++;
}

static void release(void *context)
{
	((struct world *)context)->released_count++;
}

static void begin(struct world *world)
{
	int fds[2];
	*world = (struct world){0};
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	world->peer = fds[1];
	world->link = ringcast_link_create(fds[0], NULL, 0);
	cr_assert_not_null(world->link);
	world->link->release = release;
	world->link->release_context = world;
}

static void end(struct world *world)
{
	int fd = world->link->fd;
	ringcast_link_destroy(&world->link);
	cr_assert_eq(world->released_count, 1);
	close(fd);
	close(world->peer);
}

static void put_frame(struct world *world, enum websocket_opcode opcode, bool is_final, const char *text)
{
	static const uint8_t mask[4] = {1, 2, 3, 4};
	uint8_t head[14], payload[256];
	size_t size = strlen(text), head_bytes = ringcast_websocket_encode_header_masked(opcode, is_final, size, mask, head);
	memcpy(payload, text, size);
	ringcast_websocket_mask(payload, size, mask);
	cr_assert_eq(write(world->peer, head, head_bytes), (ssize_t)head_bytes);
	cr_assert_eq(write(world->peer, payload, size), (ssize_t)size);
	ringcast_link_read(world->link, hear, world);
}

static size_t take(struct world *world, uint8_t *out, size_t size)
{
	ssize_t got = recv(world->peer, out, size, MSG_DONTWAIT);
	return got > 0 ? (size_t)got : 0;
}

Test(sdk_link, messages_come_whole_and_in_pieces)
{
	struct world world;
	uint8_t answer[64];
	begin(&world);
	put_frame(&world, WEBSOCKET_TEXT, true, "one");
	cr_assert_str_eq(world.heard, "one");
	put_frame(&world, WEBSOCKET_TEXT, false, "tw");
	put_frame(&world, WEBSOCKET_PING, true, "!");
	cr_assert_eq(world.heard_count, 1);
	cr_assert_eq(take(&world, answer, sizeof(answer)), 3);
	cr_assert_eq(answer[0], 0x80 | WEBSOCKET_PONG);
	put_frame(&world, WEBSOCKET_CONTINUATION, true, "o");
	cr_assert_str_eq(world.heard, "two");
	cr_assert_eq(world.heard_count, 2);
	ringcast_link_send(world.link, "hi");
	cr_assert_eq(take(&world, answer, sizeof(answer)), 4);
	cr_assert_eq(memcmp(answer, "\x81\x02hi", 4), 0);
	end(&world);
}

Test(sdk_link, what_breaks_the_protocol_is_closed_with_a_code)
{
	struct world world;
	uint8_t answer[128];
	begin(&world);
	put_frame(&world, WEBSOCKET_BINARY, true, "x");
	cr_assert(world.link->is_closing);
	cr_assert_eq(take(&world, answer, sizeof(answer)) > 4, true);
	cr_assert_eq(answer[0], 0x80 | WEBSOCKET_CLOSE);
	cr_assert_eq((answer[2] << 8) | answer[3], 1003);
	put_frame(&world, WEBSOCKET_TEXT, true, "late");
	cr_assert_eq(world.heard_count, 0);
	end(&world);
	begin(&world);
	cr_assert_eq(write(world.peer, "\x81\x02hi", 4), 4); /* not masked */
	ringcast_link_read(world.link, hear, &world);
	cr_assert(world.link->is_closing);
	cr_assert_eq(world.heard_count, 0);
	end(&world);
}

Test(sdk_link, a_message_has_a_bound)
{
	static const uint8_t head[14] = {0x81, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0};
	struct world world;
	begin(&world);
	cr_assert_eq(write(world.peer, head, sizeof(head)), (ssize_t)sizeof(head));
	ringcast_link_read(world.link, hear, &world);
	cr_assert(world.link->is_closing);
	cr_assert_lt(world.link->received.capacity, 64 * 1024);
	end(&world);
}

Test(sdk_link, a_flood_waits_with_the_peer)
{
	struct world world;
	begin(&world);
	for (int i = 0; i < 3 * LINK_MESSAGES_MAX; i++)
		put_frame(&world, i % 2 == 0 ? WEBSOCKET_TEXT : WEBSOCKET_PING, true, "hi");
	cr_assert_eq(world.heard_count, LINK_MESSAGES_MAX / 2);
	cr_assert_lt(world.link->received.size, 64, "nothing is read that is not heard");
	ringcast_link_parse(world.link, hear, &world);
	cr_assert_eq(world.heard_count, LINK_MESSAGES_MAX / 2);
	for (int i = 0; i < 2; i++) {
		world.link->messages_left = LINK_MESSAGES_MAX;
		ringcast_link_parse(world.link, hear, &world);
		ringcast_link_read(world.link, hear, &world);
	}
	cr_assert_eq(world.heard_count, 3 * LINK_MESSAGES_MAX / 2);
	end(&world);
}

Test(sdk_link, who_does_not_read_is_given_up_within_a_bound)
{
	struct world world;
	static char text[64 * 1024];
	memset(text, 'a', sizeof(text) - 1);
	begin(&world);
	for (int i = 0; i < 1000 && !world.link->is_dead; i++)
		ringcast_link_send(world.link, text);
	cr_assert(world.link->is_dead);
	cr_assert_leq(world.link->unsent.size, LINK_UNSENT_BYTES_MAX);
	end(&world);
}

Test(sdk_link, a_peer_that_goes_is_noticed)
{
	struct world world;
	begin(&world);
	shutdown(world.peer, SHUT_RDWR);
	ringcast_link_read(world.link, hear, &world);
	cr_assert(world.link->is_dead);
	end(&world);
}
