#include "stand.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/close.h"
#include "session/session.h"
#include "shard/shard_private.h"

static const char upgrade_request[] = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

static struct address address_of(uint8_t host, uint16_t port)
{
	return (struct address){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = host}, .port = port};
}

struct ringcast_limits stand_limits(void)
{
	return (struct ringcast_limits){
#define X(type, name, default_value, ...) .name = default_value,
		RINGCAST_LIMITS(X)
#undef X
	};
}

void stand_start(struct stand *stand, const struct ringcast_limits *limits, uint32_t window_bytes)
{
	struct sim_network_options network = {.seed = 1, .start_ns = NS_PER_S, .latency_ns = NS_PER_MS, .stream_window_bytes = window_bytes};
	struct shard_options options = {.count = 1, .listens = {{.address = address_of(1, 1900), .is_v4 = true}}, .listen_count = 1,
					.udp_port_base = 33400, .udp_port_count = 1};
	struct io_options io;
	char error[200] = "";
	*stand = (struct stand){.network = ringcast_sim_network_create(&network), .mailbox = ringcast_mailbox_create(1)};
	options.limits = *limits;
	options.mailboxes = &stand->mailbox;
	ringcast_shard_io_options(&options.limits, &io);
	stand->shard = ringcast_shard_create(&options, ringcast_io_sim_create(stand->network, &io), error, sizeof(error));
	cr_assert(stand->shard != NULL, "%s", error);
}

/* Reading */

static void hear(struct seat *seat, const struct websocket_frame *frame)
{
	struct packet packet;
	if (frame->opcode == WEBSOCKET_CLOSE && frame->size >= 2) {
		seat->close_code = (uint16_t)(frame->payload[0] << 8 | frame->payload[1]);
		memcpy(seat->close_text, frame->payload + 2, frame->size - 2);
	}
	if (frame->opcode != WEBSOCKET_BINARY)
		return;
	cr_assert_eq(ringcast_packet_decode(ringcast_view_of(frame->payload, frame->size), &packet), PACKET_OK);
	if (packet.command == PACKET_COMMAND_LOGIN_RESULT && packet.login_result.is_success)
		seat->peer_id = packet.login_result.peer_id;
	seat->has_no_echo |= packet.command == PACKET_COMMAND_LOGIN_RESULT && packet.login_result.no_echo;
	seat->messages += packet.opcode > 0;
}

static void skip_http(struct seat *seat)
{
	uint8_t *end = memmem(seat->input, seat->input_bytes, "\r\n\r\n", 4);
	if (seat->input_bytes < 4 || memcmp(seat->input, "HTTP", 4) != 0 || end == NULL)
		return;
	seat->input_bytes -= (uint32_t)(end + 4 - seat->input);
	memmove(seat->input, end + 4, seat->input_bytes);
}

static void parse(struct seat *seat)
{
	struct websocket_frame frame;
	size_t used = 0, consumed, needed;
	uint16_t code;
	skip_http(seat);
	while (used < seat->input_bytes && ringcast_websocket_parse(seat->input + used, seat->input_bytes - used, false, STAND_INPUT_BYTES, &frame,
								    &consumed, &needed, &code) == WEBSOCKET_FRAME) {
		hear(seat, &frame);
		used += consumed;
	}
	seat->input_bytes -= (uint32_t)used;
	memmove(seat->input, seat->input + used, seat->input_bytes);
}

static void read_some(struct stand *stand, struct seat *seat, uint64_t budget)
{
	while (budget > 0) {
		size_t room = STAND_INPUT_BYTES - seat->input_bytes;
		size_t got = ringcast_sim_stream_read(stand->network, seat->stream, seat->input + seat->input_bytes, room < budget ? room : (size_t)budget);
		if (got == 0)
			return;
		seat->input_bytes += (uint32_t)got;
		seat->bytes += got;
		budget -= got;
		parse(seat);
	}
}

/* Time */

static void run_until(struct stand *stand, uint64_t until_ns)
{
	for (;;) {
		ringcast_sim_network_advance_to(stand->network, ringcast_sim_network_now_ns(stand->network));
		if (ringcast_io_sim_is_runnable(stand->shard->io)) {
			ringcast_shard_tick(stand->shard);
			continue;
		}
		uint64_t next_ns = ringcast_sim_network_next_deadline(stand->network);
		if (next_ns > until_ns)
			break;
		ringcast_sim_network_advance_to(stand->network, next_ns);
	}
	ringcast_sim_network_advance_to(stand->network, until_ns);
}

void stand_run(struct stand *stand, uint64_t ms)
{
	for (; ms > 0; ms--) {
		run_until(stand, ringcast_sim_network_now_ns(stand->network) + NS_PER_MS);
		for (uint32_t i = 0; i < stand->seat_count; i++)
			read_some(stand, &stand->seats[i], stand->seats[i].read_per_ms);
	}
}

void stand_stop(struct stand *stand)
{
	for (uint32_t i = 0; i < stand->seat_count; i++)
		ringcast_sim_stream_close(stand->network, stand->seats[i].stream);
	ringcast_shard_stop(stand->shard);
	for (int turn = 0; turn < 10000 && !ringcast_shard_is_idle(stand->shard); turn++)
		stand_run(stand, 1);
	cr_assert(ringcast_shard_is_idle(stand->shard));
	cr_assert_eq(stand->shard->slices.count, 0);
	ringcast_shard_destroy(&stand->shard);
	ringcast_mailbox_destroy(&stand->mailbox);
	ringcast_sim_network_destroy(&stand->network);
	for (uint32_t i = 0; i < stand->seat_count; i++)
		free(stand->seats[i].input);
}

/* Clients */

struct session *stand_session(struct stand *stand)
{
	struct session_options options = {.players_max = STAND_SEATS_MAX, .ping_interval_ms = 3600000};
	struct session *session;
	cr_assert_eq(ringcast_session_open(&stand->shard->store, &options, stand->shard->now_ns, &session), DROP_NONE);
	return session;
}

struct seat *stand_connect(struct stand *stand, uint8_t host)
{
	struct address server = address_of(1, 1900);
	cr_assert_lt(stand->seat_count, STAND_SEATS_MAX);
	struct seat *seat = &stand->seats[stand->seat_count];
	seat->address = address_of(host, (uint16_t)(2000 + stand->seat_count++));
	seat->read_per_ms = UINT32_MAX;
	seat->input = malloc(STAND_INPUT_BYTES);
	seat->stream = ringcast_sim_stream_connect(stand->network, &seat->address, &server);
	return seat;
}

static void write_frame(struct stand *stand, struct seat *seat, enum websocket_opcode opcode, bool is_final, const void *bytes, size_t size)
{
	static const uint8_t mask[4] = {1, 2, 3, 4};
	uint8_t frame[8192];
	size_t head = ringcast_websocket_encode_header_masked(opcode, is_final, size, mask, frame);
	cr_assert_leq(head + size, sizeof(frame));
	if (size > 0)
		memcpy(frame + head, bytes, size);
	ringcast_websocket_mask(frame + head, size, mask);
	ringcast_sim_stream_write(stand->network, seat->stream, frame, head + size);
}

void stand_write(struct stand *stand, struct seat *seat, enum websocket_opcode opcode, const void *bytes, size_t size)
{
	write_frame(stand, seat, opcode, true, bytes, size);
}

void stand_write_part(struct stand *stand, struct seat *seat, enum websocket_opcode opcode, const void *bytes, size_t size)
{
	write_frame(stand, seat, opcode, false, bytes, size);
}

void stand_send(struct stand *stand, struct seat *seat, const struct packet *packet)
{
	uint8_t bytes[8000];
	stand_write(stand, seat, WEBSOCKET_BINARY, bytes, ringcast_packet_encode(packet, bytes, sizeof(bytes)));
}

void stand_upgrade(struct stand *stand, struct seat *seat)
{
	ringcast_sim_stream_write(stand->network, seat->stream, upgrade_request, sizeof(upgrade_request) - 1);
}

static struct seat *join(struct stand *stand, struct session *session, uint8_t host, bool no_echo)
{
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	struct seat *seat = stand_connect(stand, host);
	cr_assert_eq(ringcast_admission_reserve(session, NULL, NULL, stand->shard->now_ns, &player, token), DROP_NONE);
	struct packet login = {
		.opcode = OPCODE_LOGIN,
		.target_player = PROTO_PEER_SERVER,
		.command = PACKET_COMMAND_LOGIN,
		.login = {.player_session_id = ringcast_view_of(token, strlen(token)), .client_version = PROTO_CLIENT_VERSION, .no_echo = no_echo},
	};
	stand_upgrade(stand, seat);
	stand_send(stand, seat, &login);
	for (int turn = 0; turn < 100 && seat->peer_id == 0; turn++)
		stand_run(stand, 1);
	cr_assert_neq(seat->peer_id, 0);
	return seat;
}

struct seat *stand_join(struct stand *stand, struct session *session, uint8_t host)
{
	return join(stand, session, host, false);
}

struct seat *stand_join_quiet(struct stand *stand, struct session *session, uint8_t host)
{
	return join(stand, session, host, true);
}

void stand_say(struct stand *stand, struct seat *seat, int32_t player, int32_t group, size_t size)
{
	static const uint8_t zeros[PROTO_PAYLOAD_RELIABLE_BYTES_MAX];
	struct packet packet = {.opcode = 1, .target_player = player, .target_group = group, .payload = ringcast_view_of(zeros, size)};
	stand_send(stand, seat, &packet);
}

void stand_say_in_parts(struct stand *stand, struct seat *seat, int32_t group, size_t size)
{
	static const uint8_t zeros[PROTO_PAYLOAD_RELIABLE_BYTES_MAX];
	uint8_t bytes[8000];
	struct packet packet = {.opcode = 1, .target_group = group, .payload = ringcast_view_of(zeros, size)};
	size_t packet_bytes = ringcast_packet_encode(&packet, bytes, sizeof(bytes)), half = packet_bytes / 2;
	stand_write_part(stand, seat, WEBSOCKET_BINARY, bytes, half);
	stand_run(stand, 1);
	write_frame(stand, seat, WEBSOCKET_CONTINUATION, true, bytes + half, packet_bytes - half);
}

bool stand_is_open(const struct stand *stand, const struct seat *seat)
{
	return ringcast_sim_stream_state(stand->network, seat->stream) == SIM_STREAM_OPEN && seat->close_code == 0 &&
	       !ringcast_sim_stream_has_ended(stand->network, seat->stream);
}

void stand_print(const struct stand *stand)
{
	for (int i = 1; i < DROP_REASON_COUNT; i++)
		if (stand->shard->counters.drops[i] > 0)
			fprintf(stderr, "drop %s %llu\n", ringcast_drop_label(i), (unsigned long long)stand->shard->counters.drops[i]);
	for (int i = 1; i < CLOSE_REASON_COUNT; i++)
		if (stand->shard->counters.closes[i] > 0)
			fprintf(stderr, "close %s %llu\n", ringcast_close_label(i), (unsigned long long)stand->shard->counters.closes[i]);
	for (uint32_t i = 0; i < stand->seat_count && i < 8; i++)
		fprintf(stderr, "seat %u: %llu messages, %llu bytes, %u in, open %d\n", i, (unsigned long long)stand->seats[i].messages, (unsigned long long)stand->seats[i].bytes, stand->seats[i].input_bytes, stand_is_open(stand, &stand->seats[i]));
	fprintf(stderr, "slices %u, bufs %u, now %llu ms\n", stand->shard->slices.count, ringcast_buf_pool_in_use(stand->shard->pool), (unsigned long long)(stand->shard->now_ns / NS_PER_MS));
}
