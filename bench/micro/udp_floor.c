/*
 * What a datagram to one of N peers costs the sender, with nothing else in the way: the floor under any UDP relay on this machine. The
 * sender's kernel work on loopback includes putting the datagram into the receiver's queue; reading it out is not counted.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/micro/floor.h"

enum { MMSG_BATCH = 64 };

struct bench {
	struct floor_options options;
	int sender;
	int *receivers;
	struct sockaddr_in *addresses;
	uint8_t *payload; /* merge_count messages, one after the other */
};

typedef uint64_t round_fn(struct bench *bench); /* one round over all peers; messages sent */

static uint64_t round_sendto(struct bench *bench)
{
	uint64_t sent = 0;
	for (uint32_t i = 0; i < bench->options.peer_count; i++)
		sent += sendto(bench->sender, bench->payload, bench->options.size_bytes, 0, (const struct sockaddr *)&bench->addresses[i],
			       sizeof(bench->addresses[i])) > 0;
	return sent;
}

static uint64_t round_sendmmsg(struct bench *bench)
{
	struct mmsghdr messages[MMSG_BATCH] = {0};
	struct iovec part = {bench->payload, bench->options.size_bytes};
	uint64_t sent = 0;
	for (uint32_t at = 0; at < bench->options.peer_count; at += MMSG_BATCH) {
		uint32_t count = bench->options.peer_count - at < MMSG_BATCH ? bench->options.peer_count - at : MMSG_BATCH;
		for (uint32_t i = 0; i < count; i++)
			messages[i].msg_hdr = (struct msghdr){
				.msg_name = &bench->addresses[at + i], .msg_namelen = sizeof(bench->addresses[0]), .msg_iov = &part, .msg_iovlen = 1};
		int done = sendmmsg(bench->sender, messages, count, 0);
		sent += done > 0 ? (uint64_t)done : 0;
	}
	return sent;
}

/* UDP_SEGMENT: one walk through the kernel for all messages of a peer. */
static uint64_t round_merged(struct bench *bench)
{
	union {
		char bytes[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr align;
	} control = {{0}};
	uint16_t segment = (uint16_t)bench->options.size_bytes;
	struct iovec part = {bench->payload, (size_t)bench->options.size_bytes * bench->options.merge_count};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	uint64_t sent = 0;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	*header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(segment)), .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT};
	memcpy(CMSG_DATA(header), &segment, sizeof(segment));
	for (uint32_t i = 0; i < bench->options.peer_count; i++) {
		message.msg_name = &bench->addresses[i];
		message.msg_namelen = sizeof(bench->addresses[i]);
		sent += sendmsg(bench->sender, &message, 0) > 0 ? bench->options.merge_count : 0;
	}
	return sent;
}

static void drain(const struct bench *bench)
{
	static uint8_t sink[65536];
	for (uint32_t i = 0; i < bench->options.peer_count; i++) {
		while (recv(bench->receivers[i], sink, sizeof(sink), MSG_DONTWAIT) >= 0)
			;
	}
}

static struct floor_row measure(struct bench *bench, const char *name, round_fn *send_round)
{
	struct floor_row row = {.name = name};
	send_round(bench); /* warm caches and routes */
	drain(bench);
	while ((double)row.cpu_ns < bench->options.duration_seconds * 1e9) {
		uint64_t before_ns = ringcast_floor_cpu_ns(), sent = send_round(bench);
		row.cpu_ns += ringcast_floor_cpu_ns() - before_ns;
		row.messages += sent;
		if (sent == 0)
			break;
		drain(bench);
	}
	return row;
}

static bool open_sockets(struct bench *bench)
{
	bench->sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (uint32_t i = 0; i < bench->options.peer_count; i++) {
		socklen_t size = sizeof(bench->addresses[i]);
		bench->addresses[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		bench->receivers[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (bench->receivers[i] < 0 || bind(bench->receivers[i], (struct sockaddr *)&bench->addresses[i], size) < 0 ||
		    getsockname(bench->receivers[i], (struct sockaddr *)&bench->addresses[i], &size) < 0)
			return false;
	}
	return bench->sender >= 0;
}

int main(int argc, char **argv)
{
	struct bench bench = {.sender = -1};
	int code = ringcast_floor_parse(&bench.options, argc, argv, "CPU time per datagram of a plain sending loop");
	if (code >= 0)
		return code;
	bench.receivers = calloc(bench.options.peer_count, sizeof(*bench.receivers));
	bench.addresses = calloc(bench.options.peer_count, sizeof(*bench.addresses));
	bench.payload = calloc(bench.options.merge_count, bench.options.size_bytes);
	if (!bench.receivers || !bench.addresses || !bench.payload || !open_sockets(&bench)) {
		perror("micro-udp-floor");
		return 1;
	}
	const struct floor_row rows[] = {
		measure(&bench, "sendto", round_sendto),
		measure(&bench, "sendmmsg, 64 per call", round_sendmmsg),
		measure(&bench, "merged (UDP_SEGMENT)", round_merged),
	};
	ringcast_floor_print(&bench.options, rows, sizeof(rows) / sizeof(rows[0]));
	for (uint32_t i = 0; i < bench.options.peer_count; i++)
		close(bench.receivers[i]);
	close(bench.sender);
	free(bench.receivers);
	free(bench.addresses);
	free(bench.payload);
	return 0;
}
