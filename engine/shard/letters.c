/*
 * Letters between shards: each has a ring of its own to each other one, in that one's mailbox. What a ring has no room for waits here, in its order, up to a bound. Bells are
 * rung once a turn, for all that was posted in it.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "session/limb.h"
#include "shard/shard_private.h"

enum { LETTERS_PER_TURN_MAX = 1024, LETTERS_OF_ONE_MAX = 64 };

static_assert(sizeof(struct letter) % 8 == 0, "what is behind a letter is aligned as it is");
static_assert(sizeof(struct letter) + LETTER_PAYLOAD_BYTES_MAX <= MAILBOX_LETTERS_BYTES / RING_RECORD_PART, "the longest letter fits a ring");

/* Sending */

static bool write_letter(struct shard *shard, uint32_t target, const struct letter *letter)
{
	struct mailbox *mailbox = shard->options.mailboxes[target];
	uint8_t *record = ringcast_mailbox_letter_begin(mailbox, shard->options.index, (uint32_t)(sizeof(*letter) + letter->payload.size));
	if (record == NULL)
		return false;
	memcpy(record, letter, sizeof(*letter));
	if (letter->payload.size > 0)
		memcpy(record + sizeof(*letter), letter->payload.data, letter->payload.size);
	ringcast_mailbox_letter_end(mailbox, shard->options.index);
	shard->letters.unrung |= UINT64_C(1) << target;
	shard->counters.letters_sent++;
	return true;
}

static bool queue_letter(struct shard *shard, uint32_t target, const struct letter *letter)
{
	struct letter_queue *queue = &shard->letters.queues[target];
	struct waiting_letter *waiting = malloc(sizeof(*waiting) + letter->payload.size);
	if (waiting == NULL)
		return false;
	*waiting = (struct waiting_letter){.letter = *letter, .payload_bytes = (uint32_t)letter->payload.size};
	waiting->letter.payload.data = (const uint8_t *)(waiting + 1);
	if (letter->payload.size > 0)
		memcpy(waiting + 1, letter->payload.data, letter->payload.size);
	if (queue->oldest == NULL)
		queue->oldest = waiting;
	else
		queue->youngest->next = waiting;
	queue->youngest = waiting;
	queue->bytes += sizeof(*waiting) + letter->payload.size;
	shard->letters.waiting |= UINT64_C(1) << target;
	shard->counters.letters_waited++;
	return true;
}

/* The ring is full. What players have sent is refused before anybody has it; what they are sent they must not miss. */
static enum drop_reason post_late(struct shard *shard, uint32_t target, const struct letter *letter)
{
	bool is_full = shard->letters.queues[target].bytes >= shard->options.limits.spread_queue_bytes;
	ringcast_shard_press(shard);
	if (letter->kind == LETTER_PACKET && (is_full || ringcast_letter_may_be_lost(letter)))
		return DROP_LETTERS_FULL;
	if (ringcast_letter_may_be_lost(letter)) {
		ringcast_shard_drop(shard, DROP_LETTERS_FULL, letter->recipient_count);
		return DROP_LETTERS_FULL;
	}
	bool is_message = letter->kind == LETTER_DELIVER || letter->kind == LETTER_ROSTER || letter->kind == LETTER_ANSWER;
	if ((is_full && is_message) || !queue_letter(shard, target, letter)) {
		ringcast_shard_drop(shard, DROP_LETTERS_FULL, is_message ? letter->recipient_count : 1);
		shard->letters.lost |= UINT64_C(1) << target;
		return DROP_LETTERS_FULL;
	}
	return DROP_NONE;
}

enum drop_reason ringcast_shard_post(void *context, uint32_t target, const struct letter *letter)
{
	struct shard *shard = context;
	struct shard_letters *letters = &shard->letters;
	ringcast_assert(target < shard->options.count && target != shard->options.index);
	letters->cost += (uint64_t)letter->recipient_count * (letter->payload.size + SHARD_DELIVERY_BYTES);
	if (LIKELY((letters->waiting >> target & 1) == 0) && write_letter(shard, target, letter))
		return DROP_NONE;
	return post_late(shard, target, letter);
}

static void retry(struct shard *shard, uint32_t target)
{
	struct letter_queue *queue = &shard->letters.queues[target];
	for (struct waiting_letter *oldest; (oldest = queue->oldest) != NULL && write_letter(shard, target, &oldest->letter);) {
		queue->oldest = oldest->next;
		queue->bytes -= sizeof(*oldest) + oldest->payload_bytes;
		free(oldest);
	}
	if (queue->oldest == NULL)
		shard->letters.waiting &= ~(UINT64_C(1) << target);
}

/* Something for that shard's players is missing: they leave, and know that they do, before they would notice. */
static void lose(struct shard *shard)
{
	for (uint64_t lost = shard->letters.lost; lost != 0; lost &= lost - 1)
		ringcast_home_lose(&shard->store, (uint32_t)__builtin_ctzll(lost), shard->now_ns);
	shard->letters.lost = 0;
	ringcast_shard_close_doomed(shard);
}

void ringcast_shard_send_letters(struct shard *shard)
{
	struct shard_letters *letters = &shard->letters;
	if (UNLIKELY(letters->lost != 0))
		lose(shard);
	for (uint64_t waiting = letters->waiting; waiting != 0; waiting &= waiting - 1)
		retry(shard, (uint32_t)__builtin_ctzll(waiting));
	for (uint64_t unrung = letters->unrung; unrung != 0; unrung &= unrung - 1) {
		ringcast_mailbox_ring(shard->options.mailboxes[__builtin_ctzll(unrung)]);
		shard->counters.letter_bells++;
	}
	letters->unrung = 0;
	ringcast_mailbox_set_spread(shard->options.mailboxes[shard->options.index], shard->store.spread_count > 0);
}

void ringcast_shard_free_letters(struct shard *shard)
{
	for (uint32_t i = 0; i < LIMBS_MAX; i++)
		for (struct waiting_letter *oldest; (oldest = shard->letters.queues[i].oldest) != NULL; free(oldest))
			shard->letters.queues[i].oldest = oldest->next;
}

/* Receiving */

static uint32_t read_some(struct shard *shard, uint32_t sender, uint32_t count_max)
{
	struct mailbox *mailbox = shard->options.mailboxes[shard->options.index];
	const uint8_t *record;
	uint32_t count = 0, size;
	for (; count < count_max && (record = ringcast_mailbox_letter_peek(mailbox, sender, &size)) != NULL; count++) {
		struct letter letter;
		memcpy(&letter, record, sizeof(letter));
		letter.payload = ringcast_view_of(record + sizeof(letter), size - sizeof(letter));
		ringcast_shard_read_letter(shard, sender, &letter);
		ringcast_mailbox_letter_pop(mailbox, sender);
		ringcast_shard_close_doomed(shard);
	}
	shard->counters.letters_read += count;
	return count;
}

/* A few of each in turn, so that nobody waits behind one who has much to say. */
void ringcast_shard_read_letters(struct shard *shard)
{
	uint32_t count = shard->options.count, left = LETTERS_PER_TURN_MAX, first = shard->letters.first;
	if (!ringcast_mailbox_has_letter(shard->options.mailboxes[shard->options.index]))
		return;
	shard->letters.first = (first + 1) % count;
	for (uint32_t read = 1; read > 0 && left > 0;) {
		read = 0;
		for (uint32_t i = 0; i < count && left > 0; i++) {
			uint32_t some = read_some(shard, (first + i) % count, left < LETTERS_OF_ONE_MAX ? left : LETTERS_OF_ONE_MAX);
			read += some;
			left -= some;
		}
	}
}
