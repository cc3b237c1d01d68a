#include "sidecars/sidecars.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/pause.h"
#include "io/clock.h"
#include "ringcast/ringcast.h"

enum { END_TIMEOUT_MS = 1000, END_TURN_MS = 100, POLL_MS_MAX = 1000, ATTACH_PAUSE_MS = 10, POLL_FAILED_PAUSE_MS = 100 };

static const struct sidecar_process no_process = {.pidfd = -1, .socket = -1, .output = -1};

struct sidecar_slot {
	uint32_t shard, channel;
	bool is_wanted, is_cut;         /* under the lock */
	uint64_t serial;                /* of the process; changed under the lock */
	bool is_attached;               /* its shard has its socket */
	struct sidecar_process process; /* the thread's own; pid is changed under the lock */
	struct sidecar_backoff backoff;
	uint64_t start_ns, started_ns; /* when to try next; when it last began */
};

struct sidecars {
	struct sidecars_options options;
	const struct log_sink *log; /* the creator's */
	pthread_mutex_t lock; /* guards is_wanted, is_cut, counts, pids, serials, has_thread */
	pthread_t thread;
	bool has_thread, is_retired, is_stopping; /* the last two atomic */
	uint64_t serial; /* of the process started last */
	int wake_fd;
	struct sidecars_counts counts;
	struct pollfd *polls; /* one more than slots */
	uint32_t slot_count;
	struct sidecar_slot slots[];
};

struct sidecars *ringcast_sidecars_create(const struct sidecars_options *options)
{
	uint32_t count = options->shard_count * options->channel_count;
	struct sidecars *sidecars = calloc(1, sizeof(*sidecars) + count * sizeof(struct sidecar_slot));
	if (sidecars == NULL)
		return NULL;
	sidecars->options = *options;
	sidecars->log = ringcast_log_bound();
	sidecars->slot_count = count;
	pthread_mutex_init(&sidecars->lock, NULL);
	sidecars->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sidecars->polls = calloc(count + 1, sizeof(struct pollfd));
	for (uint32_t i = 0; i < count; i++) {
		sidecars->slots[i].shard = i / options->channel_count;
		sidecars->slots[i].channel = i % options->channel_count;
		sidecars->slots[i].process = no_process;
	}
	if (sidecars->wake_fd < 0 || sidecars->polls == NULL)
		ringcast_sidecars_destroy(&sidecars);
	return sidecars;
}

static void count(struct sidecars *sidecars, uint64_t *counter, int64_t by)
{
	pthread_mutex_lock(&sidecars->lock);
	*counter += (uint64_t)by;
	pthread_mutex_unlock(&sidecars->lock);
}

/* Attaching: the shard takes the socket */

/* The shard takes the socket once it is done with the one before; until then this is tried again. */
static void attach(struct sidecars *sidecars, struct sidecar_slot *slot)
{
	const struct sidecars_options *options = &sidecars->options;
	int result = options->attach(options->context, slot->shard, slot->channel, slot->serial, &slot->process.socket);
	slot->is_attached = result == RINGCAST_OK;
	if (!slot->is_attached && slot->process.socket < 0) /* nobody can speak to it any more */
		ringcast_sidecar_process_kill(&slot->process);
}

/* One slot */

static void set_process(struct sidecars *sidecars, struct sidecar_slot *slot, const struct sidecar_process *process)
{
	pthread_mutex_lock(&sidecars->lock);
	slot->process = *process;
	slot->is_cut = false;
	slot->serial = ++sidecars->serial;
	pthread_mutex_unlock(&sidecars->lock);
	slot->is_attached = false;
}

static void wait_before_next(struct sidecar_slot *slot, uint64_t now_ns)
{
	uint64_t lived_ms = slot->started_ns != 0 ? (now_ns - slot->started_ns) / NS_PER_MS : 0;
	slot->start_ns = now_ns + ringcast_sidecar_backoff_next_ms(&slot->backoff, lived_ms) * NS_PER_MS;
	slot->started_ns = 0;
}

static bool is_retired(const struct sidecars *sidecars)
{
	return __atomic_load_n(&sidecars->is_retired, __ATOMIC_ACQUIRE);
}

static void reap(struct sidecars *sidecars, struct sidecar_slot *slot, int timeout_ms)
{
	char text[512];
	pid_t pid = slot->process.pid;
	if (!ringcast_sidecar_process_wait(&slot->process, timeout_ms, text, sizeof(text)))
		return;
	ringcast_sidecar_process_finish(&slot->process);
	set_process(sidecars, slot, &no_process);
	count(sidecars, &sidecars->counts.ended, 1);
	count(sidecars, &sidecars->counts.running, -1);
	wait_before_next(slot, ringcast_clock_now_ns());
	if (!is_retired(sidecars))
		ringcast_log(LOG_ERROR, "script", "a sidecar process has ended", "shard=%u channel=%u pid=%d how=\"%s\"", slot->shard,
			     slot->channel, (int)pid, text);
}

static bool is_cut(struct sidecars *sidecars, const struct sidecar_slot *slot)
{
	pthread_mutex_lock(&sidecars->lock);
	bool is = slot->is_cut;
	pthread_mutex_unlock(&sidecars->lock);
	return is;
}

static void start(struct sidecars *sidecars, struct sidecar_slot *slot)
{
	struct sidecar_process process;
	char error[256] = "";
	if (!ringcast_sidecar_process_start(&sidecars->options.process, &process, error, sizeof(error))) {
		count(sidecars, &sidecars->counts.start_failures, 1);
		wait_before_next(slot, ringcast_clock_now_ns());
		ringcast_log(LOG_ERROR, "script", "cannot start a sidecar process", "shard=%u channel=%u err=\"%s\"", slot->shard,
			     slot->channel, error);
		return;
	}
	set_process(sidecars, slot, &process);
	count(sidecars, &sidecars->counts.started, 1);
	count(sidecars, &sidecars->counts.running, 1);
	slot->started_ns = ringcast_clock_now_ns();
	ringcast_log(LOG_INFO, "script", "sidecar process started", "shard=%u channel=%u pid=%d", slot->shard, slot->channel,
		     (int)process.pid);
	attach(sidecars, slot);
}

static bool is_wanted(struct sidecars *sidecars, const struct sidecar_slot *slot)
{
	pthread_mutex_lock(&sidecars->lock);
	bool is = slot->is_wanted;
	pthread_mutex_unlock(&sidecars->lock);
	return is;
}

static void look_after(struct sidecars *sidecars, struct sidecar_slot *slot)
{
	if (slot->process.pid != 0) {
		if (!slot->is_attached && slot->process.socket >= 0)
			attach(sidecars, slot);
		if (is_cut(sidecars, slot))
			ringcast_sidecar_process_kill(&slot->process);
		reap(sidecars, slot, 0);
	}
	if (is_retired(sidecars))
		return;
	if (slot->process.pid == 0 && is_wanted(sidecars, slot) && ringcast_clock_now_ns() >= slot->start_ns)
		start(sidecars, slot);
}

/* The thread */

static int wait_ms(const struct sidecars *sidecars)
{
	uint64_t now_ns = ringcast_clock_now_ns(), wait = POLL_MS_MAX;
	for (uint32_t i = 0; i < sidecars->slot_count; i++) {
		const struct sidecar_slot *slot = &sidecars->slots[i];
		uint64_t left_ms = slot->start_ns > now_ns ? (slot->start_ns - now_ns) / NS_PER_MS + 1 : POLL_MS_MAX;
		if (slot->process.pid != 0)
			left_ms = slot->is_attached ? POLL_MS_MAX : ATTACH_PAUSE_MS;
		if (left_ms < wait)
			wait = left_ms;
	}
	return (int)wait;
}

static void wait_for_something(struct sidecars *sidecars)
{
	uint64_t value;
	for (uint32_t i = 0; i < sidecars->slot_count; i++)
		sidecars->polls[i] = (struct pollfd){.fd = sidecars->slots[i].process.pidfd, .events = POLLIN};
	sidecars->polls[sidecars->slot_count] = (struct pollfd){.fd = sidecars->wake_fd, .events = POLLIN};
	/* Not for ever, if the kernel has no memory, or the limit of open files was taken below what we watch: everything is looked at in any case. */
	if (poll(sidecars->polls, sidecars->slot_count + 1, wait_ms(sidecars)) < 0 && errno != EINTR)
		poll(NULL, 0, POLL_FAILED_PAUSE_MS);
	while (read(sidecars->wake_fd, &value, sizeof(value)) == sizeof(value))
		;
}

static void *run(void *argument)
{
	struct sidecars *sidecars = argument;
	pthread_setname_np(pthread_self(), "sidecars");
	ringcast_log_bind(sidecars->log);
	while (!__atomic_load_n(&sidecars->is_stopping, __ATOMIC_ACQUIRE)) {
		for (uint32_t i = 0; i < sidecars->slot_count; i++)
			look_after(sidecars, &sidecars->slots[i]);
		wait_for_something(sidecars);
	}
	return NULL;
}

/* Any thread */

static void wake(struct sidecars *sidecars)
{
	uint64_t one = 1;
	ssize_t written = write(sidecars->wake_fd, &one, sizeof(one));
	ringcast_assert(written == sizeof(one) || errno == EAGAIN);
}

bool ringcast_sidecars_want(struct sidecars *sidecars, uint32_t shard)
{
	bool is_new = false;
	pthread_mutex_lock(&sidecars->lock);
	for (uint32_t i = 0; i < sidecars->slot_count; i++)
		if (sidecars->slots[i].shard == shard && !sidecars->slots[i].is_wanted)
			sidecars->slots[i].is_wanted = is_new = true;
	if (!sidecars->has_thread)
		sidecars->has_thread = pthread_create(&sidecars->thread, NULL, run, sidecars) == 0;
	bool has_thread = sidecars->has_thread;
	pthread_mutex_unlock(&sidecars->lock);
	if (is_new)
		wake(sidecars);
	return has_thread;
}

void ringcast_sidecars_cut(struct sidecars *sidecars, uint32_t shard, uint32_t channel, uint64_t serial)
{
	struct sidecar_slot *slot = &sidecars->slots[shard * sidecars->options.channel_count + channel];
	ringcast_assert(shard < sidecars->options.shard_count && channel < sidecars->options.channel_count);
	pthread_mutex_lock(&sidecars->lock);
	if (slot->serial == serial) /* else it has ended meanwhile */
		slot->is_cut = true;
	pthread_mutex_unlock(&sidecars->lock);
	wake(sidecars);
}

void ringcast_sidecars_retire(struct sidecars *sidecars)
{
	if (sidecars != NULL)
		__atomic_store_n(&sidecars->is_retired, true, __ATOMIC_RELEASE);
}

/* Whether it ends while there is patience, which all processes share. As the shard does: time in which nobody ran is not taken off it. */
static bool await_end(struct sidecars *sidecars, struct sidecar_slot *slot, uint64_t *patience_ns)
{
	uint64_t before_ns = ringcast_clock_now_ns();
	for (bool is_patient = true; is_patient;) {
		reap(sidecars, slot, *patience_ns > 0 ? END_TURN_MS : 0);
		uint64_t after_ns = ringcast_clock_now_ns();
		is_patient = ringcast_pause_spend(patience_ns, after_ns - before_ns, END_TURN_MS * NS_PER_MS);
		if (slot->process.pid == 0)
			return true;
		before_ns = after_ns;
	}
	return false;
}

/* Their sockets are closed by now, which tells them to end; those that do not are killed. */
static void end_processes(struct sidecars *sidecars)
{
	uint64_t patience_ns = END_TIMEOUT_MS * NS_PER_MS;
	for (uint32_t i = 0; i < sidecars->slot_count; i++) {
		struct sidecar_slot *slot = &sidecars->slots[i];
		if (slot->process.pid == 0)
			continue;
		if (slot->process.socket >= 0) {
			close(slot->process.socket); /* never attached */
			slot->process.socket = -1;
		}
		if (await_end(sidecars, slot, &patience_ns))
			continue;
		ringcast_sidecar_process_kill(&slot->process);
		reap(sidecars, slot, -1);
	}
}

void ringcast_sidecars_destroy(struct sidecars **sidecars)
{
	struct sidecars *s = *sidecars;
	*sidecars = NULL;
	if (s == NULL)
		return;
	__atomic_store_n(&s->is_stopping, true, __ATOMIC_RELEASE);
	if (s->has_thread) {
		wake(s);
		pthread_join(s->thread, NULL);
	}
	end_processes(s);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	pthread_mutex_destroy(&s->lock);
	free(s->polls);
	free(s);
}

struct sidecars_counts ringcast_sidecars_measure(struct sidecars *sidecars)
{
	pthread_mutex_lock(&sidecars->lock);
	struct sidecars_counts counts = sidecars->counts;
	pthread_mutex_unlock(&sidecars->lock);
	return counts;
}

int ringcast_sidecars_pid(struct sidecars *sidecars, uint32_t shard, uint32_t channel)
{
	pthread_mutex_lock(&sidecars->lock);
	int pid = (int)sidecars->slots[shard * sidecars->options.channel_count + channel].process.pid;
	pthread_mutex_unlock(&sidecars->lock);
	return pid;
}
