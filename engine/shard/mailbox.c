#include "shard/mailbox.h"

#include <errno.h>
#include <stdlib.h>

#include "base/assert.h"

static bool init_rings(struct mailbox *mailbox, uint32_t letters_bytes)
{
	for (uint32_t i = 0; i < mailbox->sender_count; i++)
		if (!ringcast_ring_spsc_init(&mailbox->rings[i], sizeof(struct handoff *), MAILBOX_RING_CAPACITY) ||
		    !ringcast_ring_bytes_init(&mailbox->letters[i], letters_bytes) || !ringcast_ring_bytes_init(&mailbox->strays[i], MAILBOX_STRAYS_BYTES))
			return false;
	return true;
}

struct mailbox *ringcast_mailbox_create(uint32_t sender_count)
{
	return ringcast_mailbox_create_sized(sender_count, MAILBOX_LETTERS_BYTES);
}

struct mailbox *ringcast_mailbox_create_sized(uint32_t sender_count, uint32_t letters_bytes)
{
	struct mailbox *mailbox = aligned_alloc(CACHE_LINE_BYTES, (sizeof(*mailbox) + CACHE_LINE_BYTES - 1) & ~(size_t)(CACHE_LINE_BYTES - 1));
	ringcast_assert(sender_count <= MAILBOX_SENDERS_MAX);
	if (mailbox == NULL)
		return NULL;
	memset(mailbox, 0, sizeof(*mailbox));
	mailbox->sender_count = sender_count;
	pthread_mutex_init(&mailbox->lock, NULL);
	if (!init_rings(mailbox, letters_bytes))
		ringcast_mailbox_destroy(&mailbox);
	return mailbox;
}

void ringcast_handoff_free(struct handoff *handoff)
{
	if (handoff != NULL)
		ringcast_crypto_free(&handoff->crypto);
	free(handoff);
}

void ringcast_mailbox_destroy(struct mailbox **mailbox)
{
	struct mailbox *m = *mailbox;
	struct handoff *left;
	*mailbox = NULL;
	if (m == NULL)
		return;
	ringcast_mailbox_close(m);
	while ((left = ringcast_mailbox_take(m)) != NULL)
		ringcast_handoff_free(left);
	for (uint32_t i = 0; i < m->sender_count; i++) {
		ringcast_ring_spsc_fini(&m->rings[i]);
		ringcast_ring_bytes_fini(&m->letters[i]);
		ringcast_ring_bytes_fini(&m->strays[i]);
	}
	pthread_mutex_destroy(&m->lock);
	free(m);
}

void ringcast_mailbox_ring(struct mailbox *mailbox)
{
	/* Pairs with prepare_sleep: either we see the flag, or the receiver sees what was posted. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&mailbox->is_sleeping, __ATOMIC_RELAXED) && mailbox->io != NULL)
		mailbox->io->ops->wake(mailbox->io);
}

bool ringcast_mailbox_post(struct mailbox *mailbox, uint32_t sender, struct handoff *handoff)
{
	ringcast_assert(sender < mailbox->sender_count);
	if (!ringcast_ring_spsc_push(&mailbox->rings[sender], &handoff))
		return false;
	ringcast_mailbox_ring(mailbox);
	return true;
}

void *ringcast_mailbox_letter_begin(struct mailbox *mailbox, uint32_t sender, uint32_t size_bytes)
{
	ringcast_assert(sender < mailbox->sender_count);
	return ringcast_ring_bytes_begin(&mailbox->letters[sender], size_bytes);
}

void ringcast_mailbox_letter_end(struct mailbox *mailbox, uint32_t sender)
{
	ringcast_ring_bytes_end(&mailbox->letters[sender]);
}

const void *ringcast_mailbox_letter_peek(struct mailbox *mailbox, uint32_t sender, uint32_t *ret_size_bytes)
{
	return ringcast_ring_bytes_peek(&mailbox->letters[sender], ret_size_bytes);
}

void ringcast_mailbox_letter_pop(struct mailbox *mailbox, uint32_t sender)
{
	ringcast_ring_bytes_pop(&mailbox->letters[sender]);
}

static void push(struct mailbox *mailbox, struct shard_request *request)
{
	request->next = __atomic_load_n(&mailbox->asked, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&mailbox->asked, &request->next, request, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	__atomic_add_fetch(&mailbox->request_count, 1, __ATOMIC_RELAXED);
}

int ringcast_mailbox_ask(struct mailbox *mailbox, struct shard_request *request)
{
	int error = 0;
	pthread_mutex_lock(&mailbox->lock);
	if (mailbox->is_closed)
		error = -EPIPE;
	else if (!request->has_own_bound && __atomic_load_n(&mailbox->request_count, __ATOMIC_RELAXED) >= MAILBOX_REQUESTS_MAX)
		error = -ENOBUFS;
	if (error == 0) {
		push(mailbox, request);
		ringcast_mailbox_ring(mailbox); /* under the lock: close() cannot retire the io meanwhile */
	}
	pthread_mutex_unlock(&mailbox->lock);
	return error;
}

struct handoff *ringcast_mailbox_take(struct mailbox *mailbox)
{
	struct handoff *handoff = NULL;
	for (uint32_t i = 0; i < mailbox->sender_count; i++)
		if (ringcast_ring_spsc_pop(&mailbox->rings[i], &handoff))
			return handoff;
	return NULL;
}

static void append(struct mailbox *mailbox, struct shard_request *request)
{
	request->next = NULL;
	if (mailbox->requests_tail != NULL)
		mailbox->requests_tail->next = request;
	else
		mailbox->requests_head = request;
	mailbox->requests_tail = request;
}

/* What was asked meanwhile, in its order, behind what waits already. */
static void take_asked(struct mailbox *mailbox)
{
	struct shard_request *asked = __atomic_exchange_n(&mailbox->asked, NULL, __ATOMIC_ACQUIRE), *oldest_first = NULL;
	while (asked != NULL) {
		struct shard_request *next = asked->next;
		asked->next = oldest_first;
		oldest_first = asked;
		asked = next;
	}
	while (oldest_first != NULL) {
		struct shard_request *next = oldest_first->next;
		append(mailbox, oldest_first);
		oldest_first = next;
	}
}

/* Up to count_max requests, oldest first. */
static struct shard_request *take_requests(struct mailbox *mailbox, uint32_t count_max)
{
	take_asked(mailbox);
	struct shard_request *first = mailbox->requests_head, *last = NULL;
	for (uint32_t i = 0; i < count_max && (last == NULL ? first : last->next) != NULL; i++) {
		last = last == NULL ? first : last->next;
		__atomic_sub_fetch(&mailbox->request_count, 1, __ATOMIC_RELAXED);
	}
	mailbox->requests_head = last != NULL ? last->next : NULL;
	if (mailbox->requests_head == NULL)
		mailbox->requests_tail = NULL;
	if (last != NULL)
		last->next = NULL;
	return first;
}

/* Behind those that came meanwhile, so that a long answer holds up nobody. Its place is kept even where the bound is reached. */
static void put_back(struct mailbox *mailbox, struct shard_request *request)
{
	take_asked(mailbox);
	append(mailbox, request);
	__atomic_add_fetch(&mailbox->request_count, 1, __ATOMIC_RELAXED);
}

static bool has_request(const struct mailbox *mailbox)
{
	return mailbox->requests_head != NULL || __atomic_load_n(&mailbox->asked, __ATOMIC_ACQUIRE) != NULL;
}

void ringcast_mailbox_answer(struct mailbox *mailbox, struct shard *shard)
{
	if (!has_request(mailbox))
		return;
	struct shard_request *request = take_requests(mailbox, MAILBOX_REQUESTS_PER_TICK_MAX);
	while (request != NULL) {
		struct shard_request *next = request->next;
		if (request->run(shard, request))
			request->done(request, true);
		else
			put_back(mailbox, request);
		request = next;
	}
}

bool ringcast_mailbox_has_handoff(const struct mailbox *mailbox)
{
	for (uint32_t i = 0; i < mailbox->sender_count; i++)
		if (!ringcast_ring_spsc_is_empty(&mailbox->rings[i]))
			return true;
	return false;
}

void ringcast_mailbox_set_spread(struct mailbox *mailbox, bool is_spread)
{
	if (mailbox->is_spread != is_spread) /* so that the line is written only then */
		__atomic_store_n(&mailbox->is_spread, is_spread, __ATOMIC_RELAXED);
}

bool ringcast_mailbox_is_spread(const struct mailbox *mailbox)
{
	return __atomic_load_n(&mailbox->is_spread, __ATOMIC_RELAXED);
}

bool ringcast_mailbox_has_letter(const struct mailbox *mailbox)
{
	if (mailbox->sender_count == 1) /* nobody writes to itself */
		return false;
	for (uint32_t i = 0; i < mailbox->sender_count; i++)
		if (!ringcast_ring_bytes_is_empty(&mailbox->letters[i]))
			return true;
	return false;
}

bool ringcast_mailbox_has_stray(const struct mailbox *mailbox)
{
	for (uint32_t i = 0; i < mailbox->sender_count; i++)
		if (!ringcast_ring_bytes_is_empty(&mailbox->strays[i]))
			return true;
	return false;
}

bool ringcast_mailbox_has_mail(const struct mailbox *mailbox)
{
	return has_request(mailbox) || ringcast_mailbox_has_handoff(mailbox) || ringcast_mailbox_has_letter(mailbox) || (mailbox->has_strays && ringcast_mailbox_has_stray(mailbox));
}

bool ringcast_mailbox_prepare_sleep(struct mailbox *mailbox)
{
	__atomic_store_n(&mailbox->is_sleeping, true, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return !ringcast_mailbox_has_mail(mailbox);
}

void ringcast_mailbox_awake(struct mailbox *mailbox)
{
	__atomic_store_n(&mailbox->is_sleeping, false, __ATOMIC_RELAXED);
}

void ringcast_mailbox_close(struct mailbox *mailbox)
{
	pthread_mutex_lock(&mailbox->lock);
	mailbox->is_closed = true;
	mailbox->io = NULL;
	struct shard_request *left = take_requests(mailbox, UINT32_MAX);
	pthread_mutex_unlock(&mailbox->lock);
	while (left != NULL) {
		struct shard_request *next = left->next;
		left->done(left, false);
		left = next;
	}
}
