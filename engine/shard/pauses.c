/*
 * Players whose streams are not read for now: what they send would wait for a shard that is behind, beyond what may wait. Nothing of theirs is lost, for their clients
 * hold what is not read. They go on once that shard has read half of what waited for it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "session/home.h"
#include "shard/shard_private.h"

/* What io had read before it heard of the pause, in its order; an END is the last. A copy: io's buffers are for all streams of the shard, and few. */
struct held {
	struct held *next;
	struct io_event event;
	uint8_t bytes[];
};

struct pause {
	struct list_node node;
	handle conn;
	uint32_t shard; /* that is behind; of one that home has asked for: home's, which will say when it is over */
	enum pause_kind kind;
	uint64_t begun_ns;
	struct held *oldest, *youngest;
};

/* One for each place of a connection, touched when that is paused: many close at once, in any order, and none of them looks for its own among the others. */
bool ringcast_shard_init_pauses(struct shard *shard)
{
	if (shard->options.count == 1)
		return true; /* nobody to wait for */
	shard->letters.pause_of_conn = calloc(shard->conns.capacity, sizeof(*shard->letters.pause_of_conn));
	return shard->letters.pause_of_conn != NULL;
}

void ringcast_shard_free_pauses(struct shard *shard)
{
	free(shard->letters.pause_of_conn);
}

uint64_t ringcast_shard_pauses_memory_bytes(uint32_t connections_max)
{
	return connections_max * (uint64_t)(sizeof(struct pause *) + sizeof(struct pause));
}

static struct pause **pause_of(const struct shard *shard, const struct conn *conn)
{
	return &shard->letters.pause_of_conn[ringcast_handle_index(conn->self)];
}

/* Beginning */

/* It waits for room on the way home already, and home has none either: room on the way is no longer enough. */
static void wait_for_word(struct shard *shard, struct pause *pause)
{
	struct letter_queue *queue = &shard->letters.queues[pause->shard];
	ringcast_list_remove(&pause->node);
	queue->pause_counts[pause->kind]--;
	pause->kind = PAUSE_TOLD;
	pause->begun_ns = shard->now_ns;
	ringcast_list_add_tail(&queue->pauses[PAUSE_TOLD], &pause->node);
	queue->pause_counts[PAUSE_TOLD]++;
}

void ringcast_shard_pause(struct shard *shard, struct conn *conn, uint32_t target, enum pause_kind kind)
{
	struct pause *pause = conn->is_paused ? *pause_of(shard, conn) : NULL;
	if (pause != NULL && pause->kind == PAUSE_OWN && kind == PAUSE_TOLD && pause->shard == target)
		wait_for_word(shard, pause);
	if (pause != NULL || conn->state != CONN_JOINED || conn->close_reason != CLOSE_NONE)
		return;
	pause = malloc(sizeof(*pause));
	if (pause == NULL)
		return; /* then it is as it would be without: what there is no room for is refused */
	*pause = (struct pause){.conn = conn->self, .shard = target, .kind = kind, .begun_ns = shard->now_ns};
	*pause_of(shard, conn) = pause;
	ringcast_list_add_tail(&shard->letters.queues[target].pauses[kind], &pause->node);
	shard->letters.queues[target].pause_counts[kind]++;
	shard->letters.paused |= UINT64_C(1) << target;
	conn->is_paused = true;
	shard->counters.senders_paused++;
	shard->io->ops->stream_pause(shard->io, conn->stream_id);
}

/* What a limb's players send goes home, whatever it is. */
void ringcast_shard_pause_if_full(struct shard *shard, struct conn *conn)
{
	const struct session *session = conn->player != NULL ? conn->player->session : NULL;
	if (session != NULL && ringcast_session_is_limb(session) && (shard->letters.full >> session->spread->home_shard & 1) != 0)
		ringcast_shard_pause(shard, conn, session->spread->home_shard, PAUSE_OWN);
}

static struct held *copy_of(struct shard *shard, const struct io_event *event)
{
	size_t size = event->kind == IO_EVENT_RECV ? event->size : 0;
	if (shard->letters.held_bytes + sizeof(struct held) + size > shard->options.limits.spread_queue_bytes)
		return NULL;
	struct held *held = malloc(sizeof(*held) + size);
	if (held == NULL)
		return NULL;
	*held = (struct held){.event = *event};
	held->event.data = held->bytes;
	held->event.size = (uint32_t)size;
	if (size > 0)
		memcpy(held->bytes, event->data, size);
	shard->letters.held_bytes += sizeof(*held) + size;
	return held;
}

bool ringcast_shard_hold(struct shard *shard, struct conn *conn, const struct io_event *event)
{
	struct held *held = copy_of(shard, event);
	if (held == NULL)
		return false;
	struct pause *pause = *pause_of(shard, conn);
	if (pause->oldest == NULL)
		pause->oldest = held;
	else
		pause->youngest->next = held;
	pause->youngest = held;
	return true;
}

/* Ending */

/* Takes it out; what was held is the caller's. */
static struct held *take(struct shard *shard, struct pause *pause, struct conn *conn)
{
	struct held *held = pause->oldest;
	ringcast_list_remove(&pause->node);
	shard->letters.queues[pause->shard].pause_counts[pause->kind]--;
	*pause_of(shard, conn) = NULL;
	free(pause);
	conn->is_paused = false;
	shard->counters.senders_resumed++;
	shard->io->ops->stream_resume(shard->io, conn->stream_id);
	return held;
}

/* Its room is free; its bytes are still to be read. */
static void give_room_back(struct shard *shard, const struct held *held)
{
	shard->letters.held_bytes -= sizeof(*held) + held->event.size;
}

/* It closes: nobody reads what it has sent. */
void ringcast_shard_pause_forget(struct shard *shard, struct conn *conn)
{
	for (struct held *held = take(shard, *pause_of(shard, conn), conn), *next; held != NULL; held = next) {
		next = held->next;
		conn->is_ended |= held->event.kind == IO_EVENT_END;
		give_room_back(shard, held);
		free(held);
	}
}

/* First what is behind the message that was the last one, then what came meanwhile; which may bring about another pause. */
static void go_on(struct shard *shard, struct pause *pause)
{
	static uint8_t nothing[1];
	struct conn *conn = ringcast_slab_find(&shard->conns, pause->conn);
	ringcast_assert(conn != NULL && conn->is_paused); /* its end would have ended its pause */
	struct held *held = take(shard, pause, conn);
	if (shard->letters.full != 0) /* home's word is not room on the way to it */
		ringcast_shard_pause_if_full(shard, conn);
	if (conn->stream.tail != NULL && !conn->is_paused)
		ringcast_shard_read(shard, conn, nothing, 0);
	for (struct held *next; held != NULL; held = next) {
		next = held->next;
		give_room_back(shard, held); /* first: it may be held anew, as another copy */
		if (held->event.kind == IO_EVENT_END)
			ringcast_shard_on_end(shard, &held->event);
		else
			ringcast_shard_on_recv(shard, &held->event);
		free(held);
	}
	ringcast_shard_close_doomed(shard);
}

/* The mask of who is waited for is kept as it was needed last. */
static void note_paused(struct shard *shard, uint32_t target)
{
	const struct letter_queue *queue = &shard->letters.queues[target];
	if (ringcast_list_is_empty(&queue->pauses[PAUSE_OWN]) && ringcast_list_is_empty(&queue->pauses[PAUSE_TOLD]))
		shard->letters.paused &= ~(UINT64_C(1) << target);
}

/* Those that wait by now, the first one first, until it is full again; whoever has to wait anew is behind the last of them. */
void ringcast_shard_resume_paused(struct shard *shard, uint32_t target, enum pause_kind kind)
{
	const struct letter_queue *queue = &shard->letters.queues[target];
	const struct list_node *head = &queue->pauses[kind];
	for (uint32_t left = queue->pause_counts[kind]; left > 0 && !ringcast_list_is_empty(head); left--) {
		if (kind == PAUSE_OWN && (shard->letters.full >> target & 1) != 0)
			return;
		go_on(shard, CONTAINER_OF(head->next, struct pause, node));
	}
	note_paused(shard, target);
}

/* The shard does not read at all. Whose own session is at home there cannot be served; for the others nobody is left there to be waited for. */
void ringcast_shard_give_up_paused(struct shard *shard, uint32_t target)
{
	const struct letter_queue *queue = &shard->letters.queues[target];
	const struct list_node *head = &queue->pauses[PAUSE_OWN];
	for (uint32_t left = queue->pause_counts[PAUSE_OWN]; left > 0 && !ringcast_list_is_empty(head); left--) {
		struct pause *pause = CONTAINER_OF(head->next, struct pause, node);
		struct conn *conn = ringcast_slab_find(&shard->conns, pause->conn);
		if (conn->player == NULL || ringcast_session_is_limb(conn->player->session)) {
			shard->counters.senders_given_up++;
			ringcast_shard_conn_close(shard, conn, CLOSE_NO_RESOURCES, NULL);
		} else {
			go_on(shard, pause);
		}
	}
	note_paused(shard, target);
}

/* Home said that it would say when to go on, and does not. */
void ringcast_shard_check_told(struct shard *shard, uint32_t home, uint64_t patience_ns)
{
	const struct list_node *head = &shard->letters.queues[home].pauses[PAUSE_TOLD];
	while (!ringcast_list_is_empty(head) && shard->now_ns - CONTAINER_OF(head->next, struct pause, node)->begun_ns >= patience_ns)
		go_on(shard, CONTAINER_OF(head->next, struct pause, node));
	note_paused(shard, home);
}
