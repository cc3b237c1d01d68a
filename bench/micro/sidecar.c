/*
 * What a script in the sidecar costs: a real session store and host on one side of a socket pair, Node on the other. Each line gives the
 * CPU time of both sides per message, and so how many one core carries: the engine's thread and the whole Node process (compiler and
 * collector too).
 *
 *     micro-sidecar [--seconds S, default 3] [--size BYTES, default 64] [--only NAME] [--json]
 *
 * Messages go out in batches, as the ticks of a loaded engine produce them. Round trips: the next batch waits until the last one was
 * answered.
 */
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/attr.h"
#include "scripting/sidecar/process.h"
#include "scripting/sidecar/sidecar.h"
#include "session/session.h"

enum { SESSIONS_MAX = 64, READ_BYTES = 256 << 10, BATCHES_PER_ROUND = 16, SIZE_MAX_BYTES = 1200 };
enum { OPCODE_NOTE = 10, OPCODE_ECHO = 11, OPCODE_REPORT = 12, OPCODE_ASK = 13 };

static const char program[] = "let session; let count = 0;\n"
			      "exports.ssExports = {\n"
			      "\tinit(given) { session = given; },\n"
			      "\tonMessage(m) {\n"
			      "\t\tcount += m.payload[0];\n"
			      "\t\tif (m.opCode === 11) session.sendMessage(session.newBinaryGameMessage(11, -1, m.payload), m.sender);\n"
			      "\t\tif (m.opCode === 12) session.sendMessage(session.newTextGameMessage(12, -1, String(count)), m.sender);\n"
			      "\t},\n"
			      "\tonSendToGroup: (m) => m.payload[0] !== 0,\n"
			      "};\n";

struct bench {
	struct store store;
	struct session_limits limits;
	struct script_limits script_limits;
	struct script_environment environment;
	struct timer_wheel wheel;
	struct buf_pool *pool;
	struct script script;
	struct sidecar_host *host;
	struct script_program *program;
	struct sidecar_process process;
	struct player *players[SESSIONS_MAX];
	uint32_t session_count;
	uint64_t now_ns, delivered_count, reported_count, report_sum;
	uint8_t payload[SIZE_MAX_BYTES];
	size_t payload_bytes;
};

struct line {
	const char *name;
	int32_t opcode;
	uint32_t session_count, batch;
};

struct result {
	uint64_t message_count, wall_ns, engine_ns, node_ns;
	uint64_t session_bytes;
};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "micro-sidecar: %s\n", what);
	exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	if (clock_gettime(clock, &now) != 0)
		die("cannot read the clock");
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* What the store and the host are given */

static void on_deliver(void *context, const struct fanout *fanout)
{
	const struct packet *packet = fanout->packet;
	struct bench *bench = context;
	char text[32] = "";
	bench->delivered_count += fanout->recipient_count;
	if (packet->opcode != OPCODE_REPORT)
		return;
	memcpy(text, packet->payload.data, packet->payload.size < sizeof(text) ? packet->payload.size : sizeof(text) - 1);
	bench->reported_count++;
	bench->report_sum += strtoull(text, NULL, 10);
}

static void on_disconnect(void *context, struct player *player, enum close_reason reason, const char *text)
{
	if (reason != CLOSE_SHUTDOWN)
		die(text);
}

static void on_drop(void *context, enum drop_reason reason, uint64_t count)
{
	die(ringcast_drop_text(reason));
}

static void on_admitted(void *context, struct player *player, enum drop_reason reason) {}

static uint64_t now_of(void *context)
{
	return ((struct bench *)context)->now_ns;
}

static void fill(void *context, void *out, size_t size)
{
	static uint8_t next;
	for (size_t i = 0; i < size; i++)
		((uint8_t *)out)[i] = (uint8_t)(next += 37);
}

static void on_log(void *context, struct session *session, enum script_level level, const char *text, size_t size)
{
	fprintf(stderr, "script: %.*s\n", (int)size, text);
	if (level >= SCRIPT_ERROR)
		exit(1);
}

static void on_count(void *context, enum script_count what) {}

/* The pair */

static void turn(struct bench *bench)
{
	static uint8_t bytes[READ_BYTES];
	int socket = bench->process.socket;
	struct view pending = ringcast_sidecar_pending(bench->host, 0);
	struct pollfd pollfd = {.fd = socket, .events = (short)(POLLIN | (pending.size > 0 ? POLLOUT : 0))};
	poll(&pollfd, 1, 1000);
	bench->now_ns = clock_ns(CLOCK_MONOTONIC);
	if (pollfd.revents & POLLIN) {
		ssize_t size = recv(socket, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (size <= 0 || !ringcast_sidecar_feed(bench->host, 0, ringcast_view_of(bytes, (size_t)size), bench->now_ns))
			die("the sidecar is gone");
	}
	pending = ringcast_sidecar_pending(bench->host, 0);
	ssize_t size = pending.size > 0 ? send(socket, pending.data, pending.size, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
	if (size > 0)
		ringcast_sidecar_sent(bench->host, 0, (size_t)size);
	ringcast_sidecar_tick(bench->host, bench->now_ns);
}

static void drain(struct bench *bench)
{
	while (ringcast_sidecar_pending(bench->host, 0).size > 0)
		turn(bench);
}

/* Setting up */

static void store_start(struct bench *bench)
{
	struct buf_pool_options pool = {.class_counts = {65536, 16384, 4096, 1024, 64}};
	bench->limits = (struct session_limits){.players_per_session_max = 8, .groups_per_session_max = 8, .groups_per_player_max = 8,
						.reservation_timeout_ms = 600000, .commands_per_hook_max = 4096, .ping_interval_ms = 3000,
						.parked_player_max = 65536, .session_data_bytes = 1 << 20, .parked_session_max = 65536, .answer_timeout_ms = 600000};
	bench->pool = ringcast_buf_pool_create(&pool);
	ringcast_timer_wheel_init(&bench->wheel, bench->now_ns);
	struct store_options options = {
		.sessions_max = SESSIONS_MAX, .players_max = SESSIONS_MAX, .groups_max = 8, .memberships_max = 64, .limits = &bench->limits,
		.pool = bench->pool, .wheel = &bench->wheel, .random = fill,
		.outbox = {.context = bench, .deliver = on_deliver, .disconnect = on_disconnect, .drop = on_drop, .admitted = on_admitted}};
	if (bench->pool == NULL || !ringcast_store_init(&bench->store, &options))
		die("out of memory");
}

static void host_start(struct bench *bench, const char *folder)
{
	char error[SCRIPT_ERROR_BYTES];
	struct sidecar_process_options process = {.idle_workers = 2, .script = getenv("RINGCAST_SIDECAR") != NULL ? NULL : RINGCAST_JS_SOURCE "/sidecar.js"};
	bench->script_limits = (struct script_limits){.outgoing_bytes_max = 64 << 20, .memory_bytes = 64 << 20};
	bench->environment = (struct script_environment){
		.context = bench, .limits = &bench->script_limits, .now_ns = now_of, .random = fill, .log = on_log, .count = on_count};
	bench->script = (struct script){.name = "micro", .version = "v1", .language = SCRIPT_JS, .folder = (char *)folder,
					.main = (char *)"index.js",
					.facts.callbacks = 1 << SCRIPT_CALLBACK_INIT | 1 << SCRIPT_CALLBACK_MESSAGE | 1 << SCRIPT_CALLBACK_SEND_TO_GROUP,
					.refs = 1};
	struct sidecar_options options = {.environment = &bench->environment, .channel_count = 1, .sessions_max = SESSIONS_MAX,
					  .window_bytes = 32 << 20, .stall_timeout_ms = 60000};
	bench->host = ringcast_sidecar_create(&options);
	bench->program = ringcast_sidecar_ops.load(bench->host, &bench->script, error, sizeof(error));
	if (!ringcast_sidecar_process_start(&process, &bench->process, error, sizeof(error)))
		die(error);
	ringcast_sidecar_attach(bench->host, 0, bench->now_ns);
}

static struct player *player_start(struct bench *bench)
{
	struct session_options options = {
		.hooks = &bench->program->hooks, .hooks_context = bench->program->hooks_context, .empty_timeout_ms = UINT32_MAX};
	struct session *session;
	struct player *player;
	char token[PLAYER_TOKEN_BYTES];
	if (ringcast_session_open(&bench->store, &options, bench->now_ns, &session) != DROP_NONE ||
	    ringcast_admission_reserve(session, NULL, NULL, bench->now_ns, &player, token) != DROP_NONE ||
	    ringcast_admission_admit(&bench->store, ringcast_view_of(token, strlen(token)), ringcast_view_of(NULL, 0), bench, bench->now_ns,
				     &player) != DROP_NONE)
		die("cannot set up a session");
	ringcast_admission_accept(player, bench->now_ns);
	return player;
}

static void bench_stop(struct bench *bench)
{
	char text[64];
	for (uint32_t i = 0; i < bench->session_count; i++)
		ringcast_session_end_now(bench->players[i]->session, CLOSE_SHUTDOWN, bench->now_ns);
	ringcast_store_collect(&bench->store);
	close(bench->process.socket);
	bench->process.socket = -1;
	ringcast_sidecar_detach(bench->host, 0, bench->now_ns);
	ringcast_sidecar_process_wait(&bench->process, 10000, text, sizeof(text));
	ringcast_sidecar_process_finish(&bench->process);
	ringcast_sidecar_ops.unload(bench->host, bench->program);
	ringcast_sidecar_destroy(&bench->host);
	ringcast_store_fini(&bench->store);
	ringcast_buf_pool_destroy(&bench->pool);
}

/* Messages */

static void say(struct bench *bench, uint32_t session, int32_t opcode)
{
	struct packet packet = {.opcode = opcode, .payload = {bench->payload, bench->payload_bytes}};
	if (opcode == OPCODE_ASK)
		packet.target_group = PROTO_GROUP_ALL;
	else
		packet.target_player = PROTO_PEER_SERVER;
	if (ringcast_router_route(bench->players[session], &packet, INTENT_FAST, bench->now_ns) != DROP_NONE)
		die("a message was refused");
}

static void say_batch(struct bench *bench, const struct line *line)
{
	for (uint32_t i = 0; i < line->batch; i++)
		say(bench, i % bench->session_count, line->opcode);
}

/* Every session says how many it has had: so all were. */
static void collect_reports(struct bench *bench)
{
	bench->reported_count = bench->report_sum = 0;
	for (uint32_t i = 0; i < bench->session_count; i++)
		say(bench, i, OPCODE_REPORT);
	while (bench->reported_count < bench->session_count)
		turn(bench);
}

static uint64_t run_round(struct bench *bench, const struct line *line)
{
	for (unsigned i = 0; i < BATCHES_PER_ROUND; i++) {
		uint64_t wanted_count = bench->delivered_count + line->batch;
		say_batch(bench, line);
		drain(bench);
		while (line->opcode != OPCODE_NOTE && bench->delivered_count < wanted_count)
			turn(bench);
	}
	if (line->opcode == OPCODE_NOTE)
		collect_reports(bench);
	return (uint64_t)BATCHES_PER_ROUND * line->batch + (line->opcode == OPCODE_NOTE ? bench->session_count : 0);
}

static uint64_t run_for(struct bench *bench, const struct line *line, double seconds)
{
	uint64_t count = 0, end_ns = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(seconds * 1e9);
	while (clock_ns(CLOCK_MONOTONIC) < end_ns)
		count += run_round(bench, line);
	return count;
}

static struct result measure(const struct line *line, const char *folder, double seconds, size_t payload_bytes)
{
	static struct bench bench;
	struct result result = {0};
	clockid_t node_clock;
	bench = (struct bench){.now_ns = clock_ns(CLOCK_MONOTONIC), .payload = {1}, .payload_bytes = payload_bytes};
	store_start(&bench);
	host_start(&bench, folder);
	for (; bench.session_count < line->session_count; bench.session_count++)
		bench.players[bench.session_count] = player_start(&bench);
	if (clock_getcpuclockid(bench.process.pid, &node_clock) != 0)
		die("cannot read the CPU time of another process");
	uint64_t warm_count = run_for(&bench, line, seconds / 2); /* the compiler's time is not the script's */
	uint64_t wall_ns = clock_ns(CLOCK_MONOTONIC), engine_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID), node_ns = clock_ns(node_clock);
	result.message_count = run_for(&bench, line, seconds);
	result.wall_ns = clock_ns(CLOCK_MONOTONIC) - wall_ns;
	result.engine_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - engine_ns;
	result.node_ns = clock_ns(node_clock) - node_ns;
	collect_reports(&bench);
	if (line->opcode != OPCODE_ASK && bench.report_sum != warm_count + result.message_count + line->session_count)
		die("messages were lost");
	result.session_bytes = ringcast_sidecar_ops.session_bytes(bench.host, bench.players[0]->session);
	bench_stop(&bench);
	return result;
}

static const struct line lines[] = {
	{"notification", OPCODE_NOTE, 1, 16},   {"notification", OPCODE_NOTE, 1, 256},    {"notification", OPCODE_NOTE, 1, 4096},
	{"notification", OPCODE_NOTE, 32, 256}, {"notification", OPCODE_NOTE, 32, 4096},  {"echo", OPCODE_ECHO, 1, 1},
	{"echo", OPCODE_ECHO, 1, 256},          {"echo", OPCODE_ECHO, 32, 256},           {"verdict", OPCODE_ASK, 1, 1},
	{"verdict", OPCODE_ASK, 1, 64},         {"verdict", OPCODE_ASK, 32, 256},
};

static void print_line(const struct line *line, const struct result *result, bool is_json)
{
	double count = (double)result->message_count;
	double engine_ns = (double)result->engine_ns / count, node_ns = (double)result->node_ns / count;
	if (is_json)
		printf("{\"name\":\"%s\",\"sessions\":%u,\"batch\":%u,\"messages\":%llu,\"per_second\":%.0f,\"engine_ns\":%.1f,\"node_ns\":%.1f,"
		       "\"session_bytes\":%llu}\n",
		       line->name, line->session_count, line->batch, (unsigned long long)result->message_count,
		       count * 1e9 / (double)result->wall_ns, engine_ns, node_ns, (unsigned long long)result->session_bytes);
	else
		printf("%-13s %8u %6u %11.0f %10.0f ns %8.0f ns %13.0f %9.1f MB\n", line->name, line->session_count, line->batch,
		       count * 1e9 / (double)result->wall_ns, engine_ns, node_ns, 1e9 / (engine_ns + node_ns), (double)result->session_bytes / 1e6);
	fflush(stdout);
}

static void write_program(char *folder)
{
	char path[64];
	if (mkdtemp(folder) == NULL)
		die("cannot make a folder");
	snprintf(path, sizeof(path), "%s/index.js", folder);
	FILE *file = fopen(path, "w");
	if (file == NULL || fputs(program, file) < 0 || fclose(file) != 0)
		die("cannot write the script");
}

static void remove_program(const char *folder)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/index.js", folder);
	unlink(path);
	rmdir(folder);
}

int main(int argument_count, char **arguments)
{
	static const struct option options[] = {
		{"seconds", required_argument, NULL, 's'}, {"size", required_argument, NULL, 'z'}, {"json", no_argument, NULL, 'j'},
		{"only", required_argument, NULL, 'o'}, {0}};
	char folder[] = "/tmp/ringcast-micro-XXXXXX";
	double seconds = 3;
	size_t size = 64;
	bool is_json = false;
	const char *only = NULL;
	for (int option; (option = getopt_long(argument_count, arguments, "", options, NULL)) != -1;) {
		if (option == 's')
			seconds = strtod(optarg, NULL);
		else if (option == 'z')
			size = strtoul(optarg, NULL, 10);
		else if (option == 'j')
			is_json = true;
		else if (option == 'o')
			only = optarg;
		else
			die("usage: micro-sidecar [--seconds S] [--size BYTES] [--only NAME] [--json]");
	}
	if (seconds <= 0 || size < 1 || size > SIZE_MAX_BYTES)
		die("--seconds above 0, --size from 1 to 1200");
	write_program(folder);
	if (!is_json)
		printf("messages of %zu bytes, %.1f s a line\n%-13s %8s %6s %11s %13s %11s %13s %12s\n", size, seconds, "", "sessions", "batch",
		       "per second", "engine CPU", "Node CPU", "a core's worth", "a session");
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		if (only != NULL && strcmp(only, lines[i].name) != 0)
			continue;
		struct result result = measure(&lines[i], folder, seconds, size);
		print_line(&lines[i], &result, is_json);
	}
	remove_program(folder);
	return 0;
}
