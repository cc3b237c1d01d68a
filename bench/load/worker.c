/* The side of a process that plays its part in a run of several. */
#include "bench/load/crew.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* One worker has one coordinator; what came of its messages stays here between two. */
static struct wire from_coordinator;

/* What a coordinator may set. Whom to load, whom to trust and which files to write is said on the worker's own command line. */
static const char *const shared_options[] = {
	"server",  "admin",  "no-admin", "token-prefix", "sessions", "players", "senders",      "rate",        "size", "reliable", "to-group", "to-player", "groups",
	"grid",    "moves",  "tcp",      "secure",       "host-name", "ramp",   "warmup",       "duration",    "churn", "connect-rate", "spin", "server-pid", "seed",
};

static const struct load_option *find_option(const char *name)
{
	const struct load_option *option;
	for (size_t i = 0; (option = ringcast_load_options_at(i)); i++) {
		if (strcmp(option->name, name) == 0)
			return option;
	}
	return NULL;
}

static bool set_option(const struct load_option *option, const json_t *value, struct load_options *options)
{
	void *field = (char *)options + option->offset;
	if (option->type == LOAD_OPTION_FLAG && json_is_boolean(value))
		*(bool *)field = json_is_true(value);
	else if (option->type == LOAD_OPTION_COUNT && json_is_integer(value) && json_integer_value(value) >= 0)
		*(uint64_t *)field = (uint64_t)json_integer_value(value);
	else if (option->type == LOAD_OPTION_TEXT && (json_is_null(value) || json_is_string(value)))
		*(const char **)field = json_string_value(value);
	else if (option->type >= LOAD_OPTION_SECONDS && option->type <= LOAD_OPTION_PERCENT && json_is_number(value) && json_number_value(value) >= 0)
		*(double *)field = json_number_value(value);
	else
		return false;
	return true;
}

/* Texts stay the order's: it outlives the run. */
static bool read_order(const json_t *order, struct load_options *options, struct load_part *part)
{
	const json_t *run = json_object_get(order, "run");
	for (size_t i = 0; i < sizeof(shared_options) / sizeof(shared_options[0]); i++) {
		const json_t *value = json_object_get(run, shared_options[i]);
		if (!value || !set_option(find_option(shared_options[i]), value, options))
			return false;
	}
	json_int_t index = json_integer_value(json_object_get(order, "index")), count = json_integer_value(json_object_get(order, "count"));
	json_int_t first = json_integer_value(json_object_get(order, "session_first"));
	if (index < 0 || count < 1 || index >= count || count > LOAD_PROCESSES_MAX || first < 0 || first > 1000000)
		return false;
	part->index = (uint32_t)index;
	part->count = (uint32_t)count;
	part->session_first = (uint32_t)first;
	options->process_count = options->repeat_count = 1;
	options->search_rate = 0;
	options->slo = options->listen = options->work_for = options->histograms_path = NULL;
	const char *problem = ringcast_load_options_problem(options);
	if (problem)
		fprintf(stderr, "ringcast-load: the coordinator asks for what makes no sense: %s\n", problem);
	return !problem;
}

static bool play(int fd, const json_t *order, const struct load_options *own, volatile sig_atomic_t *is_stopping)
{
	struct load_options options = *own;
	struct load_part part = {.fd = fd};
	struct outcome *outcome = ringcast_outcome_create();
	enum load_exit code = LOAD_EXIT_NOT_RUN;
	if (outcome && read_order(order, &options, &part)) {
		outcome->options = options;
		outcome->command_line = "";
		code = ringcast_world_run(&options, &part, is_stopping, outcome);
	}
	json_t *answer = code == LOAD_EXIT_KEPT ? json_pack("{s:o}", "outcome", ringcast_outcome_to_json(outcome)) : json_pack("{s:b}", "failed", 1);
	ringcast_outcome_destroy(outcome);
	return ringcast_wire_send(fd, answer);
}

int ringcast_work(int fd, const struct load_options *own, volatile sig_atomic_t *is_stopping)
{
	bool is_there = true;
	from_coordinator = (struct wire){.fd = fd, .size_max = WIRE_ORDER_BYTES_MAX};
	while (is_there && !*is_stopping) {
		json_t *message;
		is_there = ringcast_wire_read(&from_coordinator, true, &message) == WIRE_MESSAGE;
		/* what calls off a run that is over already comes late, and means nothing */
		if (is_there && json_object_get(message, "run"))
			is_there = play(fd, message, own, is_stopping);
		json_decref(message);
	}
	ringcast_wire_fini(&from_coordinator);
	return LOAD_EXIT_KEPT;
}

bool ringcast_part_ready(const struct load_part *part)
{
	return ringcast_wire_send(part->fd, json_pack("{s:b}", "ready", 1));
}

bool ringcast_part_hear(const struct load_part *part, uint64_t now_ns, uint64_t *ret_go_ns)
{
	json_t *message;
	enum wire_result result = ringcast_wire_read(&from_coordinator, false, &message);
	if (result != WIRE_MESSAGE)
		return result == WIRE_NOTHING;
	json_int_t in_ns = json_integer_value(json_object_get(message, "go_in_ns"));
	json_decref(message);
	if (in_ns <= 0 || (uint64_t)in_ns > 60 * NS_PER_S)
		return false;
	*ret_go_ns = now_ns + (uint64_t)in_ns;
	return true;
}

bool ringcast_crew_read_secret(const char *path, char out[256])
{
	FILE *file = fopen(path, "re");
	bool is_read = file && fgets(out, 256, file);
	if (file)
		fclose(file);
	if (is_read)
		out[strcspn(out, "\r\n")] = '\0';
	if (is_read && strlen(out) >= 16)
		return true;
	fprintf(stderr, "ringcast-load: --secret: %s: its first line must have 16 characters at least\n", path);
	return false;
}

static int open_at(const struct addrinfo *at, bool is_listening)
{
	const int on = 1;
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (is_listening ? bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, LOAD_PROCESSES_MAX) == 0
			 : connect(fd, at->ai_addr, at->ai_addrlen) == 0)
		return fd;
	close(fd);
	return -1;
}

int ringcast_crew_open(const char *host_and_port, bool is_listening)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *addresses = NULL;
	char host[256];
	const char *colon = strrchr(host_and_port, ':');
	int fd = -1;
	if (colon && colon > host_and_port) {
		bool is_bracketed = host_and_port[0] == '[' && colon[-1] == ']';
		snprintf(host, sizeof(host), "%.*s", (int)(colon - host_and_port) - 2 * is_bracketed, host_and_port + is_bracketed);
		if (getaddrinfo(host, colon + 1, &hints, &addresses) == 0) {
			fd = open_at(addresses, is_listening);
			freeaddrinfo(addresses);
		}
	}
	if (fd < 0)
		fprintf(stderr, "ringcast-load: %s: cannot %s there\n", host_and_port, is_listening ? "listen" : "connect");
	return fd;
}

int ringcast_work_for(const struct load_options *own, volatile sig_atomic_t *is_stopping)
{
	char secret[256];
	if (!ringcast_crew_read_secret(own->secret_path, secret))
		return LOAD_EXIT_NOT_RUN;
	int fd = ringcast_crew_open(own->work_for, false);
	if (fd < 0)
		return LOAD_EXIT_NOT_RUN;
	int code = LOAD_EXIT_NOT_RUN;
	if (ringcast_wire_send(fd, json_pack("{s:s, s:s}", "secret", secret, "version", RINGCAST_TOOLS_VERSION)))
		code = ringcast_work(fd, own, is_stopping);
	close(fd);
	return code;
}
