/*
 * What a received datagram costs a server's socket with UDP_GRO and without, by the way that its senders send: each in turn, several in a row, several by
 * UDP_SEGMENT, and several messages merged into one datagram by the client itself. As the engine receives: one multishot recvmsg of io_uring into provided
 * buffers, here of 64 KiB, for with UDP_GRO the kernel hands out what it has joined whole or cut.
 *
 * A round is sent, and then read, on one thread: nobody is woken, and the two halves are told apart by the thread's processor time. The half of the
 * receiving that the kernel does in the sender's time (the walk up to the socket's queue) is in the sender's column.
 *
 *   ip netns add players; ip link add gro0 type veth peer name gro1 netns players; ip addr add 10.99.0.1/24 dev gro0; ip link set gro0 up
 *   ip -n players addr add 10.99.0.2/24 dev gro1; ip -n players link set gro1 up; ethtool -K gro0 gro on
 *   micro-udp-gro --from players --to 10.99.0.1
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/micro/floor.h"

enum { BUFFER_BYTES = 65536 + 128, BUFFER_COUNT = 512, RING_ENTRIES = 64, ROUNDS_MIN = 4, RECV_BUFFER_BYTES = 32 << 20, CONTROL_BYTES = 64 };

struct gro {
	struct floor_options options;
	const char *from, *to; /* network namespace of the senders; address of the server */
	int server, *senders;
	struct io_uring ring;
	struct io_uring_buf_ring *buffers;
	uint8_t *memory, *payload;
	struct msghdr shape;
	bool is_armed;
	uint64_t reads, sum; /* sum: the bytes are looked at, as an engine does */
};

typedef void send_fn(struct gro *gro);

/* senders */

static void send_in_turn(struct gro *gro)
{
	for (uint32_t k = 0; k < gro->options.merge_count; k++)
		for (uint32_t i = 0; i < gro->options.peer_count; i++)
			send(gro->senders[i], gro->payload, gro->options.size_bytes, 0);
}

static void send_in_a_row(struct gro *gro)
{
	struct iovec part = {gro->payload, gro->options.size_bytes};
	struct mmsghdr messages[64] = {0};
	for (uint32_t k = 0; k < 64; k++)
		messages[k].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
	for (uint32_t i = 0; i < gro->options.peer_count; i++)
		sendmmsg(gro->senders[i], messages, gro->options.merge_count < 64 ? gro->options.merge_count : 64, 0);
}

static void send_segments(struct gro *gro)
{
	union {
		char bytes[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr align;
	} control = {{0}};
	uint16_t segment = (uint16_t)gro->options.size_bytes;
	struct iovec part = {gro->payload, (size_t)gro->options.size_bytes * gro->options.merge_count};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	control.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(segment)), .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT};
	memcpy(CMSG_DATA(&control.align), &segment, sizeof(segment));
	for (uint32_t i = 0; i < gro->options.peer_count; i++)
		sendmsg(gro->senders[i], &message, 0);
}

static void send_merged(struct gro *gro)
{
	for (uint32_t i = 0; i < gro->options.peer_count; i++)
		send(gro->senders[i], gro->payload, (size_t)gro->options.size_bytes * gro->options.merge_count, 0);
}

static const struct {
	const char *name;
	send_fn *send;
} ways[] = {{"each in turn", send_in_turn}, {"several in a row", send_in_a_row}, {"several by UDP_SEGMENT", send_segments}, {"merged by the client", send_merged}};
enum { WAY_COUNT = sizeof(ways) / sizeof(ways[0]) };

/* the server */

static void give(struct gro *gro, unsigned index)
{
	io_uring_buf_ring_add(gro->buffers, gro->memory + (size_t)index * BUFFER_BYTES, BUFFER_BYTES, (unsigned short)index, BUFFER_COUNT - 1, 0);
	io_uring_buf_ring_advance(gro->buffers, 1);
}

static void arm(struct gro *gro)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&gro->ring);
	io_uring_prep_recvmsg_multishot(sqe, gro->server, &gro->shape, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	gro->is_armed = true;
}

/* How many bytes each message of a read has: what the kernel says, or all of it. */
static size_t segment_of(struct gro *gro, struct io_uring_recvmsg_out *out, size_t size)
{
	for (struct cmsghdr *header = io_uring_recvmsg_cmsg_firsthdr(out, &gro->shape); header; header = io_uring_recvmsg_cmsg_nexthdr(out, &gro->shape, header)) {
		int segment;
		if (header->cmsg_level != SOL_UDP || header->cmsg_type != UDP_GRO)
			continue;
		memcpy(&segment, CMSG_DATA(header), sizeof(segment));
		return segment > 0 ? (size_t)segment : size;
	}
	return size;
}

/* message_bytes: of those that a client has merged, which are told apart as the engine does by their lengths; here all have the same. */
static uint64_t take(struct gro *gro, struct io_uring_cqe *cqe, size_t message_bytes)
{
	unsigned index = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
	struct io_uring_recvmsg_out *out = io_uring_recvmsg_validate(gro->memory + (size_t)index * BUFFER_BYTES, cqe->res, &gro->shape);
	const uint8_t *data = out ? io_uring_recvmsg_payload(out, &gro->shape) : NULL;
	size_t size = out ? io_uring_recvmsg_payload_length(out, cqe->res, &gro->shape) : 0, step = out ? segment_of(gro, out, size) : 1;
	uint64_t count = 0;
	step = step > message_bytes ? message_bytes : step;
	for (size_t at = 0; at < size; at += step, count++)
		gro->sum += data[at];
	give(gro, index);
	gro->reads++;
	return count;
}

static uint64_t drain(struct gro *gro)
{
	uint64_t messages = 0;
	for (;;) {
		struct io_uring_cqe *cqe;
		unsigned head, count = 0;
		if (!gro->is_armed)
			arm(gro);
		io_uring_submit_and_get_events(&gro->ring);
		io_uring_for_each_cqe(&gro->ring, head, cqe)
		{
			count++;
			if (cqe->flags & IORING_CQE_F_BUFFER)
				messages += take(gro, cqe, gro->options.size_bytes);
			gro->is_armed = (cqe->flags & IORING_CQE_F_MORE) != 0;
		}
		io_uring_cq_advance(&gro->ring, count);
		if (count == 0)
			return messages;
	}
}

struct found {
	uint64_t messages, sent_ns, read_ns, reads;
};

static struct found measure(struct gro *gro, send_fn *send_round, bool is_joined)
{
	struct found found = {0};
	int on = is_joined;
	setsockopt(gro->server, SOL_UDP, UDP_GRO, &on, sizeof(on));
	for (unsigned rounds = 0; rounds < ROUNDS_MIN || (double)(found.sent_ns + found.read_ns) < gro->options.duration_seconds * 1e9; rounds++) {
		gro->reads = 0;
		uint64_t begins_ns = ringcast_floor_cpu_ns();
		send_round(gro);
		uint64_t sent_ns = ringcast_floor_cpu_ns(), messages = drain(gro), read_ns = ringcast_floor_cpu_ns();
		if (rounds == 0)
			continue;
		if (messages == 0)
			break;
		found.messages += messages;
		found.reads += gro->reads;
		found.sent_ns += sent_ns - begins_ns;
		found.read_ns += read_ns - sent_ns;
	}
	return found;
}

/* setting up */

static bool provide_buffers(struct gro *gro)
{
	gro->buffers = aligned_alloc(4096, BUFFER_COUNT * sizeof(struct io_uring_buf));
	gro->memory = calloc(BUFFER_COUNT, BUFFER_BYTES);
	struct io_uring_buf_reg reg = {.ring_addr = (uint64_t)(uintptr_t)gro->buffers, .ring_entries = BUFFER_COUNT};
	if (!gro->buffers || !gro->memory || io_uring_register_buf_ring(&gro->ring, &reg, 0) != 0)
		return false;
	io_uring_buf_ring_init(gro->buffers);
	for (unsigned i = 0; i < BUFFER_COUNT; i++)
		give(gro, i);
	return true;
}

static bool open_server(struct gro *gro, struct sockaddr_in *ret_address)
{
	struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE, .cq_entries = 4096};
	socklen_t size = sizeof(*ret_address);
	const int bytes = RECV_BUFFER_BYTES;
	*ret_address = (struct sockaddr_in){.sin_family = AF_INET};
	gro->shape = (struct msghdr){.msg_namelen = sizeof(struct sockaddr_in6), .msg_controllen = CONTROL_BYTES};
	gro->server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (gro->server < 0 || inet_pton(AF_INET, gro->to, &ret_address->sin_addr) != 1)
		return false;
	if (setsockopt(gro->server, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(gro->server, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	return bind(gro->server, (struct sockaddr *)ret_address, size) == 0 && getsockname(gro->server, (struct sockaddr *)ret_address, &size) == 0 &&
	       io_uring_queue_init_params(RING_ENTRIES, &gro->ring, &params) == 0 && provide_buffers(gro);
}

static bool enter(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_there = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
	if (fd >= 0)
		close(fd);
	return is_there;
}

static bool open_senders(struct gro *gro, const struct sockaddr_in *to)
{
	if (gro->from && !enter(gro->from))
		return false;
	for (uint32_t i = 0; i < gro->options.peer_count; i++) {
		gro->senders[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (gro->senders[i] < 0 || connect(gro->senders[i], (const struct sockaddr *)to, sizeof(*to)) != 0)
			return false;
	}
	return true;
}

/* Takes --from and --to away; the rest is every floor's. */
static int take_own_options(struct gro *gro, int argc, char **argv)
{
	int kept = 1;
	for (int i = 1; i < argc; i++) {
		const char **value = strcmp(argv[i], "--from") == 0 ? &gro->from : strcmp(argv[i], "--to") == 0 ? &gro->to : NULL;
		if (value && i + 1 < argc)
			*value = argv[++i];
		else
			argv[kept++] = argv[i];
	}
	return kept;
}

static void print(const struct gro *gro, const char *name, bool is_joined, const struct found *found)
{
	double messages = found->messages ? (double)found->messages : 1;
	if (gro->options.is_json)
		printf("{\"name\": \"%s\", \"gro\": %s, \"read_ns\": %.1f, \"sent_ns\": %.1f, \"messages_per_read\": %.2f}\n", name, is_joined ? "true" : "false",
		       (double)found->read_ns / messages, (double)found->sent_ns / messages, found->reads ? messages / (double)found->reads : 0);
	else
		printf("%-24s %-8s %8.0f %8.0f %8.1f\n", name, is_joined ? "UDP_GRO" : "-", (double)found->read_ns / messages, (double)found->sent_ns / messages,
		       found->reads ? messages / (double)found->reads : 0);
}

int main(int argc, char **argv)
{
	static struct gro gro = {.to = "127.0.0.1"};
	struct sockaddr_in address;
	argc = take_own_options(&gro, argc, argv);
	int code = ringcast_floor_parse(&gro.options, argc, argv, "CPU time of receiving a message with UDP_GRO and without (also --from NETNS --to ADDRESS)");
	if (code >= 0)
		return code;
	gro.senders = calloc(gro.options.peer_count, sizeof(*gro.senders));
	gro.payload = calloc(gro.options.merge_count, gro.options.size_bytes);
	if (!gro.senders || !gro.payload || !open_server(&gro, &address) || !open_senders(&gro, &address)) {
		perror("micro-udp-gro");
		return 1;
	}
	if (!gro.options.is_json)
		printf("%u senders, %u messages of %u bytes each a round; ns a message\n%-24s %-8s %8s %8s %8s\n", gro.options.peer_count, gro.options.merge_count,
		       gro.options.size_bytes, "", "", "read", "sent", "a read");
	for (size_t i = 0; i < WAY_COUNT; i++)
		for (int joined = 0; joined < 2; joined++) {
			struct found found = measure(&gro, ways[i].send, joined);
			print(&gro, ways[i].name, joined, &found);
		}
	return 0;
}
