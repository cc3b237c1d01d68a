#include "bench/load/crew.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK_MS = 200, GUESTS_MAX = 64 };
static const uint64_t go_in_ns = 100 * NS_PER_MS, patience_ns = 600 * NS_PER_S, hello_ns = 5 * NS_PER_S;

/* who takes part */

static void close_others(const struct crew *crew)
{
	for (uint32_t i = 0; i < crew->count; i++)
		close(crew->members[i].wire.fd);
}

static bool fork_one(struct crew *crew, const struct load_options *options)
{
	int fds[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return false;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		close_others(crew);
		close(fds[0]);
		bool is_pinned = !options->cpu || ringcast_load_pin(options->cpu, crew->count);
		_exit(is_pinned ? ringcast_work(fds[1], options, crew->is_stopping) : LOAD_EXIT_NOT_RUN);
	}
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return false;
	}
	crew->members[crew->count++] = (struct crew_member){.wire = {.fd = fds[0], .size_max = WIRE_REPORT_BYTES_MAX}, .pid = pid};
	return true;
}

/* As long for every wrong one. */
static bool is_same(const char *a, const char *b)
{
	size_t a_bytes = strlen(a), b_bytes = strlen(b);
	unsigned different = a_bytes != b_bytes;
	for (size_t i = 0; i < b_bytes; i++)
		different |= (unsigned)(a[a_bytes ? i % a_bytes : 0] ^ b[i]);
	return different == 0;
}

/* Who has connected and not said hello yet. Each has one deadline for the whole of it, however slowly it comes, and keeps nobody else waiting. */
struct lobby {
	int listener;
	uint32_t count;
	const char *secret;
	struct guest {
		struct wire wire;
		uint64_t until_ns;
	} guests[GUESTS_MAX];
};

/* Whoever says neither the secret nor our version is not. */
static bool is_welcome(const json_t *hello, const char *secret)
{
	const char *said = json_string_value(json_object_get(hello, "secret")), *version = json_string_value(json_object_get(hello, "version"));
	bool is_known = said && is_same(said, secret), is_ours = is_known && version && strcmp(version, RINGCAST_TOOLS_VERSION) == 0;
	if (is_known && !is_ours)
		fprintf(stderr, "ringcast-load: --listen: a worker of another version was sent away\n");
	return is_ours;
}

static void remove_guest(struct lobby *lobby, uint32_t index)
{
	ringcast_wire_fini(&lobby->guests[index].wire);
	lobby->guests[index] = lobby->guests[--lobby->count];
}

static void send_away(struct lobby *lobby, uint32_t index)
{
	close(lobby->guests[index].wire.fd);
	remove_guest(lobby, index);
}

/* When the lobby is full, who has waited longest makes room. */
static void let_in(struct lobby *lobby)
{
	int fd = accept(lobby->listener, NULL, NULL);
	uint32_t oldest = 0;
	if (fd < 0)
		return;
	for (uint32_t i = 1; i < lobby->count; i++)
		oldest = lobby->guests[i].until_ns < lobby->guests[oldest].until_ns ? i : oldest;
	if (lobby->count == GUESTS_MAX)
		send_away(lobby, oldest);
	lobby->guests[lobby->count++] =
		(struct guest){.wire = {.fd = fd, .size_max = WIRE_HELLO_BYTES_MAX}, .until_ns = ringcast_load_clock_ns() + hello_ns};
}

/* What came with the hello is dropped: a worker waits for orders before it says more. */
static void hear(struct crew *crew, struct lobby *lobby, uint32_t index)
{
	json_t *hello = NULL;
	struct guest *guest = &lobby->guests[index];
	enum wire_result result = ringcast_wire_read(&guest->wire, false, &hello);
	bool is_let_in = result == WIRE_MESSAGE && is_welcome(hello, lobby->secret);
	json_decref(hello);
	if (is_let_in) {
		crew->members[crew->count++] = (struct crew_member){.wire = {.fd = guest->wire.fd, .size_max = WIRE_REPORT_BYTES_MAX}};
		remove_guest(lobby, index);
	} else if (result != WIRE_NOTHING || ringcast_load_clock_ns() >= guest->until_ns) {
		send_away(lobby, index);
	}
}

static void look_into_lobby(struct crew *crew, struct lobby *lobby, uint64_t wanted_count)
{
	struct pollfd looks[1 + GUESTS_MAX] = {{.fd = lobby->listener, .events = POLLIN}};
	for (uint32_t i = 0; i < lobby->count; i++)
		looks[1 + i] = (struct pollfd){.fd = lobby->guests[i].wire.fd, .events = POLLIN};
	poll(looks, 1 + lobby->count, LOOK_MS);
	for (uint32_t i = lobby->count; i-- > 0 && crew->count < wanted_count;) /* backwards: the last takes the place of who goes */
		hear(crew, lobby, i);
	if (looks[0].revents)
		let_in(lobby);
}

static bool wait_for_all(struct crew *crew, const struct load_options *options)
{
	char secret[256];
	if (!ringcast_crew_read_secret(options->secret_path, secret))
		return false;
	struct lobby lobby = {.listener = ringcast_crew_open(options->listen, true), .secret = secret};
	if (lobby.listener < 0)
		return false;
	fprintf(stderr, "ringcast-load: waiting for %llu workers at %s\n", (unsigned long long)options->process_count, options->listen);
	while (crew->count < options->process_count && !*crew->is_stopping)
		look_into_lobby(crew, &lobby, options->process_count);
	while (lobby.count > 0)
		send_away(&lobby, lobby.count - 1);
	close(lobby.listener);
	return crew->count == options->process_count;
}

bool ringcast_crew_create(struct crew *crew, const struct load_options *options, volatile sig_atomic_t *is_stopping)
{
	*crew = (struct crew){.is_stopping = is_stopping};
	if (options->listen)
		return wait_for_all(crew, options);
	while (crew->count < options->process_count) {
		if (!fork_one(crew, options)) {
			fprintf(stderr, "ringcast-load: --processes: %s\n", strerror(errno));
			return false;
		}
	}
	return true;
}

void ringcast_crew_destroy(struct crew *crew)
{
	for (uint32_t i = 0; i < crew->count; i++) {
		close(crew->members[i].wire.fd);
		ringcast_wire_fini(&crew->members[i].wire);
	}
	for (uint32_t i = 0; i < crew->count; i++) {
		if (crew->members[i].pid > 0)
			waitpid(crew->members[i].pid, NULL, 0);
	}
}

/* one run */

struct crew_run {
	struct crew *crew;
	struct outcome *outcome;
	uint32_t ready_count, done_count, merged_count;
	bool has_begun, is_called_off, has_failed, is_interrupted;
};

static void tell_all(struct crew *crew, const char *name, json_int_t value)
{
	for (uint32_t i = 0; i < crew->count; i++) {
		if (!crew->members[i].is_done)
			ringcast_wire_send(crew->members[i].wire.fd, json_pack("{s:I}", name, value));
	}
}

static void call_off(struct crew_run *run)
{
	if (!run->has_begun && !run->is_called_off)
		tell_all(run->crew, "stop", 1);
	run->is_called_off = true;
}

/* They end their part at once, as interrupted. */
static void interrupt(struct crew_run *run, uint64_t *until_ns)
{
	if (run->is_interrupted)
		return;
	run->is_interrupted = true;
	call_off(run);
	*until_ns = ringcast_load_clock_ns() + 10 * NS_PER_S;
	for (uint32_t i = 0; i < run->crew->count; i++) {
		if (run->crew->members[i].pid > 0)
			kill(run->crew->members[i].pid, SIGTERM);
	}
}

static bool give_orders(struct crew *crew, const struct load_options *options)
{
	uint64_t first = 0;
	struct load_options share = *options;
	for (uint32_t i = 0; i < crew->count; i++) {
		struct crew_member *member = &crew->members[i];
		share.session_count = options->session_count / crew->count + (i < options->session_count % crew->count);
		share.churn_rate = options->churn_rate / crew->count;
		share.connect_rate = options->connect_rate / crew->count;
		share.seed = options->seed + i;
		member->is_ready = member->is_done = false;
		json_t *order = json_pack("{s:o, s:i, s:i, s:I}", "run", ringcast_load_options_to_json(&share), "index", (int)i, "count", (int)crew->count,
					  "session_first", (json_int_t)first);
		if (!ringcast_wire_send(member->wire.fd, order))
			return false;
		first += share.session_count;
	}
	return true;
}

static bool take_outcome(struct crew_run *run, const json_t *report)
{
	struct outcome *part = ringcast_outcome_create();
	bool is_read = part && ringcast_outcome_from_json(report, part);
	if (is_read && run->merged_count++ == 0) {
		part->options = run->outcome->options;
		part->command_line = run->outcome->command_line;
		part->started_s = run->outcome->started_s;
		part->sender_count = run->outcome->sender_count;
		json_decref(run->outcome->series);
		*run->outcome = *part;
		part->series = NULL;
	} else if (is_read) {
		is_read = ringcast_outcome_merge(run->outcome, part);
	}
	ringcast_outcome_destroy(part);
	return is_read;
}

static void lose(struct crew_run *run, struct crew_member *member, const char *why)
{
	fprintf(stderr, "ringcast-load: process %u of %u: %s\n", (unsigned)(member - run->crew->members) + 1, run->crew->count, why);
	member->is_done = true;
	run->done_count++;
	run->has_failed = true;
	call_off(run);
}

static void take_message(struct crew_run *run, struct crew_member *member, const json_t *message)
{
	const json_t *report = json_object_get(message, "outcome");
	if (json_is_true(json_object_get(message, "ready")) && !member->is_ready) {
		member->is_ready = true;
		if (++run->ready_count == run->crew->count && !run->is_called_off) {
			run->has_begun = true;
			tell_all(run->crew, "go_in_ns", (json_int_t)go_in_ns);
		}
		return;
	}
	if (!report || !take_outcome(run, report)) {
		lose(run, member, report ? "its report cannot be read" : "it could not play its part");
		return;
	}
	member->is_done = true;
	run->done_count++;
	call_off(run); /* before all began: nobody else waits for one who has given up */
}

static void serve(struct crew_run *run, struct crew_member *member)
{
	json_t *message;
	enum wire_result result = WIRE_MESSAGE;
	while (!member->is_done && (result = ringcast_wire_read(&member->wire, false, &message)) == WIRE_MESSAGE) {
		take_message(run, member, message);
		json_decref(message);
	}
	if (!member->is_done && result == WIRE_GONE)
		lose(run, member, "it is gone");
}

static void look(struct crew_run *run)
{
	struct pollfd looks[LOAD_PROCESSES_MAX];
	for (uint32_t i = 0; i < run->crew->count; i++)
		looks[i] = (struct pollfd){.fd = run->crew->members[i].is_done ? -1 : run->crew->members[i].wire.fd, .events = POLLIN};
	if (poll(looks, run->crew->count, LOOK_MS) <= 0)
		return;
	for (uint32_t i = 0; i < run->crew->count; i++) {
		if (looks[i].revents)
			serve(run, &run->crew->members[i]);
	}
}

enum load_exit ringcast_crew_run(struct crew *crew, const struct load_options *options, struct outcome *ret_outcome)
{
	struct crew_run run = {.crew = crew, .outcome = ret_outcome};
	double seconds = options->ramp_seconds + options->warmup_seconds + options->duration_seconds;
	uint64_t until_ns = ringcast_load_clock_ns() + patience_ns + (uint64_t)(seconds * 1e9);
	ret_outcome->sender_count = (uint32_t)(options->sender_count ? options->sender_count : options->player_count);
	if (!give_orders(crew, options)) {
		fprintf(stderr, "ringcast-load: a process of the run is gone\n");
		return LOAD_EXIT_NOT_RUN;
	}
	while (run.done_count < crew->count && ringcast_load_clock_ns() < until_ns) {
		look(&run);
		if (*crew->is_stopping)
			interrupt(&run, &until_ns);
	}
	return run.has_failed || run.done_count < crew->count || *crew->is_stopping ? LOAD_EXIT_NOT_RUN : LOAD_EXIT_KEPT;
}
