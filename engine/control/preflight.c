#include "control/preflight.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/io_uring.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/attr.h"
#include "control/admin_tls.h"
#include "control/service.h"
#include "control/player_keys.h"
#include "control/tls_files.h"
#include "control/tokens.h"
#include "control/value.h"

/* Per shard: ring, wake-up and timer descriptors, a spare for accept. For the process: stdio, log, signals, connections of the admin API and of health. OF_SERVICE: connections that were cut and
 * still tidy up, the store, webhooks. */
#define FILES_PER_SHARD 16
#define FILES_OF_PROCESS 1200
#define FILES_OF_SERVICE 1000
#define CERTIFICATE_WARN_S (14 * 86400)

struct preflight {
	const struct config *config;
	enum preflight_mode mode;
	bool is_failed;
	preflight_fn *found;
	void *context;
};

PRINTF_LIKE(4, 5)
static void report(struct preflight *preflight, ringcast_log_level level, const char *message, const char *fields_format, ...)
{
	char fields[512];
	va_list arguments;
	va_start(arguments, fields_format);
	vsnprintf(fields, sizeof(fields), fields_format, arguments);
	va_end(arguments);
	preflight->is_failed |= level == RINGCAST_LOG_ERROR;
	preflight->found(preflight->context, level, message, fields);
}

void ringcast_preflight_raise_files(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files); /* on refusal the check below sees the old limit and says so */
}

static uint32_t address_count(const struct config *config)
{
	return strcmp(config->listen_address_second.text, "none") == 0 ? 1 : 2;
}

uint64_t ringcast_preflight_files_needed(const struct config *config)
{
	ringcast_assert(config);
	uint64_t udp_ports = config->listen_udp ? config->listen_udp_ports_per_shard : 0;
	uint64_t per_shard = config->limits.connections_max + (1 + udp_ports) * address_count(config) + FILES_PER_SHARD;
	uint64_t of_service = strcmp(config->service_address.text, "off") != 0 ? config->service_connections_max + FILES_OF_SERVICE : 0;
	return ringcast_config_shard_count(config) * per_shard + of_service + FILES_OF_PROCESS;
}

static void check_files(struct preflight *preflight)
{
	struct rlimit files;
	uint64_t needed = ringcast_preflight_files_needed(preflight->config);
	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY || files.rlim_cur >= needed)
		return;
	report(preflight, preflight->mode == PREFLIGHT_DEV ? RINGCAST_LOG_WARN : RINGCAST_LOG_ERROR, "too few open files allowed",
	       "needed=%" PRIu64 " allowed=%" PRIu64 " remedy=\"LimitNOFILE=%" PRIu64 " in the systemd unit, ulimit -n %" PRIu64
	       " in a shell, --ulimit nofile=%" PRIu64 " for docker run; or lower limits.connections_max (%u per shard, %u shards) or service.connections_max (%u)\"",
	       needed, (uint64_t)files.rlim_cur, needed, needed, needed, preflight->config->limits.connections_max,
	       ringcast_config_shard_count(preflight->config), preflight->config->service_connections_max);
}

static int read_sysctl(const char *path)
{
	int value = 0;
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%d", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

const char *ringcast_preflight_uring_problem(void)
{
	struct io_uring_params parameters = {0};
	long fd = syscall(__NR_io_uring_setup, 4, &parameters);
	if (fd >= 0) {
		long entered = syscall(__NR_io_uring_enter, (int)fd, 0, 0, 0, NULL, 0); /* a filter may forbid this alone */
		int problem = errno;
		close((int)fd);
		if (entered >= 0)
			return NULL;
		errno = problem;
	}
	switch (errno) {
	case ENOSYS:
		return "this kernel has no io_uring, or a seccomp filter hides it: Linux 5.19 or newer; for Docker a seccomp profile that "
		       "allows io_uring_setup, io_uring_enter and io_uring_register";
	case EPERM:
	case EACCES:
		if (read_sysctl("/proc/sys/kernel/io_uring_disabled") > 0)
			return "io_uring is switched off: sysctl kernel.io_uring_disabled=0";
		return "a seccomp filter forbids io_uring, as Docker's default profile does: a profile that allows io_uring_setup, "
		       "io_uring_enter and io_uring_register";
	case ENOMEM:
		return "too little locked memory for io_uring: LimitMEMLOCK=infinity in the systemd unit, ulimit -l unlimited in a shell, "
		       "--ulimit memlock=-1 for docker run";
	default:
		return "io_uring_setup failed for another reason; see dmesg";
	}
}

static void check_uring(struct preflight *preflight)
{
	const char *problem = preflight->config->io == RINGCAST_IO_EPOLL ? NULL : ringcast_preflight_uring_problem();
	if (!problem)
		return;
	if (preflight->config->io == RINGCAST_IO_URING)
		report(preflight, RINGCAST_LOG_ERROR, "io_uring is not available", "remedy=\"%s; or io: auto\"", problem);
	else
		report(preflight, RINGCAST_LOG_WARN, "io_uring is not available, using epoll", "remedy=\"%s\"", problem);
}

/* Registered buffers count as locked memory for a process without CAP_IPC_LOCK. */
static void check_memlock(struct preflight *preflight)
{
	struct rlimit locked;
	if (preflight->config->io == RINGCAST_IO_EPOLL || geteuid() == 0 || getrlimit(RLIMIT_MEMLOCK, &locked) != 0)
		return;
	uint64_t wanted = (uint64_t)ringcast_config_shard_count(preflight->config) * (1u << 20);
	if (locked.rlim_cur != RLIM_INFINITY && locked.rlim_cur < wanted)
		report(preflight, RINGCAST_LOG_WARN, "little locked memory allowed",
		       "wanted_bytes=%" PRIu64 " allowed_bytes=%" PRIu64
		       " remedy=\"LimitMEMLOCK=infinity in the systemd unit, ulimit -l unlimited in a shell\"",
		       wanted, (uint64_t)locked.rlim_cur);
}

static const char *bind_remedy(int problem)
{
	switch (problem) {
	case EADDRINUSE:
		return "another process has it: find it with ss -lntup, stop it, or choose another port";
	case EACCES:
		return "ports below 1024 need AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd unit, or a higher port";
	case EADDRNOTAVAIL:
		return "no interface of this machine has the address: see ip address";
	case EAFNOSUPPORT:
		return "this machine has no such address family: is IPv6 disabled?";
	default:
		return "the system refused";
	}
}

/* Binds and lets go again, without SO_REUSEPORT, under which two daemons would silently share the port. Returns 0 or errno. */
static int try_bind(const struct endpoint *endpoint, int type)
{
	int one = 1, problem = 0;
	int fd = socket(endpoint->any.sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (endpoint->any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, &endpoint->any, endpoint->size) != 0 || (type == SOCK_STREAM && listen(fd, 1) != 0))
		problem = errno;
	close(fd);
	return problem;
}

static void check_port(struct preflight *preflight, const struct endpoint *endpoint, int type, const char *key)
{
	char text[VALUE_TEXT_BYTES];
	int problem = try_bind(endpoint, type);
	if (problem == 0)
		return;
	bool is_own_perhaps = preflight->mode == PREFLIGHT_CHECK && problem == EADDRINUSE;
	ringcast_value_format_endpoint(endpoint, text);
	report(preflight, is_own_perhaps ? RINGCAST_LOG_WARN : RINGCAST_LOG_ERROR, problem == EADDRINUSE ? "port in use" : "cannot listen",
	       "key=%s %s=%s err=\"%s\" remedy=\"%s\"", key, type == SOCK_STREAM ? "tcp" : "udp", text, strerror(problem),
	       bind_remedy(problem));
}

/* The game's ports on one address; the first UDP port that fails speaks for the rest. */
static void check_game_ports(struct preflight *preflight, const char *address)
{
	const struct config *config = preflight->config;
	struct endpoint endpoint;
	bool is_address = ringcast_value_parse_address(address, (uint16_t)config->listen_tcp_port, &endpoint);
	ringcast_assert(is_address);
	if (endpoint.size == 0)
		return;
	check_port(preflight, &endpoint, SOCK_STREAM, "listen.tcp_port");
	uint32_t udp_count = ringcast_config_shard_count(config) * config->listen_udp_ports_per_shard;
	if (!config->listen_udp || config->listen_udp_port_base == 0 || preflight->is_failed)
		return;
	for (uint32_t i = 0; i < udp_count && !preflight->is_failed; i++) {
		ringcast_value_parse_address(address, (uint16_t)(config->listen_udp_port_base + i), &endpoint);
		check_port(preflight, &endpoint, SOCK_DGRAM, "listen.udp_port_base");
	}
}

static void check_endpoint(struct preflight *preflight, const char *address, const char *key)
{
	struct endpoint endpoint;
	bool is_endpoint = ringcast_value_parse_endpoint(address, &endpoint);
	ringcast_assert(is_endpoint);
	if (endpoint.size > 0 && endpoint.any.sa_family != AF_UNIX)
		check_port(preflight, &endpoint, SOCK_STREAM, key);
}

static void check_admin(struct preflight *preflight)
{
	struct endpoint endpoint;
	bool is_endpoint = ringcast_value_parse_endpoint(preflight->config->admin_address.text, &endpoint);
	ringcast_assert(is_endpoint);
	if (endpoint.size == 0 || endpoint.any.sa_family == AF_UNIX)
		return;
	check_port(preflight, &endpoint, SOCK_STREAM, "admin.address");
	if (!ringcast_value_is_loopback(&endpoint) && !(*preflight->config->admin_tls_certificate.text && *preflight->config->admin_tokens.text))
		report(preflight, RINGCAST_LOG_WARN,
		       *preflight->config->admin_tokens.text ? "the admin API's tokens travel in clear" : "the admin API is open to whoever reaches it",
		       "admin=%s remedy=\"admin.tls_certificate, or admin.address: 127.0.0.1:9080 or unix:/path behind a proxy with TLS, or a network of your own\"",
		       preflight->config->admin_address.text);
}

/* memory */

struct memory_sum {
	uint64_t own_bytes;
};

static void add_own(void *context, const char *part, uint64_t bytes, bool is_own)
{
	struct memory_sum *sum = context;
	(void)part;
	sum->own_bytes += is_own ? bytes : 0;
}

void ringcast_preflight_memory(const struct config *config, uint64_t *ret_own_bytes, uint64_t *ret_most_bytes)
{
	ringcast_assert(config && ret_own_bytes && ret_most_bytes);
	ringcast_engine_options options;
	struct memory_sum sum = {0};
	ringcast_config_engine_options(config, &options);
	if (config->tls_certificate.text[0])
		options.certificate = config->tls_certificate.text; /* that there is one is all the bill asks */
	*ret_most_bytes = ringcast_memory_bill(&options, add_own, &sum) + config->admin_memory_max_bytes;
	*ret_own_bytes = sum.own_bytes;
}

/* The engine's own must fit, or players will meet the end of memory; what may come besides is a bound that nobody need reach. */
static void check_memory(struct preflight *preflight)
{
	uint64_t own_bytes, most_bytes, limit_bytes = ringcast_memory_limit();
	ringcast_preflight_memory(preflight->config, &own_bytes, &most_bytes);
	if (own_bytes > limit_bytes)
		report(preflight, RINGCAST_LOG_ERROR, "the limits take more memory than there is",
		       "needed_mib=%" PRIu64 " allowed_mib=%" PRIu64
		       " remedy=\"--check-config lists the parts: lower limits.* or shards.count, or give the cgroup more (MemoryMax)\"",
		       own_bytes >> 20, limit_bytes >> 20);
	else if (most_bytes > limit_bytes && preflight->mode != PREFLIGHT_DEV)
		report(preflight, RINGCAST_LOG_WARN, "players and scripts could take more memory than there is",
		       "most_mib=%" PRIu64 " allowed_mib=%" PRIu64 " remedy=\"--check-config lists the parts: scripts.memory_max times limits.sessions_max, "
		       "limits.connections_max\"",
		       most_bytes >> 20, limit_bytes >> 20);
}

/* secrets */

static void check_secret(struct preflight *preflight, const char *key, const char *path)
{
	struct stat status;
	if (*path && stat(path, &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH)))
		report(preflight, RINGCAST_LOG_WARN, "a secret can be read by everybody on this machine",
		       "key=%s file=\"%s\" mode=%04o remedy=\"chmod 0600, and in the unit LoadCredential=\"", key, path, (unsigned)status.st_mode & 07777);
}

/* Root without capabilities still owns root's files. */
static void check_game_servers(struct preflight *preflight)
{
	const struct config *config = preflight->config;
	if (geteuid() == 0 && ringcast_control_service_is_on(config) && *config->service_builds.text != '\0' && *config->service_server_user.text == '\0')
		report(preflight, RINGCAST_LOG_WARN, "custom game servers run as root", "key=service.server_user remedy=\"name a user that may read service.builds\"");
}

/* At a start the engine warns by itself. */
static void check_expiry(struct preflight *preflight)
{
	struct tls_files files;
	struct config_error error;
	ringcast_certificate_info info;
	if (!*preflight->config->tls_certificate.text || !ringcast_tls_files_load(preflight->config, &files, &error))
		return;
	if (ringcast_certificate_read(files.certificate, files.key, &info, error.text, sizeof(error.text)) == RINGCAST_OK) {
		int64_t left_s = (int64_t)info.not_after_s - (int64_t)time(NULL);
		if (left_s < CERTIFICATE_WARN_S)
			report(preflight, RINGCAST_LOG_WARN, "the certificate expires soon", "key=tls.certificate file=\"%s\" days_left=%" PRId64,
			       preflight->config->tls_certificate.text, left_s / 86400);
	}
	ringcast_tls_files_free(&files);
}

bool ringcast_preflight_files(const struct config *config, bool is_dev, struct config_error *reterr)
{
	struct tokens tokens = {0};
	struct admin_tls *tls = NULL;
	ringcast_assert(config && reterr);
	struct player_keys keys;
	bool is_good = ringcast_player_keys_load(config, &keys, reterr) && ringcast_tokens_load(config, &tokens, reterr) && ringcast_admin_tls_load(config, &tls, reterr);
	ringcast_player_keys_forget(&keys);
	ringcast_tokens_forget(&tokens);
	ringcast_admin_tls_free(&tls);
	return is_good && ringcast_control_service_check(config, is_dev, reterr) && ringcast_tls_files_check(config, is_dev, reterr);
}

bool ringcast_preflight_run(const struct config *config, enum preflight_mode mode, preflight_fn *found, void *context)
{
	ringcast_assert(config && found);
	struct preflight preflight = {.config = config, .mode = mode, .found = found, .context = context};
	ringcast_preflight_raise_files();
	check_files(&preflight);
	check_memory(&preflight);
	check_uring(&preflight);
	check_memlock(&preflight);
	check_game_ports(&preflight, config->listen_address.text);
	check_game_ports(&preflight, config->listen_address_second.text);
	check_endpoint(&preflight, config->admin_health_address.text, "admin.health_address");
	check_endpoint(&preflight, config->service_address.text, "service.address");
	check_admin(&preflight);
	check_secret(&preflight, "tls.key", config->tls_key.text);
	check_secret(&preflight, "admin.tokens", config->admin_tokens.text);
	check_secret(&preflight, "admin.tls_key", config->admin_tls_key.text);
	check_secret(&preflight, "player_tokens.keys", config->player_tokens_keys.text);
	check_secret(&preflight, "service.keys", config->service_keys.text);
	check_secret(&preflight, "service.webhooks", config->service_webhooks.text);
	check_game_servers(&preflight);
	if (mode == PREFLIGHT_CHECK)
		check_expiry(&preflight);
	return !preflight.is_failed;
}
