/* ringcast-load: owns the world. */
#include "bench/load/load.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static struct world world;

static void on_signal(int number)
{
	world.is_stopping = 1;
}

static void raise_files(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool has_files(void)
{
	struct rlimit limit;
	uint64_t needed = (uint64_t)world.bot_count * (world.options.is_tcp_only ? 1 : 2) + 64;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
		return true;
	fprintf(stderr, "ringcast-load: %llu files are needed, %llu allowed: ulimit -n, or --tcp\n", (unsigned long long)needed,
		(unsigned long long)limit.rlim_cur);
	return false;
}

static bool pin(const char *cpu)
{
	cpu_set_t set;
	char *end;
	long number = strtol(cpu, &end, 10);
	CPU_ZERO(&set);
	if (end != cpu && *end == '\0' && number >= 0 && number < CPU_SETSIZE)
		CPU_SET((size_t)number, &set);
	if (sched_setaffinity(0, sizeof(set), &set) == 0)
		return true;
	fprintf(stderr, "ringcast-load: --pin: no CPU '%s' for us\n", cpu);
	return false;
}

static char *join_words(int argc, char **argv)
{
	size_t size = 1;
	for (int i = 0; i < argc; i++)
		size += strlen(argv[i]) + 1;
	char *line = calloc(1, size);
	for (int i = 0; line && i < argc; i++) {
		strcat(line, i ? " " : "");
		strcat(line, argv[i]);
	}
	return line;
}

static bool create(void)
{
	uint64_t seed = world.options.seed;
	world.bot_count = (uint32_t)(world.options.session_count * world.options.player_count);
	world.sessions = calloc(world.options.session_count, sizeof(*world.sessions));
	world.bots = calloc(world.bot_count, sizeof(*world.bots));
	world.scratch = malloc(LOAD_SCRATCH_BYTES);
	world.sealed = malloc(LOAD_SCRATCH_BYTES);
	world.datagrams = malloc((size_t)LOAD_DATAGRAM_BATCH * LOAD_DATAGRAM_BYTES);
	world.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	ringcast_prng_init(&world.prng, seed);
	if (!world.sessions || !world.bots || !world.scratch || !world.sealed || !world.datagrams || world.epoll_fd < 0)
		return false;
	/* not from the seed: two runs against one server must not take each other's messages for their own */
	if (getrandom(&world.run, sizeof(world.run), 0) != sizeof(world.run))
		return false;
	for (uint32_t i = 0; i < world.bot_count; i++) {
		world.bots[i].secure = world.options.is_secure ? calloc(1, sizeof(*world.bots[i].secure)) : NULL;
		if (world.options.is_secure && !world.bots[i].secure)
			return false;
		world.bots[i].world = &world;
		world.bots[i].tcp_fd = world.bots[i].udp_fd = -1;
		world.bots[i].session = i / (uint32_t)world.options.player_count;
		world.bots[i].player = i % (uint32_t)world.options.player_count;
		world.bots[i].core.phase = CLIENT_CORE_CLOSED;
	}
	return ringcast_traffic_create(&world);
}

static void destroy(char *command_line)
{
	for (uint32_t i = 0; world.bots && i < world.bot_count; i++) {
		free(world.bots[i].token);
		free(world.bots[i].secure);
	}
	ringcast_client_trust_fini(&world.trust);
	ringcast_traffic_destroy(&world);
	free(world.sessions);
	free(world.bots);
	free(world.scratch);
	free(world.sealed);
	free(world.datagrams);
	free(command_line);
	if (world.epoll_fd >= 0)
		close(world.epoll_fd);
}

static int run(void)
{
	if (!create()) {
		fprintf(stderr, "ringcast-load: out of memory\n");
		return LOAD_EXIT_NOT_RUN;
	}
	if (!has_files())
		return LOAD_EXIT_NOT_RUN;
	if (!ringcast_setup(&world)) {
		fprintf(stderr, "ringcast-load: %s\n", world.failure);
		ringcast_setup_undo(&world);
		return LOAD_EXIT_NOT_RUN;
	}
	ringcast_run(&world);
	ringcast_setup_undo(&world);
	return ringcast_report(&world);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	ringcast_load_options_default(&world.options);
	if (!ringcast_load_options_parse(&world.options, argc, argv, stderr))
		return LOAD_EXIT_NOT_RUN;
	if (world.options.is_help) {
		ringcast_load_options_help(stdout);
		return LOAD_EXIT_KEPT;
	}
	if (world.options.cpu && !pin(world.options.cpu))
		return LOAD_EXIT_NOT_RUN;
	if (!ringcast_report_is_writable(&world.options))
		return LOAD_EXIT_NOT_RUN;
	raise_files();
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	char *command_line = join_words(argc, argv);
	world.command_line = command_line ? command_line : "";
	world.epoll_fd = -1;
	world.started_s = time(NULL);
	int code = run();
	destroy(command_line);
	return code;
}
