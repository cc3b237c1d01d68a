#include "pair.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 60 };

static uint64_t clock_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void pair_start(struct pair *pair, const char *main, uint32_t stall_timeout_ms)
{
	*pair = (struct pair){0};
	side_start_patient(&pair->world, 0, stall_timeout_ms, 1 << 20);
	pair->world.script.folder = (char *)SCRIPTS_FOLDER;
	pair->world.script.main = (char *)main;
	pair->world.now_ns = clock_ns();
	for (uint32_t i = 0; i < SIDE_CHANNEL_COUNT; i++)
		pair->processes[i] = (struct sidecar_process){.pidfd = -1, .socket = -1};
}

void pair_launch(struct pair *pair, uint32_t channel)
{
	char error[256];
	struct sidecar_process_options options = {.idle_workers = 1};
	cr_assert(ringcast_sidecar_process_start(&options, &pair->processes[channel], error, sizeof(error)), "%s", error);
	pair->is_cut[channel] = false;
	ringcast_sidecar_attach(pair->world.host, channel, pair->world.now_ns);
	uint64_t end_ns = clock_ns() + PATIENCE_S * NS_PER_S;
	while (!ringcast_sidecar_is_ready(pair->world.host, channel)) {
		cr_assert(clock_ns() < end_ns && !pair->is_cut[channel], "the sidecar does not come up");
		pair_turn(pair);
	}
}

static void read_some(struct pair *pair, uint32_t channel)
{
	static uint8_t bytes[64 << 10];
	ssize_t size = recv(pair->processes[channel].socket, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0 || !ringcast_sidecar_feed(pair->world.host, channel, ringcast_view_of(bytes, (size_t)size), pair->world.now_ns))
		pair->is_cut[channel] = true;
}

static void write_some(struct pair *pair, uint32_t channel)
{
	struct view pending = ringcast_sidecar_pending(pair->world.host, channel);
	if (pending.size == 0)
		return;
	ssize_t size = send(pair->processes[channel].socket, pending.data, pending.size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (size > 0)
		ringcast_sidecar_sent(pair->world.host, channel, (size_t)size);
}

void pair_turn(struct pair *pair)
{
	struct pollfd polls[SIDE_CHANNEL_COUNT];
	for (uint32_t i = 0; i < SIDE_CHANNEL_COUNT; i++)
		polls[i] = (struct pollfd){.fd = pair->is_cut[i] ? -1 : pair->processes[i].socket, .events = POLLIN};
	poll(polls, SIDE_CHANNEL_COUNT, 2);
	pair->world.now_ns = clock_ns();
	for (uint32_t i = 0; i < SIDE_CHANNEL_COUNT; i++) {
		if (polls[i].fd < 0)
			continue;
		read_some(pair, i);
		if (!pair->is_cut[i])
			write_some(pair, i);
	}
	side_expire(&pair->world);
}

void pair_await(struct pair *pair, const char *text, const char *file, int line)
{
	uint64_t end_ns = clock_ns() + PATIENCE_S * NS_PER_S;
	while (strstr(pair->world.log, text) == NULL) {
		cr_assert(clock_ns() < end_ns, "%s:%d: \"%s\" does not come; the log:\n%s", file, line, text, pair->world.log);
		pair_turn(pair);
	}
}

const char *pair_reap(struct pair *pair, uint32_t channel)
{
	static char text[64];
	struct sidecar_process *process = &pair->processes[channel];
	cr_assert(ringcast_sidecar_process_wait(process, PATIENCE_S * 1000, text, sizeof(text)));
	cr_assert_eq(process->pid, 0);
	ringcast_sidecar_detach(pair->world.host, channel, pair->world.now_ns);
	ringcast_sidecar_process_finish(process);
	return text;
}

/* The processes end by themselves when their channel does. */
void pair_stop(struct pair *pair)
{
	for (uint32_t i = 0; i < SIDE_CHANNEL_COUNT; i++) {
		if (pair->processes[i].pid == 0)
			continue;
		close(pair->processes[i].socket);
		pair->processes[i].socket = -1;
		cr_assert_str_eq(pair_reap(pair, i), "exit code 0");
	}
	side_stop(&pair->world);
}
