/* The life of the daemon: start, loop, drain, stop. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/pause.h"
#include "base/types.h"
#include "control/daemon_private.h"
#include "control/notify.h"
#include "control/player_keys.h"
#include "control/report.h"
#include "control/tls_files.h"
#include "control/tokens.h"

#define STOP_TIMEOUT_MS 2000 /* for close frames and what is queued, once the drain is over */
#define STOP_TIMEOUT_DEV_MS 200
#define STOP_PATIENCE_MS 5000 /* beyond those; then a shard is stuck, as in a compiled loop of a script */
#define CERTIFICATE_LOOK_S 86400 /* between two looks at when it expires */
#define CERTIFICATE_WARN_S (14 * 86400)
#define TICKETS_RENEWED_S 43200 /* whoever steals a key of tickets can read what half a day's resumed TLS 1.2 sessions said, not more */
#define ROUND_MS 250 /* how often a drain looks whether the players have left */

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* start */

/* A shard's thread. Rare beside messages, and nobody holds the lock for long. */
static void on_change(void *context, const ringcast_change *change)
{
	struct daemon *daemon = context;
	pthread_rwlock_rdlock(&daemon->service_lock);
	if (daemon->service)
		ringcast_service_hear(daemon->service, change);
	pthread_rwlock_unlock(&daemon->service_lock);
}

static void on_event(void *context, const ringcast_event *event)
{
	struct daemon *daemon = context;
	pthread_rwlock_rdlock(&daemon->service_lock);
	if (daemon->service)
		ringcast_service_hear_event(daemon->service, event);
	pthread_rwlock_unlock(&daemon->service_lock);
}

/* Before the service has begun, and when it has ended, somebody answers all the same. */
static void on_question(void *context, const ringcast_question *question)
{
	static const char unavailable[] = "{\"Error\":\"ServiceUnavailableException\",\"Message\":\"the service starts or stops\"}";
	struct daemon *daemon = context;
	pthread_rwlock_rdlock(&daemon->service_lock);
	if (daemon->service)
		ringcast_service_hear_question(daemon->service, question);
	else
		ringcast_question_answer_post(daemon->engine, question->session_id, question->number, unavailable, sizeof(unavailable) - 1);
	pthread_rwlock_unlock(&daemon->service_lock);
}

static void on_script_log(void *context, const char *session_id, const char *level, const char *text, size_t text_bytes)
{
	struct daemon *daemon = context;
	pthread_rwlock_rdlock(&daemon->service_lock);
	if (daemon->service)
		ringcast_service_hear_log(daemon->service, session_id, level, text, text_bytes);
	pthread_rwlock_unlock(&daemon->service_lock);
}

static bool create_engine(struct daemon *daemon, const struct tls_files *files, const struct player_keys *keys)
{
	char error[512] = "", quoted[600];
	ringcast_engine_options options;
	ringcast_tls_files_options(&daemon->config, files, daemon->flags->is_dev, &options);
	options.token_keys = keys->list;
	options.token_key_count = keys->count;
	options.token_audience = daemon->config.player_tokens_audience.text;
	options.log = ringcast_logs_sink;
	options.log_context = daemon->logs;
	options.change = on_change;
	options.change_context = daemon;
	options.script_log = on_script_log;
	options.script_log_context = daemon;
	options.event = ringcast_control_service_is_on(&daemon->config) ? on_event : NULL; /* else games are told that nobody listens */
	options.event_context = daemon;
	options.question = options.event != NULL ? on_question : NULL;
	options.question_context = daemon;
	options.log_level_min = RINGCAST_LOG_DEBUG; /* the sink filters, so that a reload can lower the level */
	int result = ringcast_engine_create(&options, &daemon->engine, error, sizeof(error));
	if (result == RINGCAST_OK)
		result = ringcast_engine_start(daemon->engine, error, sizeof(error));
	if (result != RINGCAST_OK)
		ringcast_logs_event(daemon->logs, RINGCAST_LOG_ERROR, "the engine did not start", "err=%s",
				    ringcast_logs_quote(*error ? error : ringcast_error_text(result), quoted, sizeof(quoted)));
	return result == RINGCAST_OK;
}

static bool start_engine(struct daemon *daemon)
{
	struct config_error error;
	struct tls_files files;
	struct player_keys keys;
	char quoted[600];
	if (!ringcast_player_keys_load(&daemon->config, &keys, &error) || !ringcast_tls_files_load(&daemon->config, &files, &error)) {
		ringcast_player_keys_forget(&keys);
		ringcast_logs_event(daemon->logs, RINGCAST_LOG_ERROR, "the engine did not start", "err=%s",
				    ringcast_logs_quote(error.text, quoted, sizeof(quoted)));
		return false;
	}
	bool is_started = create_engine(daemon, &files, &keys);
	ringcast_player_keys_forget(&keys);
	ringcast_tls_files_free(&files);
	return is_started;
}

static bool refuse_http(struct daemon *daemon, const struct config_error *error)
{
	char quoted[600];
	ringcast_logs_event(daemon->logs, RINGCAST_LOG_ERROR, "the admin API did not start", "err=%s",
			    ringcast_logs_quote(error->text, quoted, sizeof(quoted)));
	return false;
}

static bool start_one_http(struct daemon *daemon, struct http_options *options, const char *address, struct http **ret_http)
{
	struct config_error error;
	const struct http_host host = ringcast_daemon_host(daemon);
	bool is_endpoint = ringcast_value_parse_endpoint(address, &options->endpoint);
	ringcast_assert(is_endpoint);
	if (options->endpoint.size == 0)
		return true;
	*ret_http = ringcast_http_start(&daemon->config, options, &host, &error);
	return *ret_http || refuse_http(daemon, &error);
}

static bool start_http(struct daemon *daemon)
{
	struct config_error error;
	struct tokens tokens;
	struct http_options health = {.kind = HTTP_HEALTH}, admin = {.kind = HTTP_ADMIN, .tokens = &tokens};
	if (!ringcast_tokens_load(&daemon->config, &tokens, &error) || !ringcast_admin_tls_load(&daemon->config, &admin.tls, &error)) {
		ringcast_tokens_forget(&tokens);
		return refuse_http(daemon, &error);
	}
	bool is_started = start_one_http(daemon, &health, daemon->config.admin_health_address.text, &daemon->health) &&
			  start_one_http(daemon, &admin, daemon->config.admin_address.text, &daemon->http);
	ringcast_tokens_forget(&tokens);
	if (!daemon->http)
		ringcast_admin_tls_free(&admin.tls);
	return is_started;
}

static bool start_service(struct daemon *daemon)
{
	struct config_error error;
	char quoted[600];
	struct service *service;
	struct control_service_options options = {.engine = daemon->engine, .is_dev = daemon->flags->is_dev,
						  .audit = {.told = ringcast_audit_hear_service, .context = daemon->audit}};
	options.script = daemon->dev_script.path ? daemon->dev_script.name : NULL;
	/* Where the service's records outlive the process and the scripts do not, there is no place for them. */
	if (daemon->scripts && (*daemon->config.scripts_directory.text || !*daemon->config.service_store.text)) {
		ringcast_service_scripts_init(&daemon->service_scripts, daemon->scripts, daemon->engine);
		options.scripts = &daemon->service_scripts.base;
	}
	bool is_started = ringcast_control_service_start(&daemon->config, &options, &service, &error);
	pthread_rwlock_wrlock(&daemon->service_lock);
	daemon->service = service;
	pthread_rwlock_unlock(&daemon->service_lock);
	if (is_started)
		return true;
	ringcast_logs_event(daemon->logs, RINGCAST_LOG_ERROR, "the service did not start", "err=%s",
			    ringcast_logs_quote(error.text, quoted, sizeof(quoted)));
	return false;
}

static bool start_scripts(struct daemon *daemon)
{
	const struct config *config = &daemon->config;
	struct config_error error;
	char quoted[600];
	daemon->dev_script = (struct dev_script){.path = daemon->flags->script_path, .main = daemon->flags->script_main};
	if (!ringcast_dev_script_start(&daemon->dev_script, daemon->engine, daemon->logs))
		return false;
	if (!*config->scripts_directory.text && !daemon->flags->is_dev)
		return true;
	const struct script_store_options options = {
		.directory = config->scripts_directory.text,
		.versions_kept = config->scripts_versions_kept,
		.package = {.zip_bytes_max = config->scripts_package_max_bytes,
			    .unpacked_bytes_max = config->scripts_unpacked_max_bytes,
			    .files_max = config->scripts_files_max},
	};
	daemon->scripts = ringcast_script_store_create(&options, daemon->engine, daemon->logs, &error);
	if (daemon->scripts)
		ringcast_script_store_load(daemon->scripts);
	else
		ringcast_logs_event(daemon->logs, RINGCAST_LOG_ERROR, "no place for scripts", "err=%s",
				    ringcast_logs_quote(error.text, quoted, sizeof(quoted)));
	return daemon->scripts != NULL;
}

static bool start_demo(struct daemon *daemon)
{
	if (!daemon->flags->is_dev)
		return true;
	daemon->demo = (struct dev_session){
		.engine = daemon->engine,
		.logs = daemon->logs,
		.script = daemon->dev_script.path ? daemon->dev_script.name : NULL,
		.players_max = daemon->config.limits.players_per_session_max,
		.is_renewed_always = daemon->flags->is_reload_running,
	};
	return ringcast_dev_session_start(&daemon->demo);
}

static void announce(struct daemon *daemon)
{
	char admin[VALUE_TEXT_BYTES] = "off", health[VALUE_TEXT_BYTES] = "off", service[SERVICE_ADDRESS_BYTES] = "off";
	if (daemon->service)
		ringcast_service_address(daemon->service, service);
	if (daemon->http)
		ringcast_http_endpoint(daemon->http, admin);
	if (daemon->health)
		ringcast_http_endpoint(daemon->health, health);
	if (daemon->flags->is_dev) {
		ringcast_report_dev(daemon->engine, &daemon->config, admin, service, stdout);
		ringcast_report_demo(daemon->engine, daemon->demo.id, stdout);
		ringcast_report_try(daemon->engine, admin, daemon->dev_script.path != NULL, stdout);
	}
	ringcast_report_ready(daemon->logs, daemon->engine, &daemon->config, admin, health, service);
	ringcast_notify_ready("running");
}

/* signals and the loop */

static void begin_stop(struct daemon *daemon, const char *cause)
{
	struct config config;
	ringcast_daemon_config(daemon, &config);
	if (daemon->is_stopping) {
		ringcast_logs_event(daemon->logs, RINGCAST_LOG_WARN, "stopping at once", "by=%s", cause);
		daemon->is_stopped = true;
		return;
	}
	daemon->is_stopping = true;
	daemon->drain_turn_ns = now_ns();
	daemon->drain_deadline_ns = daemon->drain_turn_ns + config.drain_timeout_ms * NS_PER_MS;
	ringcast_engine_drain_within(daemon->engine, config.drain_timeout_ms + STOP_TIMEOUT_MS); /* advance_drain comes first, and says what it does */
	ringcast_notify_stopping();
	ringcast_logs_event(daemon->logs, RINGCAST_LOG_INFO, "draining, then stopping",
			    "by=%s players=%" PRIu64 " drain_timeout_ms=%" PRIu64, cause,
			    ringcast_engine_player_count(daemon->engine), config.drain_timeout_ms);
}

static void dump(struct daemon *daemon)
{
	ringcast_logs_event(daemon->logs, RINGCAST_LOG_WARN, "stopping at once, with a dump", "by=SIGQUIT");
	ringcast_report_dump(daemon->engine, stderr);
	daemon->is_stopped = true;
}

static void drain_only(struct daemon *daemon)
{
	ringcast_logs_event(daemon->logs, RINGCAST_LOG_INFO, "draining", "by=SIGUSR2 exit=false");
	ringcast_engine_drain(daemon->engine);
}

static void reload(struct daemon *daemon)
{
	struct config_error error;
	ringcast_notify_reloading();
	json_t *changes = ringcast_daemon_reload(daemon, &error);
	json_decref(changes);
	ringcast_notify_ready(changes ? "running" : "running; the last reload was refused, see the log");
}

static void handle_signal(struct daemon *daemon)
{
	struct signalfd_siginfo info;
	while (read(daemon->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGTERM:
			begin_stop(daemon, "SIGTERM");
			break;
		case SIGINT:
			begin_stop(daemon, "SIGINT");
			break;
		case SIGHUP:
			reload(daemon);
			break;
		case SIGQUIT:
			dump(daemon);
			break;
		case SIGUSR2:
			drain_only(daemon);
			break;
		}
	}
}

static void end_drain(struct daemon *daemon)
{
	daemon->is_resume_asked = false;
	daemon->is_stopping = false;
	ringcast_logs_event(daemon->logs, RINGCAST_LOG_INFO, "no longer draining", "by=admin");
	ringcast_notify_ready("running");
}

static void handle_wake(struct daemon *daemon)
{
	uint64_t count;
	while (read(daemon->wake_fd, &count, sizeof(count)) == sizeof(count))
		;
	if (daemon->is_resume_asked)
		end_drain(daemon);
	if (daemon->is_stop_asked && !daemon->is_stopping)
		begin_stop(daemon, "admin");
}

static void advance_drain(struct daemon *daemon, uint64_t now)
{
	uint64_t player_count = ringcast_engine_player_count(daemon->engine);
	daemon->drain_deadline_ns += ringcast_pause_ns(now - daemon->drain_turn_ns, ROUND_MS * NS_PER_MS);
	daemon->drain_turn_ns = now;
	if (player_count == 0 || now >= daemon->drain_deadline_ns) {
		if (player_count > 0)
			ringcast_logs_event(daemon->logs, RINGCAST_LOG_WARN, "drain timeout, closing the players that are left",
					    "players=%" PRIu64, player_count);
		daemon->is_stopped = true;
		return;
	}
	ringcast_notify_extend(10 * NS_PER_S / NS_PER_US);
	ringcast_notify_status("draining: %" PRIu64 " players, %" PRIu64 " s left", player_count,
			       (daemon->drain_deadline_ns - now) / NS_PER_S);
}

/* systemd kills us when this stops, so it must stop when a shard is stuck. */
static void advance_watchdog(struct daemon *daemon, const struct config *config, uint64_t now, uint64_t watchdog_us)
{
	bool is_stalled = ringcast_engine_stall_ns(daemon->engine) >= config->admin_stall_timeout_ms * NS_PER_MS;
	if (watchdog_us == 0 || is_stalled || now - daemon->notified_ns < watchdog_us * NS_PER_US / 3)
		return;
	daemon->notified_ns = now;
	ringcast_notify_alive();
}

static int earlier_ms(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* The engine warns at the start and at each reload; who forgets to renew does neither. */
static void advance_certificate(struct daemon *daemon, uint64_t now)
{
	ringcast_certificate_info info;
	char quoted[600];
	bool is_first = daemon->certificate_look_ns == 0;
	if (now < daemon->certificate_look_ns)
		return;
	daemon->certificate_look_ns = now + CERTIFICATE_LOOK_S * NS_PER_S;
	if (is_first || ringcast_engine_certificate(daemon->engine, &info) != RINGCAST_OK)
		return;
	int64_t left_s = (int64_t)info.not_after_s - (int64_t)time(NULL);
	if (left_s < CERTIFICATE_WARN_S)
		ringcast_logs_event(daemon->logs, RINGCAST_LOG_WARN, left_s > 0 ? "the certificate expires soon" : "the certificate has expired",
				    "subject=%s days_left=%" PRId64, ringcast_logs_quote(info.subject, quoted, sizeof(quoted)),
				    left_s / CERTIFICATE_LOOK_S);
}

static void advance_tickets(struct daemon *daemon, uint64_t now)
{
	char error[256], quoted[300];
	if (daemon->tickets_renewed_ns == 0)
		daemon->tickets_renewed_ns = now;
	if (now - daemon->tickets_renewed_ns < TICKETS_RENEWED_S * NS_PER_S || ringcast_engine_security(daemon->engine) == RINGCAST_SECURITY_OFF)
		return;
	daemon->tickets_renewed_ns = now;
	if (ringcast_engine_renew_tickets(daemon->engine, error, sizeof(error)) != RINGCAST_OK)
		ringcast_logs_event(daemon->logs, RINGCAST_LOG_WARN, "the keys of TLS tickets were not renewed", "err=%s",
				    ringcast_logs_quote(error, quoted, sizeof(quoted)));
}

static int wait_ms(const struct daemon *daemon, uint64_t watchdog_us)
{
	int watchdog_ms = earlier_ms(CERTIFICATE_LOOK_S * 1000 / 24, watchdog_us ? (int)(watchdog_us / 6000) + 1 : -1);
	if (daemon->dev_script.watch)
		watchdog_ms = earlier_ms(watchdog_ms, ringcast_script_watch_wait_ms(daemon->dev_script.watch, now_ns()));
	if (daemon->is_stopping && (watchdog_ms < 0 || watchdog_ms > ROUND_MS))
		return ROUND_MS;
	return watchdog_ms;
}

static void run(struct daemon *daemon)
{
	uint64_t watchdog_us = ringcast_notify_watchdog_us();
	while (!daemon->is_stopped) {
		struct pollfd fds[] = {{.fd = daemon->signal_fd, .events = POLLIN}, {.fd = daemon->wake_fd, .events = POLLIN},
				       {.fd = daemon->dev_script.watch ? ringcast_script_watch_fd(daemon->dev_script.watch) : -1, .events = POLLIN}};
		if (poll(fds, ARRAY_COUNT(fds), wait_ms(daemon, watchdog_us)) < 0 && errno != EINTR)
			break;
		if (fds[0].revents)
			handle_signal(daemon);
		if (fds[1].revents)
			handle_wake(daemon);
		if (fds[2].revents)
			ringcast_script_watch_read(daemon->dev_script.watch, now_ns());
		if (ringcast_dev_script_advance(&daemon->dev_script, now_ns()))
			ringcast_dev_session_renew(&daemon->demo);
		struct config config;
		uint64_t now = now_ns();
		ringcast_daemon_config(daemon, &config);
		if (daemon->is_stopping && !daemon->is_stopped)
			advance_drain(daemon, now);
		advance_watchdog(daemon, &config, now, watchdog_us);
		advance_certificate(daemon, now);
		advance_tickets(daemon, now);
	}
}

/* False: not in the time that this takes at most while the process runs. */
static bool await_stopped(const struct daemon *daemon)
{
	uint64_t patience_ns = (STOP_TIMEOUT_MS + STOP_PATIENCE_MS) * NS_PER_MS, before_ns = now_ns(), after_ns;
	struct pollfd done = {.fd = daemon->stopped_fd, .events = POLLIN};
	for (;; before_ns = after_ns) {
		if (poll(&done, 1, ROUND_MS) != 0)
			return true;
		after_ns = now_ns();
		if (!ringcast_pause_spend(&patience_ns, after_ns - before_ns, ROUND_MS * NS_PER_MS))
			return false;
	}
}

/* A shard that never comes back cannot be joined. The process still ends, and says so. */
static void *stop_by_force(void *context)
{
	struct daemon *daemon = context;
	if (await_stopped(daemon))
		return NULL;
	ringcast_logs_event(daemon->logs, RINGCAST_LOG_ERROR, "a shard does not come to an end, stopping without it", "stall_ms=%" PRIu64,
			    ringcast_engine_stall_ns(daemon->engine) / NS_PER_MS);
	poll(NULL, 0, 200); /* for the log's writer */
	_exit(1);
}

static void stop_service(struct daemon *daemon)
{
	pthread_rwlock_wrlock(&daemon->service_lock);
	struct service *service = daemon->service;
	daemon->service = NULL;
	pthread_rwlock_unlock(&daemon->service_lock);
	ringcast_service_stop(&service);
}

static void stop(struct daemon *daemon, bool is_started)
{
	uint64_t started_ns = now_ns();
	pthread_t force;
	bool has_force = daemon->engine && pthread_create(&force, NULL, stop_by_force, daemon) == 0;
	stop_service(daemon); /* before the engine, which it asks */
	if (daemon->engine)
		ringcast_engine_stop(daemon->engine, daemon->flags->is_dev ? STOP_TIMEOUT_DEV_MS : STOP_TIMEOUT_MS);
	ringcast_http_stop(&daemon->http); /* after the engine: /metrics and /readyz answer to the end */
	ringcast_http_stop(&daemon->health);
	ringcast_dev_script_stop(&daemon->dev_script);
	if (has_force) {
		uint64_t one = 1;
		ssize_t written = write(daemon->stopped_fd, &one, sizeof(one));
		ringcast_assert(written == sizeof(one));
		pthread_join(force, NULL);
	}
	ringcast_engine_destroy(&daemon->engine);
	ringcast_script_store_destroy(&daemon->scripts); /* after the engine: scripts run from its folders */
	ringcast_logs_event(daemon->logs, is_started ? RINGCAST_LOG_INFO : RINGCAST_LOG_ERROR, is_started ? "stopped" : "not started",
			    "stop_ms=%" PRIu64, (now_ns() - started_ns) / NS_PER_MS);
}

/* All threads inherit the mask, so signals arrive on the descriptor only. */
static bool open_signals(struct daemon *daemon)
{
	sigset_t signals;
	sigemptyset(&signals);
	const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR2};
	for (size_t i = 0; i < ARRAY_COUNT(handled); i++)
		sigaddset(&signals, handled[i]);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN); /* log rotators send it; we keep no files open */
	daemon->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	daemon->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	daemon->stopped_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (daemon->signal_fd < 0 || daemon->wake_fd < 0 || daemon->stopped_fd < 0)
		ringcast_logs_event(daemon->logs, RINGCAST_LOG_ERROR, "cannot watch signals", "err=\"%s\"", strerror(errno));
	return daemon->signal_fd >= 0 && daemon->wake_fd >= 0 && daemon->stopped_fd >= 0;
}

/* What --check-config says before there is anything to undo. */
static bool check(struct daemon *daemon)
{
	struct config_error error;
	char quoted[600];
	bool is_dev = daemon->flags->is_dev;
	bool is_possible = ringcast_preflight_run(&daemon->config, is_dev ? PREFLIGHT_DEV : PREFLIGHT_START, ringcast_report_preflight, daemon->logs);
	if (ringcast_preflight_files(&daemon->config, is_dev, &error))
		return is_possible;
	ringcast_logs_event(daemon->logs, RINGCAST_LOG_ERROR, "the engine did not start", "err=%s",
			    ringcast_logs_quote(error.text, quoted, sizeof(quoted)));
	return false;
}

static bool start(struct daemon *daemon)
{
	ringcast_crash_install("ringcastd", daemon->config.log_crash_directory.text);
	ringcast_report_start(daemon->logs, &daemon->config, daemon->flags, daemon->environment);
	if (!open_signals(daemon) || !check(daemon))
		return false;
	if (!start_engine(daemon) || !start_scripts(daemon) || !start_demo(daemon) || !start_service(daemon) || !start_http(daemon))
		return false;
	announce(daemon);
	return true;
}

int ringcast_daemon_run(const struct flags *flags, char *const *environment, const struct config *config, struct logs *logs)
{
	ringcast_assert(flags && environment && config && logs);
	struct daemon daemon = {
		.flags = flags, .environment = environment, .logs = logs, .config = *config, .signal_fd = -1, .wake_fd = -1, .stopped_fd = -1};
	pthread_mutex_init(&daemon.mutex, NULL);
	pthread_rwlock_init(&daemon.service_lock, NULL);
	ringcast_logs_hear_process(logs);
	daemon.audit = ringcast_audit_create(config->admin_audit_kept);
	if (!daemon.audit)
		ringcast_logs_event(logs, RINGCAST_LOG_ERROR, "no memory for the audit trail", "admin.audit_kept=%u", config->admin_audit_kept);
	bool is_started = daemon.audit && start(&daemon);
	if (is_started)
		run(&daemon);
	stop(&daemon, is_started);
	ringcast_logs_hear_process(NULL);
	ringcast_audit_destroy(&daemon.audit);
	pthread_mutex_destroy(&daemon.mutex);
	pthread_rwlock_destroy(&daemon.service_lock);
	if (daemon.signal_fd >= 0)
		close(daemon.signal_fd);
	if (daemon.wake_fd >= 0)
		close(daemon.wake_fd);
	if (daemon.stopped_fd >= 0)
		close(daemon.stopped_fd);
	return is_started ? 0 : 1;
}
