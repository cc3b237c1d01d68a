#include "shard/resume.h"

#include "base/assert.h"
#include "shard/login.h"

enum { RESULT_BYTES_MAX = 8192, RESULT_SLICES_MAX = 4 }; /* of the answer to a login, with its frame */

static bool is_resumable(enum close_reason reason)
{
	return reason == CLOSE_RESET || reason == CLOSE_NO_PONG || reason == CLOSE_TLS || reason == CLOSE_TAKEN_OVER;
}

static void renew_secret(struct shard *shard, struct resume *resume)
{
	shard->io->ops->random(shard->io, resume->secret, sizeof(resume->secret));
}

void ringcast_resume_open(struct shard *shard, struct conn *conn)
{
	struct player *player = conn->player;
	handle self;
	if (player->session->resume_window_ms == 0)
		return;
	struct resume *resume = ringcast_slab_alloc(&shard->resumes, &self);
	if (resume == NULL)
		return;
	bool was_added = ringcast_map_add(&shard->resumes_by_player, player->self, self);
	ringcast_assert(was_added); /* the map is as large as the slab */
	*resume = (struct resume){.conn = conn, .self = self, .player = player->self, .timer.kind = RESUME_TIMER};
	renew_secret(shard, resume);
	ringcast_assert(conn->handoff == NULL);
	conn->resume = resume;
	conn->is_resumable = true;
}

void ringcast_resume_format_token(const struct shard *shard, const struct resume *resume, char ret_token[PLAYER_TOKEN_BYTES])
{
	struct player_ref ref = {.shard_index = shard->options.index, .player_index = ringcast_handle_index(resume->player)};
	memcpy(ref.secret, resume->secret, sizeof(ref.secret));
	ringcast_id_format_player(&ref, ret_token);
}

struct resume *ringcast_resume_of(struct shard *shard, const struct player *player)
{
	return ringcast_slab_find(&shard->resumes, ringcast_map_find(&shard->resumes_by_player, player->self));
}

static bool has_secret(struct resume *resume, const uint8_t secret[ID_SECRET_BYTES])
{
	bool is_new = ringcast_id_is_secret_equal(resume->secret, secret);
	bool is_before = ringcast_id_is_secret_equal(resume->secret_before, secret) & resume->has_secret_before;
	return is_new | is_before;
}

struct resume *ringcast_resume_find(struct shard *shard, struct view token)
{
	struct player_ref ref;
	handle self;
	if (!ringcast_id_parse_player(token, &ref) || ref.host_index != ID_HOST_HERE || ref.shard_index != shard->options.index ||
	    ref.player_index >= shard->store.players.capacity)
		return NULL;
	struct player *player = ringcast_slab_at(&shard->store.players, ref.player_index, &self);
	struct resume *resume = player != NULL ? ringcast_resume_of(shard, player) : NULL;
	return resume != NULL && has_secret(resume, ref.secret) ? resume : NULL;
}

/* Keeping */

/* 0: holds nothing */
static unsigned size_of(uint32_t bytes) { return bytes == 0 ? 0 : 32 - (unsigned)__builtin_clz(bytes); }

/* After each change of what is kept. */
static void note_bytes(struct shard *shard, struct resume *resume)
{
	uint32_t before = resume->held_bytes, bytes = ringcast_replay_held_bytes(&resume->replay);
	resume->held_bytes = bytes;
	shard->resume_bytes += bytes;
	shard->resume_bytes -= before;
	if (ringcast_list_has(&resume->shared_node) && ringcast_replay_count(&resume->replay) == 0)
		ringcast_list_remove(&resume->shared_node);
	if (size_of(before) == size_of(bytes))
		return;
	if (before > 0)
		ringcast_list_remove(&resume->size_node);
	if (bytes > 0)
		ringcast_list_add_tail(&shard->resumes_by_size[size_of(bytes)], &resume->size_node);
}

/* count_before were kept; of these the oldest go, which were sent, and perhaps read, before any that was not. */
static void give_up(struct shard *shard, struct resume *resume, uint32_t count, uint32_t count_before)
{
	shard->counters.replay_given_up += count;
	if (count == 0 || resume->conn != NULL)
		return;
	uint32_t sent = count_before > resume->unsent ? count_before - resume->unsent : 0;
	uint32_t unsent = count > sent ? count - sent : 0;
	resume->unsent -= unsent;
	ringcast_shard_drop(shard, DROP_REPLAY_FULL, unsent);
}

static void forget_all(struct shard *shard, struct resume *resume)
{
	uint32_t count = ringcast_replay_clear(&resume->replay, &shard->slices);
	note_bytes(shard, resume);
	give_up(shard, resume, count, count);
}

/* Of those who hold most, to the power of two. NULL: nobody holds anything that may be taken. */
static struct resume *find_largest(struct shard *shard, bool is_dropped_only)
{
	for (unsigned size = RESUME_SIZE_COUNT - 1; size > 0; size--) {
		struct list_node *list = &shard->resumes_by_size[size];
		for (struct list_node *node = list->next; node != list; node = node->next) {
			struct resume *resume = CONTAINER_OF(node, struct resume, size_node);
			if (!resume->is_busy && (resume->conn == NULL || !is_dropped_only))
				return resume;
		}
	}
	return NULL;
}

/* Where all together hold more than they may, those who hold most give up their oldest: who acknowledges, or is sent little, loses nothing by others. */
static void hold_bound(struct shard *shard)
{
	struct resume *resume;
	while (shard->resume_bytes > shard->options.limits.resume_memory_bytes && (resume = find_largest(shard, false)) != NULL) {
		uint32_t count_before = ringcast_replay_count(&resume->replay);
		uint32_t count = ringcast_replay_shrink(&resume->replay, &shard->slices);
		note_bytes(shard, resume);
		give_up(shard, resume, count, count_before);
	}
}

static uint32_t own_bytes_max(const struct shard *shard)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	return limits->resume_bytes < limits->outq_reliable_bytes / 4 ? limits->resume_bytes : limits->outq_reliable_bytes / 4;
}

void ringcast_resume_keep(struct shard *shard, struct resume *resume, struct buf *buf, uint32_t offset, uint32_t size)
{
	resume->unsent += resume->conn == NULL;
	uint32_t given_up = ringcast_replay_add(&resume->replay, &shard->slices, buf, offset, size, own_bytes_max(shard));
	uint32_t count = ringcast_replay_count(&resume->replay);
	if (!ringcast_list_has(&resume->shared_node) && count > 0)
		ringcast_list_add_tail(&shard->resumes_shared, &resume->shared_node);
	note_bytes(shard, resume);
	give_up(shard, resume, given_up, given_up + count);
	hold_bound(shard);
}

void ringcast_resume_skip(struct shard *shard, struct resume *resume)
{
	forget_all(shard, resume);
	resume->replay.first = ++resume->replay.next;
}

void ringcast_resume_detach_all(struct shard *shard)
{
	while (!ringcast_list_is_empty(&shard->resumes_shared)) {
		struct resume *resume = CONTAINER_OF(shard->resumes_shared.next, struct resume, shared_node);
		ringcast_list_remove(&resume->shared_node);
		bool was_busy = resume->is_busy;
		resume->is_busy = true;
		bool is_detached = ringcast_replay_detach(&resume->replay, &shard->slices, shard->pool);
		resume->is_busy = was_busy;
		note_bytes(shard, resume);
		if (!is_detached)
			forget_all(shard, resume);
	}
	hold_bound(shard);
}

/* What is kept for those who are connected was sent, and is acknowledged as a rule: it goes all at once. */
static bool relieve_connected(struct shard *shard)
{
	bool is_any = false;
	for (uint32_t i = 0; i < shard->resumes.high_water; i++) {
		handle self;
		struct resume *resume = ringcast_slab_at(&shard->resumes, i, &self);
		if (resume == NULL || resume->is_busy || resume->conn == NULL || ringcast_replay_count(&resume->replay) == 0)
			continue;
		forget_all(shard, resume);
		is_any = true;
	}
	return is_any;
}

bool ringcast_resume_relieve(struct shard *shard)
{
	if (shard->resume_bytes == 0)
		return false;
	if (relieve_connected(shard))
		return true;
	struct resume *resume = find_largest(shard, true);
	if (resume != NULL)
		forget_all(shard, resume);
	return resume != NULL;
}

/* Acknowledging */

void ringcast_resume_acknowledge(struct shard *shard, struct conn *conn, int32_t received)
{
	struct resume *resume = conn->resume;
	resume->has_secret_before = false; /* it has read the login's answer */
	if (!ringcast_replay_acknowledge(&resume->replay, &shard->slices, (uint32_t)received))
		ringcast_shard_drop(shard, DROP_MALFORMED, 1);
	note_bytes(shard, resume);
}

void ringcast_resume_tell(struct shard *shard, struct conn *conn)
{
	struct resume *resume = conn->resume;
	if (resume->received == resume->received_told || !conn->is_logged_in)
		return;
	struct packet packet = {.opcode = OPCODE_PING_RESULT,
				.sender = PROTO_PEER_SERVER,
				.is_reliable = true,
				.command = PACKET_COMMAND_PING_RESULT,
				.received = (int32_t)resume->received};
	resume->received_told = resume->received;
	resume->bytes_untold = 0;
	ringcast_shard_send_packet(shard, conn, &packet);
}

void ringcast_resume_count(struct shard *shard, struct conn *conn, size_t bytes)
{
	struct resume *resume = conn->resume;
	resume->has_secret_before = false;
	resume->received++;
	resume->bytes_untold += (uint32_t)bytes;
	if (resume->received - resume->received_told >= RESUME_ACKNOWLEDGE_COUNT || resume->bytes_untold >= RESUME_ACKNOWLEDGE_BYTES)
		ringcast_resume_tell(shard, conn);
}

/* Dropping and coming back */

static void part(struct resume *resume)
{
	struct conn *conn = resume->conn;
	if (conn != NULL) {
		ringcast_shard_budget_save(conn, &resume->budget);
		conn->is_resumable = false;
		conn->resume = NULL;
	}
	resume->conn = NULL;
}

bool ringcast_resume_is_drop(const struct conn *conn, enum close_reason reason)
{
	const struct player *player = conn->player;
	return is_resumable(reason) && player->state == PLAYER_ACTIVE && player->session->state == SESSION_ACTIVE;
}

bool ringcast_resume_drop(struct shard *shard, struct conn *conn, enum close_reason reason)
{
	struct resume *resume = conn->resume;
	struct player *player = ringcast_slab_find(&shard->store.players, resume->player);
	ringcast_assert(player != NULL && player == conn->player);
	if (!ringcast_resume_is_drop(conn, reason))
		return false;
	part(resume);
	resume->close_reason = (uint8_t)reason;
	resume->unsent = 0;
	shard->counters.players_dropped++;
	ringcast_timer_arm(&shard->wheel, &resume->timer, shard->now_ns + player->session->resume_window_ms * NS_PER_MS);
	ringcast_player_drop(player, shard->now_ns);
	return true;
}

void ringcast_resume_close(struct shard *shard, const struct player *player)
{
	struct resume *resume = ringcast_resume_of(shard, player);
	if (resume == NULL)
		return;
	part(resume);
	ringcast_shard_drop(shard, DROP_RECEIVER_GONE, resume->unsent);
	ringcast_timer_cancel(&shard->wheel, &resume->timer);
	ringcast_replay_clear(&resume->replay, &shard->slices);
	note_bytes(shard, resume);
	bool was_there = ringcast_map_remove(&shard->resumes_by_player, resume->player);
	ringcast_assert(was_there);
	ringcast_slab_free(&shard->resumes, resume->self);
}

void ringcast_resume_expire(struct shard *shard, struct resume *resume)
{
	struct player *player = ringcast_slab_find(&shard->store.players, resume->player);
	enum close_reason reason = (enum close_reason)resume->close_reason;
	ringcast_assert(resume->conn == NULL && player != NULL);
	shard->counters.resume_windows_over++;
	ringcast_event_expired(shard, player, reason);
	ringcast_resume_close(shard, player);
	ringcast_player_disconnect(player, reason, shard->now_ns);
}

/* The old stream still looks alive: it ends, and its player is dropped like any other. */
static bool take_over(struct shard *shard, struct resume *resume)
{
	handle self = resume->self;
	shard->counters.resumes_taken_over++;
	ringcast_shard_conn_close(shard, resume->conn, CLOSE_TAKEN_OVER, NULL);
	resume = ringcast_slab_find(&shard->resumes, self);
	return resume != NULL && resume->conn == NULL;
}

/* The token that it came with stays good until it shows that it has read the next one: that answer may be lost too. */
static void change_secret(struct shard *shard, struct resume *resume, struct view token)
{
	struct player_ref ref;
	bool is_parsed = ringcast_id_parse_player(token, &ref);
	ringcast_assert(is_parsed); /* it was found by it */
	memcpy(resume->secret_before, ref.secret, sizeof(resume->secret_before));
	resume->has_secret_before = true;
	renew_secret(shard, resume);
}

static void attach(struct shard *shard, struct conn *conn, struct resume *resume, struct player *player)
{
	ringcast_timer_cancel(&shard->wheel, &resume->timer);
	resume->conn = conn;
	resume->unsent = 0;
	resume->received_told = resume->received;
	resume->bytes_untold = 0;
	conn->resume = resume;
	conn->is_resumable = true;
	conn->player = player;
	ringcast_shard_budget_restore(shard, conn, &resume->budget);
	ringcast_conn_enter(conn, CONN_JOINED);
	conn->stream.is_admitted = true;
}

static void replay(struct shard *shard, struct conn *conn)
{
	struct resume *resume = conn->resume;
	uint32_t count = ringcast_replay_count(&resume->replay);
	if (count == 0 || conn->close_reason != CLOSE_NONE)
		return;
	shard->counters.replayed_messages += count;
	shard->counters.replayed_bytes += ringcast_replay_bytes(&resume->replay);
	if (!ringcast_replay_send(&resume->replay, &conn->outq, &shard->slices))
		ringcast_shard_conn_doom(shard, conn, CLOSE_NO_RESOURCES);
}

/* Enough for the answer and all that follows it? Otherwise others give, but not what this one has kept. */
static bool has_slices(struct shard *shard, struct resume *resume)
{
	struct outq_holding holding = {.slice_count = RESULT_SLICES_MAX};
	ringcast_outq_count_pending(&resume->replay.frames, 0, 0, &holding);
	if (shard->slices.capacity - shard->slices.count >= holding.slice_count)
		return true;
	resume->is_busy = true;
	ringcast_shard_relieve_slices(shard);
	resume->is_busy = false;
	return shard->slices.capacity - shard->slices.count >= holding.slice_count;
}

enum drop_reason ringcast_resume_login(struct shard *shard, struct conn *conn, const struct packet *packet)
{
	struct resume *resume = ringcast_resume_find(shard, packet->login.reconnect_token);
	struct player *player = resume != NULL ? ringcast_slab_find(&shard->store.players, resume->player) : NULL;
	uint32_t received = (uint32_t)packet->login.received;
	if (resume == NULL)
		return DROP_RESUME_GONE;
	if (!ringcast_ratelimit_take(&resume->resume_rate, RESUMES_PER_SECOND, 1, shard->now_ns))
		return DROP_RESUME_RATE;
	if (resume->conn != NULL && !take_over(shard, resume))
		return DROP_RESUME_GONE;
	if (ringcast_shard_chunk(shard, RESULT_BYTES_MAX) == NULL || !has_slices(shard, resume))
		return DROP_NO_BUFFER; /* its player stays dropped, and its client tries again */
	uint32_t lost = ringcast_replay_lost(&resume->replay, received);
	if (!ringcast_replay_acknowledge(&resume->replay, &shard->slices, received))
		return DROP_RESUME_GONE; /* it says that it has read what was never sent: not our client */
	note_bytes(shard, resume);
	shard->counters.resumes++;
	shard->counters.resume_gaps += lost > 0;
	change_secret(shard, resume, packet->login.reconnect_token);
	attach(shard, conn, resume, player);
	resume->is_busy = true; /* what it is told of the gap holds until all is queued; the chunk has room for that, so that nothing is given up for it */
	ringcast_shard_resume_complete(shard, conn, lost);
	replay(shard, conn);
	resume->is_busy = false;
	ringcast_player_return(player, conn, shard->now_ns);
	return DROP_NONE;
}
