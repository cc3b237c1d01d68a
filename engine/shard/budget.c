/*
 * What one connection may make others do: the shard, by decoding what it sends; receivers, by what they get of it.
 *
 * Four questions before a message is routed, cheapest first: messages and bytes of the sender, what its messages of the last second became
 * (fan-out, of the player and of its session), and whether its receivers keep up. A message that fails is dropped for everybody, before anyone's queue
 * has seen it: receivers never miss what others got. Nobody asks per delivery; a route is charged once it is over.
 */
#include "base/assert.h"
#include "shard/shard_private.h"

enum {
	PRESSED_MS = 1000,        /* a sender is held for so long after it filled a queue to the half */
	SHARE_PART = 4,           /* of its bytes per second: what it may go on with */
	SHARE_FIRST_MS = 20,      /* as it begins: many may begin at once */
	SHARE_BURST_MS = 250,
	SHARE_BYTES_MIN = 4096,   /* one message always fits */
	GREETINGS_PER_SECOND = 16,
};

static uint32_t now_ms(const struct shard *shard)
{
	return (uint32_t)(shard->now_ns / NS_PER_MS) | 1; /* never 0, which means never */
}

/* Receivers that do not keep up */

/* What a held sender may go on with in so many milliseconds, at once. */
static uint32_t share_bytes(const struct ringcast_limits *limits, uint32_t ms)
{
	uint64_t bytes = limits->bytes_per_second / SHARE_PART / 1000 * ms;
	return bytes > SHARE_BYTES_MIN ? (uint32_t)(bytes < UINT32_MAX ? bytes : UINT32_MAX) : SHARE_BYTES_MIN;
}

void ringcast_shard_press(struct shard *shard)
{
	struct conn *sender = shard->sender;
	uint32_t now = now_ms(shard);
	if (sender == NULL) { /* another shard's, or a script: the game's own */
		ringcast_shard_press_served(shard);
		return;
	}
	if (sender->pressed_ms == 0 || now - sender->pressed_ms > PRESSED_MS) {
		sender->share_ms = now;
		sender->share_left_bytes = share_bytes(&shard->options.limits, SHARE_FIRST_MS);
	}
	sender->pressed_ms = now;
}

static enum drop_reason check_share(struct shard *shard, struct conn *conn, size_t payload_bytes)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	uint32_t now = now_ms(shard), most = share_bytes(limits, SHARE_BURST_MS);
	if (now - conn->pressed_ms > PRESSED_MS) {
		conn->pressed_ms = 0;
		return DROP_NONE;
	}
	uint64_t left = conn->share_left_bytes + (uint64_t)(now - conn->share_ms) * (limits->bytes_per_second / SHARE_PART) / 1000;
	conn->share_left_bytes = left < most ? (uint32_t)left : most;
	conn->share_ms = now;
	if (conn->share_left_bytes < payload_bytes)
		return DROP_RATE_RECEIVERS;
	conn->share_left_bytes -= (uint32_t)payload_bytes;
	return DROP_NONE;
}

/* Fan-out */

static struct ratelimit *session_fanout(const struct shard *shard, const struct conn *conn)
{
	return &shard->session_fanouts[ringcast_handle_index(conn->player->session->self)];
}

static enum drop_reason check_fanout(struct shard *shard, struct conn *conn)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	if (!ringcast_ratelimit_has(&conn->fanout, limits->fanout_bytes_per_second, shard->now_ns))
		return DROP_RATE_FANOUT;
	if (conn->player != NULL &&
	    !ringcast_ratelimit_has(session_fanout(shard, conn), limits->session_fanout_bytes_per_second, shard->now_ns))
		return DROP_RATE_SESSION;
	return DROP_NONE;
}

/*
 * Who enters a group pays for leaving it as well, however it will leave: the list goes out again then, and one who is gone pays nothing. That is enough: a
 * group that shrinks to a size has once grown beyond it, and whoever made it grow has paid for that size twice.
 */
void ringcast_shard_account_end(struct shard *shard)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	struct conn *conn = shard->sender;
	shard->sender = NULL;
	const struct account *before = &shard->account;
	uint64_t delivery_count = shard->deliveries_in_window - before->delivery_count;
	uint64_t cost = shard->delivered_bytes - before->bytes + delivery_count * SHARD_DELIVERY_BYTES + shard->letters.cost - before->letter_cost;
	if (UNLIKELY(shard->store.membership_count > before->membership_count))
		cost *= 2;
	ringcast_ratelimit_charge(&conn->fanout, limits->fanout_bytes_per_second, cost);
	if (conn->player != NULL)
		ringcast_ratelimit_charge(session_fanout(shard, conn), limits->session_fanout_bytes_per_second, cost);
}

void ringcast_shard_charge(struct shard *shard, const struct session *session, struct conn *sender, uint64_t cost)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	ringcast_ratelimit_charge(&shard->session_fanouts[ringcast_handle_index(session->self)], limits->session_fanout_bytes_per_second, cost);
	if (sender != NULL)
		ringcast_ratelimit_charge(&sender->fanout, limits->fanout_bytes_per_second, cost);
}

struct conn *ringcast_shard_blame(struct shard *shard, struct conn *conn)
{
	struct conn *before = shard->sender;
	if (before != NULL)
		ringcast_shard_account_end(shard);
	if (conn != NULL)
		ringcast_shard_account_begin(shard, conn);
	return before;
}

/* A new connection is no new player: what the last ones from its address have left is what it begins with. */
void ringcast_shard_inherit(struct shard *shard, struct conn *conn)
{
	conn->fanout = ringcast_address_table_recall(&shard->addresses, &conn->address);
}

void ringcast_shard_bequeath(struct shard *shard, struct conn *conn)
{
	uint64_t rate = shard->options.limits.fanout_bytes_per_second;
	if (conn->fanout.updated_ns != 0 && rate != 0)
		ringcast_address_table_remember(&shard->addresses, &conn->address, &conn->fanout, rate, shard->now_ns);
}

/* Nor is one that takes the place of another: its player has what it had left there, or less where its new address has. */
void ringcast_shard_budget_save(const struct conn *conn, struct budget *ret)
{
	*ret = (struct budget){
		.message_rate = conn->message_rate,
		.byte_rate = conn->byte_rate,
		.fanout = conn->fanout,
		.pressed_ms = conn->pressed_ms,
		.share_ms = conn->share_ms,
		.share_left_bytes = conn->share_left_bytes,
		.flood_second = conn->flood_second,
		.flood_count = conn->flood_count,
	};
}

void ringcast_shard_budget_restore(struct shard *shard, struct conn *conn, struct budget *budget)
{
	conn->message_rate = budget->message_rate;
	conn->byte_rate = budget->byte_rate;
	if (ringcast_ratelimit_is_below(&budget->fanout, &conn->fanout, shard->options.limits.fanout_bytes_per_second, shard->now_ns))
		conn->fanout = budget->fanout;
	conn->pressed_ms = budget->pressed_ms;
	conn->share_ms = budget->share_ms;
	conn->share_left_bytes = budget->share_left_bytes;
	conn->flood_second = budget->flood_second;
	conn->flood_count = budget->flood_count;
}

/* Flooding */

/* Above a rate, in so many seconds on end: it does not mean to stop. */
static void note_excess(struct shard *shard, struct conn *conn)
{
	uint32_t second = (uint32_t)(shard->now_ns / NS_PER_S), seconds_max = shard->options.limits.flood_seconds_max;
	if (second == conn->flood_second)
		return;
	conn->flood_count = second == conn->flood_second + 1 ? conn->flood_count + 1 : 1;
	conn->flood_second = second;
	if (seconds_max != 0 && conn->flood_count > seconds_max)
		ringcast_shard_conn_doom(shard, conn, CLOSE_RATE_LIMIT);
}

enum drop_reason ringcast_shard_check_rates(struct shard *shard, struct conn *conn, size_t payload_bytes)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	enum drop_reason drop = DROP_NONE;
	if (!ringcast_ratelimit_take(&conn->message_rate, limits->messages_per_second, 1, shard->now_ns))
		drop = DROP_RATE_MESSAGES;
	else if (!ringcast_ratelimit_take(&conn->byte_rate, limits->bytes_per_second, payload_bytes, shard->now_ns))
		drop = DROP_RATE_BYTES;
	if (UNLIKELY(drop != DROP_NONE)) {
		note_excess(shard, conn);
		return drop;
	}
	drop = check_fanout(shard, conn);
	if (drop == DROP_NONE && UNLIKELY(conn->pressed_ms != 0))
		drop = check_share(shard, conn, payload_bytes);
	return drop;
}

/* Its address first: one that is above its own leaves those for everybody alone. */
bool ringcast_shard_may_check_token(struct shard *shard, struct conn *conn)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	return ringcast_address_table_take_token(&shard->addresses, &conn->address, limits->token_checks_per_second_per_address, shard->now_ns) &&
	       ringcast_ratelimit_take(&shard->signed_tokens.checks, limits->token_checks_per_second, 1, shard->now_ns);
}

/* Each hello is answered at once, by a datagram of its own, as long as there are numbers for it. */
bool ringcast_shard_may_greet(struct shard *shard, struct conn *conn)
{
	struct fast_path *fast = ringcast_shard_fast_path(shard, conn);
	uint32_t second = (uint32_t)(shard->now_ns / NS_PER_S);
	if (fast->greeting_second != second)
		fast->greeting_count = 0;
	fast->greeting_second = second;
	if (fast->greeting_count == GREETINGS_PER_SECOND || fast->sequence_out == INT32_MAX)
		return false;
	fast->greeting_count++;
	return true;
}
