/*
 * ringcast-flood: everything that somebody who may not play can throw at a server's encrypted ports, from thousands of addresses within 127/8.
 *
 * Datagrams of every kind in attack.def without end; besides, handshakes that stop half-way with a good cookie (the server must keep something for
 * these), and TLS connections that say half a hello or nothing and stay. It refuses targets that are not loopback. What to watch: ringcast-load
 * --secure meanwhile loses nothing, and /metrics counts each drop with its reason.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/flood/attack.h"
#include "tools/ringcast/admin_client.h"

enum {
	SOURCES = 512,          /* sockets at one time; each is given up for a fresh address after BATCHES_PER_SOURCE */
	BATCHES_PER_SOURCE = 4,
	BATCH = 32,
	PORTS_MAX = 64,
	STREAMS = 200,          /* TLS connections that wait */
	HALF_OPENS = 1000,      /* handshakes that wait */
	ANSWER_WAIT_MS = 20,
	HALF_OPEN_EACH = 8,     /* with one batch in so many goes a handshake that will stop */
	STREAM_EACH = 16,
	ADMIN_TIMEOUT_MS = 10000,
};

struct options {
	const char *admin;
	double seconds, rate;
	uint64_t seed;
};

struct source {
	int fd;
	int batch_count;
};

static struct {
	struct options options;
	struct prng prng;
	struct source sources[SOURCES];
	int streams[STREAMS], half_opens[HALF_OPENS];
	size_t stream_next, half_open_next;
	uint16_t tcp_port, udp_ports[PORTS_MAX];
	size_t udp_port_count;
	uint64_t sent[ATTACK_COUNT], half_open_count, unanswered_count, stream_count, refused_count;
	volatile sig_atomic_t is_stopping;
} flood;

static void on_signal(int number)
{
	flood.is_stopping = 1;
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* sockets */

static struct sockaddr_in address_of(uint32_t host, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(host), .sin_port = htons(port)};
}

static int open_somewhere(int type, uint16_t port)
{
	struct sockaddr_in from = address_of(UINT32_C(0x7f020000) + (uint32_t)ringcast_prng_below(&flood.prng, 1 << 20), 0);
	struct sockaddr_in to = address_of(INADDR_LOOPBACK, port);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0 &&
	    (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS))
		return fd;
	close(fd);
	return -1;
}

static int fresh_source(struct source *source)
{
	if (source->fd >= 0 && source->batch_count++ < BATCHES_PER_SOURCE)
		return source->fd;
	if (source->fd >= 0)
		close(source->fd);
	source->batch_count = 0;
	source->fd = open_somewhere(SOCK_DGRAM, flood.udp_ports[ringcast_prng_below(&flood.prng, flood.udp_port_count)]);
	return source->fd;
}

/* one batch */

static size_t send_batch(int fd)
{
	static uint8_t bytes[BATCH][ATTACK_DATAGRAM_BYTES_MAX];
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH];
	enum attack attacks[BATCH];
	for (size_t i = 0; i < BATCH; i++) {
		attacks[i] = (enum attack)ringcast_prng_below(&flood.prng, ATTACK_COUNT);
		parts[i] = (struct iovec){bytes[i], ringcast_attack_make(attacks[i], &flood.prng, bytes[i])};
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
	}
	int count = sendmmsg(fd, messages, BATCH, MSG_DONTWAIT);
	for (int i = 0; i < count; i++)
		flood.sent[attacks[i]]++;
	flood.refused_count += count < 0 ? BATCH : (uint64_t)(BATCH - count);
	return count > 0 ? (size_t)count : 0;
}

/* An honest hello, the cookie, the hello with it: then nothing. The oldest that waits makes room; the server is not told. */
static void stop_half_way(void)
{
	uint8_t random[32], bytes[ATTACK_DATAGRAM_BYTES_MAX], answer[2048];
	struct view cookie;
	int *place = &flood.half_opens[flood.half_open_next++ % HALF_OPENS];
	if (*place >= 0)
		close(*place);
	*place = open_somewhere(SOCK_DGRAM, flood.udp_ports[ringcast_prng_below(&flood.prng, flood.udp_port_count)]);
	ringcast_prng_fill(&flood.prng, random, sizeof(random));
	if (*place < 0 || send(*place, bytes, ringcast_attack_hello(random, ringcast_view_of(NULL, 0), bytes), MSG_DONTWAIT) < 0)
		return;
	struct pollfd poll_fd = {.fd = *place, .events = POLLIN};
	ssize_t got = poll(&poll_fd, 1, ANSWER_WAIT_MS) > 0 ? recv(*place, answer, sizeof(answer), MSG_DONTWAIT) : -1;
	if (got > 0 && ringcast_attack_cookie(ringcast_view_of(answer, (size_t)got), &cookie))
		flood.half_open_count += send(*place, bytes, ringcast_attack_hello(random, cookie, bytes), MSG_DONTWAIT) > 0;
	else
		flood.unanswered_count++;
}

/* The oldest of the waiting connections makes room. */
static void hold_stream(void)
{
	static const uint8_t half_hello[] = {0x16, 0x03, 0x01, 0x01, 0x00, 0x01, 0x00, 0x00, 0xfc, 0x03, 0x03, 0x11};
	int *place = &flood.streams[flood.stream_next++ % STREAMS];
	if (*place >= 0)
		close(*place);
	*place = open_somewhere(SOCK_STREAM, flood.tcp_port);
	if (*place < 0)
		return;
	flood.stream_count++;
	struct timespec a_moment = {.tv_nsec = 100000};
	nanosleep(&a_moment, NULL);
	if (flood.stream_next % 2 == 0 && send(*place, half_hello, sizeof(half_hello), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		flood.refused_count++;
}

static void pace(uint64_t start_ns, uint64_t datagram_count)
{
	uint64_t due_ns = start_ns + (uint64_t)((double)datagram_count / flood.options.rate * 1e9), now = now_ns();
	struct timespec wait = {.tv_nsec = 500000};
	while (flood.options.rate > 0 && now < due_ns && !flood.is_stopping) {
		nanosleep(&wait, NULL);
		now = now_ns();
	}
}

static double run(void)
{
	uint64_t start_ns = now_ns(), end_ns = start_ns + (uint64_t)(flood.options.seconds * 1e9), datagram_count = 0;
	for (uint64_t round = 0; !flood.is_stopping && now_ns() < end_ns; round++) {
		int fd = fresh_source(&flood.sources[ringcast_prng_below(&flood.prng, SOURCES)]);
		if (fd < 0)
			continue;
		if (round % HALF_OPEN_EACH == 0)
			stop_half_way();
		if (round % STREAM_EACH == 0)
			hold_stream();
		datagram_count += send_batch(fd);
		pace(start_ns, datagram_count);
	}
	return (double)(now_ns() - start_ns) / 1e9;
}

/* start and end */

static void take_ports(const json_t *groups)
{
	size_t i, j;
	json_t *group, *port;
	json_array_foreach(groups, i, group) {
		json_array_foreach(group, j, port) {
			if (flood.udp_port_count < PORTS_MAX)
				flood.udp_ports[flood.udp_port_count++] = (uint16_t)json_integer_value(port);
		}
	}
}

static bool ask_ports(void)
{
	char host[256];
	struct admin_answer answer;
	if (ringcast_admin_url_host(flood.options.admin, host, sizeof(host)) != ADMIN_OK || strncmp(host, "127.", 4) != 0) {
		fprintf(stderr, "ringcast-flood: --admin: an address within 127/8 only: it floods the server there\n");
		return false;
	}
	if (ringcast_admin_request(flood.options.admin, "GET", "/v1/info", NULL, ADMIN_TIMEOUT_MS, &answer) != ADMIN_OK) {
		fprintf(stderr, "ringcast-flood: no admin API at %s\n", flood.options.admin);
		return false;
	}
	json_t *info = json_loadb(answer.body, answer.body_bytes, 0, NULL);
	flood.tcp_port = (uint16_t)json_integer_value(json_object_get(info, "tcp_port"));
	take_ports(json_object_get(info, "udp_ports"));
	json_decref(info);
	ringcast_admin_answer_fini(&answer);
	return flood.tcp_port != 0 && flood.udp_port_count > 0;
}

static void report(double seconds)
{
	uint64_t total = 0;
	for (size_t i = 0; i < ATTACK_COUNT; i++) {
		printf("%-14s %10llu  %s\n", ringcast_attack_names[i], (unsigned long long)flood.sent[i], ringcast_attack_texts[i]);
		total += flood.sent[i];
	}
	printf("%-14s %10llu  handshakes with a good cookie that stop there (%llu hellos got no cookie within %d ms)\n", "half-open",
	       (unsigned long long)flood.half_open_count, (unsigned long long)flood.unanswered_count, ANSWER_WAIT_MS);
	printf("%-14s %10llu  connections with half a hello, or none\n", "tls", (unsigned long long)flood.stream_count);
	printf("%.0f datagrams a second for %.1f s; the kernel refused %llu\n", (double)total / seconds, seconds, (unsigned long long)flood.refused_count);
}

static bool take_number(const char *name, const char *text, double *ret_value)
{
	char *end;
	double value = text ? strtod(text, &end) : -1;
	if (!text || end == text || *end != '\0' || !(value >= 0 && value <= 1e9)) {
		fprintf(stderr, "ringcast-flood: %s needs a number\n", name);
		return false;
	}
	*ret_value = value;
	return true;
}

static bool take_options(int argc, char **argv)
{
	double seed = 1;
	for (int i = 1; i < argc; i += 2) {
		bool is_good;
		if (strcmp(argv[i], "--admin") == 0)
			is_good = (flood.options.admin = argv[i + 1]) != NULL;
		else if (strcmp(argv[i], "--seconds") == 0)
			is_good = take_number(argv[i], argv[i + 1], &flood.options.seconds);
		else if (strcmp(argv[i], "--rate") == 0)
			is_good = take_number(argv[i], argv[i + 1], &flood.options.rate);
		else if (strcmp(argv[i], "--seed") == 0)
			is_good = take_number(argv[i], argv[i + 1], &seed);
		else
			is_good = false;
		if (!is_good)
			return false;
	}
	flood.options.seed = (uint64_t)seed;
	return true;
}

static void prepare(void)
{
	struct rlimit limit;
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	ringcast_prng_init(&flood.prng, flood.options.seed);
	for (size_t i = 0; i < SOURCES; i++)
		flood.sources[i].fd = -1;
	for (size_t i = 0; i < STREAMS; i++)
		flood.streams[i] = -1;
	for (size_t i = 0; i < HALF_OPENS; i++)
		flood.half_opens[i] = -1;
}

int main(int argc, char **argv)
{
	flood.options = (struct options){.admin = "http://127.0.0.1:9080", .seconds = 10};
	if (!take_options(argc, argv)) {
		fprintf(stderr, "usage: ringcast-flood [--admin URL] [--seconds N] [--rate DATAGRAMS-PER-SECOND, 0: all it can] [--seed N]\n"
				"Example: ringcast-flood --seconds 60\n");
		return 2;
	}
	prepare();
	if (!ask_ports())
		return 1;
	report(run());
	return 0;
}
