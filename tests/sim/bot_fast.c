/* The UDP side of a bot: hello, acknowledgement, sequence numbers as the C# client has them. */
#include "base/assert.h"
#include "base/hash.h"
#include "bot.h"

#define HELLO_DELAY_NS (100 * NS_PER_MS)
#define HELLO_DELAY_NS_MAX (5 * NS_PER_S)
#define HANDSHAKE_RECORD 22
#define FORMER_NS (20 * NS_PER_S) /* longer than a datagram is ever under way, or held back by a process that stands still */

static uint64_t now_ns(const struct bot *bot)
{
	return ringcast_sim_network_now_ns(bot->net->network);
}

struct address ringcast_bot_server_udp(const struct bot *bot)
{
	struct address to = bot->net->servers[bot->server];
	to.port = bot->fast_port;
	return to;
}

static size_t keep_plain(struct bot *bot, struct view plain)
{
	memcpy(bot->last_datagram, plain.data, plain.size);
	return plain.size;
}

void ringcast_bot_note_last(struct bot *bot)
{
	if (bot->sequence_out > 0)
		bot->last_numbers[(uint32_t)(bot->sequence_out - 1) % BOT_SEQUENCES_KEPT] = bot->sequence_out - 1;
}

void ringcast_bot_send_bytes(struct bot *bot, struct view plain)
{
	struct address to = ringcast_bot_server_udp(bot);
	ringcast_bot_note_last(bot);
	ringcast_assert(plain.size <= sizeof(bot->last_datagram));
	bot->last_datagram_bytes =
		bot->is_secure ? ringcast_bot_seal_datagram(bot, plain, bot->last_datagram, sizeof(bot->last_datagram)) : keep_plain(bot, plain);
	ringcast_assert(bot->last_datagram_bytes > 0);
	ringcast_sim_udp_send(bot->net->network, &bot->udp, &to, bot->last_datagram, bot->last_datagram_bytes);
}

static size_t encode(struct bot *bot, const struct packet *packet, uint8_t *out, size_t capacity)
{
	struct packet filled = *packet;
	filled.sender = bot->peer_id;
	filled.sequence = bot->sequence_out++;
	size_t size = ringcast_packet_encode(&filled, out, capacity);
	ringcast_assert(size > 0);
	return size;
}

void ringcast_bot_send_datagram(struct bot *bot, const struct packet *packet)
{
	uint8_t plain[BOT_DATAGRAM_BYTES_MAX];
	ringcast_bot_flush(bot); /* their numbers are below this one's */
	ringcast_bot_send_bytes(bot, ringcast_view_of(plain, encode(bot, packet, plain, sizeof(plain))));
}

void ringcast_bot_flush(struct bot *bot)
{
	size_t size = bot->merged_bytes;
	bot->merged_bytes = bot->merged_count = 0;
	if (size > 0)
		ringcast_bot_send_bytes(bot, ringcast_view_of(bot->merged, size));
}

void ringcast_bot_send_fast(struct bot *bot, const struct packet *packet)
{
	size_t most = ringcast_packet_encoded_bytes(packet) + PROTO_PACKET_OVERHEAD_BYTES_MAX;
	if (bot->merged_count == PROTO_MERGED_PACKETS_MAX || bot->merged_bytes + most > sizeof(bot->merged))
		ringcast_bot_flush(bot);
	if (bot->merge_bytes == 0 || most > sizeof(bot->merged)) {
		ringcast_bot_send_datagram(bot, packet);
		return;
	}
	bot->merged_bytes += encode(bot, packet, bot->merged + bot->merged_bytes, sizeof(bot->merged) - bot->merged_bytes);
	bot->merged_count++;
}

static void send_handshake(struct bot *bot, int32_t opcode)
{
	struct packet packet = {.opcode = opcode, .target_player = PROTO_PEER_SERVER, .command = PACKET_COMMAND_UDP_CONNECT};
	ringcast_bot_send_datagram(bot, &packet);
}

void ringcast_bot_fast_start(struct bot *bot, uint16_t port)
{
	bot->udp_socket = ringcast_sim_udp_open(bot->net->network, &bot->udp);
	ringcast_assert(bot->udp_socket >= 0); /* the world gives every bot an address of its own */
	bot->fast_port = port;
	bot->fast = BOT_FAST_ASKING;
	bot->hello_at_ns = now_ns(bot);
	if (bot->is_secure)
		ringcast_bot_secure_fast_start(bot);
}

void ringcast_bot_fast_stop(struct bot *bot)
{
	if (bot->udp_socket >= 0)
		ringcast_sim_udp_close(bot->net->network, bot->udp_socket);
	bot->udp_socket = -1;
	ringcast_crypto_free(&bot->fast_crypto);
	bot->fast = BOT_FAST_OFF;
	bot->hello_at_ns = UINT64_MAX;
}

static void start_anew(struct bot *bot)
{
	bot->net->model->bots[bot->index].fast_up_ns = MODEL_NEVER;
	bot->fast = BOT_FAST_ASKING;
	bot->hello_count = 0;
	bot->hello_at_ns = now_ns(bot);
	if (bot->is_secure)
		ringcast_bot_secure_fast_start(bot);
}

void ringcast_bot_fast_move(struct bot *bot, const struct address *address, bool is_noticed)
{
	int socket = ringcast_sim_udp_open(bot->net->network, address);
	ringcast_assert(socket >= 0 && bot->udp_socket >= 0);
	ringcast_sim_udp_close(bot->net->network, bot->udp_socket);
	bot->udp_socket = socket;
	bot->udp = bot->net->model->bots[bot->index].address = *address;
	bot->net->has_lost_fast = true;
	if (is_noticed)
		start_anew(bot);
}

void ringcast_bot_fast_turn_to(struct bot *bot, uint32_t server)
{
	bot->server = server;
	bot->has_changed_server = true;
	bot->former_until_ns = UINT64_MAX;
	bot->net->has_lost_fast = true;
	start_anew(bot);
}

void ringcast_bot_fast_is_up(struct bot *bot)
{
	bot->fast = BOT_FAST_UP;
	bot->net->model->bots[bot->index].fast_up_ns = now_ns(bot);
	bot->hello_at_ns = UINT64_MAX;
	if (bot->former_until_ns == UINT64_MAX)
		bot->former_until_ns = now_ns(bot) + FORMER_NS;
}

static void send_hello(struct bot *bot)
{
	uint64_t delay_ns = bot->hello_count < 6 ? HELLO_DELAY_NS << bot->hello_count : HELLO_DELAY_NS_MAX;
	send_handshake(bot, OPCODE_UDP_CONNECT);
	bot->hello_count++;
	bot->hello_at_ns = now_ns(bot) + (delay_ns < HELLO_DELAY_NS_MAX ? delay_ns : HELLO_DELAY_NS_MAX);
}

/* The server uses each number once. A client drops what is not newer, so a number used twice would silently cost it a message. */
static void check_sequence(struct bot *bot, int32_t number, struct view bytes)
{
	uint64_t hash = ringcast_hash_bytes(bytes.data, bytes.size, 0) | 1;
	struct bot_sequence *place = &bot->sequences[(uint32_t)number % BOT_SEQUENCES_KEPT];
	if (bot->net->is_corrupt)
		return;
	if (number < 0)
		ringcast_bot_fail(bot, "a sequence number below zero", number);
	if (place->hash != 0 && place->number == number && place->hash != hash)
		ringcast_bot_fail(bot, "two datagrams with one sequence number", number);
	*place = (struct bot_sequence){.number = number, .hash = hash};
}

static bool is_refusal(const struct packet *packet)
{
	return packet->command == PACKET_COMMAND_VERIFY_IDENTITY_RESULT && !packet->verify_identity_result.is_success;
}

/*
 * Of the address that it spoke to before, for a while. A hello that was late may begin a handshake there, whose flights come until the server gives it
 * up: that nobody can see by looking at a hello.
 */
static bool is_former(const struct bot *bot, const struct address *from, struct view bytes)
{
	struct address former = bot->net->servers[1 - bot->server];
	bool is_handshake = bot->is_secure && bytes.size > 0 && bytes.data[0] == HANDSHAKE_RECORD;
	former.port = bot->fast_port;
	return bot->has_changed_server && (is_handshake || now_ns(bot) <= bot->former_until_ns) && ringcast_address_is_equal(from, &former);
}

static void receive_datagram(struct bot *bot, const struct address *from, struct view bytes)
{
	struct address server = ringcast_bot_server_udp(bot);
	if (is_former(bot, from, bytes))
		return;
	if (!ringcast_address_has_same_ip(from, &server))
		ringcast_bot_fail(bot, "a datagram from an address that it does not speak to, its last byte", from->ip[15]);
	else if (from->port != server.port)
		ringcast_bot_fail(bot, "a datagram from a port that was not handed out", from->port);
	else if (bot->is_secure)
		ringcast_bot_open_datagram(bot, bytes);
	else
		ringcast_bot_receive_datagram(bot, bytes);
}

static void receive_packet(struct bot *bot, struct view bytes)
{
	struct packet packet;
	if (ringcast_packet_decode(bytes, &packet) != PACKET_OK) {
		if (!bot->net->is_corrupt)
			ringcast_bot_fail(bot, "a datagram that does not decode", (int64_t)bytes.size);
		return;
	}
	if (is_refusal(&packet))
		return; /* its player has gone, which it will learn on the stream; the goodbye follows */
	check_sequence(bot, packet.sequence, bytes);
	if (packet.sequence <= bot->sequence_in)
		return;
	bot->sequence_in = packet.sequence;
	if (bot->is_secure && packet.command == PACKET_COMMAND_VERIFY_IDENTITY_RESULT) {
		ringcast_bot_receive_identity(bot, &packet);
		return;
	}
	if (packet.opcode != OPCODE_UDP_CONNECT_SERVER_ACK || bot->is_secure) {
		if (packet.command == PACKET_COMMAND_NONE)
			ringcast_bot_receive_packet(bot, &packet, false);
		else if (!bot->net->is_corrupt)
			ringcast_bot_fail(bot, "a command as a datagram", packet.opcode);
		return;
	}
	if (bot->fast == BOT_FAST_ASKING) {
		send_handshake(bot, OPCODE_UDP_CONNECT_CLIENT_ACK);
		ringcast_bot_fast_is_up(bot);
	}
}

/* One alone may be larger than several are to be. */
static void check_merged(struct bot *bot, struct view bytes, unsigned count)
{
	if (bot->net->is_corrupt || count < 2)
		return;
	if (bytes.size > bot->merge_bytes)
		ringcast_bot_fail(bot, "a datagram of several packets above its limit", (int64_t)bytes.size);
	if (count > PROTO_MERGED_PACKETS_MAX)
		ringcast_bot_fail(bot, "more packets in a datagram than a reader takes", count);
}

void ringcast_bot_receive_datagram(struct bot *bot, struct view bytes)
{
	struct view rest = bytes, first;
	unsigned count = 0;
	for (; bot->merge_bytes > 0 && rest.size > 0 && ringcast_packet_split(&rest, &first); count++)
		receive_packet(bot, first);
	check_merged(bot, bytes, count);
	if (rest.size > 0 || bytes.size == 0)
		receive_packet(bot, rest);
}

void ringcast_bot_fast_tick(struct bot *bot)
{
	uint8_t bytes[BOT_DATAGRAM_BYTES_MAX];
	struct address from;
	size_t size;
	if (bot->udp_socket < 0)
		return;
	while (bot->udp_socket >= 0 && ringcast_sim_udp_receive(bot->net->network, bot->udp_socket, &from, bytes, sizeof(bytes), &size)) {
		if (size > sizeof(bytes))
			ringcast_bot_fail(bot, "a datagram above any limit", (int64_t)size);
		else
			receive_datagram(bot, &from, ringcast_view_of(bytes, size));
	}
	if (bot->is_secure)
		ringcast_bot_secure_fast_tick(bot);
	else if (bot->hello_at_ns <= now_ns(bot))
		send_hello(bot);
}
