#include "secure_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#include "proto/http_upgrade.h"

static struct certificate ca, other_ca, server_certificate;
static const struct secure_world *clock_world; /* whose time it is */

/* OpenSSL looks at this clock for the timers of DTLS: the time must be the test's there, too. wolfSSL has no clock. */
__attribute__((visibility("default"))) int gettimeofday(struct timeval *restrict ret_time, void *restrict zone)
{
	uint64_t ns = clock_world ? clock_world->now_ns : NS_PER_S;
	*ret_time = (struct timeval){.tv_sec = (time_t)(ns / NS_PER_S), .tv_usec = (suseconds_t)(ns % NS_PER_S / 1000)};
	return 0;
}

/* Which TLS library on which side; meson runs the tests with every pair of the build. */
static const char *client_library(void)
{
	return getenv("RINGCAST_TEST_TLS_CLIENT");
}

static const char *server_library(void)
{
	return getenv("RINGCAST_TEST_TLS_SERVER");
}

static void make(struct certificate *certificate, const char *name, const char *names, const struct certificate *issuer)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	const struct certificate_request request = {
		.common_name = name, .names = names, .now_s = (uint64_t)time(NULL), .days = 30, .is_ca = !issuer, .issuer = issuer};
	cr_assert(ringcast_certificate_make(&request, certificate, error, sizeof(error)), "%s", error);
}

static void make_certificates(void)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	if (ca.certificate[0])
		return;
	cr_assert(ringcast_crypto_global_init(error, sizeof(error)), "%s", error);
	make(&ca, "test CA", NULL, NULL);
	make(&other_ca, "another CA", NULL, NULL);
	make(&server_certificate, "game.test", "game.test,127.0.0.1", &ca);
}

const char *secure_world_ca(void)
{
	make_certificates();
	return ca.certificate;
}

const char *secure_world_other_ca(void)
{
	make_certificates();
	return other_ca.certificate;
}

/* wires */

static void append(struct wire *wire, const uint8_t *bytes, size_t size)
{
	cr_assert_leq(wire->size + size, sizeof(wire->bytes));
	memcpy(wire->bytes + wire->size, bytes, size);
	wire->size += size;
}

static void take(struct wire *wire, size_t size)
{
	wire->size -= size;
	memmove(wire->bytes, wire->bytes + size, wire->size);
}

static void append_datagram(struct secure_world *world, struct wire_datagrams *wire, const uint8_t *bytes, size_t size)
{
	bool is_lost = world->loss && world->loss(world, world->datagram_number, wire == &world->datagrams_to_server);
	world->datagram_number++;
	if (is_lost)
		return;
	cr_assert_lt(wire->count, WIRE_DATAGRAMS);
	cr_assert_leq(size, WIRE_DATAGRAM_BYTES);
	memcpy(wire->queue[wire->count].bytes, bytes, size);
	wire->queue[wire->count].due_ns = world->now_ns + (world->delay_ns ? world->delay_ns(world) : 0);
	wire->queue[wire->count++].size = size;
}

/* The first that is due; false: none is. */
static bool take_datagram(const struct secure_world *world, struct wire_datagrams *wire, struct wire_datagram *ret_datagram)
{
	size_t first = 0;
	for (size_t i = 1; i < wire->count; i++)
		first = wire->queue[i].due_ns < wire->queue[first].due_ns ? i : first;
	if (wire->count == 0 || wire->queue[first].due_ns > world->now_ns)
		return false;
	*ret_datagram = wire->queue[first];
	wire->count--;
	memmove(wire->queue + first, wire->queue + first + 1, (wire->count - first) * sizeof(wire->queue[0]));
	return true;
}

/* the client's owner */

static struct secure_world *world_of(struct client_core *core)
{
	return (struct secure_world *)core;
}

static bool op_stream_write(struct client_secure *secure, const uint8_t *bytes, size_t size)
{
	append(&world_of(secure->core)->to_server, bytes, size);
	return true;
}

static bool op_datagram_write(struct client_secure *secure, const uint8_t *bytes, size_t size)
{
	struct secure_world *world = world_of(secure->core);
	append_datagram(world, &world->datagrams_to_server, bytes, size);
	return true;
}

static const struct client_secure_ops secure_ops = {op_stream_write, op_datagram_write};

static bool op_stream_send(struct client_core *core, const uint8_t *bytes, size_t size, bool is_control)
{
	return ringcast_client_secure_send_stream(&world_of(core)->secure, bytes, size);
}

static bool op_datagram_send(struct client_core *core, const uint8_t *bytes, size_t size)
{
	return ringcast_client_secure_send_datagram(&world_of(core)->secure, bytes, size);
}

static bool op_fast_open(struct client_core *core, uint16_t port, struct view ca_cert)
{
	cr_assert_eq(port, WORLD_PORT);
	return ringcast_client_secure_start_datagrams(&world_of(core)->secure, ca_cert);
}

static void op_logged_in(struct client_core *core)
{
	world_of(core)->logged_in_count++;
}

static void op_fast_up(struct client_core *core)
{
	world_of(core)->fast_up_count++;
}

static void op_fast_failed(struct client_core *core, const char *reason)
{
	struct secure_world *world = world_of(core);
	world->fast_failed_count++;
	snprintf(world->fast_reason, sizeof(world->fast_reason), "%s", reason);
}

static void op_fast_silent(struct client_core *core)
{
	ringcast_client_secure_restart_datagrams(&world_of(core)->secure, core->now_ns);
}

static void op_message(struct client_core *core, const struct packet *packet, bool is_fast)
{
	struct secure_world *world = world_of(core);
	world->message_count++;
	world->fast_message_count += is_fast;
	world->last_payload_bytes = packet->payload.size;
	for (size_t i = 0; i < packet->payload.size; i++)
		cr_assert_eq(packet->payload.data[i], 'x');
}

static void op_membership(struct client_core *core, const struct packet *packet)
{
}

static void op_closed(struct client_core *core, uint16_t code, struct view reason)
{
	struct secure_world *world = world_of(core);
	world->closed_count++;
	world->close_code = code;
	snprintf(world->close_reason, sizeof(world->close_reason), "%.*s", (int)reason.size, reason.size ? (const char *)reason.data : "");
}

static const struct client_core_ops core_ops = {
	.stream_send = op_stream_send,
	.datagram_send = op_datagram_send,
	.fast_open = op_fast_open,
	.logged_in = op_logged_in,
	.fast_up = op_fast_up,
	.fast_failed = op_fast_failed,
	.fast_silent = op_fast_silent,
	.message = op_message,
	.membership = op_membership,
	.closed = op_closed,
};

/* the server */

static void emit_stream(void *context, const uint8_t *bytes, size_t size)
{
	append(&((struct secure_world *)context)->to_client, bytes, size);
}

static void emit_datagram(void *context, const uint8_t *bytes, size_t size)
{
	struct secure_world *world = context;
	append_datagram(world, &world->datagrams_to_client, bytes, size);
}

static void seal_stream(struct secure_world *world, const uint8_t *bytes, size_t size)
{
	uint8_t sealed[20000];
	size_t sealed_bytes = ringcast_crypto_seal(world->stream, ringcast_view_of(bytes, size), sealed, sizeof(sealed));
	cr_assert_gt(sealed_bytes, 0);
	append(&world->to_client, sealed, sealed_bytes);
}

static void send_packet(struct secure_world *world, const struct packet *packet)
{
	uint8_t bytes[16000], frame[16016];
	size_t packet_bytes = ringcast_packet_encode(packet, bytes, sizeof(bytes));
	size_t header_bytes = ringcast_websocket_encode_header(WEBSOCKET_BINARY, true, packet_bytes, frame);
	cr_assert_gt(packet_bytes, 0);
	memcpy(frame + header_bytes, bytes, packet_bytes);
	seal_stream(world, frame, header_bytes + packet_bytes);
}

static void send_datagram(struct secure_world *world, struct packet packet)
{
	uint8_t bytes[1500], sealed[1600];
	packet.sequence = world->sequence++;
	size_t size = ringcast_packet_encode(&packet, bytes, sizeof(bytes));
	size_t sealed_bytes = ringcast_crypto_seal(world->datagrams, ringcast_view_of(bytes, size), sealed, sizeof(sealed));
	cr_assert_gt(sealed_bytes, 0);
	append_datagram(world, &world->datagrams_to_client, sealed, sealed_bytes);
}

static void answer_login(struct secure_world *world, const struct packet *login)
{
	static const char token[] = "connect-tok";
	const char *ca_cert = world->is_login_without_ca ? "" : world->ca_cert;
	const struct packet result = {
		.opcode = OPCODE_LOGIN_RESPONSE,
		.command = PACKET_COMMAND_LOGIN_RESULT,
		.login_result = {.is_success = true,
				 .peer_id = WORLD_PEER,
				 .fast_port = WORLD_PORT,
				 .ca_cert = ringcast_view_of(ca_cert, strlen(ca_cert)),
				 .connect_token = ringcast_view_of(token, strlen(token))},
	};
	world->login_count++;
	cr_assert_leq(login->login.player_session_id.size, sizeof(world->token) - 1);
	memcpy(world->token, login->login.player_session_id.data, login->login.player_session_id.size);
	send_packet(world, &result);
}

static void take_stream_packet(struct secure_world *world, const struct packet *packet)
{
	if (packet->command == PACKET_COMMAND_LOGIN)
		answer_login(world, packet);
	else
		send_packet(world, packet); /* an echo */
}

static size_t take_plain(struct secure_world *world)
{
	struct http_upgrade upgrade;
	struct websocket_frame frame;
	struct packet packet;
	char answer[HTTP_UPGRADE_RESPONSE_BYTES_MAX];
	size_t consumed = 0, needed;
	uint16_t code;
	int status;
	if (!world->is_upgraded) {
		if (ringcast_http_upgrade_parse(ringcast_view_of(world->plain.bytes, world->plain.size), &upgrade, &status) != HTTP_UPGRADE_OK)
			return 0;
		size_t size = ringcast_http_upgrade_encode_response(&upgrade, answer);
		seal_stream(world, (const uint8_t *)answer, size);
		world->is_upgraded = true;
		return upgrade.consumed_bytes;
	}
	if (ringcast_websocket_parse(world->plain.bytes, world->plain.size, true, 16384, &frame, &consumed, &needed, &code) != WEBSOCKET_FRAME)
		return 0;
	if (frame.opcode == WEBSOCKET_CLOSE) {
		uint8_t goodbye[127];
		seal_stream(world, goodbye, ringcast_websocket_encode_close(1000, "", goodbye));
		return consumed;
	}
	cr_assert_eq(frame.opcode, WEBSOCKET_BINARY);
	cr_assert_eq(ringcast_packet_decode(ringcast_view_of(frame.payload, frame.size), &packet), PACKET_OK);
	take_stream_packet(world, &packet);
	return consumed;
}

static void serve_stream(struct secure_world *world)
{
	enum crypto_result result;
	size_t size;
	if (world->to_server.size == 0)
		return;
	if (!world->stream)
		world->stream = ringcast_crypto_open(world->stream_context, NULL, emit_stream, world);
	cr_assert_not_null(world->stream);
	result = ringcast_crypto_feed(world->stream, ringcast_view_of(world->to_server.bytes, world->to_server.size));
	while (result != CRYPTO_FAILED && ringcast_crypto_is_established(world->stream)) {
		size = 0;
		result = ringcast_crypto_read(world->stream, world->plain.bytes + world->plain.size, WIRE_BYTES - world->plain.size, &size);
		world->plain.size += size;
		if (result != CRYPTO_OK)
			break;
	}
	world->to_server.size = 0;
	world->has_goodbye |= result == CRYPTO_CLOSED;
	for (size_t taken; world->plain.size > 0 && (taken = take_plain(world)) > 0;)
		take(&world->plain, taken);
}

static void take_proof(struct secure_world *world, const struct packet *packet)
{
	const struct packet answer = {
		.opcode = OPCODE_VERIFY_IDENTITY_RESPONSE,
		.sender = PROTO_PEER_SERVER,
		.target_player = WORLD_PEER,
		.command = PACKET_COMMAND_VERIFY_IDENTITY_RESULT,
		.verify_identity_result = {.is_success = !world->is_identity_refused, .peer_id = WORLD_PEER},
	};
	world->proof_count++;
	cr_assert_eq(packet->verify_identity.peer_id, WORLD_PEER);
	cr_assert_eq(packet->verify_identity.connect_token.size, 11);
	cr_assert_arr_eq(packet->verify_identity.connect_token.data, "connect-tok", 11);
	cr_assert_eq(packet->payload.size, 13);
	cr_assert_arr_eq(packet->payload.data, "hello-payload", 13);
	if (!world->is_answer_lost)
		send_datagram(world, answer);
}

enum { HELLO_RANDOM_OFFSET = 13 + 12 + 2, HELLO_RANDOM_BYTES = 32 };

static bool is_client_hello(const struct wire_datagram *datagram)
{
	return datagram->size > HELLO_RANDOM_OFFSET + HELLO_RANDOM_BYTES && datagram->bytes[0] == 22 && datagram->bytes[3] == 0 &&
	       datagram->bytes[4] == 0 && datagram->bytes[13] == 1;
}

/* A copy of the hello that began the association, late: it begins nothing. */
static bool is_known_hello(const struct secure_world *world, const struct wire_datagram *datagram)
{
	return is_client_hello(datagram) && memcmp(world->hello_random, datagram->bytes + HELLO_RANDOM_OFFSET, HELLO_RANDOM_BYTES) == 0;
}

static void read_datagrams(struct secure_world *world)
{
	uint8_t plain[WIRE_DATAGRAM_BYTES];
	struct packet packet;
	size_t size;
	while (ringcast_crypto_is_established(world->datagrams) &&
	       ringcast_crypto_read(world->datagrams, plain, sizeof(plain), &size) == CRYPTO_OK) {
		cr_assert_eq(ringcast_packet_decode(ringcast_view_of(plain, size), &packet), PACKET_OK);
		if (packet.opcode == OPCODE_VERIFY_IDENTITY)
			take_proof(world, &packet);
		else
			world->datagram_message_count++;
	}
}

static void arm_server(struct secure_world *world)
{
	uint32_t timeout_ms = ringcast_crypto_timeout_ms(world->datagrams);
	world->server_due_ns = timeout_ms > 0 ? world->now_ns + timeout_ms * NS_PER_MS : UINT64_MAX;
}

static void serve_datagram(struct secure_world *world, const struct wire_datagram *datagram)
{
	static const uint8_t peer[] = "127.0.0.1:1234";
	struct crypto_session *fresh = NULL;
	struct view bytes = ringcast_view_of(datagram->bytes, datagram->size);
	if (world->is_dtls_deaf)
		return;
	bool is_established = world->datagrams && ringcast_crypto_is_established(world->datagrams);
	if (is_established && is_known_hello(world, datagram))
		return;
	if (!world->datagrams || (is_client_hello(datagram) && !is_known_hello(world, datagram))) {
		if (ringcast_crypto_listen(world->datagrams_context, ringcast_view_of(peer, sizeof(peer)), bytes, emit_datagram, world, &fresh) !=
		    CRYPTO_HELLO_VERIFIED)
			return;
		if (world->datagrams)
			ringcast_crypto_free(&world->datagrams);
		world->datagrams = fresh;
		world->association_count++;
		memcpy(world->hello_random, datagram->bytes + HELLO_RANDOM_OFFSET, HELLO_RANDOM_BYTES);
		arm_server(world);
		return;
	}
	if (ringcast_crypto_feed(world->datagrams, bytes) == CRYPTO_FAILED) {
		ringcast_crypto_free(&world->datagrams);
		return;
	}
	read_datagrams(world);
}

static struct crypto_context *server_context(enum crypto_kind kind, enum crypto_version version_min)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	struct crypto_options options = {
		.kind = kind,
		.role = CRYPTO_SERVER,
		.credentials = {.certificate = server_certificate.certificate, .key = server_certificate.key},
		.version_min = version_min,
	};
	memset(options.cookie_secret, 1, sizeof(options.cookie_secret));
	memset(options.ticket_secret, 2, sizeof(options.ticket_secret));
	struct crypto_context *context = ringcast_crypto_context_create(ringcast_crypto_backend(server_library()), &options, error, sizeof(error));
	cr_assert_not_null(context, "%s", error);
	return context;
}

/* the world */

struct secure_world *secure_world_create(const struct secure_world_options *options)
{
	char error[CRYPTO_ERROR_BYTES] = "";
	struct secure_world *world = calloc(1, sizeof(*world));
	make_certificates();
	cr_assert_not_null(world);
	const struct client_trust_options trust = {
		.ca = options->is_insecure ? NULL : options->trusted_ca ? options->trusted_ca : ca.certificate,
		.host = options->host ? options->host : "game.test",
		.backend = client_library(),
		.is_insecure = options->is_insecure,
	};
	clock_world = world;
	world->now_ns = NS_PER_S;
	world->ca_cert = options->ca_cert ? options->ca_cert : ca.certificate;
	world->stream_context = server_context(CRYPTO_STREAM, options->version_min);
	world->datagrams_context = server_context(CRYPTO_DATAGRAM, CRYPTO_VERSION_1_2);
	cr_assert(ringcast_client_trust_init(&world->trust, &trust, error, sizeof(error)), "%s", error);
	if (options->is_ca_from_login) { /* as when the system's CAs vouch for the stream */
		free(world->trust.ca);
		world->trust.ca = NULL;
	}
	ringcast_client_secure_init(&world->secure, &secure_ops, &world->core, &world->trust);
	const struct client_core_options core = {
		.ops = &core_ops,
		.host_and_port = "game.test:7777",
		.path = "/websocket",
		.token = ringcast_view_of("token-1", 7),
		.login_payload = ringcast_view_of("hello-payload", 13),
		.is_secure = true,
		.seed = 3,
		.connect_timeout_ns = 10 * NS_PER_S,
		.close_timeout_ns = NS_PER_S,
	};
	cr_assert(ringcast_client_core_start(&world->core, &core, world->now_ns));
	cr_assert(ringcast_client_secure_start_stream(&world->secure));
	return world;
}

void secure_world_destroy(struct secure_world **world_place)
{
	struct secure_world *world = *world_place;
	ringcast_client_secure_fini(&world->secure);
	ringcast_client_core_fini(&world->core);
	ringcast_client_trust_fini(&world->trust);
	if (world->stream)
		ringcast_crypto_free(&world->stream);
	if (world->datagrams)
		ringcast_crypto_free(&world->datagrams);
	ringcast_crypto_context_release(&world->stream_context);
	ringcast_crypto_context_release(&world->datagrams_context);
	clock_world = NULL;
	free(world);
	*world_place = NULL;
}

static void give_client_stream(struct secure_world *world)
{
	static uint8_t scratch[CLIENT_CORE_SCRATCH_BYTES_MIN], bytes[WIRE_BYTES];
	size_t size = world->stream_step > 0 && world->to_client.size > world->stream_step ? world->stream_step : world->to_client.size;
	memcpy(bytes, world->to_client.bytes, size);
	take(&world->to_client, size);
	ringcast_client_secure_receive_stream(&world->secure, ringcast_view_of(bytes, size), scratch, sizeof(scratch), world->now_ns);
}

void secure_world_settle(struct secure_world *world)
{
	struct wire_datagram datagram;
	bool is_moving = true;
	while (is_moving) {
		is_moving = world->to_server.size > 0 || world->to_client.size > 0;
		serve_stream(world);
		if (world->to_client.size > 0)
			give_client_stream(world);
		while (take_datagram(world, &world->datagrams_to_server, &datagram)) {
			is_moving = true;
			serve_datagram(world, &datagram);
		}
		while (take_datagram(world, &world->datagrams_to_client, &datagram)) {
			is_moving = true;
			ringcast_client_secure_receive_datagram(&world->secure, ringcast_view_of(datagram.bytes, datagram.size), world->now_ns);
		}
	}
}

/* The server's own timer: it repeats its flight, too. */
static void tick_server(struct secure_world *world)
{
	if (!world->datagrams || ringcast_crypto_is_established(world->datagrams) || world->now_ns < world->server_due_ns)
		return;
	if (ringcast_crypto_expire(world->datagrams) == CRYPTO_FAILED)
		ringcast_crypto_free(&world->datagrams);
	else
		arm_server(world);
}

void secure_world_advance(struct secure_world *world, uint64_t ms)
{
	enum { STEP_MS = 10 };
	for (uint64_t passed_ms = STEP_MS; passed_ms <= ms; passed_ms += STEP_MS) {
		world->now_ns += STEP_MS * NS_PER_MS;
		if (ringcast_client_core_deadline_ns(&world->core) <= world->now_ns)
			ringcast_client_core_tick(&world->core, world->now_ns);
		if (ringcast_client_secure_deadline_ns(&world->secure) <= world->now_ns)
			ringcast_client_secure_tick(&world->secure, world->now_ns);
		tick_server(world);
		secure_world_settle(world);
	}
}

void secure_world_send(struct secure_world *world, bool is_fast, size_t payload_bytes)
{
	static uint8_t payload[PROTO_PAYLOAD_RELIABLE_BYTES_MAX];
	memset(payload, 'x', sizeof(payload));
	const struct packet packet = {
		.opcode = 9, .sender = 2, .target_player = WORLD_PEER, .is_reliable = !is_fast, .payload = ringcast_view_of(payload, payload_bytes)};
	if (is_fast)
		send_datagram(world, packet);
	else
		send_packet(world, &packet);
}

enum client_core_send_result secure_world_client_send(struct secure_world *world, bool is_fast, size_t payload_bytes)
{
	static uint8_t payload[PROTO_PAYLOAD_RELIABLE_BYTES_MAX];
	memset(payload, 'x', sizeof(payload));
	const struct client_core_message message = {
		.opcode = 5, .target_group = PROTO_GROUP_ALL, .is_fast_wanted = is_fast, .payload = ringcast_view_of(payload, payload_bytes)};
	return ringcast_client_core_send(&world->core, &message);
}

void secure_world_close_dtls(struct secure_world *world)
{
	ringcast_crypto_close(world->datagrams);
	ringcast_crypto_free(&world->datagrams);
}
