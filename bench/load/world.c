/* One run: its world is made, driven and taken apart, and what it found is kept. */
#include "bench/load/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

static bool has_files(const struct world *world)
{
	struct rlimit limit;
	uint64_t needed = (uint64_t)world->bot_count * (world->options.is_tcp_only ? 1 : 2) + 64;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
		return true;
	fprintf(stderr, "ringcast-load: %llu files are needed, %llu allowed: ulimit -n, or --tcp\n", (unsigned long long)needed,
		(unsigned long long)limit.rlim_cur);
	return false;
}

static bool create_bots(struct world *world)
{
	for (uint32_t i = 0; i < world->bot_count; i++) {
		struct bot *bot = &world->bots[i];
		bot->secure = world->options.is_secure ? calloc(1, sizeof(*bot->secure)) : NULL;
		if (world->options.is_secure && !bot->secure)
			return false;
		bot->world = world;
		bot->tcp_fd = bot->udp_fd = -1;
		bot->session = i / (uint32_t)world->options.player_count;
		bot->player = i % (uint32_t)world->options.player_count;
		bot->core.phase = CLIENT_CORE_CLOSED;
	}
	return true;
}

static bool create(struct world *world)
{
	world->bot_count = (uint32_t)(world->options.session_count * world->options.player_count);
	world->sessions = calloc(world->options.session_count, sizeof(*world->sessions));
	world->bots = calloc(world->bot_count, sizeof(*world->bots));
	world->scratch = malloc(LOAD_SCRATCH_BYTES);
	world->sealed = malloc(LOAD_SCRATCH_BYTES);
	world->datagrams = malloc((size_t)LOAD_DATAGRAM_BATCH * LOAD_DATAGRAM_BYTES);
	world->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	ringcast_prng_init(&world->prng, world->options.seed);
	if (!world->sessions || !world->bots || !world->scratch || !world->sealed || !world->datagrams || world->epoll_fd < 0)
		return false;
	/* not from the seed: two runs against one server must not take each other's messages for their own */
	if (getrandom(&world->run, sizeof(world->run), 0) != sizeof(world->run))
		return false;
	return create_bots(world) && ringcast_traffic_create(world);
}

static void destroy(struct world *world)
{
	for (uint32_t i = 0; world->bots && i < world->bot_count; i++) {
		free(world->bots[i].token);
		free(world->bots[i].secure);
	}
	ringcast_client_trust_fini(&world->trust);
	ringcast_traffic_destroy(world);
	free(world->sessions);
	free(world->bots);
	free(world->scratch);
	free(world->sealed);
	free(world->datagrams);
	if (world->epoll_fd >= 0)
		close(world->epoll_fd);
	free(world);
}

static void take(struct world *world, struct outcome *outcome)
{
	outcome->bot_count = world->bot_count;
	outcome->sender_count = world->sender_count;
	outcome->is_finished = world->measure_end_ns > 0 && world->own_cpu_after_ns > 0;
	outcome->is_interrupted = world->is_interrupted;
	snprintf(outcome->failure, sizeof(outcome->failure), "%s", world->failure);
	snprintf(outcome->fast_failure, sizeof(outcome->fast_failure), "%.150s", world->fast_failure);
	outcome->seconds = (double)(world->measure_end_ns - world->measure_start_ns) / 1e9;
	outcome->counts = world->counts;
	memcpy(outcome->arrived, world->arrived, sizeof(outcome->arrived));
	outcome->arrived_bytes = world->arrived_bytes;
	memcpy(outcome->latency, world->latency, sizeof(outcome->latency));
	outcome->lateness = *world->lateness;
	outcome->connect_time = *world->connect_time;
	outcome->before = world->before;
	outcome->after = world->after;
	outcome->own_cpu_seconds = (double)(world->own_cpu_after_ns - world->own_cpu_before_ns) / 1e9;
	outcome->series = json_incref(world->series.rows);
}

static enum load_exit run(struct world *world, struct outcome *outcome)
{
	if (!create(world)) {
		fprintf(stderr, "ringcast-load: out of memory\n");
		return LOAD_EXIT_NOT_RUN;
	}
	if (!has_files(world))
		return LOAD_EXIT_NOT_RUN;
	bool is_set_up = ringcast_setup(world);
	if (is_set_up)
		ringcast_run(world);
	else
		fprintf(stderr, "ringcast-load: %s\n", world->failure);
	ringcast_setup_undo(world);
	if (is_set_up)
		take(world, outcome);
	return is_set_up ? LOAD_EXIT_KEPT : LOAD_EXIT_NOT_RUN;
}

enum load_exit ringcast_world_run(const struct load_options *options, const struct load_part *part, volatile sig_atomic_t *is_stopping,
				  struct outcome *ret_outcome)
{
	struct world *world = calloc(1, sizeof(*world));
	if (!world)
		return LOAD_EXIT_NOT_RUN;
	world->options = *options;
	world->part = part;
	world->is_stopping = is_stopping;
	world->epoll_fd = -1;
	enum load_exit code = run(world, ret_outcome);
	destroy(world);
	return code;
}
