/*
 * What a datagram to one of N peers costs a sender whose receivers are alive: on another CPU somebody reads them, as players' machines do, so
 * that each datagram meets an empty queue, a socket to be woken, and buffers that the other CPU has freed. Dead receivers are sockets that
 * nobody looks at until the round is over. The difference between the rows is what batching, merging and waking are worth.
 */
#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/micro/floor.h"

enum { CALL_BATCH = 64, EVENTS = 256, READER_CPU = 0, ROUNDS_MIN = 4 };

enum receivers { DEAD = 0, LIVE_POLLING, LIVE_SLEEPING, RECEIVERS_COUNT };
static const char *const receivers_names[RECEIVERS_COUNT] = {"dead", "live, polling", "live, sleeping"};

struct live {
	struct floor_options options;
	int sender, epoll_fd;
	int *receivers;
	struct sockaddr_in *addresses;
	uint8_t *payload; /* merge_count messages, one after the other */
	struct io_uring ring;
	bool has_ring;
	atomic_bool is_sleeping, is_over;
	_Atomic uint64_t read_bytes;
};

typedef uint64_t round_fn(struct live *live); /* one round over all peers; messages sent */

static struct msghdr message_to(struct live *live, uint32_t peer, struct iovec *part)
{
	return (struct msghdr){.msg_name = &live->addresses[peer], .msg_namelen = sizeof(live->addresses[0]), .msg_iov = part, .msg_iovlen = 1};
}

static uint64_t round_single(struct live *live)
{
	uint64_t sent = 0;
	for (uint32_t i = 0; i < live->options.peer_count; i++)
		sent += sendto(live->sender, live->payload, live->options.size_bytes, 0, (const struct sockaddr *)&live->addresses[i],
			       sizeof(live->addresses[i])) > 0;
	return sent;
}

static uint32_t batch_at(const struct live *live, uint32_t at)
{
	return live->options.peer_count - at < CALL_BATCH ? live->options.peer_count - at : CALL_BATCH;
}

static uint64_t round_sendmmsg(struct live *live)
{
	struct mmsghdr messages[CALL_BATCH] = {0};
	struct iovec part = {live->payload, live->options.size_bytes};
	uint64_t sent = 0;
	for (uint32_t at = 0; at < live->options.peer_count; at += CALL_BATCH) {
		uint32_t count = batch_at(live, at);
		for (uint32_t i = 0; i < count; i++)
			messages[i].msg_hdr = message_to(live, at + i, &part);
		int done = sendmmsg(live->sender, messages, count, 0);
		sent += done > 0 ? (uint64_t)done : 0;
	}
	return sent;
}

static uint64_t reap(struct io_uring *ring, uint32_t count)
{
	uint64_t sent = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct io_uring_cqe *completion;
		if (io_uring_wait_cqe(ring, &completion) != 0)
			break;
		sent += completion->res > 0;
		io_uring_cqe_seen(ring, completion);
	}
	return sent;
}

static uint64_t round_uring(struct live *live)
{
	struct msghdr messages[CALL_BATCH];
	struct iovec part = {live->payload, live->options.size_bytes};
	uint64_t sent = 0;
	for (uint32_t at = 0; at < live->options.peer_count; at += CALL_BATCH) {
		uint32_t count = batch_at(live, at);
		for (uint32_t i = 0; i < count; i++) {
			messages[i] = message_to(live, at + i, &part);
			io_uring_prep_sendmsg(io_uring_get_sqe(&live->ring), live->sender, &messages[i], 0);
		}
		io_uring_submit_and_wait(&live->ring, count);
		sent += reap(&live->ring, count);
	}
	return sent;
}

/* UDP_SEGMENT: one walk through the kernel for all messages of a peer. */
static uint64_t round_merged(struct live *live)
{
	union {
		char bytes[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr align;
	} control = {{0}};
	uint16_t segment = (uint16_t)live->options.size_bytes;
	struct iovec part = {live->payload, (size_t)live->options.size_bytes * live->options.merge_count};
	struct cmsghdr *header = &control.align;
	uint64_t sent = 0;
	*header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(segment)), .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT};
	memcpy(CMSG_DATA(header), &segment, sizeof(segment));
	for (uint32_t i = 0; i < live->options.peer_count; i++) {
		struct msghdr message = message_to(live, i, &part);
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		sent += sendmsg(live->sender, &message, 0) > 0 ? live->options.merge_count : 0;
	}
	return sent;
}

static const struct {
	const char *name;
	round_fn *send;
} ways[] = {
	{"sendto", round_single}, {"sendmmsg, 64 per call", round_sendmmsg}, {"io_uring, 64 per call", round_uring}, {"merged (UDP_SEGMENT)", round_merged},
};
enum { WAY_COUNT = sizeof(ways) / sizeof(ways[0]) };

/* receivers */

static void drain(struct live *live, int fd)
{
	static uint8_t sink[65536];
	ssize_t got;
	while ((got = recv(fd, sink, sizeof(sink), MSG_DONTWAIT)) >= 0)
		atomic_fetch_add_explicit(&live->read_bytes, (uint64_t)got, memory_order_release);
}

static void *read_all(void *context)
{
	struct live *live = context;
	struct epoll_event events[EVENTS];
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(READER_CPU, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	while (!atomic_load(&live->is_over)) {
		int count = epoll_wait(live->epoll_fd, events, EVENTS, atomic_load(&live->is_sleeping) ? 50 : 0);
		for (int i = 0; i < count; i++)
			drain(live, events[i].data.fd);
	}
	return NULL;
}

/* Until the readers have all of it, or what is missing was dropped by the kernel. */
static void wait_until_read(struct live *live, uint64_t wanted_bytes)
{
	uint64_t before_bytes = 0;
	for (unsigned idle = 0; idle < 200000; idle++) {
		uint64_t read_bytes = atomic_load_explicit(&live->read_bytes, memory_order_acquire);
		if (read_bytes >= wanted_bytes)
			return;
		idle = read_bytes > before_bytes ? 0 : idle;
		before_bytes = read_bytes;
		if (idle % 64 == 63)
			sched_yield();
	}
}

static void settle(struct live *live, enum receivers receivers, uint64_t sent)
{
	if (receivers != DEAD) {
		wait_until_read(live, sent * live->options.size_bytes);
		if (receivers == LIVE_SLEEPING)
			usleep(50); /* they have gone to sleep again */
		return;
	}
	for (uint32_t i = 0; i < live->options.peer_count; i++)
		drain(live, live->receivers[i]);
}

static struct floor_row measure(struct live *live, const char *name, enum receivers receivers, round_fn *send_round)
{
	struct floor_row row = {.name = name};
	unsigned rounds = 0;
	while (rounds < ROUNDS_MIN || (double)row.cpu_ns < live->options.duration_seconds * 1e9) {
		atomic_store(&live->read_bytes, 0);
		uint64_t before_ns = ringcast_floor_cpu_ns(), sent = send_round(live), spent_ns = ringcast_floor_cpu_ns() - before_ns;
		if (sent == 0)
			break;
		settle(live, receivers, sent);
		if (rounds++ == 0)
			continue; /* warms caches and routes */
		row.cpu_ns += spent_ns;
		row.messages += sent;
	}
	return row;
}

static bool open_sockets(struct live *live)
{
	live->sender = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	live->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (uint32_t i = 0; i < live->options.peer_count; i++) {
		const int on = 1;
		socklen_t size = sizeof(live->addresses[i]);
		live->addresses[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		live->receivers[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (live->receivers[i] < 0 || bind(live->receivers[i], (struct sockaddr *)&live->addresses[i], size) < 0 ||
		    getsockname(live->receivers[i], (struct sockaddr *)&live->addresses[i], &size) < 0)
			return false;
		setsockopt(live->receivers[i], IPPROTO_UDP, UDP_GRO, &on, sizeof(on)); /* as a player's machine would merge them */
	}
	live->has_ring = io_uring_queue_init(CALL_BATCH, &live->ring, 0) == 0;
	return live->sender >= 0 && live->epoll_fd >= 0;
}

static void watch(struct live *live, bool is_watched)
{
	for (uint32_t i = 0; i < live->options.peer_count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.fd = live->receivers[i]};
		epoll_ctl(live->epoll_fd, is_watched ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, live->receivers[i], &event);
	}
}

static size_t measure_all(struct live *live, enum receivers receivers, struct floor_row *rows, char (*names)[64])
{
	size_t count = 0;
	pthread_t reader;
	atomic_store(&live->is_sleeping, receivers == LIVE_SLEEPING);
	atomic_store(&live->is_over, false);
	if (receivers != DEAD) {
		watch(live, true);
		pthread_create(&reader, NULL, read_all, live);
	}
	for (size_t i = 0; i < WAY_COUNT; i++) {
		if (ways[i].send == round_uring && !live->has_ring)
			continue;
		snprintf(names[count], sizeof(names[count]), "%s: %s", receivers_names[receivers], ways[i].name);
		rows[count] = measure(live, names[count], receivers, ways[i].send);
		count++;
	}
	atomic_store(&live->is_over, true);
	if (receivers != DEAD) {
		pthread_join(reader, NULL);
		watch(live, false);
	}
	return count;
}

static void close_sockets(struct live *live)
{
	for (uint32_t i = 0; i < live->options.peer_count; i++)
		close(live->receivers[i]);
	close(live->sender);
	close(live->epoll_fd);
	if (live->has_ring)
		io_uring_queue_exit(&live->ring);
}

int main(int argc, char **argv)
{
	static struct live live;
	static char names[RECEIVERS_COUNT * WAY_COUNT][64];
	struct floor_row rows[RECEIVERS_COUNT * WAY_COUNT];
	size_t count = 0;
	int code = ringcast_floor_parse(&live.options, argc, argv, "CPU time per datagram to receivers that are read on CPU 0, and to dead ones; pin it to another CPU");
	if (code >= 0)
		return code;
	live.receivers = calloc(live.options.peer_count, sizeof(*live.receivers));
	live.addresses = calloc(live.options.peer_count, sizeof(*live.addresses));
	live.payload = calloc(live.options.merge_count, live.options.size_bytes);
	if (!live.receivers || !live.addresses || !live.payload || !open_sockets(&live)) {
		perror("micro-udp-live");
		return 1;
	}
	for (int receivers = DEAD; receivers < RECEIVERS_COUNT; receivers++)
		count += measure_all(&live, (enum receivers)receivers, rows + count, names + count);
	ringcast_floor_print(&live.options, rows, count);
	close_sockets(&live);
	free(live.receivers);
	free(live.addresses);
	free(live.payload);
	return 0;
}
