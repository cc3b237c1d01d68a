#include "control/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "base/assert.h"
#include "metrics/prometheus.h"

static void format_limit(int resource, char ret_text[24])
{
	struct rlimit limit;
	if (getrlimit(resource, &limit) != 0)
		snprintf(ret_text, 24, "unknown");
	else if (limit.rlim_cur == RLIM_INFINITY)
		snprintf(ret_text, 24, "unlimited");
	else
		snprintf(ret_text, 24, "%" PRIu64, (uint64_t)limit.rlim_cur);
}

static void report_environment(struct logs *logs, char *const *environment)
{
	char name[OPTION_PATH_BYTES], nearest[OPTION_PATH_BYTES];
	for (; *environment; environment++)
		if (ringcast_config_is_strange_env(*environment, name, nearest))
			ringcast_logs_event(logs, RINGCAST_LOG_WARN, "unknown environment variable", "name=%s did_you_mean=%s", name,
					    nearest);
}

void ringcast_report_start(struct logs *logs, const struct config *config, const struct flags *flags, char *const *environment)
{
	ringcast_assert(logs && config && flags && environment);
	struct utsname system = {.release = "unknown"};
	char files[24], locked[24], path[512];
	uname(&system);
	ringcast_preflight_raise_files();
	format_limit(RLIMIT_NOFILE, files);
	format_limit(RLIMIT_MEMLOCK, locked);
	ringcast_logs_event(logs, RINGCAST_LOG_INFO, "ringcastd", "version=%s kernel=%s config=%s", ringcast_version(), system.release,
			    ringcast_logs_quote(flags->config_path ? flags->config_path : "", path, sizeof(path)));
	ringcast_logs_event(logs, RINGCAST_LOG_INFO, "limits", "nofile=%s memlock=%s nofile_needed=%" PRIu64 " shards=%u", files, locked,
			    ringcast_preflight_files_needed(config), ringcast_config_shard_count(config));
	report_environment(logs, environment);
}

void ringcast_report_preflight(void *context, ringcast_log_level level, const char *message, const char *fields)
{
	ringcast_logs_sink(context, level, "preflight", message, fields);
}

/* The ports as the engine really has them, "7778-7781" for a run and commas between runs. */
static void format_udp_ports(ringcast_engine *engine, const struct config *config, char *out, size_t size)
{
	size_t used = 0;
	uint16_t first = 0, last = 0;
	uint32_t per_shard = config->listen_udp ? config->listen_udp_ports_per_shard : 0;
	uint32_t count = ringcast_engine_shard_count(engine) * per_shard;
	snprintf(out, size, "off");
	for (uint32_t i = 0; i <= count; i++) {
		uint16_t port = i < count ? ringcast_engine_udp_port(engine, i / per_shard, i % per_shard) : 0;
		if (first && port == last + 1) {
			last = port;
			continue;
		}
		if (first && used < size)
			used += (size_t)snprintf(out + used, size - used, first == last ? "%s%u" : "%s%u-%u", used ? "," : "", first, last);
		first = last = port;
	}
}

void ringcast_report_ready(struct logs *logs, ringcast_engine *engine, const struct config *config, const char *admin, const char *health,
			   const char *service)
{
	ringcast_assert(logs && engine && config && admin && health);
	char udp_ports[512];
	bool has_second = strcmp(config->listen_address_second.text, "none") != 0;
	format_udp_ports(engine, config, udp_ports, sizeof(udp_ports));
	static const char *const modes[] = {"default", "off", "optional", "required"};
	ringcast_logs_event(logs, RINGCAST_LOG_INFO, "ready",
			    "listen=%s%s%s tcp_port=%u udp_ports=\"%s\" admin=\"%s\" health=\"%s\" service=\"%s\" shards=%u io=%s tls=%s",
			    config->listen_address.text, has_second ? "," : "", has_second ? config->listen_address_second.text : "",
			    ringcast_engine_tcp_port(engine), udp_ports, admin, health, service, ringcast_engine_shard_count(engine),
			    ringcast_engine_io_name(engine), modes[ringcast_engine_security(engine)]);
}

static void print_certificate(ringcast_engine *engine, FILE *out)
{
	ringcast_certificate_info info;
	if (ringcast_engine_certificate(engine, &info) == RINGCAST_OK)
		fprintf(out, "  certificate for %s\n    SHA-256 %s\n", info.names, info.fingerprint);
}

/* where: address and port, unix:PATH, or "off" */
static void print_place(FILE *out, const char *what, const char *scheme, const char *where, const char *note)
{
	if (strcmp(where, "off") == 0)
		fprintf(out, "  %-7s  off\n", what);
	else if (strncmp(where, "unix:", 5) == 0)
		fprintf(out, "  %-7s  %s  (%s)\n", what, where, note);
	else
		fprintf(out, "  %-7s  %s://%s  (%s)\n", what, scheme, where, note);
}

void ringcast_report_dev(ringcast_engine *engine, const struct config *config, const char *admin, const char *service, FILE *out)
{
	ringcast_assert(engine && config && admin && out);
	char udp_ports[512];
	const char *address = config->listen_address.text;
	bool is_v6 = strchr(address, ':') != NULL;
	format_udp_ports(engine, config, udp_ports, sizeof(udp_ports));
	bool is_secure = ringcast_engine_security(engine) != RINGCAST_SECURITY_OFF;
	fprintf(out,
		"ringcastd %s, dev mode: whoever can connect may join; do not expose\n"
		"  players  ws://%s%s%s:%u%s  (udp %s)\n",
		ringcast_version(), is_v6 ? "[" : "", address, is_v6 ? "]" : "", ringcast_engine_tcp_port(engine),
		is_secure ? ", or wss" : "", udp_ports);
	print_place(out, "admin", *config->admin_tls_certificate.text ? "https" : "http", admin, "/healthz, /metrics, /v1/sessions");
	print_place(out, "service", "http", service, "AWS SDKs: --endpoint-url; any key, any fleet-...");
	print_certificate(engine, out);
}

void ringcast_report_demo(ringcast_engine *engine, const char *session_id, FILE *out)
{
	ringcast_session_info info;
	if (ringcast_session_describe(engine, session_id, &info) == RINGCAST_OK) /* else its script has ended it already, and the log says so */
		fprintf(out, "  session  \"%s\", up to %u players\n", info.name, info.players_max);
}

void ringcast_report_try(ringcast_engine *engine, const char *admin, bool has_script, FILE *out)
{
	ringcast_assert(engine && admin && out);
	/* a script has a login payload and op codes of its own: an empty one is what most take, and the chat's hello would be a command */
	fprintf(out, "try: ringcast chat demo --as alice%s", has_script ? " --login-payload '' --to server" : "");
	if (strcmp(admin, "off") == 0)
		fprintf(out, " --server localhost:%u", ringcast_engine_tcp_port(engine));
	else if (strcmp(admin, "127.0.0.1:9080") != 0)
		fprintf(out, " --admin %s%s", strncmp(admin, "unix:", 5) == 0 ? "" : "http://", admin);
	fprintf(out, "%s\n", has_script ? "  (then type /op N TEXT: what the script takes)" : "");
	fflush(out);
}

struct bill_page {
	FILE *out;
	bool is_own; /* which half is being printed */
};

static void print_line(FILE *out, const char *part, uint64_t bytes)
{
	fprintf(out, "  %-46s %10.1f MiB\n", part, (double)bytes / 1048576.0);
}

static void print_part(void *context, const char *part, uint64_t bytes, bool is_own)
{
	struct bill_page *page = context;
	if (is_own == page->is_own)
		print_line(page->out, part, bytes);
}

void ringcast_report_memory_bill(const struct config *config, FILE *out)
{
	ringcast_assert(config && out);
	ringcast_engine_options options;
	uint64_t own_bytes, most_bytes;
	struct bill_page page = {out, true};
	ringcast_config_engine_options(config, &options);
	if (config->tls_certificate.text[0])
		options.certificate = config->tls_certificate.text; /* that there is one is all the bill asks */
	ringcast_preflight_memory(config, &own_bytes, &most_bytes);
	fprintf(out, "memory at most, with %u shards:\n", options.shard_count);
	ringcast_memory_bill(&options, print_part, &page);
	print_line(out, "the engine's own, which must fit", own_bytes);
	page.is_own = false;
	ringcast_memory_bill(&options, print_part, &page);
	print_line(out, "requests and answers of the admin API", config->admin_memory_max_bytes);
	print_line(out, "sum, if all of it came at once", most_bytes);
	print_line(out, "this machine, or its cgroup, has", ringcast_memory_limit());
	fprintf(out, "open files needed: %" PRIu64 "\n", ringcast_preflight_files_needed(config));
}

void ringcast_report_dump(ringcast_engine *engine, FILE *out)
{
	ringcast_assert(engine && out);
	char *text = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size); /* so that it goes out in one piece, between log lines */
	struct prometheus *prometheus = ringcast_prometheus_create();
	bool is_written = false;
	if (memory && prometheus) {
		ringcast_metrics_each(engine, ringcast_prometheus_add, prometheus);
		is_written = ringcast_prometheus_write(prometheus, memory);
	}
	ringcast_prometheus_destroy(&prometheus);
	if (memory && fclose(memory) == 0 && is_written)
		fwrite(text, 1, size, out);
	free(text);
}
