/*
 * storm HOST PORT DROPS SEED CA TOKEN...: clients of one session send to everybody, numbered messages without a pause, while their TCP connections are
 * torn at random moments, also those that are just being made again. CA: a PEM file for TLS, or - for clear. What they hear is told in the lines of
 * tests/e2e/storms.py, whose ledger judges.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/clients/c/client_private.h"

enum { CLIENTS_MAX = 64, SAY = 9, WINDOW_MESSAGES = 64, SETTLE_MS = 20000 };

struct storm_client {
	ringcast_client *client;
	unsigned index;
	bool is_in, is_over;
	uint32_t said, heard[CLIENTS_MAX]; /* numbers so far; by sender */
};

static struct {
	struct storm_client clients[CLIENTS_MAX];
	unsigned count;
	uint64_t drops;
	char *ca; /* PEM; NULL: in clear */
	uint64_t random;
} storm;

static uint64_t draw(uint64_t below)
{
	storm.random ^= storm.random << 13;
	storm.random ^= storm.random >> 7;
	storm.random ^= storm.random << 17;
	return storm.random % below;
}

static void on_connected(void *context, ringcast_client *client, int32_t peer_id)
{
	struct storm_client *self = context;
	self->is_in = true;
	printf("in %u\n", self->index);
}

static void on_message(void *context, ringcast_client *client, const ringcast_client_message *message)
{
	struct storm_client *self = context;
	uint32_t words[2];
	if (message->opcode != SAY || message->payload_bytes < sizeof(words))
		return;
	memcpy(words, message->payload, sizeof(words));
	printf("heard %u %u %u\n", self->index, words[0], words[1]);
	if (words[0] < storm.count)
		self->heard[words[0]]++;
}

static void on_dropped(void *context, ringcast_client *client, const char *reason)
{
	printf("dropped %u\n", ((struct storm_client *)context)->index);
}

static void on_resumed(void *context, ringcast_client *client, uint32_t lost)
{
	printf("resumed %u %u\n", ((struct storm_client *)context)->index, lost);
}

static void on_disconnected(void *context, ringcast_client *client, int code, const char *reason)
{
	struct storm_client *self = context;
	printf("over %u %d %s\n", self->index, code, reason);
	self->is_over = true;
}

static void poll_all(void)
{
	for (unsigned i = 0; i < storm.count; i++)
		if (!storm.clients[i].is_over)
			ringcast_client_poll(storm.clients[i].client, 0);
}

static void open_client(unsigned index, const char *host, uint16_t port, const char *token)
{
	static const ringcast_client_callbacks callbacks = {.size = sizeof(callbacks),
							    .connected = on_connected,
							    .message = on_message,
							    .dropped = on_dropped,
							    .resumed = on_resumed,
							    .disconnected = on_disconnected};
	struct storm_client *self = &storm.clients[index];
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	options.callbacks = &callbacks;
	options.context = self;
	options.may_resume = true;
	options.is_secure = storm.ca != NULL;
	options.ca = storm.ca;
	options.host_name = "localhost";
	self->index = index;
	if (ringcast_client_create(&options, &self->client) != 0 || ringcast_client_connect(self->client, host, port, token, NULL, 0) != 0) {
		fprintf(stderr, "client %u cannot connect\n", index);
		exit(2);
	}
}

/* Nobody may be so far ahead of its slowest listener that the server's bound for a player is reached: that would be a gap by design. */
static uint32_t slowest_of(unsigned sender)
{
	uint32_t least = UINT32_MAX;
	for (unsigned i = 0; i < storm.count; i++)
		least = storm.clients[i].heard[sender] < least ? storm.clients[i].heard[sender] : least;
	return least;
}

static void say(struct storm_client *self)
{
	uint8_t payload[200] = {0};
	uint32_t words[2] = {self->index, self->said};
	memcpy(payload, words, sizeof(words));
	if (self->said - slowest_of(self->index) >= WINDOW_MESSAGES)
		return;
	if (ringcast_client_send(self->client, SAY, 0, RINGCAST_CLIENT_GROUP_ALL, RINGCAST_CLIENT_RELIABLE, payload, 8 + draw(sizeof(payload) - 8)) == 0)
		self->said++;
}

/* A reset: what either kernel still holds is gone. Or an end, behind which our own bytes still arrive. */
static void tear(struct storm_client *self)
{
	static const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	int fd = self->client->tcp_fd;
	if (fd < 0)
		return;
	if (draw(2) == 0)
		shutdown(fd, SHUT_RDWR);
	else if (connect(fd, &nowhere, sizeof(nowhere)) != 0)
		return;
	storm.drops++;
}

static bool is_settled(void)
{
	for (unsigned i = 0; i < storm.count; i++)
		for (unsigned sender = 0; sender < storm.count; sender++)
			if (storm.clients[i].heard[sender] != storm.clients[sender].said)
				return false;
	return true;
}

static bool is_any_over(void)
{
	for (unsigned i = 0; i < storm.count; i++)
		if (storm.clients[i].is_over)
			return true;
	return false;
}

static bool are_all_in(void)
{
	for (unsigned i = 0; i < storm.count; i++)
		if (!storm.clients[i].is_in)
			return false;
	return true;
}

static void sleep_ms(unsigned ms)
{
	const struct timespec time = {.tv_nsec = (long)ms * 1000000};
	nanosleep(&time, NULL);
}

static void rage(uint64_t drops)
{
	while (storm.drops < drops && !is_any_over()) {
		for (unsigned i = 0; i < storm.count; i++)
			say(&storm.clients[i]);
		if (draw(3) == 0)
			tear(&storm.clients[draw(storm.count)]);
		poll_all();
		if (draw(4) == 0)
			sleep_ms(1);
	}
}

static void report(void)
{
	for (unsigned i = 0; i < storm.count; i++) {
		ringcast_client_stats stats = RINGCAST_CLIENT_STATS_INIT;
		ringcast_client_read_stats(storm.clients[i].client, &stats);
		printf("said %u %u\nresent %u %" PRIu64 "\n", i, storm.clients[i].said, i, stats.messages_resent);
	}
	printf("torn %" PRIu64 "\n", storm.drops);
}

static void read_ca(const char *path)
{
	enum { CA_BYTES_MAX = 65536 };
	static char pem[CA_BYTES_MAX];
	if (strcmp(path, "-") == 0)
		return;
	FILE *file = fopen(path, "r");
	if (file == NULL || fread(pem, 1, sizeof(pem) - 1, file) == 0) {
		fprintf(stderr, "%s cannot be read\n", path);
		exit(2);
	}
	fclose(file);
	storm.ca = pem;
}

int main(int argc, char **argv)
{
	if (argc < 7 || argc - 6 > CLIENTS_MAX) {
		fprintf(stderr, "usage: storm HOST PORT DROPS SEED CA TOKEN...\n");
		return 2;
	}
	storm.count = (unsigned)argc - 6;
	storm.random = strtoull(argv[4], NULL, 10) * 2 + 1;
	read_ca(argv[5]);
	for (unsigned i = 0; i < storm.count; i++)
		open_client(i, argv[1], (uint16_t)strtoul(argv[2], NULL, 10), argv[6 + i]);
	while (!are_all_in() && !is_any_over())
		poll_all(), sleep_ms(1);
	rage(strtoull(argv[3], NULL, 10));
	for (unsigned ms = 0; ms < SETTLE_MS && !is_settled() && !is_any_over(); ms++)
		poll_all(), sleep_ms(1);
	report();
	for (unsigned i = 0; i < storm.count; i++)
		ringcast_client_destroy(&storm.clients[i].client);
	return 0;
}
