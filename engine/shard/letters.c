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

/*
 * A sender that is told to wait hears of it before all that waits for its shard, or it would fill what is to be kept free. Where it overtakes a GO_ON
 * of before, its sender says one message more, and is told again.
 */
static void line_up(struct letter_queue *queue, struct waiting_letter *waiting)
{
	if (queue->oldest == NULL) {
		queue->oldest = queue->youngest = waiting;
	} else if (waiting->letter.kind == LETTER_PAUSE) {
		waiting->next = queue->oldest;
		queue->oldest = waiting;
	} else {
		queue->youngest->next = waiting;
		queue->youngest = waiting;
	}
}

static bool queue_letter(struct shard *shard, uint32_t target, const struct letter *letter)
{
	struct letter_queue *queue = &shard->letters.queues[target];
	struct waiting_letter *waiting = malloc(sizeof(*waiting) + letter->payload.size);
	if (waiting == NULL)
		return false;
	if (queue->oldest == NULL)
		queue->moved_ns = shard->now_ns;
	*waiting = (struct waiting_letter){.letter = *letter, .payload_bytes = (uint32_t)letter->payload.size};
	waiting->letter.payload.data = (const uint8_t *)(waiting + 1);
	if (letter->payload.size > 0)
		memcpy(waiting + 1, letter->payload.data, letter->payload.size);
	line_up(queue, waiting);
	queue->bytes += sizeof(*waiting) + letter->payload.size;
	queue->packet_bytes += letter->kind == LETTER_PACKET ? sizeof(*waiting) + letter->payload.size : 0;
	shard->letters.waiting |= UINT64_C(1) << target;
	shard->counters.letters_waited++;
	return true;
}

/*
 * Half of the room is for what senders of this shard have for the other one. What players send home has a part of a quarter: each message becomes another one there,
 * and those of all shards are to find room behind that half when home tells that it is enough. The last quarter is for what is in the rings meanwhile.
 */
static uint64_t room_bytes(const struct shard *shard, bool is_packet)
{
	uint64_t most = shard->options.limits.spread_queue_bytes;
	return is_packet ? most / 4 / shard->options.count : most / 2;
}

/* Whoever sends what has to wait is to wait too, before there is no room for it. */
static void hold_back(struct shard *shard, uint32_t target, const struct letter *letter)
{
	const struct letter_queue *queue = &shard->letters.queues[target];
	bool is_packet = letter->kind == LETTER_PACKET;
	if (queue->bytes < room_bytes(shard, false) && !(is_packet && queue->packet_bytes >= room_bytes(shard, true)))
		return;
	shard->letters.full |= UINT64_C(1) << target;
	if (shard->sender != NULL)
		ringcast_shard_pause(shard, shard->sender, target, PAUSE_OWN);
	else if (shard->letters.served != NULL)
		shard->letters.holding |= UINT64_C(1) << target;
}

/* Nothing that comes behind a letter that was lost goes out before its players know. */
static bool is_full(const struct shard *shard, uint32_t target)
{
	return shard->letters.queues[target].bytes >= shard->options.limits.spread_queue_bytes || (shard->letters.lost >> target & 1) != 0;
}

/* Of a limb's player's groups and what is for it: if one is missing, the others are wrong. */
static bool is_of_players(const struct letter *letter)
{
	return letter->kind == LETTER_DELIVER || letter->kind == LETTER_ROSTER || letter->kind == LETTER_ANSWER || letter->kind == LETTER_JOIN || letter->kind == LETTER_LEAVE;
}

/* What is only asked of the other shard, and would be asked again. */
static bool is_hint(const struct letter *letter)
{
	return letter->kind == LETTER_PRESS || letter->kind == LETTER_PRESSED || letter->kind == LETTER_PAUSE;
}

/* Of who has not been let in yet, or may do without: so that nobody's number of tries is what a shard that reads nothing makes others hold. */
static bool is_refused(const struct shard *shard, uint32_t target, const struct letter *letter)
{
	bool may_be_refused = letter->kind == LETTER_PACKET || letter->kind == LETTER_LOGIN || is_hint(letter);
	return may_be_refused && (is_full(shard, target) || ringcast_letter_may_be_lost(letter));
}

static void lose_letter(struct shard *shard, uint32_t target, const struct letter *letter)
{
	bool is_message = letter->kind == LETTER_DELIVER || letter->kind == LETTER_ROSTER || letter->kind == LETTER_ANSWER;
	shard->counters.letters_lost++;
	ringcast_shard_drop(shard, DROP_LETTERS_FULL, is_message ? letter->recipient_count : 1);
	shard->letters.lost |= UINT64_C(1) << target;
}

/* The ring is full. What players have sent is refused before anybody has it; what they are sent they must not miss. */
static enum drop_reason post_late(struct shard *shard, uint32_t target, const struct letter *letter)
{
	ringcast_shard_press(shard);
	if (is_refused(shard, target, letter)) {
		shard->counters.letters_lost += letter->kind == LETTER_PACKET && !ringcast_letter_may_be_lost(letter);
		return DROP_LETTERS_FULL;
	}
	if (ringcast_letter_may_be_lost(letter)) {
		ringcast_shard_drop(shard, DROP_LETTERS_FULL, letter->recipient_count);
		return DROP_LETTERS_FULL;
	}
	if ((is_full(shard, target) && is_of_players(letter)) || !queue_letter(shard, target, letter)) {
		lose_letter(shard, target, letter);
		return DROP_LETTERS_FULL;
	}
	hold_back(shard, target, letter);
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

static bool write_oldest(struct shard *shard, uint32_t target)
{
	struct letter_queue *queue = &shard->letters.queues[target];
	struct waiting_letter *oldest = queue->oldest;
	if (oldest == NULL || !write_letter(shard, target, &oldest->letter))
		return false;
	queue->oldest = oldest->next;
	queue->bytes -= sizeof(*oldest) + oldest->payload_bytes;
	queue->packet_bytes -= oldest->letter.kind == LETTER_PACKET ? sizeof(*oldest) + oldest->payload_bytes : 0;
	queue->moved_ns = shard->now_ns;
	free(oldest);
	return true;
}

static void retry(struct shard *shard, uint32_t target)
{
	const struct letter_queue *queue = &shard->letters.queues[target];
	while (write_oldest(shard, target))
		;
	if (queue->oldest == NULL)
		shard->letters.waiting &= ~(UINT64_C(1) << target);
	if (queue->bytes <= room_bytes(shard, false) / 2 && queue->packet_bytes <= room_bytes(shard, true) / 2)
		shard->letters.full &= ~(UINT64_C(1) << target);
}

/* Something for that shard's players is missing: they leave, and know that they do, before they would notice. */
static void lose(struct shard *shard)
{
	for (uint64_t lost = shard->letters.lost; lost != 0; lost &= lost - 1)
		ringcast_home_lose(&shard->store, (uint32_t)__builtin_ctzll(lost), shard->now_ns);
	shard->letters.lost = 0;
	ringcast_shard_close_doomed(shard);
}

/* Senders that wait for a shard */

void ringcast_shard_tell_paused(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	for (uint64_t targets = shard->letters.holding; targets != 0; targets &= targets - 1)
		shard->letters.queues[__builtin_ctzll(targets)].told |= UINT64_C(1) << sender;
	shard->letters.holding = 0;
	ringcast_shard_post(shard, sender, &(struct letter){.kind = LETTER_PAUSE, .session = letter->session, .peer_id = letter->peer_id});
}

static void tell_to_go_on(struct shard *shard, uint32_t target)
{
	uint64_t told = shard->letters.queues[target].told;
	shard->letters.queues[target].told = 0;
	for (; told != 0; told &= told - 1)
		ringcast_shard_post(shard, (uint32_t)__builtin_ctzll(told), &(struct letter){.kind = LETTER_GO_ON});
}

/* It has not read one letter in all that time: it is not behind, it is gone. */
static void check_stuck(struct shard *shard, uint32_t target)
{
	struct letter_queue *queue = &shard->letters.queues[target];
	if (shard->now_ns - queue->moved_ns < shard->options.limits.spread_patience_ms * NS_PER_MS)
		return;
	queue->moved_ns = shard->now_ns; /* once in that time */
	shard->counters.letters_stuck++;
	shard->letters.lost |= UINT64_C(1) << target;
	lose(shard);
	tell_to_go_on(shard, target);
	ringcast_shard_give_up_paused(shard, target);
}

static void serve_paused(struct shard *shard)
{
	struct shard_letters *letters = &shard->letters;
	for (uint64_t full = letters->full; full != 0; full &= full - 1)
		check_stuck(shard, (uint32_t)__builtin_ctzll(full));
	for (uint64_t paused = letters->paused; paused != 0; paused &= paused - 1) {
		uint32_t target = (uint32_t)__builtin_ctzll(paused);
		ringcast_shard_resume_paused(shard, target, PAUSE_OWN);
		ringcast_shard_check_told(shard, target, 2 * shard->options.limits.spread_patience_ms * NS_PER_MS);
	}
}

static void send_waiting(struct shard *shard)
{
	struct shard_letters *letters = &shard->letters;
	for (uint64_t waiting = letters->waiting; waiting != 0; waiting &= waiting - 1) {
		uint32_t target = (uint32_t)__builtin_ctzll(waiting);
		retry(shard, target);
		if ((letters->full >> target & 1) == 0 && letters->queues[target].told != 0)
			tell_to_go_on(shard, target);
	}
	if (UNLIKELY((letters->full | letters->paused) != 0))
		serve_paused(shard);
}

void ringcast_shard_send_letters(struct shard *shard)
{
	struct shard_letters *letters = &shard->letters;
	if (UNLIKELY(letters->lost != 0))
		lose(shard);
	send_waiting(shard);
	for (uint64_t unrung = letters->unrung; unrung != 0; unrung &= unrung - 1) {
		ringcast_mailbox_ring(shard->options.mailboxes[__builtin_ctzll(unrung)]);
		shard->counters.letter_bells++;
	}
	letters->unrung = 0;
	ringcast_mailbox_set_spread(shard->options.mailboxes[shard->options.index], shard->store.spread_count > 0);
}

void ringcast_shard_init_letters(struct shard *shard)
{
	for (uint32_t i = 0; i < LIMBS_MAX; i++)
		for (int kind = 0; kind < PAUSE_KIND_COUNT; kind++)
			ringcast_list_init(&shard->letters.queues[i].pauses[kind]);
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
