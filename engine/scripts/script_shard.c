#include "scripts/script_shard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "io/clock.h"
#include "scripting/lua/lua_host.h"
#include "scripting/sidecar/sidecar.h"

enum { LOG_TEXT_BYTES_MAX = 700, LOG_EVENTS_MAX = 32, LUA_WATCHDOG_MS = 2000 };

struct script_use { /* one version's program on this shard */
	struct list_node node;
	struct hooks hooks; /* the program's, with ours around the end of a session; sessions point here */
	struct script_program *program;
	struct script_version *version; /* counted */
	struct script_shard *scripts;
	uint32_t session_count;
	uint64_t idle_tick; /* when the last session ended: its memory is used until the end of that tick */
};

static const char scripted[] = "scripted"; /* the kind of our hooks: they lie in a struct script_use */

/* Environment of the hosts */

/* The clock itself, not the io loop's, which stands still within a tick: budgets are measured within a callback. */
static uint64_t now_ns(void *context)
{
	const struct shard *shard = ((struct script_shard *)context)->shard;
	return ringcast_clock_now_ns() - shard->paused_ns;
}

static uint64_t cpu_ns(void *context)
{
	return ringcast_clock_thread_cpu_ns();
}

static void random_bytes(void *context, void *out, size_t size)
{
	struct io *io = ((struct script_shard *)context)->shard->io;
	io->ops->random(io, out, size);
}

static enum log_level log_level_of(enum script_level level)
{
	static const enum log_level levels[] = {LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_ERROR, LOG_ERROR};
	ringcast_assert((size_t)level < ARRAY_COUNT(levels));
	return levels[level];
}

/* As a quoted value of a log field; the sink takes care of control characters. */
static void quote(const char *text, size_t size, char *out, size_t out_bytes)
{
	size_t used = 0;
	for (size_t i = 0; i < size && text[i] != '\0' && used + 3 < out_bytes; i++) {
		if (text[i] == '"' || text[i] == '\\')
			out[used++] = '\\';
		out[used++] = text[i];
	}
	out[used] = '\0';
}

/* One event per line, so that a traceback reads as one; what is longer is whole in the session's own log. */
static void log_lines(const struct script_shard *scripts, const struct session *session, const struct script *script,
		      enum script_level level, const char *text, size_t size)
{
	char quoted[LOG_TEXT_BYTES_MAX];
	const char *end = text + size;
	for (unsigned i = 0; i < LOG_EVENTS_MAX && text < end; i++) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));
		if (line_end == NULL)
			line_end = end;
		quote(text, (size_t)(line_end - text), quoted, sizeof(quoted));
		if (script != NULL)
			ringcast_log(log_level_of(level), "script", "said", "session=%s script=%s@%.12s level=%s text=\"%s\"", session->id,
				     script->name, script->version, ringcast_script_level_name(level), quoted);
		else
			ringcast_log(log_level_of(level), "script", "host", "shard=%u text=\"%s\"", scripts->shard->options.index, quoted);
		text = line_end + 1;
	}
}

static void write_log(void *context, struct session *session, enum script_level level, const char *text, size_t size)
{
	struct script_shard *scripts = context;
	const struct script *script = session != NULL ? ringcast_script_of_session(session) : NULL;
	log_lines(scripts, session, script, level, text, size);
	if (script == NULL)
		return;
	ringcast_script_logs_write(&scripts->logs, session->id, scripts->shard->clock_ns, level, text, size);
	if (scripts->options->said != NULL)
		scripts->options->said(scripts->options->said_context, session->id, ringcast_script_level_name(level), text, size);
	if (session->state == SESSION_ENDED)
		ringcast_script_logs_end(&scripts->logs, session->id);
}

static void count(void *context, enum script_count what)
{
	struct script_shard *scripts = context;
	ringcast_assert((unsigned)what < SCRIPT_COUNT_COUNT);
	scripts->counts.events[what]++;
}

/* Hosts */

#ifdef HAVE_LUA
static void *lua_of(struct script_shard *scripts)
{
	if (scripts->lua == NULL)
		scripts->lua = ringcast_lua_create(
			&scripts->environment,
			&(struct lua_options){.watchdog_ms = LUA_WATCHDOG_MS, .has_backstop = true, .arguments = scripts->options->arguments});
	return scripts->lua;
}

static void end_lua(struct script_shard *scripts)
{
	ringcast_lua_destroy(&scripts->lua);
}

static const struct script_host_ops *const lua_ops = &ringcast_lua_ops;
#else
/* The dry run refuses Lua, so that none comes here. */
static void *lua_of(struct script_shard *scripts)
{
	return scripts->lua;
}

static void end_lua(struct script_shard *scripts)
{
	ringcast_assert(scripts->lua == NULL);
}

static const struct script_host_ops *const lua_ops = NULL;
#endif

static const struct partner_ops keeper_ops;

static const struct script_host_ops *ops_of(enum script_language language)
{
	return language == SCRIPT_LUA ? lua_ops : &ringcast_sidecar_ops;
}

static void *host_of(struct script_shard *scripts, enum script_language language)
{
	if (!ringcast_list_has(&scripts->keeper.node)) /* engines without scripts pay for no turn in the tick */
		ringcast_partner_add(scripts->shard, &scripts->keeper, &keeper_ops);
	return language == SCRIPT_LUA ? lua_of(scripts) : ringcast_script_channels_open(&scripts->channels, &scripts->environment);
}

int ringcast_script_shard_attach(struct script_shard *scripts, uint32_t index, uint64_t serial, int *socket)
{
	if (host_of(scripts, SCRIPT_JS) == NULL)
		return -ENOMEM;
	return ringcast_script_channels_attach(&scripts->channels, index, serial, socket);
}

/* Programs */

static void unload(struct script_use *use)
{
	struct script_shard *scripts = use->scripts;
	enum script_language language = use->version->script->language;
	ringcast_assert(use->session_count == 0);
	ops_of(language)->unload(host_of(scripts, language), use->program);
	scripts->counts.programs--;
	ringcast_list_remove(&use->node);
	ringcast_script_version_release(&use->version);
	free(use);
}

static void unload_idle(struct script_shard *scripts)
{
	struct list_node *next;
	scripts->has_idle = false;
	for (struct list_node *node = scripts->uses.next; node != &scripts->uses; node = next) {
		struct script_use *use = CONTAINER_OF(node, struct script_use, node);
		next = node->next;
		if (use->session_count > 0 || __atomic_load_n(&use->version->is_current, __ATOMIC_RELAXED))
			continue;
		if (use->idle_tick == scripts->shard->counters.ticks)
			scripts->has_idle = true; /* in the next tick */
		else
			unload(use);
	}
}

static void on_session_ended(void *context, struct session *session, enum close_reason reason)
{
	struct script_use *use = CONTAINER_OF(session->hooks, struct script_use, hooks);
	struct script_shard *scripts = use->scripts;
	const struct script *script = use->version->script;
	char text[128];
	if (use->program->hooks.session_ended != NULL)
		use->program->hooks.session_ended(context, session, reason);
	int size = snprintf(text, sizeof(text), "the session has ended: %s", ringcast_close_text(reason));
	bool is_failure = reason == CLOSE_SCRIPT_FAILED || reason == CLOSE_SCRIPT_LOST || reason == CLOSE_SCRIPT_SHARE || reason == CLOSE_UNHEALTHY;
	write_log(scripts, session, is_failure ? SCRIPT_ERROR : SCRIPT_INFO, text, (size_t)size);
	ringcast_script_logs_end(&scripts->logs, session->id);
	scripts->counts.sessions[script->language]--;
	__atomic_sub_fetch(&use->version->session_count, 1, __ATOMIC_ACQ_REL);
	if (--use->session_count == 0) {
		use->idle_tick = scripts->shard->counters.ticks;
		scripts->has_idle = true;
	}
}

const struct script *ringcast_script_of_session(const struct session *session)
{
	if (session->hooks->kind != scripted)
		return NULL;
	return CONTAINER_OF(session->hooks, struct script_use, hooks)->version->script;
}

uint64_t ringcast_script_bytes_of_session(const struct session *session)
{
	if (ringcast_script_of_session(session) == NULL)
		return 0;
	const struct script_use *use = CONTAINER_OF(session->hooks, struct script_use, hooks);
	enum script_language language = use->version->script->language;
	return ops_of(language)->session_bytes(host_of(use->scripts, language), session);
}

/* Time */

static struct script_shard *scripts_of(const struct session *session)
{
	return CONTAINER_OF(session->hooks, struct script_use, hooks)->scripts;
}

static void on_session_started(void *context, struct session *session)
{
	const struct script_use *use = CONTAINER_OF(session->hooks, struct script_use, hooks);
	ringcast_spending_begin_session(&use->scripts->spending, session);
	if (use->program->hooks.session_started != NULL)
		use->program->hooks.session_started(context, session);
}

static void tell_refused(struct script_shard *scripts, struct session *session)
{
	const struct share_limits *share = &scripts->options->share;
	char text[192];
	uint32_t refused = ringcast_spending_take_refused(&scripts->spending, session, scripts->shard->now_ns);
	if (refused == 0)
		return;
	int size = snprintf(text, sizeof(text), "out of its share of processor time (%u %%, all scripts of the shard %u %%): events dropped or put off: %u",
			    share->session_percent, share->shard_percent, refused);
	write_log(scripts, session, SCRIPT_WARN, text, (size_t)size);
}

static uint64_t wait_ns(void *context, struct session *session)
{
	struct script_shard *scripts = scripts_of(session);
	uint64_t left_ns = ringcast_spending_wait_ns(&scripts->spending, session, scripts->shard->now_ns);
	if (LIKELY(left_ns == 0))
		return 0;
	count(scripts, SCRIPT_COUNT_OVER_SHARE);
	tell_refused(scripts, session);
	if (ringcast_spending_is_hopeless(&scripts->spending, session))
		scripts->hopeless = session->self;
	return left_ns;
}

static void work_began(void *context, struct session *session)
{
	struct script_shard *scripts = scripts_of(session);
	ringcast_spending_begin_work(&scripts->spending, session, scripts->shard->counters.ticks);
}

static void work_ended(void *context, struct session *session)
{
	struct script_shard *scripts = scripts_of(session);
	ringcast_spending_end_work(&scripts->spending, session, scripts->shard->now_ns);
}

/* Not where it was found out: that is in the middle of something about this session. */
static void end_hopeless(struct script_shard *scripts, uint64_t now)
{
	struct session *session = ringcast_slab_find(&scripts->shard->store.sessions, scripts->hopeless);
	static const char text[] = "the session ends: its script took more than its share of processor time for too long (scripts.share_seconds_max)";
	scripts->hopeless = HANDLE_NONE;
	if (session == NULL || session->state == SESSION_ENDED)
		return;
	write_log(scripts, session, SCRIPT_FATAL, text, sizeof(text) - 1);
	count(scripts, SCRIPT_COUNT_KILLED);
	ringcast_session_end_now(session, CLOSE_SCRIPT_SHARE, now);
}

static struct script_use *find_use(struct script_shard *scripts, const struct script_version *version)
{
	for (struct list_node *node = scripts->uses.next; node != &scripts->uses; node = node->next) {
		struct script_use *use = CONTAINER_OF(node, struct script_use, node);
		if (use->version == version)
			return use;
	}
	return NULL;
}

static struct script_program *load_program(struct script_shard *scripts, struct script *script)
{
	char error[SCRIPT_ERROR_BYTES] = "out of memory", quoted[LOG_TEXT_BYTES_MAX];
	void *host = host_of(scripts, script->language);
	struct script_program *program = host != NULL ? ops_of(script->language)->load(host, script, error, sizeof(error)) : NULL;
	if (program != NULL)
		return program;
	quote(error, strlen(error), quoted, sizeof(quoted));
	ringcast_log(LOG_ERROR, "script", "cannot load", "script=%s@%.12s err=\"%s\"", script->name, script->version, quoted);
	return NULL;
}

static struct script_use *load(struct script_shard *scripts, struct script_version *version)
{
	struct script_use *use = find_use(scripts, version);
	if (use != NULL || !ringcast_spending_open(&scripts->spending, &scripts->options->share, scripts->shard->store.sessions.capacity))
		return use;
	use = calloc(1, sizeof(*use));
	if (use == NULL)
		return NULL;
	use->program = load_program(scripts, version->script);
	if (use->program == NULL) {
		free(use);
		return NULL;
	}
	use->scripts = scripts;
	use->version = ringcast_script_version_ref(version);
	use->hooks = use->program->hooks;
	use->hooks.kind = scripted;
	use->hooks.session_started = on_session_started;
	use->hooks.session_ended = on_session_ended;
	use->hooks.wait_ns = wait_ns;
	use->hooks.work_began = work_began;
	use->hooks.work_ended = work_ended;
	ringcast_list_add_tail(&scripts->uses, &use->node);
	scripts->counts.programs++;
	return use;
}

/* Sessions */

static void apply_facts(const struct script_facts *facts, const struct script_limits *limits, uint32_t players_max,
			struct session_options *options)
{
	if (options->answer_timeout_ms == 0) {
		options->answer_timeout_ms = limits->answer_timeout_ms;
		options->is_late_allowed = limits->on_error == SCRIPT_FAILURE_ALLOW;
	}
	if (options->players_max == 0)
		options->players_max = facts->players_max < players_max ? facts->players_max : players_max;
	if (options->ping_interval_ms == 0)
		options->ping_interval_ms = facts->ping_interval_ms;
	if (options->tick_interval_ms == 0)
		options->tick_interval_ms = facts->tick_interval_ms;
}

int ringcast_script_shard_open(struct script_shard *scripts, struct script_version *version, const struct session_options *given,
			       struct session **ret_session, enum drop_reason *ret_drop)
{
	struct session_options options = *given;
	struct script_use *use = load(scripts, version);
	if (use == NULL)
		return RINGCAST_ERROR_SCRIPT;
	apply_facts(&version->script->facts, scripts->options->limits, scripts->shard->session_limits.players_per_session_max,
		    &options);
	options.hooks = &use->hooks;
	options.hooks_context = use->program->hooks_context;
	/* Counted before: the script may end the session while it opens. */
	use->session_count++;
	scripts->counts.sessions[version->script->language]++;
	__atomic_add_fetch(&version->session_count, 1, __ATOMIC_ACQ_REL);
	*ret_drop = ringcast_session_open(&scripts->shard->store, &options, scripts->shard->now_ns, ret_session);
	if (*ret_drop == DROP_NONE) {
		ringcast_script_logs_begin(&scripts->logs, (*ret_session)->id); /* perhaps it has said nothing yet */
		if ((*ret_session)->state == SESSION_ENDED)
			ringcast_script_logs_end(&scripts->logs, (*ret_session)->id);
		return RINGCAST_OK;
	}
	use->session_count--;
	scripts->counts.sessions[version->script->language]--;
	__atomic_sub_fetch(&version->session_count, 1, __ATOMIC_ACQ_REL);
	scripts->has_idle = true;
	return RINGCAST_OK;
}

struct script_counts ringcast_script_shard_measure(const struct script_shard *scripts)
{
	struct script_counts counts = scripts->counts;
	counts.spent_ns = scripts->spending.spent_ns;
	ringcast_script_channels_measure(&scripts->channels, &counts.sidecar);
	return counts;
}

/* The tick */

static void keep(struct partner *partner, uint64_t now)
{
	struct script_shard *scripts = CONTAINER_OF(partner, struct script_shard, keeper);
	uint32_t change_count = __atomic_load_n(&scripts->options->registry->change_count, __ATOMIC_ACQUIRE);
	ringcast_script_channels_tick(&scripts->channels, now);
	if (UNLIKELY(scripts->hopeless != HANDLE_NONE))
		end_hopeless(scripts, now);
	if (scripts->has_idle || scripts->change_count != change_count) {
		scripts->change_count = change_count;
		unload_idle(scripts);
	}
}

static uint64_t keep_deadline_ns(struct partner *partner)
{
	const struct script_shard *scripts = CONTAINER_OF(partner, struct script_shard, keeper);
	return ringcast_script_channels_deadline_ns(&scripts->channels);
}

static const struct partner_ops keeper_ops = {.ticked = keep, .deadline_ns = keep_deadline_ns};

/* Life */

void ringcast_script_shard_init(struct script_shard *scripts, const struct script_shard_options *options, struct shard *shard)
{
	uint64_t seed;
	*scripts = (struct script_shard){
		.options = options,
		.shard = shard,
		.environment = {.context = scripts,
				.limits = options->limits,
				.now_ns = now_ns,
				.cpu_ns = cpu_ns,
				.random = random_bytes,
				.log = write_log,
				.count = count},
	};
	random_bytes(scripts, &seed, sizeof(seed));
	ringcast_script_logs_init(&scripts->logs, options->log_bytes_per_session, seed);
	ringcast_list_init(&scripts->uses);
	ringcast_script_channels_init(&scripts->channels, &options->channels, shard);
}

void ringcast_script_shard_fini(struct script_shard *scripts)
{
	if (scripts->shard == NULL)
		return;
	while (!ringcast_list_is_empty(&scripts->uses))
		unload(CONTAINER_OF(scripts->uses.next, struct script_use, node));
	end_lua(scripts);
	ringcast_script_channels_fini(&scripts->channels);
	ringcast_partner_remove(&scripts->keeper);
	ringcast_script_logs_fini(&scripts->logs);
	ringcast_spending_close(&scripts->spending);
	scripts->shard = NULL;
}
