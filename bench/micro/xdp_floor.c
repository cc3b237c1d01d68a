/*
 * What a datagram that leaves by AF_XDP in copy mode costs at least: frames that were written beforehand, nothing looked up, nothing decided; beside it a plain sendmmsg loop over the
 * same way. Bursts of one frame for each peer, a hundred a second, as a relay sends them, so that caches are as cold as a relay's.
 *
 *     micro-xdp-floor DEVICE QUEUE SOURCE TARGET [--peers N --size BYTES --duration S --json]      IPv4 addresses; the route to TARGET leads through DEVICE
 *
 * The frames have no hardware addresses: they are for a device that throws away what it is given (bench/xdp.py makes one). Receivers are ports of TARGET from 20000 on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdp/xsk.h>

#include "bench/micro/floor.h"

enum { FRAME_BYTES = 2048, FRAME_COUNT = 2048, HEAD_BYTES = 42, MMSG_BATCH = 64, FIRST_PORT = 20000, BURST_PAUSE_US = 10000, BUSY_TRIES = 200, OPTION_BUDGET = 9 /* XDP_MAX_TX_SKB_BUDGET */ };

struct bench {
	struct floor_options options;
	const char *device;
	uint32_t queue;
	struct in_addr source, target;
	int sender;
	uint8_t payload[FRAME_BYTES];
	uint8_t *memory;
	struct xsk_umem *umem;
	struct xsk_socket *socket;
	struct xsk_ring_prod fill, tx;
	struct xsk_ring_cons completed;
};

typedef uint64_t burst_fn(struct bench *bench); /* datagrams sent */

static struct sockaddr_in peer(const struct bench *bench, uint32_t index)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = bench->target, .sin_port = htons((uint16_t)(FIRST_PORT + index))};
}

static uint64_t burst_sendmmsg(struct bench *bench)
{
	struct mmsghdr messages[MMSG_BATCH] = {0};
	struct sockaddr_in peers[MMSG_BATCH];
	struct iovec part = {bench->payload, bench->options.size_bytes};
	uint64_t sent = 0;
	for (uint32_t at = 0; at < bench->options.peer_count; at += MMSG_BATCH) {
		uint32_t count = bench->options.peer_count - at < MMSG_BATCH ? bench->options.peer_count - at : MMSG_BATCH;
		for (uint32_t i = 0; i < count; i++) {
			peers[i] = peer(bench, at + i);
			messages[i].msg_hdr = (struct msghdr){.msg_name = &peers[i], .msg_namelen = sizeof(peers[i]), .msg_iov = &part, .msg_iovlen = 1};
		}
		int done = sendmmsg(bench->sender, messages, count, MSG_DONTWAIT);
		sent += done > 0 ? (uint64_t)done : 0;
	}
	return sent;
}

/* Until the kernel has taken all; then what it is done with is the ring's again. */
static void push(struct bench *bench)
{
	uint32_t at, before = UINT32_MAX, waiting = bench->options.peer_count;
	while (waiting > 0 && waiting < before) {
		sendto(xsk_socket__fd(bench->socket), NULL, 0, MSG_DONTWAIT, NULL, 0);
		before = waiting;
		waiting = bench->tx.size - xsk_prod_nb_free(&bench->tx, bench->tx.size);
	}
	uint32_t count = xsk_ring_cons__peek(&bench->completed, FRAME_COUNT, &at);
	if (count > 0)
		xsk_ring_cons__release(&bench->completed, count);
}

static uint64_t burst_xdp(struct bench *bench)
{
	uint32_t at, count = bench->options.peer_count;
	if (xsk_ring_prod__reserve(&bench->tx, count, &at) != count)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		*xsk_ring_prod__tx_desc(&bench->tx, at + i) = (struct xdp_desc){.addr = (uint64_t)i * FRAME_BYTES, .len = HEAD_BYTES + bench->options.size_bytes};
	xsk_ring_prod__submit(&bench->tx, count);
	push(bench);
	return count;
}

static struct floor_row measure(struct bench *bench, const char *name, burst_fn *send_burst)
{
	struct floor_row row = {.name = name};
	uint32_t bursts = (uint32_t)(bench->options.duration_seconds * 1e6 / BURST_PAUSE_US);
	send_burst(bench); /* routes, page tables */
	for (uint32_t i = 0; i < bursts; i++) {
		usleep(BURST_PAUSE_US);
		uint64_t before_ns = ringcast_floor_cpu_ns();
		row.messages += send_burst(bench);
		row.cpu_ns += ringcast_floor_cpu_ns() - before_ns;
	}
	return row;
}

static void write_frame(const struct bench *bench, uint32_t index)
{
	uint8_t *frame = bench->memory + (size_t)index * FRAME_BYTES;
	uint16_t udp_bytes = (uint16_t)(8 + bench->options.size_bytes), port = htons((uint16_t)(FIRST_PORT + index)), size = htons(udp_bytes), ip_size = htons((uint16_t)(20 + udp_bytes));
	memset(frame, 0, HEAD_BYTES + bench->options.size_bytes);
	memcpy(frame + 12, "\x08\x00\x45", 3);
	memcpy(frame + 16, &ip_size, 2);
	memcpy(frame + 22, "\x40\x11", 2);
	memcpy(frame + 26, &bench->source, 4);
	memcpy(frame + 30, &bench->target, 4);
	memcpy(frame + 34, &port, 2);
	memcpy(frame + 36, &port, 2);
	memcpy(frame + 38, &size, 2);
}

static int open_xdp(struct bench *bench)
{
	const size_t bytes = (size_t)FRAME_BYTES * FRAME_COUNT;
	const struct xsk_umem_config memory = {.fill_size = FRAME_COUNT, .comp_size = FRAME_COUNT, .frame_size = FRAME_BYTES};
	const struct xsk_socket_config config = {.tx_size = FRAME_COUNT, .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD, .bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP};
	const int send_buffer_bytes = 16 << 20;
	const uint32_t budget = FRAME_COUNT;
	void *mapped = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapped == MAP_FAILED)
		return -ENOMEM;
	bench->memory = mapped;
	int result = xsk_umem__create(&bench->umem, mapped, bytes, &bench->fill, &bench->completed, &memory);
	if (result == 0)
		result = xsk_socket__create(&bench->socket, bench->device, bench->queue, bench->umem, NULL, &bench->tx, &config);
	for (int i = 0; result == -EBUSY && i < BUSY_TRIES; i++) { /* the kernel takes its time to let go of the one before */
		usleep(BURST_PAUSE_US);
		result = xsk_socket__create(&bench->socket, bench->device, bench->queue, bench->umem, NULL, &bench->tx, &config);
	}
	if (result != 0)
		return result;
	setsockopt(xsk_socket__fd(bench->socket), SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer_bytes, sizeof(send_buffer_bytes));
	setsockopt(xsk_socket__fd(bench->socket), SOL_XDP, OPTION_BUDGET, &budget, sizeof(budget)); /* older kernels: 32 a call */
	for (uint32_t i = 0; i < bench->options.peer_count; i++)
		write_frame(bench, i);
	return 0;
}

static int open_sender(struct bench *bench)
{
	const struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = bench->source};
	const int send_buffer_bytes = 16 << 20;
	bench->sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bench->sender < 0 || bind(bench->sender, (const struct sockaddr *)&name, sizeof(name)) != 0)
		return -errno;
	setsockopt(bench->sender, SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer_bytes, sizeof(send_buffer_bytes));
	return 0;
}

static bool parse(struct bench *bench, int argc, char **argv, int *ret_code)
{
	if (argc < 5 || inet_pton(AF_INET, argv[3], &bench->source) != 1 || inet_pton(AF_INET, argv[4], &bench->target) != 1) {
		fprintf(stderr, "usage: %s DEVICE QUEUE SOURCE TARGET [--peers N] [--size BYTES] [--duration SECONDS of each row] [--json]\n", argv[0]);
		*ret_code = 2;
		return false;
	}
	bench->device = argv[1];
	bench->queue = (uint32_t)strtoul(argv[2], NULL, 10);
	argv[4] = argv[0];
	*ret_code = ringcast_floor_parse(&bench->options, argc - 4, argv + 4, "CPU time per datagram that leaves by AF_XDP, and by a plain sending loop");
	if (*ret_code < 0 && (bench->options.peer_count > FRAME_COUNT || bench->options.size_bytes + HEAD_BYTES > FRAME_BYTES)) {
		fprintf(stderr, "%s: at most %d peers, and %d bytes\n", argv[0], FRAME_COUNT, FRAME_BYTES - HEAD_BYTES);
		*ret_code = 2;
	}
	return *ret_code < 0;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	int code;
	if (!parse(&bench, argc, argv, &code))
		return code;
	int result = open_sender(&bench);
	if (result == 0)
		result = open_xdp(&bench);
	if (result != 0) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-result));
		return 1;
	}
	const struct floor_row rows[] = {
		measure(&bench, "sendmmsg, 64 per call", burst_sendmmsg),
		measure(&bench, "AF_XDP, frames that are there", burst_xdp),
	};
	ringcast_floor_print(&bench.options, rows, sizeof(rows) / sizeof(rows[0]));
	xsk_socket__delete(bench.socket);
	xsk_umem__delete(bench.umem);
	munmap(bench.memory, (size_t)FRAME_BYTES * FRAME_COUNT);
	close(bench.sender);
	return 0;
}
