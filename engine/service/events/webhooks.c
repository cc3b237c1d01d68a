#include "service/events/webhooks.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/worker.h"

enum { CONNECT_TIMEOUT_S = 5, TIMEOUT_S = 10, PAUSE_MS_FIRST = 500, PAUSE_MS_MAX = 30000, DROPS_TOLD_MS = 10000 };

struct sender {
	struct webhooks *webhooks;
	struct worker worker;	/* its lock guards the hook, but for the url, which never changes, and the queue */
	bool has_worker;
	struct webhook hook;
	struct list_node queue; /* oldest first */
	uint32_t queue_count;
	int64_t drops_told_ms;	/* under the lock of all */
	uint64_t drops_untold;
	bool is_failing; /* the last event did not get through; the sender's thread only */
	CURL *curl;
};

struct webhooks {
	struct webhooks_options options;
	char start[HEX_UUID_TEXT_BYTES];
	pthread_mutex_t lock; /* guards what follows, and the bounds of the options; a sender's comes after it */
	bool is_stopping;     /* atomic: all of them end at once */
	struct webhooks_counts counts;
	struct sender *senders[WEBHOOKS_MAX]; /* owned */
	size_t count;
};

/* Posting */

/* The sender's lock is held. */
static bool is_ending(const struct sender *sender)
{
	return sender->worker.is_stopping || __atomic_load_n(&sender->webhooks->is_stopping, __ATOMIC_ACQUIRE);
}

static bool is_stopping(struct sender *sender)
{
	pthread_mutex_lock(&sender->worker.lock);
	bool is_so = is_ending(sender);
	pthread_mutex_unlock(&sender->worker.lock);
	return is_so;
}

static int on_progress(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
	return is_stopping(context);
}

static size_t ignore(char *data, size_t size, size_t count, void *context)
{
	return size * count;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *name, const char *value)
{
	char line[256];
	snprintf(line, sizeof(line), "%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(list, line);
	if (longer == NULL)
		curl_slist_free_all(list);
	return longer;
}

static struct curl_slist *headers_of(const struct sender *sender, const struct webhook *hook, const struct service_event *event, const char *body)
{
	const struct webhooks *webhooks = sender->webhooks;
	const struct envelope_facts facts = {webhooks->start, webhooks->options.region};
	char id[ENVELOPE_ID_BYTES], signature[ENVELOPE_SIGNATURE_BYTES];
	ringcast_envelope_id(event, &facts, id);
	ringcast_envelope_sign(hook->secret, body, webhooks->options.now_ms() / 1000, signature);
	struct curl_slist *list = add_header(NULL, "Content-Type", ringcast_envelope_type(hook->form));
	list = list != NULL ? add_header(list, "X-Ringcast-Signature", signature) : NULL;
	list = list != NULL ? add_header(list, "Expect", "") : NULL;
	if (list == NULL || hook->form != ENVELOPE_SNS)
		return list;
	list = add_header(list, "x-amz-sns-message-type", "Notification");
	return list != NULL ? add_header(list, "x-amz-sns-message-id", id) : NULL;
}

static bool perform(struct sender *sender, const char *body, struct curl_slist *headers, char error[WEBHOOK_ERROR_BYTES])
{
	long status = 0;
	curl_easy_setopt(sender->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
	curl_easy_setopt(sender->curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(sender->curl, CURLOPT_HTTPHEADER, headers);
	CURLcode code = curl_easy_perform(sender->curl);
	curl_easy_setopt(sender->curl, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(sender->curl, CURLOPT_HTTPHEADER, NULL);
	if (code != CURLE_OK) {
		snprintf(error, WEBHOOK_ERROR_BYTES, "%s", curl_easy_strerror(code));
		return false;
	}
	curl_easy_getinfo(sender->curl, CURLINFO_RESPONSE_CODE, &status);
	snprintf(error, WEBHOOK_ERROR_BYTES, "answered %ld", status);
	return status >= 200 && status < 300;
}

static bool post(struct sender *sender, const struct service_event *event, char error[WEBHOOK_ERROR_BYTES])
{
	const struct envelope_facts facts = {sender->webhooks->start, sender->webhooks->options.region};
	pthread_mutex_lock(&sender->worker.lock);
	struct webhook hook = sender->hook;
	pthread_mutex_unlock(&sender->worker.lock);
	char *body = ringcast_envelope_body(hook.form, event, &facts);
	struct curl_slist *headers = body != NULL ? headers_of(sender, &hook, event, body) : NULL;
	explicit_bzero(&hook, sizeof(hook));
	bool is_posted = false;
	snprintf(error, WEBHOOK_ERROR_BYTES, "out of memory");
	if (headers != NULL)
		is_posted = perform(sender, body, headers, error);
	curl_slist_free_all(headers);
	free(body);
	return is_posted;
}

static bool open_curl(struct sender *sender)
{
	sender->curl = curl_easy_init();
	if (sender->curl == NULL)
		return false;
	curl_easy_setopt(sender->curl, CURLOPT_URL, sender->hook.url);
	curl_easy_setopt(sender->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(sender->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(sender->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(sender->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
	curl_easy_setopt(sender->curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	curl_easy_setopt(sender->curl, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(sender->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(sender->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(sender->curl, CURLOPT_XFERINFODATA, sender);
	curl_easy_setopt(sender->curl, CURLOPT_USERAGENT, "ringcast");
	return true;
}

/* The thread of one webhook */

static void add_count(struct webhooks *webhooks, uint64_t *count)
{
	pthread_mutex_lock(&webhooks->lock);
	(*count)++;
	pthread_mutex_unlock(&webhooks->lock);
}

static void pause_ms(struct sender *sender, int64_t ms)
{
	int64_t until_ms = sender->webhooks->options.steady_ms() + ms;
	struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	pthread_mutex_lock(&sender->worker.lock);
	while (!is_ending(sender) && pthread_cond_timedwait(&sender->worker.changed, &sender->worker.lock, &until) == 0)
		;
	pthread_mutex_unlock(&sender->worker.lock);
}

static uint32_t tries_max(struct webhooks *webhooks)
{
	pthread_mutex_lock(&webhooks->lock);
	uint32_t tries = webhooks->options.tries_max;
	pthread_mutex_unlock(&webhooks->lock);
	return tries;
}

static bool deliver(struct sender *sender, const struct service_event *event, char error[WEBHOOK_ERROR_BYTES])
{
	uint32_t tries = sender->is_failing ? 1 : tries_max(sender->webhooks);
	int64_t wait_ms = PAUSE_MS_FIRST;
	for (uint32_t i = 0; i < tries && !is_stopping(sender); i++) {
		if (i > 0) {
			add_count(sender->webhooks, &sender->webhooks->counts.retried);
			pause_ms(sender, wait_ms);
			wait_ms = 2 * wait_ms < PAUSE_MS_MAX ? 2 * wait_ms : PAUSE_MS_MAX;
		}
		if (post(sender, event, error))
			return true;
	}
	return false;
}

static void bury(struct sender *sender, const struct service_event *event, const char *error)
{
	struct webhooks *webhooks = sender->webhooks;
	add_count(webhooks, &webhooks->counts.dead);
	if (!sender->is_failing && !is_stopping(sender))
		ringcast_log(LOG_WARN, "service", "a webhook does not take events; they become dead letters", "url=%s err=\"%s\"", sender->hook.url, error);
	sender->is_failing = true;
	webhooks->options.dead(webhooks->options.context, sender->hook.url, event, error);
}

static struct service_event *take_event(struct sender *sender)
{
	struct service_event *event = NULL;
	pthread_mutex_lock(&sender->worker.lock);
	while (ringcast_list_is_empty(&sender->queue) && !is_ending(sender))
		pthread_cond_wait(&sender->worker.changed, &sender->worker.lock);
	if (!ringcast_list_is_empty(&sender->queue)) {
		event = CONTAINER_OF(sender->queue.next, struct service_event, node);
		ringcast_list_remove(&event->node);
		sender->queue_count--;
	}
	pthread_mutex_unlock(&sender->worker.lock);
	return event;
}

static void *run(void *context)
{
	struct sender *sender = context;
	struct webhooks *webhooks = sender->webhooks;
	for (struct service_event *event = take_event(sender); event != NULL; event = take_event(sender)) {
		char error[WEBHOOK_ERROR_BYTES] = "the service stopped, or the webhook was removed";
		if (deliver(sender, event, error)) {
			sender->is_failing = false;
			add_count(webhooks, &webhooks->counts.delivered);
		} else {
			bury(sender, event, error);
		}
		ringcast_event_destroy(&event);
	}
	return NULL;
}

/* Coming in */

/* The lock of all is held. False: full, or stopping, when the sender's lock may be gone. */
static bool enqueue(struct sender *sender, struct service_event *event)
{
	struct webhooks *webhooks = sender->webhooks;
	if (webhooks->is_stopping)
		return false;
	pthread_mutex_lock(&sender->worker.lock);
	bool has_room = sender->queue_count < webhooks->options.queue_max;
	if (has_room) {
		ringcast_list_add_tail(&sender->queue, &event->node);
		sender->queue_count++;
		pthread_cond_signal(&sender->worker.changed);
	}
	pthread_mutex_unlock(&sender->worker.lock);
	return has_room;
}

/* The lock of all is held. Says how many, once in a while. */
static void count_drop(struct sender *sender)
{
	struct webhooks *webhooks = sender->webhooks;
	int64_t now_ms = webhooks->options.now_ms();
	webhooks->counts.dropped++;
	sender->drops_untold++;
	if (now_ms - sender->drops_told_ms < DROPS_TOLD_MS && now_ms >= sender->drops_told_ms)
		return;
	sender->drops_told_ms = now_ms;
	ringcast_log(LOG_WARN, "service", "a webhook is too slow, its queue is full, and events for it are lost", "url=%s count=%llu", sender->hook.url,
		     (unsigned long long)sender->drops_untold);
	sender->drops_untold = 0;
}

void ringcast_webhooks_emit(struct webhooks *webhooks, struct service_event *event)
{
	pthread_mutex_lock(&webhooks->lock);
	for (size_t i = 0; i < webhooks->count; i++) {
		bool is_last = i + 1 == webhooks->count;
		struct service_event *copy = is_last ? event : ringcast_event_copy(event);
		if (is_last)
			event = NULL;
		if (copy != NULL && enqueue(webhooks->senders[i], copy))
			continue;
		if (copy != NULL && webhooks->is_stopping)
			webhooks->options.dead(webhooks->options.context, webhooks->senders[i]->hook.url, copy, "the service stopped");
		else
			count_drop(webhooks->senders[i]);
		ringcast_event_destroy(&copy);
	}
	pthread_mutex_unlock(&webhooks->lock);
	ringcast_event_destroy(&event);
}

bool ringcast_webhooks_emit_to(struct webhooks *webhooks, const char *url, struct service_event *event)
{
	bool is_taken = false;
	pthread_mutex_lock(&webhooks->lock);
	for (size_t i = 0; i < webhooks->count && !is_taken; i++)
		is_taken = strcmp(webhooks->senders[i]->hook.url, url) == 0 && enqueue(webhooks->senders[i], event);
	pthread_mutex_unlock(&webhooks->lock);
	return is_taken;
}

void ringcast_webhooks_count(struct webhooks *webhooks, struct webhooks_counts *ret_counts)
{
	pthread_mutex_lock(&webhooks->lock);
	*ret_counts = webhooks->counts;
	pthread_mutex_unlock(&webhooks->lock);
}

/* Life */

static void sender_free(struct sender *sender)
{
	ringcast_assert(!sender->has_worker && ringcast_list_is_empty(&sender->queue));
	curl_easy_cleanup(sender->curl);
	explicit_bzero(sender->hook.secret, sizeof(sender->hook.secret));
	free(sender);
}

/* NULL: no memory, or no thread. */
static struct sender *sender_start(struct webhooks *webhooks, const struct webhook *hook)
{
	struct sender *sender = calloc(1, sizeof(*sender));
	if (sender == NULL)
		return NULL;
	sender->webhooks = webhooks;
	sender->hook = *hook;
	ringcast_list_init(&sender->queue);
	sender->has_worker = open_curl(sender) && ringcast_worker_start(&sender->worker, run, sender);
	if (sender->has_worker)
		return sender;
	sender_free(sender);
	return NULL;
}

/* It buries what waits. */
static void sender_stop(struct sender *sender)
{
	if (sender->has_worker)
		ringcast_worker_stop(&sender->worker);
	sender->has_worker = false;
}

static void sender_retire(struct sender *sender)
{
	sender_stop(sender);
	sender_free(sender);
}

/* Only who calls replace changes the list, so it may be read without the lock here. */
static struct sender *sender_of(const struct webhooks *webhooks, const char *url)
{
	for (size_t i = 0; i < webhooks->count; i++)
		if (strcmp(webhooks->senders[i]->hook.url, url) == 0)
			return webhooks->senders[i];
	return NULL;
}

static bool is_in(struct sender *const *senders, size_t count, const struct sender *sender)
{
	for (size_t i = 0; i < count; i++)
		if (senders[i] == sender)
			return true;
	return false;
}

/* The new list in the place of the old one, in one moment for whoever emits. */
static void exchange(struct webhooks *webhooks, struct sender *const *senders, const struct webhook *hooks, size_t count)
{
	pthread_mutex_lock(&webhooks->lock);
	for (size_t i = 0; i < count; i++) {
		pthread_mutex_lock(&senders[i]->worker.lock);
		senders[i]->hook.form = hooks[i].form;
		memcpy(senders[i]->hook.secret, hooks[i].secret, sizeof(hooks[i].secret));
		pthread_mutex_unlock(&senders[i]->worker.lock);
		webhooks->senders[i] = senders[i];
	}
	__atomic_store_n(&webhooks->count, count, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&webhooks->lock);
}

bool ringcast_webhooks_replace(struct webhooks *webhooks, const struct webhook *hooks, size_t count)
{
	struct sender *next[WEBHOOKS_MAX], *before[WEBHOOKS_MAX];
	size_t before_count = webhooks->count, made = 0;
	ringcast_assert(count <= WEBHOOKS_MAX);
	memcpy(before, webhooks->senders, sizeof(before));
	for (; made < count; made++) {
		next[made] = sender_of(webhooks, hooks[made].url);
		if (next[made] == NULL || is_in(next, made, next[made])) /* the same address twice has two threads */
			next[made] = sender_start(webhooks, &hooks[made]);
		if (next[made] == NULL)
			break;
	}
	if (made == count)
		exchange(webhooks, next, hooks, count);
	for (size_t i = 0; made < count && i < made; i++)
		if (!is_in(before, before_count, next[i]))
			sender_retire(next[i]);
	for (size_t i = 0; made == count && i < before_count; i++)
		if (!is_in(next, count, before[i]))
			sender_retire(before[i]);
	return made == count;
}

void ringcast_webhooks_bound(struct webhooks *webhooks, uint32_t queue_max, uint32_t tries)
{
	pthread_mutex_lock(&webhooks->lock);
	webhooks->options.queue_max = queue_max;
	webhooks->options.tries_max = tries;
	pthread_mutex_unlock(&webhooks->lock);
}

bool ringcast_webhooks_are_any(struct webhooks *webhooks)
{
	return __atomic_load_n(&webhooks->count, __ATOMIC_ACQUIRE) > 0;
}

struct webhooks *ringcast_webhooks_start(const struct webhooks_options *options)
{
	uint8_t bytes[HEX_UUID_BYTES];
	struct webhooks *webhooks = calloc(1, sizeof(*webhooks));
	if (webhooks == NULL || !options->random(bytes, sizeof(bytes)) || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(webhooks);
		return NULL;
	}
	webhooks->options = *options;
	ringcast_hex_write_uuid(bytes, webhooks->start);
	pthread_mutex_init(&webhooks->lock, NULL);
	if (!ringcast_webhooks_replace(webhooks, options->webhooks, options->count))
		ringcast_webhooks_destroy(&webhooks);
	else
		webhooks->options.webhooks = NULL; /* the senders have copies */
	return webhooks;
}

void ringcast_webhooks_halt(struct webhooks *webhooks)
{
	pthread_mutex_lock(&webhooks->lock);
	__atomic_store_n(&webhooks->is_stopping, true, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&webhooks->lock);
	for (size_t i = 0; i < webhooks->count; i++)
		sender_stop(webhooks->senders[i]);
}

void ringcast_webhooks_destroy(struct webhooks **webhooks)
{
	struct webhooks *old = *webhooks;
	if (old == NULL)
		return;
	ringcast_webhooks_halt(old);
	for (size_t i = 0; i < old->count; i++)
		sender_free(old->senders[i]);
	pthread_mutex_destroy(&old->lock);
	curl_global_cleanup();
	free(old);
	*webhooks = NULL;
}
