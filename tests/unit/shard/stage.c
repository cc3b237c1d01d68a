#include "stage.h"

#include <stdlib.h>

#include "base/assert.h"
#include "proto/http_upgrade.h"
#include "proto/websocket.h"
#include "tests/sim/toy_tls.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define START_NS (1000 * NS_PER_S)
enum { TCP_PORT = 1900, UDP_PORT = 33400, STEPS_MAX = 1000000, LETTERS_BYTES = 20 << 10 };

struct address stage_address(uint8_t host, uint16_t port)
{
	return (struct address){.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = host}, .port = port};
}

uint64_t stage_drops(const struct stage *stage, enum drop_reason reason)
{
	return stage->shard->counters.drops[reason];
}

/* making */

static void random_bytes(void *context, void *out, size_t size)
{
	struct stage *stage = context;
	for (size_t i = 0; i < size; i++)
		((uint8_t *)out)[i] = stage->random_next++;
}

static struct crypto_context *make_context(struct stage *stage, enum crypto_kind kind, enum crypto_role role)
{
	char error[200] = "";
	struct crypto_options options = {
		.kind = kind,
		.role = role,
		.credentials = {.certificate = "toy", .key = "toy", .ca = "toy"},
		.cookie_secret = {1},
		.ticket_secret = {1},
		.random = random_bytes,
		.random_context = stage,
	};
	cr_assert(ringcast_crypto_global_init(error, sizeof(error)), "%s", error);
	struct crypto_context *context = ringcast_crypto_context_create(&ringcast_toy_tls, &options, error, sizeof(error));
	cr_assert_not_null(context, "%s", error);
	return context;
}

static void set_limits(struct ringcast_limits *limits)
{
#define X(type, name, default_value, ...) limits->name = (default_value);
	RINGCAST_LIMITS(X)
#undef X
	limits->sessions_max = 4;
	limits->players_max = 16;
	limits->connections_max = 16;
	limits->buffer_memory_bytes = 8 << 20;
}

static void open_room(struct stage *stage)
{
	struct session_options session = {.name = "room", .players_max = 8, .empty_timeout_ms = UINT32_MAX};
	struct session *opened;
	cr_assert_eq(ringcast_session_open(&stage->shard->store, &session, START_NS, &opened), DROP_NONE);
}

static void make_credentials(struct stage *stage, struct shard_credentials *ret)
{
	ret->stream = make_context(stage, CRYPTO_STREAM, CRYPTO_SERVER);
	ret->datagram = make_context(stage, CRYPTO_DATAGRAM, CRYPTO_SERVER);
	ret->ca_pem = strdup("toy CA");
	stage->stream_context = make_context(stage, CRYPTO_STREAM, CRYPTO_CLIENT);
	stage->datagram_context = make_context(stage, CRYPTO_DATAGRAM, CRYPTO_CLIENT);
}

static struct shard *make_shard(struct stage *stage, const struct shard_options *options)
{
	char error[200] = "";
	struct io_options io = {.stream_count_max = 64,
				.stream_buffer_count = 8,
				.stream_buffer_bytes = 512,
				.datagram_buffer_count = 8,
				.datagram_buffer_bytes = 2048};
	struct shard *shard = ringcast_shard_create(options, ringcast_io_sim_create(stage->network, &io), error, sizeof(error));
	cr_assert_not_null(shard, "%s", error);
	return shard;
}

void stage_few_hellos(struct shard_options *options)
{
	options->limits.hellos_per_second = 5;
	options->limits.hellos_per_second_per_address = 3;
}

static struct shard_options options_of(struct stage *stage, enum shard_security_mode security, stage_options_fn *change)
{
	struct shard_options options = {
		.count = 1,
		.listens = {{.address = stage_address(1, TCP_PORT), .is_v4 = true}},
		.listen_count = 1,
		.udp_port_base = UDP_PORT,
		.udp_port_count = 2,
		.is_open = true,
		.mailboxes = stage->mailboxes,
		.security = security,
	};
	set_limits(&options.limits);
	if (security != SHARD_PLAIN)
		make_credentials(stage, &options.credentials);
	if (change != NULL)
		change(&options);
	return options;
}

static void make_network(struct stage *stage)
{
	struct sim_network_options network = {.seed = 1, .start_ns = START_NS, .latency_ns = 10 * NS_PER_US};
	*stage = (struct stage){.network = ringcast_sim_network_create(&network)};
}

void stage_init(struct stage *stage, enum shard_security_mode security, stage_options_fn *change)
{
	make_network(stage);
	stage->mailboxes[0] = ringcast_mailbox_create(1);
	struct shard_options options = options_of(stage, security, change);
	stage->shard = make_shard(stage, &options);
	open_room(stage);
}

static void make_neighbours(struct stage *stage, enum shard_security_mode security, enum spread_mode spread, stage_options_fn *change)
{
	struct shard_options options = options_of(stage, security, change);
	cr_assert(ringcast_directory_init(&stage->directory, 64, 7));
	options.count = 2;
	options.spread = spread;
	options.index = ringcast_shard_of_name("room", 2, true);
	options.directory = &stage->directory;
	stage->shard = make_shard(stage, &options);
	if (security != SHARD_PLAIN) {
		options.credentials.stream = make_context(stage, CRYPTO_STREAM, CRYPTO_SERVER);
		options.credentials.datagram = make_context(stage, CRYPTO_DATAGRAM, CRYPTO_SERVER);
		options.credentials.ca_pem = strdup("toy CA");
	}
	options.index = 1 - options.index;
	options.udp_port_base = stage_neighbours_port(stage, UDP_PORT);
	options.listens[0].address.port = TCP_PORT + 1;
	stage->neighbour = make_shard(stage, &options);
	open_room(stage);
}

void stage_init_neighbours(struct stage *stage, enum shard_security_mode security, stage_options_fn *change)
{
	make_network(stage);
	for (int i = 0; i < 2; i++)
		stage->mailboxes[i] = ringcast_mailbox_create(2);
	make_neighbours(stage, security, SPREAD_NEVER, change);
}

void stage_init_limbs(struct stage *stage, stage_options_fn *change)
{
	make_network(stage);
	for (int i = 0; i < 2; i++)
		stage->mailboxes[i] = ringcast_mailbox_create_sized(2, LETTERS_BYTES);
	make_neighbours(stage, SHARD_PLAIN, SPREAD_ALWAYS, change);
	stage_run_ms(stage, 1); /* home has said that it has a session that is spread */
}

uint16_t stage_neighbours_port(const struct stage *stage, uint16_t port)
{
	return (uint16_t)(port + stage->shard->udp_port_count);
}

static void free_clients(struct stage *stage)
{
	for (unsigned i = 0; i < stage->client_count; i++)
		ringcast_crypto_free(&stage->clients[i]->crypto);
	for (unsigned i = 0; i < stage->fast_count; i++)
		ringcast_crypto_free(&stage->fasts[i]->crypto);
	if (stage->stream_context != NULL) {
		ringcast_crypto_context_release(&stage->stream_context);
		ringcast_crypto_context_release(&stage->datagram_context);
	}
}

static void expect_nothing_left(struct shard *shard)
{
	cr_assert(ringcast_shard_is_idle(shard));
	cr_assert_eq(shard->slices.count + shard->fast_peers.count + shard->wheel.armed_count + shard->letters.asking_count, 0);
	cr_assert_eq(shard->security.streams.count + shard->security.associations.associations.count, 0);
	cr_assert_eq(ringcast_buf_pool_in_use(shard->pool), (shard->chunk != NULL) + shard->tx_buf_count);
}

static void end_neighbour(struct stage *stage)
{
	expect_nothing_left(stage->neighbour);
	cr_assert_eq(stage->directory.shards.count, 0, "nobody is left in the directory");
	ringcast_mailbox_close(stage->mailboxes[stage->neighbour->options.index]);
	ringcast_shard_destroy(&stage->neighbour);
}

void stage_fini(struct stage *stage)
{
	ringcast_shard_stop(stage->shard);
	if (stage->neighbour != NULL)
		ringcast_shard_stop(stage->neighbour);
	stage_run_ms(stage, 10000);
	expect_nothing_left(stage->shard);
	if (stage->neighbour != NULL)
		end_neighbour(stage);
	ringcast_mailbox_close(stage->mailboxes[stage->shard->options.index]);
	ringcast_shard_destroy(&stage->shard);
	for (int i = 0; i < 2; i++)
		ringcast_mailbox_destroy(&stage->mailboxes[i]);
	if (stage->directory.shards.capacity > 0)
		ringcast_directory_fini(&stage->directory);
	free_clients(stage);
	ringcast_sim_network_destroy(&stage->network);
}

/* hearing */

static void hear(struct heard_list *list, const struct packet *packet)
{
	struct heard heard = {.opcode = packet->opcode, .sequence = packet->sequence};
	size_t size = packet->payload.size < sizeof(heard.payload) - 1 ? packet->payload.size : sizeof(heard.payload) - 1;
	if (size > 0)
		memcpy(heard.payload, packet->payload.data, size);
	if (packet->command == PACKET_COMMAND_LOGIN_RESULT)
		heard.is_success = packet->login_result.is_success;
	if (packet->command == PACKET_COMMAND_VERIFY_IDENTITY_RESULT)
		heard.is_success = packet->verify_identity_result.is_success;
	cr_assert_lt(list->count, STAGE_HEARD_MAX);
	list->items[list->count++] = heard;
}

unsigned heard_count(const struct heard_list *list, int32_t opcode)
{
	unsigned count = 0;
	for (unsigned i = 0; i < list->count; i++)
		count += list->items[i].opcode == opcode;
	return count;
}

const struct heard *heard_last(const struct heard_list *list, int32_t opcode)
{
	for (unsigned i = list->count; i-- > 0;)
		if (list->items[i].opcode == opcode)
			return &list->items[i];
	return NULL;
}

/* streams */

static void emit_stream(void *context, const uint8_t *bytes, size_t size)
{
	struct client *client = context;
	ringcast_sim_stream_write(client->stage->network, client->stream, bytes, size);
}

static void connect_to(struct client *client, struct stage *stage, uint8_t host, uint16_t port)
{
	struct address to = stage_address(1, port);
	*client = (struct client){.stage = stage, .address = stage_address(host, (uint16_t)(20000 + stage->client_count))};
	cr_assert_lt(stage->client_count, 8);
	stage->clients[stage->client_count++] = client;
	client->stream = ringcast_sim_stream_connect(stage->network, &client->address, &to);
	stage_run_ms(stage, 1);
}

void client_connect(struct client *client, struct stage *stage, uint8_t host, bool is_secure)
{
	connect_to(client, stage, host, TCP_PORT);
	if (is_secure)
		client_secure(client);
}

void client_connect_neighbour(struct client *client, struct stage *stage, uint8_t host)
{
	cr_assert_not_null(stage->neighbour);
	connect_to(client, stage, host, TCP_PORT + 1);
}

void client_secure(struct client *client)
{
	struct stage *stage = client->stage;
	client->crypto = ringcast_crypto_open(stage->stream_context, "sim", emit_stream, client);
	ringcast_crypto_connect(client->crypto);
	stage_run_ms(stage, 10);
	cr_assert(ringcast_crypto_is_established(client->crypto));
}

void client_write(struct client *client, const void *bytes, size_t size)
{
	uint8_t sealed[2 * STAGE_BYTES_MAX];
	if (client->crypto != NULL) {
		size = ringcast_crypto_seal(client->crypto, ringcast_view_of(bytes, size), sealed, sizeof(sealed));
		bytes = sealed;
	}
	ringcast_sim_stream_write(client->stage->network, client->stream, bytes, size);
}

void client_upgrade(struct client *client)
{
	char request[512];
	client_write(client, request, ringcast_http_upgrade_encode_request("h:1900", "/", KEY, request, sizeof(request)));
}

void client_send_raw(struct client *client, enum websocket_opcode opcode, const void *payload, size_t size)
{
	static const uint8_t mask[4];
	uint8_t header[PROTO_WEBSOCKET_HEADER_BYTES_MAX];
	client_write(client, header, ringcast_websocket_encode_header_masked(opcode, true, size, mask, header));
	if (size > 0)
		client_write(client, payload, size);
}

void client_send(struct client *client, const struct packet *packet)
{
	uint8_t bytes[8192];
	size_t size = ringcast_packet_encode(packet, bytes, sizeof(bytes));
	cr_assert_gt(size, 0);
	client_send_raw(client, WEBSOCKET_BINARY, bytes, size);
}

void client_log_in(struct client *client, const char *token)
{
	struct packet login = {.command = PACKET_COMMAND_LOGIN, .login = {.player_session_id = ringcast_view_of(token, strlen(token))}};
	client_log_in_as(client, &login);
}

void client_log_in_as(struct client *client, const struct packet *login)
{
	client_send(client, login);
	stage_run_ms(client->stage, 5);
}

static void begin(struct client *client)
{
	client_upgrade(client);
	client_log_in(client, "dev-room-");
	cr_assert_gt(client->peer_id, 0, "not admitted: %s", client->close_text);
}

void client_join(struct client *client, struct stage *stage, uint8_t host, bool is_secure)
{
	client_connect(client, stage, host, is_secure);
	begin(client);
}

void client_join_neighbour(struct client *client, struct stage *stage, uint8_t host)
{
	client_connect_neighbour(client, stage, host);
	begin(client);
}

static void hear_resume(struct client *client, const struct packet *packet)
{
	if (packet->opcode == OPCODE_PING_RESULT)
		client->resume.acknowledged = (uint32_t)packet->received;
	else if (packet->opcode != OPCODE_LOGIN_RESPONSE)
		client->resume.heard++;
	if (packet->command != PACKET_COMMAND_LOGIN_RESULT)
		return;
	snprintf(client->resume.token, sizeof(client->resume.token), "%.*s", (int)packet->login_result.reconnect_token.size,
		 (const char *)packet->login_result.reconnect_token.data);
	client->resume.is_resumed = packet->login_result.is_resumed;
	client->resume.window_ms = (uint32_t)packet->login_result.resume_window_ms;
	client->resume.received = (uint32_t)packet->login_result.received;
	client->resume.lost = (uint32_t)packet->login_result.lost;
}

static void understand_packet(struct client *client, struct view bytes)
{
	struct packet packet;
	cr_assert_eq(ringcast_packet_decode(bytes, &packet), PACKET_OK);
	hear(&client->heard, &packet);
	hear_resume(client, &packet);
	if (packet.command != PACKET_COMMAND_LOGIN_RESULT || !packet.login_result.is_success)
		return;
	client->peer_id = packet.login_result.peer_id;
	client->fast_port = (uint16_t)packet.login_result.fast_port;
	if (packet.login_result.connect_token.size > 0)
		memcpy(client->connect_token, packet.login_result.connect_token.data, packet.login_result.connect_token.size);
}

static void understand_frame(struct client *client, const struct websocket_frame *frame)
{
	if (frame->opcode == WEBSOCKET_BINARY)
		understand_packet(client, ringcast_view_of(frame->payload, frame->size));
	if (frame->opcode == WEBSOCKET_PING && !client->is_silent)
		client_send_raw(client, WEBSOCKET_PONG, NULL, 0);
	if (frame->opcode == WEBSOCKET_CLOSE && frame->size >= 2) {
		client->close_code = (uint16_t)(frame->payload[0] << 8 | frame->payload[1]);
		memcpy(client->close_text, frame->payload + 2, frame->size - 2);
	}
}

static size_t understand_head(struct client *client)
{
	size_t consumed = 0;
	int status;
	size_t kept = client->plain_bytes < sizeof(client->head) - 1 ? client->plain_bytes : sizeof(client->head) - 1;
	memcpy(client->head, client->plain, kept);
	client->is_upgraded = ringcast_http_upgrade_parse_response(ringcast_view_of(client->plain, client->plain_bytes), KEY, &consumed, &status) ==
			      HTTP_UPGRADE_OK;
	return client->is_upgraded ? consumed : 0;
}

static void understand(struct client *client)
{
	size_t consumed = client->is_upgraded ? 0 : understand_head(client), size, needed;
	uint16_t close_code;
	struct websocket_frame frame;
	while (client->is_upgraded && ringcast_websocket_parse(client->plain + consumed, client->plain_bytes - consumed, false, STAGE_BYTES_MAX,
							       &frame, &size, &needed, &close_code) == WEBSOCKET_FRAME) {
		understand_frame(client, &frame);
		consumed += size;
	}
	client->plain_bytes -= consumed;
	memmove(client->plain, client->plain + consumed, client->plain_bytes);
}

static void keep(struct client *client, const uint8_t *bytes, size_t size)
{
	cr_assert_leq(client->plain_bytes + size, sizeof(client->plain));
	memcpy(client->plain + client->plain_bytes, bytes, size);
	client->plain_bytes += size;
	client->bytes_heard += size;
}

static void open_records(struct client *client, const uint8_t *bytes, size_t size)
{
	uint8_t plain[8192];
	size_t plain_bytes;
	enum crypto_result result = ringcast_crypto_feed(client->crypto, ringcast_view_of(bytes, size));
	while (result == CRYPTO_OK && (result = ringcast_crypto_read(client->crypto, plain, sizeof(plain), &plain_bytes)) == CRYPTO_OK)
		keep(client, plain, plain_bytes);
}

static void client_read(struct client *client)
{
	uint8_t bytes[4096];
	size_t size;
	if (client->is_deaf)
		return;
	while ((size = ringcast_sim_stream_read(client->stage->network, client->stream, bytes, sizeof(bytes))) > 0) {
		if (client->crypto != NULL)
			open_records(client, bytes, size);
		else
			keep(client, bytes, size);
	}
	if (client->plain_bytes > 0)
		understand(client);
	client->has_ended = ringcast_sim_stream_has_ended(client->stage->network, client->stream);
}

/* datagrams */

void fast_open(struct fast *fast, struct client *client, struct address address)
{
	struct stage *stage = client->stage;
	*fast = (struct fast){.stage = stage, .address = address, .port = client->fast_port};
	fast->socket = ringcast_sim_udp_open(stage->network, &fast->address);
	cr_assert_geq(fast->socket, 0);
	cr_assert_lt(stage->fast_count, 8);
	stage->fasts[stage->fast_count++] = fast;
}

void fast_emit(void *context, const uint8_t *bytes, size_t size)
{
	struct fast *fast = context;
	struct address to = stage_address(1, fast->port);
	ringcast_sim_udp_send(fast->stage->network, &fast->address, &to, bytes, size);
}

void fast_send(struct fast *fast, const struct packet *packet)
{
	uint8_t plain[2048], sealed[2048];
	size_t size = ringcast_packet_encode(packet, plain, sizeof(plain));
	cr_assert_gt(size, 0);
	if (fast->crypto != NULL) {
		size = ringcast_crypto_seal(fast->crypto, ringcast_view_of(plain, size), sealed, sizeof(sealed));
		fast_emit(fast, sealed, size);
	} else {
		fast_emit(fast, plain, size);
	}
	stage_run_ms(fast->stage, 2);
}

void fast_say(struct fast *fast, int32_t opcode, int32_t sender, int32_t sequence)
{
	fast_send(fast, &(struct packet){.opcode = opcode,
					 .sender = sender,
					 .sequence = sequence,
					 .target_group = PROTO_GROUP_ALL,
					 .payload = ringcast_view_of("x", 1)});
}

void fast_handshake(struct fast *fast)
{
	fast->crypto = ringcast_crypto_open(fast->stage->datagram_context, "sim", fast_emit, fast);
	ringcast_crypto_connect(fast->crypto);
	stage_run_ms(fast->stage, 10);
	cr_assert(ringcast_crypto_is_established(fast->crypto));
}

void fast_knock(struct fast *fast)
{
	ringcast_crypto_free(&fast->crypto);
	fast->crypto = ringcast_crypto_open(fast->stage->datagram_context, "sim", fast_emit, fast);
	ringcast_crypto_connect(fast->crypto);
	stage_run_ms(fast->stage, 1);
}

void fast_identify(struct fast *fast, int32_t peer_id, const char *token, int32_t sequence)
{
	fast_send(fast, &(struct packet){.opcode = OPCODE_VERIFY_IDENTITY,
					 .sender = peer_id,
					 .sequence = sequence,
					 .target_player = PROTO_PEER_SERVER,
					 .command = PACKET_COMMAND_VERIFY_IDENTITY,
					 .verify_identity = {.peer_id = peer_id, .connect_token = ringcast_view_of(token, strlen(token))}});
}

static void hear_datagram(struct fast *fast, struct view bytes)
{
	struct packet packet;
	struct view one;
	fast->datagrams_heard++;
	while (ringcast_packet_split(&bytes, &one)) {
		cr_assert_eq(ringcast_packet_decode(one, &packet), PACKET_OK);
		hear(&fast->heard, &packet);
	}
	cr_assert_eq(bytes.size, 0);
}

static void open_datagram(struct fast *fast, struct view bytes)
{
	uint8_t plain[2048];
	size_t size;
	enum crypto_result result = ringcast_crypto_feed(fast->crypto, bytes);
	while (result == CRYPTO_OK && (result = ringcast_crypto_read(fast->crypto, plain, sizeof(plain), &size)) == CRYPTO_OK)
		hear_datagram(fast, ringcast_view_of(plain, size));
	fast->is_over |= result == CRYPTO_CLOSED || result == CRYPTO_FAILED;
}

static void fast_read(struct fast *fast)
{
	struct address from;
	uint8_t bytes[2048];
	size_t size;
	while (ringcast_sim_udp_receive(fast->stage->network, fast->socket, &from, bytes, sizeof(bytes), &size)) {
		fast->bytes_heard += size;
		if (fast->crypto != NULL)
			open_datagram(fast, ringcast_view_of(bytes, size));
		else
			hear_datagram(fast, ringcast_view_of(bytes, size));
	}
}

/* time */

static void read_all(struct stage *stage)
{
	for (unsigned i = 0; i < stage->client_count; i++)
		client_read(stage->clients[i]);
	for (unsigned i = 0; i < stage->fast_count; i++)
		fast_read(stage->fasts[i]);
}

static bool tick(const struct stage *stage, struct shard *shard)
{
	if (shard == NULL || shard == stage->still)
		return false;
	const struct mailbox *mailbox = shard->options.mailboxes[shard->options.index];
	bool is_runnable = ringcast_io_sim_is_runnable(shard->io) || ringcast_mailbox_has_mail(mailbox) || ringcast_mailbox_has_stray(mailbox);
	if (is_runnable)
		ringcast_shard_tick(shard);
	return is_runnable;
}

static uint64_t deadline_of(const struct stage *stage, const struct shard *shard)
{
	return shard == NULL || shard == stage->still ? UINT64_MAX : ringcast_io_sim_deadline_ns(shard->io);
}

static uint64_t next_moment(const struct stage *stage)
{
	uint64_t first = deadline_of(stage, stage->shard), second = deadline_of(stage, stage->neighbour);
	uint64_t next_ns = stage->still != NULL ? ringcast_sim_network_next_happening(stage->network) : ringcast_sim_network_next_deadline(stage->network);
	next_ns = first < next_ns ? first : next_ns;
	return second < next_ns ? second : next_ns;
}

void stage_run_ms(struct stage *stage, uint64_t duration_ms)
{
	uint64_t until_ns = ringcast_sim_network_now_ns(stage->network) + duration_ms * NS_PER_MS;
	for (unsigned steps = 0;; steps++) {
		cr_assert_lt(steps, STEPS_MAX);
		bool is_runnable = tick(stage, stage->shard);
		is_runnable |= tick(stage, stage->neighbour);
		read_all(stage);
		if (is_runnable)
			continue;
		uint64_t next_ns = next_moment(stage);
		ringcast_sim_network_advance_to(stage->network, next_ns < until_ns ? next_ns : until_ns);
		if (next_ns >= until_ns)
			return;
	}
}
