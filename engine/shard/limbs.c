/*
 * Players of spread sessions: a connection stays with the shard that took it in, and its session's home decides. A login is asked about; what home says of it is
 * done here, and so is what comes later for those who are in.
 */
#include "session/limb.h"

#include "base/assert.h"
#include "shard/login.h"
#include "shard/resume.h"
#include "shard/shard_private.h"
#include "shard/signed.h"

/* Asking */

static void forget_login(struct conn *conn)
{
	ringcast_buf_unref(conn->handoff);
	conn->handoff = NULL;
}

/* As a hand-off begins, which this one may become: the first byte is the target, the login packet follows. */
void ringcast_shard_ask_home(struct shard *shard, struct conn *conn, uint32_t home, struct view message)
{
	struct buf *buf = ringcast_buf_alloc(shard->pool, message.size + 1);
	ringcast_assert(home != shard->options.index && home < LIMBS_MAX && message.size <= LETTER_PAYLOAD_BYTES_MAX);
	if (buf == NULL) {
		ringcast_shard_drop(shard, DROP_NO_BUFFER, 1);
		ringcast_shard_conn_close(shard, conn, CLOSE_NO_RESOURCES, NULL);
		return;
	}
	buf->data[0] = (uint8_t)home;
	memcpy(buf->data + 1, message.data, message.size);
	buf->size = (uint32_t)message.size + 1;
	conn->handoff = buf;
	ringcast_conn_enter(conn, CONN_ASKING);
	shard->letters.asking_count++;
	if (ringcast_shard_post(shard, home, &(struct letter){.kind = LETTER_LOGIN, .conn = conn->self, .payload = message}) == DROP_NONE)
		return;
	forget_login(conn);
	ringcast_shard_conn_close(shard, conn, ringcast_shard_login_refuse(shard, conn, DROP_LETTERS_FULL), NULL);
}

/* NULL: it is gone, or going. */
static struct conn *find_asking(struct shard *shard, const struct letter *letter)
{
	struct conn *conn = ringcast_slab_find(&shard->conns, letter->conn);
	return conn != NULL && conn->state == CONN_ASKING && conn->close_reason == CLOSE_NONE ? conn : NULL;
}

static void read_elsewhere(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	struct conn *conn = find_asking(shard, letter);
	if (conn == NULL)
		return;
	ringcast_conn_enter(conn, CONN_LEAVING);
	shard->letters.asking_count--;
	if (!ringcast_conn_is_idle(conn))
		ringcast_shard_flush_conn(shard, conn);
	ringcast_shard_handoff_proceed(shard, conn);
}

/* The script's answer, or its deadline at home, is what happens next. */
static void read_waiting(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	struct conn *conn = find_asking(shard, letter);
	if (conn != NULL)
		ringcast_timer_cancel(&shard->wheel, &conn->timer);
}

static void read_refused(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	struct conn *conn = find_asking(shard, letter);
	if (conn == NULL)
		return;
	enum drop_reason drop = (enum drop_reason)letter->reason;
	forget_login(conn);
	ringcast_shard_conn_close(shard, conn, ringcast_shard_login_refuse(shard, conn, drop), ringcast_shard_signed_text(drop));
}

/* What it said that it can do, in the login that is kept. True: also come back. */
static bool take_abilities(struct shard *shard, struct conn *conn)
{
	struct packet packet;
	enum packet_error error = ringcast_packet_decode(ringcast_view_of(conn->handoff->data + 1, conn->handoff->size - 1), &packet);
	ringcast_assert(error == PACKET_OK); /* it was decoded before home was asked */
	ringcast_shard_login_abilities(shard, conn, &packet);
	return packet.login.may_resume;
}

static void read_admitted(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	static uint8_t nothing[1];
	struct conn *conn = find_asking(shard, letter);
	if (conn == NULL) {
		shard->counters.logins_declined++;
		ringcast_limb_decline(&shard->store, sender, letter, CLOSE_RESET);
		return;
	}
	bool may_resume = take_abilities(shard, conn);
	forget_login(conn);
	conn->player = ringcast_limb_admit(&shard->store, sender, letter, conn, shard->now_ns);
	if (conn->player == NULL) {
		ringcast_shard_conn_close(shard, conn, ringcast_shard_login_refuse(shard, conn, DROP_NO_BUFFER), NULL);
		return;
	}
	ringcast_recorder_note(&shard->recorder, PROBE_LOGIN, shard->now_ns, conn->player->session->self, (uint32_t)conn->player->peer_id, DROP_NONE);
	ringcast_conn_enter(conn, CONN_JOINED);
	shard->letters.asking_count--;
	conn->stream.is_admitted = true;
	if (may_resume)
		ringcast_resume_open(shard, conn);
	ringcast_shard_login_complete(shard, conn);
	if (conn->stream.tail != NULL) /* what came behind the login */
		ringcast_shard_read(shard, conn, nothing, 0);
}

/* Home's side */

static void count(struct shard *shard, enum drop_reason drop)
{
	if (drop == DROP_NONE)
		return;
	ringcast_shard_drop(shard, drop, 1);
	shard->counters.messages_refused++;
}

/* What a player elsewhere has sent: its session pays for it here, its connection there. */
static void read_packet(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	struct shard_letters *letters = &shard->letters;
	const struct player *player = ringcast_home_find(&shard->store, sender, letter);
	const struct session *session = player != NULL ? player->session : NULL;
	uint64_t cost_before = letters->cost, deliveries = shard->deliveries_in_window, bytes = shard->delivered_bytes;
	letters->served = letter;
	count(shard, ringcast_home_receive(&shard->store, sender, letter, shard->now_ns));
	letters->served = NULL;
	uint64_t cost = letters->cost - cost_before + shard->delivered_bytes - bytes + (shard->deliveries_in_window - deliveries) * SHARD_DELIVERY_BYTES;
	if (session != NULL)
		ringcast_shard_charge(shard, session, NULL, cost);
	if (letters->is_pressing)
		ringcast_shard_post(shard, sender, &(struct letter){.kind = LETTER_PRESSED, .session = letter->session, .peer_id = letter->peer_id});
	letters->is_pressing = false;
	if (UNLIKELY(letters->holding != 0))
		ringcast_shard_tell_paused(shard, sender, letter);
}

static void read_become(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	ringcast_home_receive(&shard->store, sender, letter, shard->now_ns);
}

static void press(struct shard *shard, struct conn *conn)
{
	ringcast_assert(shard->sender == NULL);
	shard->sender = conn;
	ringcast_shard_press(shard);
	shard->sender = NULL;
}

/* A receiver at sender's falls behind; the one that it gets too much from may be here or elsewhere. */
static void read_press(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	struct session *session = ringcast_slab_find(&shard->store.sessions, letter->session);
	struct player *player = session != NULL ? ringcast_session_find_player(session, letter->peer_id) : NULL;
	if (player == NULL)
		return;
	if (player->limb > 0)
		ringcast_shard_post(shard, ringcast_player_shard(player), &(struct letter){.kind = LETTER_PRESSED, .session = letter->session, .peer_id = letter->peer_id});
	else if (player->transport != NULL)
		press(shard, player->transport);
}

/* A limb's side */

void ringcast_shard_tell_fast(struct conn *conn)
{
	if (conn->player != NULL && ringcast_session_is_limb(conn->player->session))
		ringcast_limb_tell_fast(conn->player, ringcast_conn_is_fast(conn));
}

static struct conn *find_sender(struct shard *shard, uint32_t home, const struct letter *letter, struct session **ret_limb)
{
	struct session *limb = *ret_limb = ringcast_limb_find(&shard->store, home, letter);
	struct player *player = limb != NULL ? ringcast_session_find_player(limb, letter->peer_id) : NULL;
	return player != NULL ? player->transport : NULL;
}

static void read_pressed(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	struct session *limb;
	struct conn *conn = find_sender(shard, sender, letter, &limb);
	if (conn != NULL)
		press(shard, conn);
}

static void read_pause(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	struct session *limb;
	struct conn *conn = find_sender(shard, sender, letter, &limb);
	if (conn != NULL)
		ringcast_shard_pause(shard, conn, sender, PAUSE_TOLD);
}

static void read_go_on(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	ringcast_shard_resume_paused(shard, sender, PAUSE_TOLD);
}

/* If its sender is one of ours, it pays here for all that it brought about everywhere. */
static void read_message(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	struct shard_letters *letters = &shard->letters;
	struct session *limb;
	struct conn *conn = find_sender(shard, sender, letter, &limb);
	if (limb == NULL)
		return;
	shard->sender = conn;
	letters->served = conn == NULL && letter->peer_id > PROTO_PEER_NONE ? letter : NULL;
	ringcast_limb_receive(&shard->store, sender, letter, shard->now_ns);
	shard->sender = NULL;
	letters->served = NULL;
	ringcast_shard_charge(shard, limb, conn, (uint64_t)letter->total_count * (letter->payload.size + SHARD_DELIVERY_BYTES));
	if (letters->is_pressing)
		ringcast_shard_post(shard, sender, &(struct letter){.kind = LETTER_PRESS, .session = letter->session, .peer_id = letter->peer_id});
	letters->is_pressing = false;
}

static void read_about(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	ringcast_limb_receive(&shard->store, sender, letter, shard->now_ns);
}

void ringcast_shard_press_served(struct shard *shard)
{
	shard->letters.is_pressing = shard->letters.served != NULL;
}

void ringcast_shard_read_letter(struct shard *shard, uint32_t sender, const struct letter *letter)
{
	static void (*const readers[LETTER_KIND_COUNT])(struct shard *shard, uint32_t sender, const struct letter *letter) = {
		[LETTER_LOGIN] = ringcast_shard_login_from,
		[LETTER_PACKET] = read_packet,
		[LETTER_LEFT] = read_become,
		[LETTER_PRESS] = read_press,
		[LETTER_DROPPED] = read_become,
		[LETTER_RETURNED] = read_become,
		[LETTER_FAST_UP] = read_become,
		[LETTER_FAST_DOWN] = read_become,
		[LETTER_ELSEWHERE] = read_elsewhere,
		[LETTER_WAITING] = read_waiting,
		[LETTER_REFUSED] = read_refused,
		[LETTER_ADMITTED] = read_admitted,
		[LETTER_DELIVER] = read_message,
		[LETTER_ROSTER] = read_message,
		[LETTER_ANSWER] = read_message,
		[LETTER_JOIN] = read_about,
		[LETTER_LEAVE] = read_about,
		[LETTER_KICK] = read_about,
		[LETTER_PAUSE] = read_pause,
		[LETTER_GO_ON] = read_go_on,
		[LETTER_PRESSED] = read_pressed,
	};
	ringcast_assert(letter->kind < LETTER_KIND_COUNT);
	readers[letter->kind](shard, sender, letter);
}
