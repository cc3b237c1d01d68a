/*
 * peers-load: the same work for relays of different kinds. Groups of members, some of whom send at a fixed rate, open loop; what each member
 * receives is found by the mark in its payload, whatever frames are around it, so that no protocol is parsed better than another. Never
 * sleeps: the relay does not pay for waking it, and its receivers are alive on the other core.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/histogram.h"
#include "bench/load/load.h"
#include "bench/peers/wire.h"

enum { PAYLOAD_BYTES = 64, READ_BYTES = 256 * 1024, BACKLOG_BYTES = 256 * 1024, EVENTS = 256 };
static const uint8_t mark[8] = {0x9c, 'r', 'i', 'n', 'g', 0x01, 0xfe, 0x77};

/* What every message carries; fills PAYLOAD_BYTES with zeros behind. */
struct stamp {
	uint8_t mark[8];
	uint64_t intended_ns;
	uint32_t group, sender;
};

struct member {
	int fd;
	uint32_t group, tail_bytes, backlog_bytes;
	uint8_t tail[PAYLOAD_BYTES]; /* the end of what was read last: a message may begin in it */
	uint8_t *backlog;
};

struct peers {
	const struct peer_wire *wire;
	uint16_t port;
	uint32_t group_count, member_count, sender_count;
	uint32_t waiting_count; /* members whose socket did not take all */
	double rate, seconds;
	uint64_t server_pid;
	struct member *members;
	int epoll_fd;
	uint64_t due_index, refused, arrived, echoed, strange;
	uint64_t punctual; /* of those due in the measured time: sent no more than 1 ms late; what was not sent at all is not */
	uint64_t measure_start_ns, measure_end_ns;
	double step_ns;
	struct histogram latency;
	uint8_t buffer[PAYLOAD_BYTES + READ_BYTES];
};

static struct peers peers;

static bool connect_one(struct member *member, uint32_t index)
{
	const int on = 1;
	uint32_t number = 2 + index / 500;
	const struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(UINT32_C(0x7f010000) + number)};
	const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(peers.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	member->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	member->group = index / peers.member_count;
	setsockopt(member->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(member->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (member->fd < 0 || bind(member->fd, (const struct sockaddr *)&source, sizeof(source)) != 0 ||
	    connect(member->fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		return false;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = member};
	return peers.wire->join(member->fd, member->group, index % peers.member_count) && fcntl(member->fd, F_SETFL, O_NONBLOCK) == 0 &&
	       epoll_ctl(peers.epoll_fd, EPOLL_CTL_ADD, member->fd, &event) == 0;
}

static bool connect_all(void)
{
	uint32_t count = peers.group_count * peers.member_count;
	peers.members = calloc(count, sizeof(*peers.members));
	peers.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (uint32_t i = 0; i < count; i++) {
		if (!connect_one(&peers.members[i], i)) {
			fprintf(stderr, "peers-load: member %u cannot join: %s\n", i, strerror(errno));
			return false;
		}
	}
	return true;
}

/* receiving */

static void take(struct member *member, const uint8_t *bytes, uint64_t now_ns)
{
	struct stamp stamp;
	memcpy(&stamp, bytes, sizeof(stamp));
	uint32_t index = (uint32_t)(member - peers.members);
	if (stamp.group != member->group) {
		peers.strange++;
	} else if (stamp.group * peers.member_count + stamp.sender == index) {
		peers.echoed++;
	} else if (stamp.intended_ns >= peers.measure_start_ns && stamp.intended_ns < peers.measure_end_ns) {
		ringcast_histogram_add(&peers.latency, now_ns > stamp.intended_ns ? now_ns - stamp.intended_ns : 0);
	}
	peers.arrived += stamp.group == member->group && stamp.group * peers.member_count + stamp.sender != index && now_ns >= peers.measure_start_ns &&
			 now_ns < peers.measure_end_ns;
}

static void scan(struct member *member, const uint8_t *bytes, size_t size)
{
	uint64_t now_ns = ringcast_load_clock_ns();
	const uint8_t *end = bytes + size, *found;
	while ((found = memmem(bytes, (size_t)(end - bytes), mark, sizeof(mark))) && end - found >= (ptrdiff_t)sizeof(struct stamp)) {
		take(member, found, now_ns);
		bytes = found + sizeof(struct stamp);
	}
	size_t left = (size_t)(end - bytes), kept = left < sizeof(struct stamp) - 1 ? left : sizeof(struct stamp) - 1;
	memcpy(member->tail, end - kept, kept);
	member->tail_bytes = (uint32_t)kept;
}

static bool receive(struct member *member)
{
	memcpy(peers.buffer, member->tail, member->tail_bytes);
	ssize_t got = recv(member->fd, peers.buffer + member->tail_bytes, READ_BYTES, MSG_DONTWAIT);
	if (got <= 0)
		return got < 0 && errno == EAGAIN;
	scan(member, peers.buffer, member->tail_bytes + (size_t)got);
	return true;
}

/* sending */

static void push(struct member *member)
{
	ssize_t sent = send(member->fd, member->backlog, member->backlog_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent <= 0)
		return;
	peers.waiting_count -= member->backlog_bytes == (uint32_t)sent;
	member->backlog_bytes -= (uint32_t)sent;
	memmove(member->backlog, member->backlog + sent, member->backlog_bytes);
}

static void publish(struct member *member, uint64_t intended_ns)
{
	uint8_t payload[PAYLOAD_BYTES] = {0}, out[PEER_WIRE_BYTES_MAX];
	struct stamp stamp = {.intended_ns = intended_ns, .group = member->group, .sender = (uint32_t)(member - peers.members) % peers.member_count};
	memcpy(stamp.mark, mark, sizeof(mark));
	memcpy(payload, &stamp, sizeof(stamp));
	size_t size = peers.wire->encode(out, member->group, payload, sizeof(payload));
	if (!member->backlog && !(member->backlog = malloc(BACKLOG_BYTES)))
		return;
	if (member->backlog_bytes + size > BACKLOG_BYTES) {
		peers.refused++;
		return;
	}
	peers.waiting_count += member->backlog_bytes == 0;
	memcpy(member->backlog + member->backlog_bytes, out, size);
	member->backlog_bytes += (uint32_t)size;
	push(member);
}

/* Senders take turns, group after group, so that a group's are spread over the period. */
static struct member *sender_at(uint64_t index)
{
	uint64_t turn = index % ((uint64_t)peers.group_count * peers.sender_count);
	return &peers.members[turn % peers.group_count * peers.member_count + turn / peers.group_count];
}

static void send_due(uint64_t start_ns)
{
	for (int i = 0; i < 64; i++) {
		uint64_t now_ns = ringcast_load_clock_ns(), due_ns = start_ns + (uint64_t)((double)peers.due_index * peers.step_ns);
		if (due_ns > now_ns || due_ns >= peers.measure_end_ns)
			return;
		peers.punctual += now_ns - due_ns <= NS_PER_MS && due_ns >= peers.measure_start_ns;
		publish(sender_at(peers.due_index++), due_ns);
	}
}

static void push_all(void)
{
	for (uint32_t i = 0; peers.waiting_count > 0 && i < peers.group_count * peers.member_count; i++) {
		if (peers.members[i].backlog_bytes > 0)
			push(&peers.members[i]);
	}
}

static bool turn(uint64_t start_ns)
{
	struct epoll_event events[EVENTS];
	send_due(start_ns);
	push_all();
	int count = epoll_wait(peers.epoll_fd, events, EVENTS, 0);
	for (int i = 0; i < count; i++) {
		if (i % 16 == 15)
			send_due(start_ns);
		if (!receive(events[i].data.ptr)) {
			fprintf(stderr, "peers-load: a member was disconnected\n");
			return false;
		}
	}
	return true;
}

/* Sends that the schedule has in the measured time. */
static uint64_t count_due(uint64_t start_ns)
{
	double first = ceil((double)(peers.measure_start_ns - start_ns) / peers.step_ns), end = ceil((double)(peers.measure_end_ns - start_ns) / peers.step_ns);
	return end > first ? (uint64_t)(end - first) : 0;
}

static void print_percentile(const char *name, uint32_t thousandths)
{
	if (peers.latency.count > 0)
		printf("\"%s\": %llu, ", name, (unsigned long long)ringcast_histogram_percentile(&peers.latency, thousandths));
	else
		printf("\"%s\": null, ", name); /* nothing came: no time is none, and not a short one */
}

/*
 * deliveries_per_second is what came in the measured time, which the CPU time there was spent on, whenever it was due; arrived_ratio, of
 * what was due in the measured time, what came at all: a backlog from warming up is in the one and not in the other.
 */
static void print_report(double cpu_ns, uint64_t start_ns)
{
	uint64_t due = count_due(start_ns), late = due > peers.punctual ? due - peers.punctual : 0;
	double offered = (double)due * (peers.member_count - 1);
	printf("{\"wire\": \"%s\", \"deliveries_per_second\": %.0f, \"offered_per_second\": %.0f, \"arrived_ratio\": %.4f, \"cpu_ns_per_delivery\": %.1f, "
	       "\"server_cpu\": %.3f, ",
	       peers.wire->name, (double)peers.arrived / peers.seconds, peers.rate * peers.group_count * peers.sender_count * (peers.member_count - 1),
	       offered > 0 ? (double)peers.latency.count / offered : 0, peers.arrived ? cpu_ns / (double)peers.arrived : 0, cpu_ns / 1e9 / peers.seconds);
	print_percentile("p50_ns", 50000);
	print_percentile("p99_ns", 99000);
	printf("\"late_ratio\": %.4f, \"refused\": %llu, \"echoed\": %llu, \"strange\": %llu}\n", due > 0 ? (double)late / (double)due : 0,
	       (unsigned long long)peers.refused, (unsigned long long)peers.echoed, (unsigned long long)peers.strange);
}

static bool run(void)
{
	uint64_t start_ns = ringcast_load_clock_ns(), warm_ns = NS_PER_S / 2;
	struct server_sample before = {0}, after = {0};
	peers.measure_start_ns = start_ns + warm_ns;
	peers.measure_end_ns = peers.measure_start_ns + (uint64_t)(peers.seconds * 1e9);
	peers.step_ns = 1e9 / peers.rate / peers.group_count / peers.sender_count;
	for (uint64_t now_ns = start_ns; now_ns < peers.measure_end_ns + NS_PER_S / 2; now_ns = ringcast_load_clock_ns()) {
		if (!before.is_known && now_ns >= peers.measure_start_ns)
			before = ringcast_server_sample(peers.server_pid);
		if (!after.is_known && now_ns >= peers.measure_end_ns)
			after = ringcast_server_sample(peers.server_pid);
		if (!turn(start_ns))
			return false;
	}
	print_report((double)(after.cpu_ns - before.cpu_ns), start_ns);
	return peers.strange == 0;
}

static bool parse(int argc, char **argv)
{
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (argc != 9)
		return false;
	peers.wire = ringcast_peer_wire_find(argv[1]);
	peers.port = (uint16_t)strtoul(argv[2], NULL, 10);
	peers.server_pid = strtoull(argv[3], NULL, 10);
	peers.group_count = (uint32_t)strtoul(argv[4], NULL, 10);
	peers.member_count = (uint32_t)strtoul(argv[5], NULL, 10);
	peers.sender_count = (uint32_t)strtoul(argv[6], NULL, 10);
	peers.rate = strtod(argv[7], NULL);
	peers.seconds = strtod(argv[8], NULL);
	uint64_t members = (uint64_t)peers.group_count * peers.member_count;
	return peers.wire && peers.port && members > 0 && members <= 100000 && peers.member_count > 1 && peers.sender_count > 0 &&
	       peers.sender_count <= peers.member_count && peers.rate > 0 && peers.seconds > 0;
}

int main(int argc, char **argv)
{
	if (!parse(argc, argv)) {
		fprintf(stderr, "usage: peers-load WIRE PORT SERVER-PID GROUPS MEMBERS SENDERS RATE SECONDS\nwires: %s\n", ringcast_peer_wire_names());
		return 2;
	}
	bool is_good = connect_all() && run();
	for (uint32_t i = 0; peers.members && i < peers.group_count * peers.member_count; i++) {
		if (peers.members[i].fd > 0)
			close(peers.members[i].fd);
		free(peers.members[i].backlog);
	}
	free(peers.members);
	return is_good ? 0 : 1;
}
