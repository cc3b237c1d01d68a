#include "service/hosts/server_sdk/server_sdk.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "service/hosts/server_sdk/builds.h"
#include "service/hosts/server_sdk/link.h"
#include "service/hosts/server_sdk/own.h"
#include "service/hosts/server_sdk/state.h"

enum { EVENTS_MAX = 64, CLOSE_MS = 3000, TICK_MS = 100, IDLE_TICK_MS = 1000, PAUSE_MS_MIN = 1000 };

struct lesson {
	struct list_node node;
	char *kind, *id;
	json_t *document;
};

struct arrival {
	struct list_node node;
	struct sdk_login login;
	struct link *link;
};

struct host_sdk {
	struct host base;
	struct host_sdk_options options;
	struct sdk_core core;
	struct own own;
	struct builds *builds;
	pthread_t thread;
	pthread_mutex_t lock; /* guards everything down to is_stopping */
	struct list_node lessons, calls, arrivals, answers;
	bool is_open, is_stopping;
	bool has_thread;
	int wake_fd, epoll_fd;
	/* the thread's */
	struct list_node links;
	int64_t ticked_ms;
};

/* What the core asks for */

static void op_send(void *context, struct sdk_link *link, const char *text)
{
	ringcast_link_send(CONTAINER_OF(link, struct link, sdk), text);
}

static void op_close(void *context, struct sdk_link *link, uint16_t code, const char *reason)
{
	ringcast_link_close(CONTAINER_OF(link, struct link, sdk), code, reason);
}

static void op_give_back(void *context, struct host_call *call)
{
	struct host_sdk *sdk = context;
	sdk->options.give_back(sdk->options.context, call);
}

static void op_tell(void *context, const struct host_event *event)
{
	struct host_sdk *sdk = context;
	sdk->options.tell(sdk->options.context, event);
}

static void op_random(void *context, void *out, size_t size)
{
	struct host_sdk *sdk = context;
	while (!sdk->options.random(out, size)) /* ids that others could guess would be worse than waiting */
		usleep(1000);
}

static bool op_is_own(void *context, const char *fleet_id, const char *process_id)
{
	const struct agent *agent = ((struct host_sdk *)context)->own.agent;
	return agent != NULL && ringcast_agent_has(agent, fleet_id, process_id);
}

static void op_stop(void *context, const char *process_id, int64_t notice_until_ms)
{
	struct agent *agent = ((struct host_sdk *)context)->own.agent;
	if (agent != NULL)
		ringcast_agent_stop(agent, process_id, notice_until_ms);
}

static void op_plan(void *context, const char *fleet_id, const char *folder, const json_t *runtime)
{
	ringcast_own_plan(&((struct host_sdk *)context)->own, fleet_id, folder, runtime);
}

static void op_save(void *context, const struct sdk_process *process)
{
	ringcast_sdk_state_save(((struct host_sdk *)context)->own.sessions, process);
}

static void op_forget(void *context, const struct sdk_process *process)
{
	ringcast_sdk_state_forget(((struct host_sdk *)context)->own.sessions, process);
}

static void wake(struct host_sdk *sdk)
{
	uint64_t one = 1;
	while (write(sdk->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void answered(struct host_question *question)
{
	struct host_sdk *sdk = question->context;
	pthread_mutex_lock(&sdk->lock);
	ringcast_list_add_tail(&sdk->answers, &question->node);
	pthread_mutex_unlock(&sdk->lock);
	wake(sdk);
}

static bool op_ask(void *context, struct host_question *question)
{
	struct host_sdk *sdk = context;
	question->answered = answered;
	question->context = sdk;
	return sdk->options.ask(sdk->options.context, question);
}

static const struct sdk_core_ops core_ops = {op_send, op_close, op_give_back, op_tell, op_random, op_is_own, op_stop, op_plan, op_save, op_forget, op_ask};

/* The thread */

static void hear(void *context, struct link *link, const char *text, size_t size)
{
	ringcast_sdk_core_hear(&((struct host_sdk *)context)->core, &link->sdk, text, size);
}

static void poll_for(struct host_sdk *sdk, struct link *link, int operation)
{
	bool wants_writing = link->unsent.size > 0, wants_reading = link->is_closing || link->messages_left > 0;
	struct epoll_event event = {.events = (wants_reading ? EPOLLIN : 0) | (wants_writing ? EPOLLOUT : 0), .data.ptr = link};
	if (operation == EPOLL_CTL_MOD && wants_writing == link->is_polled_for_writing && wants_reading == link->is_polled_for_reading)
		return;
	link->is_polled_for_writing = wants_writing;
	link->is_polled_for_reading = wants_reading;
	if (epoll_ctl(sdk->epoll_fd, operation, link->fd, &event) != 0)
		link->is_dead = true;
}

static void end_link(struct host_sdk *sdk, struct link *link)
{
	epoll_ctl(sdk->epoll_fd, EPOLL_CTL_DEL, link->fd, NULL);
	ringcast_sdk_core_closed(&sdk->core, &link->sdk);
	ringcast_list_remove(&link->node);
	ringcast_link_destroy(&link);
}

/* What had to wait is heard now, before the socket is read again. */
static void renew_messages(struct host_sdk *sdk, struct link *link)
{
	link->messages_left = LINK_MESSAGES_MAX;
	ringcast_link_parse(link, hear, sdk);
}

/* Nothing is freed while a turn's events may still name it: this is done between turns. */
static void look_after_links(struct host_sdk *sdk, bool is_tick)
{
	struct list_node *next;
	for (struct list_node *node = sdk->links.next; node != &sdk->links; node = next) {
		struct link *link = CONTAINER_OF(node, struct link, node);
		next = node->next;
		if (is_tick && !link->is_closing && !link->is_dead)
			ringcast_sdk_core_link_tick(&sdk->core, &link->sdk);
		if (is_tick)
			renew_messages(sdk, link);
		if (link->is_closing && link->close_until_ms == 0)
			link->close_until_ms = sdk->core.now_ms + CLOSE_MS;
		if (link->is_dead || (link->is_closing && link->close_until_ms < sdk->core.now_ms))
			end_link(sdk, link);
		else
			poll_for(sdk, link, EPOLL_CTL_MOD);
	}
}

static void take_arrival(struct host_sdk *sdk, struct arrival *arrival)
{
	struct link *link = arrival->link;
	char problem[SDK_PROBLEM_BYTES];
	ringcast_list_add_tail(&sdk->links, &link->node);
	poll_for(sdk, link, EPOLL_CTL_ADD);
	if (!ringcast_sdk_core_connect(&sdk->core, &link->sdk, &arrival->login, problem)) {
		ringcast_log_limited((uint64_t)sdk->core.now_ms * 1000000, LOG_WARN, "service", "a game server is refused", "process=%s fleet=%s problem=\"%s\"",
				     arrival->login.process, arrival->login.fleet, problem);
		ringcast_link_close(link, 1008, problem);
	} else {
		ringcast_log(LOG_INFO, "service", "a game server connects", "process=%s fleet=%s compute=%s sdk=\"%s %s\"", arrival->login.process,
			     arrival->login.fleet, arrival->login.compute, arrival->login.language, arrival->login.version);
		ringcast_link_parse(link, hear, sdk);
	}
	free(arrival);
}

static void take_lesson(struct host_sdk *sdk, struct lesson *lesson)
{
	if (lesson->document == NULL && strcmp(lesson->kind, "build") == 0)
		ringcast_builds_remove(sdk->builds, lesson->id);
	ringcast_sdk_core_learn(&sdk->core, lesson->kind, lesson->id, lesson->document);
	free(lesson->kind);
	free(lesson->id);
	free(lesson);
}

static void take_call(struct host_sdk *sdk, struct host_call *call)
{
	if (call->kind == HOST_LOOK_AT_BUILD)
		ringcast_builds_look(sdk->builds, call);
	else
		ringcast_sdk_core_submit(&sdk->core, call);
}

static void move_list(struct list_node *from, struct list_node *to)
{
	ringcast_list_init(to);
	while (!ringcast_list_is_empty(from)) {
		struct list_node *node = from->next;
		ringcast_list_remove(node);
		ringcast_list_add_tail(to, node);
	}
}

#define TAKE_EACH(list, type, call)                                                                                                        \
	while (!ringcast_list_is_empty(&(list))) {                                                                                         \
		struct type *item = CONTAINER_OF((list).next, struct type, node);                                                          \
		ringcast_list_remove(&item->node);                                                                                         \
		call;                                                                                                                      \
	}

static void take_lessons(struct host_sdk *sdk)
{
	struct list_node lessons;
	pthread_mutex_lock(&sdk->lock);
	move_list(&sdk->lessons, &lessons);
	pthread_mutex_unlock(&sdk->lock);
	TAKE_EACH(lessons, lesson, take_lesson(sdk, item))
}

/* False: the host stops. */
static bool take_inbox(struct host_sdk *sdk)
{
	struct list_node lessons, calls, arrivals, answers;
	pthread_mutex_lock(&sdk->lock);
	move_list(&sdk->lessons, &lessons);
	move_list(&sdk->calls, &calls);
	move_list(&sdk->arrivals, &arrivals);
	move_list(&sdk->answers, &answers);
	bool is_stopping = sdk->is_stopping;
	pthread_mutex_unlock(&sdk->lock);
	TAKE_EACH(lessons, lesson, take_lesson(sdk, item))
	TAKE_EACH(arrivals, arrival, take_arrival(sdk, item))
	TAKE_EACH(calls, host_call, take_call(sdk, item))
	TAKE_EACH(answers, host_question, ringcast_sdk_core_take_answer(&sdk->core, item))
	return !is_stopping;
}

/*
 * Deadlines are dates, as processes are told them, and their clock can leap: when it is set, and when the machine or this process was suspended. Nobody was
 * heard in that time, and nobody is to blame for it.
 */
static void look_at_clock(struct host_sdk *sdk)
{
	int64_t now_ms = sdk->options.now_ms(), gap_ms = now_ms - sdk->core.now_ms;
	sdk->core.now_ms = now_ms;
	if (gap_ms >= 0 && gap_ms <= IDLE_TICK_MS + PAUSE_MS_MIN)
		return;
	gap_ms -= gap_ms > 0 ? IDLE_TICK_MS : 0;
	ringcast_log(LOG_WARN, "service", "the clock has leapt, or the process did not run; game servers' deadlines are put off by as long", "leap_ms=%lld",
		     (long long)gap_ms);
	ringcast_sdk_core_put_off(&sdk->core, gap_ms);
	if (sdk->own.agent != NULL)
		ringcast_agent_put_off(sdk->own.agent, gap_ms);
	for (struct list_node *node = sdk->links.next; node != &sdk->links; node = node->next) {
		struct link *link = CONTAINER_OF(node, struct link, node);
		link->close_until_ms += link->close_until_ms != 0 ? gap_ms : 0;
	}
}

static void take_events(struct host_sdk *sdk, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int count = epoll_wait(sdk->epoll_fd, events, EVENTS_MAX, timeout_ms);
	look_at_clock(sdk);
	for (int i = 0; i < count; i++) {
		struct link *link = events[i].data.ptr;
		uint64_t wakes;
		if (link == NULL) {
			if (read(sdk->wake_fd, &wakes, sizeof(wakes)) < 0 && errno != EAGAIN)
				ringcast_log(LOG_ERROR, "service", "the wake-up of game servers' thread cannot be read", "err=%s", strerror(errno));
			continue;
		}
		if (events[i].events & EPOLLOUT)
			ringcast_link_flush(link);
		if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			ringcast_link_read(link, hear, sdk);
	}
}

static bool has_build(void *context, const char *build_id)
{
	return json_object_get(((struct host_sdk *)context)->core.builds, build_id) != NULL;
}

static void *run(void *context)
{
	struct host_sdk *sdk = context;
	sdk->core.now_ms = sdk->options.now_ms();
	take_lessons(sdk); /* what is configured comes first: it says whose processes are taken up again */
	if (sdk->own.unpacked != NULL)
		ringcast_builds_sweep(sdk->own.unpacked, has_build, sdk);
	ringcast_sdk_state_restore(sdk->own.sessions, &sdk->core);
	while (take_inbox(sdk)) {
		bool is_tick = sdk->core.now_ms - sdk->ticked_ms >= TICK_MS || sdk->core.now_ms < sdk->ticked_ms;
		if (is_tick) {
			sdk->ticked_ms = sdk->core.now_ms;
			if (sdk->own.agent != NULL)
				ringcast_agent_turn(sdk->own.agent, sdk->core.now_ms);
			ringcast_sdk_core_tick(&sdk->core);
		}
		look_after_links(sdk, is_tick);
		bool has_work = sdk->own.agent != NULL && ringcast_agent_is_working(sdk->own.agent);
		bool is_idle = sdk->core.process_count == 0 && !has_work && ringcast_list_is_empty(&sdk->links);
		take_events(sdk, is_idle ? IDLE_TICK_MS : TICK_MS);
	}
	return NULL;
}

/* Inbox */

static void submit(struct host *host, struct host_call *call)
{
	struct host_sdk *sdk = CONTAINER_OF(host, struct host_sdk, base);
	pthread_mutex_lock(&sdk->lock);
	bool is_taken = !sdk->is_stopping;
	if (is_taken)
		ringcast_list_add_tail(&sdk->calls, &call->node);
	pthread_mutex_unlock(&sdk->lock);
	if (is_taken) {
		wake(sdk);
		return;
	}
	call->result = HOST_FAILED;
	sdk->options.give_back(sdk->options.context, call);
}

static void learn(struct host *host, const char *kind, const char *id, json_t *document)
{
	struct host_sdk *sdk = CONTAINER_OF(host, struct host_sdk, base);
	struct lesson *lesson = calloc(1, sizeof(*lesson));
	if (lesson == NULL || (lesson->kind = strdup(kind)) == NULL || (lesson->id = strdup(id)) == NULL) {
		ringcast_log(LOG_ERROR, "service", "a change does not reach game servers: out of memory", "id=%s", id);
		if (lesson != NULL)
			free(lesson->kind);
		free(lesson);
		json_decref(document);
		return;
	}
	lesson->document = document;
	pthread_mutex_lock(&sdk->lock);
	ringcast_list_add_tail(&sdk->lessons, &lesson->node);
	pthread_mutex_unlock(&sdk->lock);
	wake(sdk);
}

bool ringcast_host_sdk_check(struct host_sdk *sdk, struct sdk_login *login, const char *token)
{
	/* Before the start there is no secret, and after the stop nobody to connect to. */
	pthread_mutex_lock(&sdk->lock);
	bool is_open = sdk->is_open;
	pthread_mutex_unlock(&sdk->lock);
	return is_open && ringcast_compute_token_check(&sdk->core.options.secret, login->fleet, login->compute, token, sdk->options.now_ms() / 1000,
					    &login->token_expires_ms) &&
	       (login->token_expires_ms *= 1000) > 0;
}

bool ringcast_host_sdk_connect(struct host_sdk *sdk, const struct sdk_login *login, const struct sdk_socket *socket)
{
	struct arrival *arrival = calloc(1, sizeof(*arrival));
	struct link *link = arrival != NULL ? ringcast_link_create(socket->fd, socket->first, socket->first_bytes) : NULL;
	pthread_mutex_lock(&sdk->lock);
	bool is_taken = link != NULL && !sdk->is_stopping;
	if (is_taken) {
		arrival->login = *login;
		arrival->link = link;
		link->release = socket->release;
		link->release_context = socket->context;
		ringcast_list_add_tail(&sdk->arrivals, &arrival->node);
	}
	pthread_mutex_unlock(&sdk->lock);
	if (is_taken) {
		wake(sdk);
		return true;
	}
	ringcast_link_destroy(&link);
	free(arrival);
	return false;
}

void ringcast_host_sdk_count(const struct host_sdk *sdk, struct sdk_counts *ret_counts)
{
	ret_counts->activated = __atomic_load_n(&sdk->core.counts.activated, __ATOMIC_RELAXED);
	ret_counts->terminated = __atomic_load_n(&sdk->core.counts.terminated, __ATOMIC_RELAXED);
	ret_counts->abnormal = __atomic_load_n(&sdk->core.counts.abnormal, __ATOMIC_RELAXED);
	ret_counts->questions = __atomic_load_n(&sdk->core.counts.questions, __ATOMIC_RELAXED);
	ret_counts->questions_refused = __atomic_load_n(&sdk->core.counts.questions_refused, __ATOMIC_RELAXED);
	ret_counts->answers_late = __atomic_load_n(&sdk->core.counts.answers_late, __ATOMIC_RELAXED);
	ret_counts->answers_lost = __atomic_load_n(&sdk->core.counts.answers_lost, __ATOMIC_RELAXED);
}

/* Life */

static const struct host_ops host_ops = {.submit = submit, .learn = learn};

static bool open_fds(struct host_sdk *sdk)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
	sdk->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sdk->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return sdk->wake_fd >= 0 && sdk->epoll_fd >= 0 && epoll_ctl(sdk->epoll_fd, EPOLL_CTL_ADD, sdk->wake_fd, &event) == 0;
}

struct host_sdk *ringcast_host_sdk_create(const struct host_sdk_options *options, char problem[HOST_SDK_PROBLEM_BYTES])
{
	struct host_sdk *sdk = calloc(1, sizeof(*sdk));
	if (sdk == NULL) {
		snprintf(problem, HOST_SDK_PROBLEM_BYTES, "no memory for custom game servers");
		return NULL;
	}
	sdk->base.ops = &host_ops;
	sdk->options = *options;
	ringcast_list_init(&sdk->lessons);
	ringcast_list_init(&sdk->calls);
	ringcast_list_init(&sdk->arrivals);
	ringcast_list_init(&sdk->answers);
	ringcast_list_init(&sdk->links);
	pthread_mutex_init(&sdk->lock, NULL);
	if (!open_fds(sdk))
		snprintf(problem, HOST_SDK_PROBLEM_BYTES, "custom game servers: %s", strerror(errno));
	else if (ringcast_own_init(&sdk->own, &sdk->options, &sdk->core, problem))
		return sdk;
	ringcast_own_fini(&sdk->own);
	ringcast_host_sdk_destroy(&sdk);
	return NULL;
}

struct host *ringcast_host_sdk_base(struct host_sdk *sdk)
{
	return &sdk->base;
}

bool ringcast_host_sdk_start(struct host_sdk *sdk, const struct compute_token_secret *secret)
{
	const struct host_sdk_options *options = &sdk->options;
	const struct sdk_core_options core = {
		.ops = &core_ops,
		.context = sdk,
		.ip_address = options->ip_address,
		.dns_name = options->dns_name,
		.compute_name = options->compute_name,
		.endpoint = options->endpoint,
		.secret = *secret,
		.token_lifetime_s = options->token_lifetime_s,
		.health_timeout_ms = options->health_timeout_ms,
		.terminate_timeout_ms = options->terminate_timeout_ms,
		.processes_max = options->processes_max,
	};
	const struct builds_options builds = {.builds = sdk->own.builds,
					      .unpacked = sdk->own.unpacked,
					      .reader = sdk->options.user,
					      .limits = {sdk->options.build_bytes_max, sdk->options.build_entries_max},
					      .give_back = sdk->options.give_back,
					      .context = sdk->options.context};
	if (!ringcast_sdk_core_init(&sdk->core, &core) || (sdk->builds = ringcast_builds_start(&builds)) == NULL)
		return false;
	sdk->has_thread = pthread_create(&sdk->thread, NULL, run, sdk) == 0;
	pthread_mutex_lock(&sdk->lock);
	sdk->is_open = sdk->has_thread;
	pthread_mutex_unlock(&sdk->lock);
	return sdk->has_thread;
}

void ringcast_host_sdk_stop(struct host_sdk *sdk)
{
	if (sdk == NULL)
		return;
	pthread_mutex_lock(&sdk->lock);
	sdk->is_stopping = true;
	sdk->is_open = false;
	pthread_mutex_unlock(&sdk->lock);
	if (sdk->has_thread) {
		wake(sdk);
		pthread_join(sdk->thread, NULL);
		sdk->has_thread = false;
	}
	ringcast_builds_stop(&sdk->builds);
	TAKE_EACH(sdk->answers, host_question, ringcast_sdk_core_take_answer(&sdk->core, item))
	if (sdk->core.fleets != NULL)
		ringcast_sdk_core_fini(&sdk->core);
	ringcast_own_fini(&sdk->own);
	while (!ringcast_list_is_empty(&sdk->links)) {
		struct link *link = CONTAINER_OF(sdk->links.next, struct link, node);
		ringcast_link_close(link, 1001, "the service stops");
		ringcast_list_remove(&link->node); /* its process comes back to the next one: nothing has ended */
		ringcast_link_destroy(&link);
	}
	TAKE_EACH(sdk->arrivals, arrival, (ringcast_link_destroy(&item->link), free(item)))
	while (!ringcast_list_is_empty(&sdk->calls)) {
		struct host_call *call = CONTAINER_OF(sdk->calls.next, struct host_call, node);
		ringcast_list_remove(&call->node);
		call->result = HOST_FAILED;
		sdk->options.give_back(sdk->options.context, call);
	}
}

static void lesson_free(struct lesson *lesson)
{
	free(lesson->kind);
	free(lesson->id);
	json_decref(lesson->document);
	free(lesson);
}

void ringcast_host_sdk_destroy(struct host_sdk **sdk)
{
	if (*sdk == NULL)
		return;
	TAKE_EACH((*sdk)->lessons, lesson, lesson_free(item))
	if ((*sdk)->wake_fd >= 0)
		close((*sdk)->wake_fd);
	if ((*sdk)->epoll_fd >= 0)
		close((*sdk)->epoll_fd);
	pthread_mutex_destroy(&(*sdk)->lock);
	free(*sdk);
	*sdk = NULL;
}
