/* What HTTP may ask of the daemon, on HTTP's threads: the functions of struct http_host. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "control/daemon_private.h"
#include "control/player_keys.h"
#include "control/reload.h"
#include "control/tls_files.h"
#include "control/tokens.h"

static void wake(struct daemon *daemon)
{
	uint64_t one = 1;
	ssize_t written = write(daemon->wake_fd, &one, sizeof(one));
	ringcast_assert(written == sizeof(one));
}

static void host_drain(void *context, bool is_exit)
{
	struct daemon *daemon = context;
	if (!ringcast_engine_is_draining(daemon->engine))
		ringcast_logs_event(daemon->logs, RINGCAST_LOG_INFO, "draining", "by=admin exit=%s", is_exit ? "true" : "false");
	ringcast_engine_drain(daemon->engine);
	if (!is_exit)
		return;
	daemon->is_resume_asked = false;
	daemon->is_stop_asked = true;
	wake(daemon);
}

/* A stop that waits for players is given up too, by the main thread. */
static int host_resume(void *context)
{
	struct daemon *daemon = context;
	int result = ringcast_engine_resume(daemon->engine);
	if (result != RINGCAST_OK)
		return result;
	daemon->is_stop_asked = false;
	daemon->is_resume_asked = true;
	wake(daemon);
	return result;
}

/* Always, not only when a path has changed: what renews a certificate writes it over the old one. */
static bool reload_credentials(struct daemon *daemon, const struct config *next, struct config_error *reterr)
{
	struct tls_files files;
	char error[sizeof(reterr->text) - 16];
	if (ringcast_engine_security(daemon->engine) == RINGCAST_SECURITY_OFF || !next->tls_certificate.text[0])
		return true; /* the development certificate lives as long as the process */
	if (!ringcast_tls_files_load(next, &files, reterr))
		return false;
	int result = ringcast_engine_reload_credentials(daemon->engine, files.certificate, files.key, files.ca, error, sizeof(error));
	ringcast_tls_files_free(&files);
	if (result != RINGCAST_OK)
		snprintf(reterr->text, sizeof(reterr->text), "tls: %s", error);
	return result == RINGCAST_OK;
}

/* Always, as the certificate: the file may have changed. What was read before them stays when they are refused. */
static bool reload_player_keys(struct daemon *daemon, const struct config *next, struct config_error *reterr)
{
	bool was_on = daemon->config.player_tokens_keys.text[0], is_on = next->player_tokens_keys.text[0];
	struct player_keys keys;
	char error[sizeof(reterr->text) - 32];
	if (was_on != is_on) {
		snprintf(reterr->text, sizeof(reterr->text), "player_tokens.keys: signed player tokens are switched %s by a restart only", is_on ? "on" : "off");
		return false;
	}
	if (!is_on)
		return true;
	if (!ringcast_player_keys_load(next, &keys, reterr))
		return false;
	int result = ringcast_engine_reload_token_keys(daemon->engine, keys.list, keys.count, next->player_tokens_audience.text, error, sizeof(error));
	ringcast_player_keys_forget(&keys);
	if (result != RINGCAST_OK)
		snprintf(reterr->text, sizeof(reterr->text), "player_tokens.keys: %s", error);
	return result == RINGCAST_OK;
}

static bool reload_service(struct daemon *daemon, const struct config *next, struct config_error *reterr)
{
	pthread_rwlock_rdlock(&daemon->service_lock);
	bool is_taken = !daemon->service || ringcast_control_service_reload(next, daemon->service, reterr);
	pthread_rwlock_unlock(&daemon->service_lock);
	return is_taken;
}

/* The listener speaks TLS or does not, for as long as it lives. */
static bool load_admin_tls(struct daemon *daemon, const struct config *next, struct admin_tls **ret_tls, struct config_error *reterr)
{
	bool was_on = daemon->config.admin_tls_certificate.text[0], is_on = next->admin_tls_certificate.text[0];
	*ret_tls = NULL;
	if (!daemon->http)
		return true;
	if (was_on == is_on)
		return ringcast_admin_tls_load(next, ret_tls, reterr);
	snprintf(reterr->text, sizeof(reterr->text), "admin.tls_certificate: TLS of the admin API is switched %s by a restart only", is_on ? "on" : "off");
	return false;
}

json_t *ringcast_daemon_reload(struct daemon *daemon, struct config_error *reterr)
{
	struct config next;
	struct tokens tokens;
	ringcast_certificate_info before = {0}, after = {0};
	char changed[512], needs_restart[512], quoted[600];
	pthread_mutex_lock(&daemon->mutex);
	json_t *changes = NULL;
	ringcast_engine_certificate(daemon->engine, &before);
	struct admin_tls *tls = NULL;
	if (ringcast_flags_load_config(daemon->flags, daemon->environment, &next, reterr) && ringcast_tokens_load(&next, &tokens, reterr) &&
	    load_admin_tls(daemon, &next, &tls, reterr) &&
	    ringcast_control_service_check(&next, daemon->flags->is_dev, reterr) && reload_credentials(daemon, &next, reterr) &&
	    reload_player_keys(daemon, &next, reterr) &&
	    reload_service(daemon, &next, reterr)) {
		changes = ringcast_reload_apply(&daemon->config, &next);
		ringcast_engine_certificate(daemon->engine, &after);
		if (strcmp(before.fingerprint, after.fingerprint) != 0)
			ringcast_reload_note(changes, "tls.certificate", "certificate_fingerprint", after.fingerprint);
		if (daemon->http)
			ringcast_http_reload(daemon->http, &daemon->config, &tokens, tls);
		tls = NULL; /* taken, if there was one */
		ringcast_engine_reload(daemon->engine, &daemon->config.limits);
		ringcast_logs_set_level(daemon->logs, (ringcast_log_level)daemon->config.log_level);
	}
	ringcast_admin_tls_free(&tls);
	ringcast_tokens_forget(&tokens);
	pthread_mutex_unlock(&daemon->mutex);
	if (changes) {
		ringcast_reload_names(changes, "changed", changed, sizeof(changed));
		ringcast_reload_names(changes, "needs_restart", needs_restart, sizeof(needs_restart));
		const char *fingerprint = json_string_value(json_object_get(changes, "certificate_fingerprint"));
		ringcast_logs_event(daemon->logs, RINGCAST_LOG_INFO, "configuration reloaded", "changed=\"%s\" needs_restart=\"%s\"%s%s",
				    changed, needs_restart, fingerprint ? " certificate_sha256=" : "", fingerprint ? fingerprint : "");
	} else {
		ringcast_logs_event(daemon->logs, RINGCAST_LOG_ERROR, "configuration refused, keeping the old one", "err=%s",
				    ringcast_logs_quote(reterr->text, quoted, sizeof(quoted)));
	}
	return changes;
}

static json_t *host_reload(void *context, struct config_error *reterr)
{
	return ringcast_daemon_reload(context, reterr);
}

void ringcast_daemon_config(struct daemon *daemon, struct config *ret_config)
{
	pthread_mutex_lock(&daemon->mutex);
	*ret_config = daemon->config;
	pthread_mutex_unlock(&daemon->mutex);
}

static void host_config(void *context, struct config *ret_config)
{
	ringcast_daemon_config(context, ret_config);
}

static uint64_t host_log_lost_count(void *context)
{
	return ringcast_logs_lost_count(((struct daemon *)context)->logs);
}

static json_t *host_letters(void *context, bool is_resend, char *problem, size_t problem_bytes)
{
	struct daemon *daemon = context;
	char text[SERVICE_PROBLEM_BYTES] = "";
	pthread_rwlock_rdlock(&daemon->service_lock);
	json_t *answer = daemon->service ? ringcast_service_letters(daemon->service, is_resend, text) : NULL;
	pthread_rwlock_unlock(&daemon->service_lock);
	snprintf(problem, problem_bytes, "%s", text);
	return answer;
}

static uint64_t host_service_stall_ns(void *context)
{
	struct daemon *daemon = context;
	pthread_rwlock_rdlock(&daemon->service_lock);
	uint64_t stall_ns = daemon->service ? ringcast_service_stall_ns(daemon->service) : 0;
	pthread_rwlock_unlock(&daemon->service_lock);
	return stall_ns;
}

static json_t *host_explain(void *context, const char *ticket_id, char *problem, size_t problem_bytes)
{
	struct daemon *daemon = context;
	char text[SERVICE_PROBLEM_BYTES] = "";
	pthread_rwlock_rdlock(&daemon->service_lock);
	json_t *answer = daemon->service ? ringcast_service_explain(daemon->service, ticket_id, text) : NULL;
	pthread_rwlock_unlock(&daemon->service_lock);
	snprintf(problem, problem_bytes, "%s", text);
	return answer;
}

static json_t *host_overview(void *context, enum overview what, const char *after, char *problem, size_t problem_bytes)
{
	struct daemon *daemon = context;
	char text[SERVICE_PROBLEM_BYTES] = "";
	pthread_rwlock_rdlock(&daemon->service_lock);
	json_t *answer = daemon->service ? ringcast_service_overview(daemon->service, what, after, text) : NULL;
	pthread_rwlock_unlock(&daemon->service_lock);
	snprintf(problem, problem_bytes, "%s", text);
	return answer;
}

static void host_service_metrics(void *context, ringcast_metric_fn *each, void *each_context)
{
	struct daemon *daemon = context;
	pthread_rwlock_rdlock(&daemon->service_lock);
	if (daemon->service)
		ringcast_service_metrics_each(daemon->service, each, each_context);
	pthread_rwlock_unlock(&daemon->service_lock);
}

struct http_host ringcast_daemon_host(struct daemon *daemon)
{
	return (struct http_host){
		.context = daemon,
		.engine = daemon->engine,
		.is_dev = daemon->flags->is_dev,
		.drain = host_drain,
		.resume = host_resume,
		.reload = host_reload,
		.config = host_config,
		.log_lost_count = host_log_lost_count,
		.letters = host_letters,
		.service_stall_ns = host_service_stall_ns,
		.explain = host_explain,
		.overview = host_overview,
		.audit = daemon->audit,
		.service_metrics = host_service_metrics,
		.cuts = &daemon->cuts,
		.scripts = daemon->scripts,
		.logs = daemon->logs,
	};
}
