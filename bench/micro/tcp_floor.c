/*
 * What a message to one of N TCP peers costs the sender: one write per message, and several messages in one write. On loopback a write does the
 * receiver's protocol work too; reading is not counted.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/micro/floor.h"

struct bench {
	struct floor_options options;
	int *senders, *receivers;
	uint8_t *payload;
};

static uint64_t send_round(struct bench *bench, uint32_t merge_count)
{
	uint64_t sent = 0;
	size_t size = (size_t)bench->options.size_bytes * merge_count;
	for (uint32_t i = 0; i < bench->options.peer_count; i++)
		sent += send(bench->senders[i], bench->payload, size, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size ? merge_count : 0;
	return sent;
}

static void drain(const struct bench *bench)
{
	static uint8_t sink[262144];
	for (uint32_t i = 0; i < bench->options.peer_count; i++) {
		while (recv(bench->receivers[i], sink, sizeof(sink), MSG_DONTWAIT) == (ssize_t)sizeof(sink))
			;
	}
}

static struct floor_row measure(struct bench *bench, const char *name, uint32_t merge_count)
{
	struct floor_row row = {.name = name};
	send_round(bench, merge_count);
	drain(bench);
	while ((double)row.cpu_ns < bench->options.duration_seconds * 1e9) {
		uint64_t before_ns = ringcast_floor_cpu_ns(), sent = send_round(bench, merge_count);
		row.cpu_ns += ringcast_floor_cpu_ns() - before_ns;
		row.messages += sent;
		if (sent == 0)
			break;
		drain(bench);
	}
	return row;
}

static bool connect_pair(int listener, const struct sockaddr_in *address, int *ret_sender, int *ret_receiver)
{
	const int on = 1;
	*ret_receiver = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*ret_receiver < 0 || connect(*ret_receiver, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return false;
	*ret_sender = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	return *ret_sender >= 0 && setsockopt(*ret_sender, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

static bool open_sockets(struct bench *bench)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_good = listener >= 0 && bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 128) == 0 &&
		       getsockname(listener, (struct sockaddr *)&address, &size) == 0;
	for (uint32_t i = 0; is_good && i < bench->options.peer_count; i++)
		is_good = connect_pair(listener, &address, &bench->senders[i], &bench->receivers[i]);
	if (listener >= 0)
		close(listener);
	return is_good;
}

int main(int argc, char **argv)
{
	struct bench bench;
	int code = ringcast_floor_parse(&bench.options, argc, argv, "CPU time per message of a plain loop over TCP connections");
	if (code >= 0)
		return code;
	bench.senders = calloc(bench.options.peer_count, sizeof(*bench.senders));
	bench.receivers = calloc(bench.options.peer_count, sizeof(*bench.receivers));
	bench.payload = calloc(bench.options.merge_count, bench.options.size_bytes);
	if (!bench.senders || !bench.receivers || !bench.payload || !open_sockets(&bench)) {
		perror("micro-tcp-floor");
		return 1;
	}
	const struct floor_row rows[] = {
		measure(&bench, "one write per message", 1),
		measure(&bench, "merged writes", bench.options.merge_count),
	};
	ringcast_floor_print(&bench.options, rows, sizeof(rows) / sizeof(rows[0]));
	for (uint32_t i = 0; i < bench.options.peer_count; i++) {
		close(bench.senders[i]);
		close(bench.receivers[i]);
	}
	free(bench.senders);
	free(bench.receivers);
	free(bench.payload);
	return 0;
}
