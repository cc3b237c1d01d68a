/* Logins in dev mode, how a connection begins behind a balancer, and how it ends. */
#include "stage.h"

static void open_session(struct stage *stage, const char *name)
{
	struct session_options session = {.name = name, .players_max = 8, .empty_timeout_ms = UINT32_MAX};
	struct session *opened;
	cr_assert_eq(ringcast_session_open(&stage->shard->store, &session, stage->shard->now_ns, &opened), DROP_NONE);
}

/* Which session a token led to, "" for none; and the player's id there. */
static const char *session_of(struct stage *stage, const char *token, const char **ret_player_id)
{
	static struct client client;
	client_connect(&client, stage, 20, false);
	client_upgrade(&client);
	client_log_in(&client, token);
	for (uint32_t i = 0; client.peer_id > 0 && i < stage->shard->conns.high_water; i++) {
		handle h;
		struct conn *conn = ringcast_slab_at(&stage->shard->conns, i, &h);
		if (conn == NULL || conn->player == NULL)
			continue;
		*ret_player_id = ringcast_player_id(conn->player);
		return conn->player->session->name;
	}
	return "";
}

static void check(const char *token, const char *session, const char *player_id)
{
	struct stage stage;
	const char *found_id = "";
	stage_init(&stage, SHARD_PLAIN, NULL);
	open_session(&stage, "demo");
	open_session(&stage, "room-2");
	cr_assert_str_eq(session_of(&stage, token, &found_id), session, "%s", token);
	if (player_id != NULL)
		cr_assert_str_eq(found_id, player_id, "%s", token);
	stage_fini(&stage);
}

Test(login, a_dev_token_names_session_and_player_and_both_may_hold_dashes)
{
	check("dev-room-alice", "room", "alice");
	check("dev-room-6f9619ff-8b86-d011-b42d-00cf4fc964ff", "room", "6f9619ff-8b86-d011-b42d-00cf4fc964ff");
	check("dev-room-2-bob", "room-2", "bob");
	check("dev-room-2", "room", "2");
	check("dev-room-3-bob", "room", "3-bob");
	check("dev-room-", "room", "");
}

Test(login, any_other_id_joins_the_demo)
{
	check("psess-1234", "demo", "");
	check("", "demo", "");
	check("dev-", "demo", "");
	check("dev-alice", "demo", "");
	check("12345678-90ab", "demo", "");
}

Test(login, a_session_that_is_not_there_is_no_other_session)
{
	check("dev-nowhere-alice", "", NULL);
	check("psess-00000000000000000000000000000000", "", NULL); /* the form of ours: one that is used up must not join the demo by surprise */
}

static void one_session(struct shard_options *options)
{
	options->limits.sessions_max = 1;
}

static void two_players(struct shard_options *options)
{
	options->limits.players_max = 2;
}

enum { FULL_OWN, FULL_LIMBS, FULL_LIMB_PLAYERS };

static void fill_own(struct shard *shard, int taken_places)
{
	struct session_options session = {.name = "other", .players_max = 8, .empty_timeout_ms = UINT32_MAX, .spread = SPREAD_NEVER};
	struct session *opened;
	struct player *player;
	char token[PLAYER_TOKEN_BYTES];
	cr_assert_eq(ringcast_session_open(&shard->store, &session, shard->now_ns, &opened), DROP_NONE);
	for (int i = 0; i < taken_places; i++)
		cr_assert_eq(ringcast_admission_reserve(opened, NULL, NULL, shard->now_ns, &player, token), DROP_NONE);
}

/* On a shard where all places of its own are taken, and some for those of other shards. */
static void check_full_limb(stage_options_fn *change, int taken_places, int full, bool is_taken_in)
{
	static struct stage stage;
	static struct client near, far;
	stage_init_limbs(&stage, change);
	struct store_options *options = &stage.neighbour->store.options;
	fill_own(stage.neighbour, taken_places);
	options->limbs_max = full == FULL_LIMBS ? 0 : options->limbs_max;
	options->limb_players_max = full == FULL_LIMB_PLAYERS ? 0 : options->limb_players_max;
	client_join(&near, &stage, 10, false);
	client_join_neighbour(&far, &stage, 11);
	cr_assert_eq(stage.neighbour->conns.count, is_taken_in ? 1 : 0);
	cr_assert_eq(stage.shard->conns.count, is_taken_in ? 1 : 2);
	stage_fini(&stage);
}

Test(login, where_a_shard_has_no_room_for_a_limb_its_players_go_home)
{
	check_full_limb(one_session, 0, FULL_LIMBS, false);
	check_full_limb(two_players, 2, FULL_LIMB_PLAYERS, false);
}

Test(login, a_shard_full_of_its_own_takes_in_players_of_others)
{
	check_full_limb(one_session, 0, FULL_OWN, true);
	check_full_limb(two_players, 2, FULL_OWN, true);
}

/* With one session on each shard there is a place for one limb: all its players have room in it, not only the first. */
Test(login, the_next_player_stays_where_its_session_has_its_limb)
{
	static struct stage stage;
	static struct client near, far, farther;
	stage_init_limbs(&stage, one_session);
	client_join(&near, &stage, 10, false);
	client_join_neighbour(&far, &stage, 11);
	client_join_neighbour(&farther, &stage, 12);
	cr_assert_eq(stage.neighbour->store.limb_count, stage.neighbour->store.options.limbs_max);
	cr_assert_eq(stage.neighbour->conns.count, 2);
	stage_fini(&stage);
}

static uint16_t answer_to_close(const void *payload, size_t size)
{
	struct stage stage;
	struct client client;
	stage_init(&stage, SHARD_PLAIN, NULL);
	client_join(&client, &stage, 10, false);
	client_send_raw(&client, WEBSOCKET_CLOSE, payload, size);
	stage_run_ms(&stage, 5);
	cr_assert(client.has_ended);
	cr_assert_eq(stage.shard->counters.closes[CLOSE_CLIENT], 1);
	cr_assert_eq(stage.shard->counters.connections_closed, 1); /* whoever has said goodbye need not end its side first */
	cr_assert_str_empty(client.close_text);
	stage_fini(&stage);
	return client.close_code;
}

Test(login, a_close_is_answered_with_its_own_code)
{
	cr_assert_eq(answer_to_close("\x0f\xa0", 2), 4000);
	cr_assert_eq(answer_to_close("\x03\xe9" "bye", 5), 1001);
	cr_assert_eq(answer_to_close(NULL, 0), 0, "none without one");
}

/* What a TLS client says on a plain port has no line end to wait for. */
Test(login, another_protocol_is_answered_at_once)
{
	static const char *const greetings[] = {"\x16\x03\x01\x02", "SSH-2.0-x\r\n", "{", "get / ", "PROXY TCP4 "};
	for (size_t i = 0; i < ARRAY_COUNT(greetings); i++) {
		struct stage stage;
		struct client client;
		stage_init(&stage, SHARD_PLAIN, NULL);
		client_connect(&client, &stage, 10, false);
		client_write(&client, greetings[i], strlen(greetings[i]));
		stage_run_ms(&stage, 5);
		cr_assert(client.has_ended, "%s", greetings[i]);
		cr_assert_eq(strncmp(client.head, "HTTP/1.1 4", 10), 0);
		stage_fini(&stage);
	}
}

Test(login, a_request_that_comes_byte_by_byte_is_waited_for)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
				      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
	struct stage stage;
	struct client client;
	stage_init(&stage, SHARD_PLAIN, NULL);
	client_connect(&client, &stage, 10, false);
	for (size_t i = 0; i < strlen(request); i++) {
		client_write(&client, &request[i], 1);
		stage_run_ms(&stage, 1);
	}
	cr_assert(client.is_upgraded);
	stage_fini(&stage);
}

Test(login, a_tls_handshake_that_the_client_breaks_off_has_failed)
{
	struct stage stage;
	struct client client;
	stage_init(&stage, SHARD_SECURE_OPTIONAL, NULL);
	client_connect(&client, &stage, 10, false);
	client_write(&client, "\x16\x03\x01", 3);
	stage_run_ms(&stage, 5);
	ringcast_sim_stream_reset(stage.network, client.stream);
	stage_run_ms(&stage, 5);
	cr_assert_eq(stage.shard->counters.tls_handshakes_started, 1);
	cr_assert_eq(stage.shard->counters.tls_handshakes_failed, 1);
	stage_fini(&stage);
}

/* Behind a balancer at 10.0.0.30 */

static void trust_one(struct shard_options *options)
{
	ringcast_proxy_ranges_parse("10.0.0.30", &options->proxies);
	options->limits.connections_per_address_max = 1;
}

static const struct conn *find_conn(const struct stage *stage, uint32_t nth)
{
	for (uint32_t i = 0; i < stage->shard->conns.high_water; i++) {
		handle h;
		const struct conn *conn = ringcast_slab_at(&stage->shard->conns, i, &h);
		if (conn != NULL && nth-- == 0)
			return conn;
	}
	return NULL;
}

static void join_as(struct client *client, struct stage *stage, const char *header, unsigned part_bytes)
{
	client_connect(client, stage, 30, false);
	for (size_t i = 0; i < strlen(header); i += part_bytes) {
		client_write(client, header + i, strlen(header) - i < part_bytes ? strlen(header) - i : part_bytes);
		stage_run_ms(stage, 1);
	}
	client_upgrade(client);
	client_log_in(client, "dev-room-");
}

Test(proxy, its_connections_are_their_clients)
{
	static const char *const headers[] = {"PROXY TCP4 192.0.2.7 10.0.0.1 1000 1900\r\n", "PROXY TCP4 192.0.2.8 10.0.0.1 1000 1900\r\n"};
	struct stage stage;
	static struct client clients[3];
	stage_init(&stage, SHARD_PLAIN, trust_one);
	join_as(&clients[0], &stage, headers[0], 1);
	join_as(&clients[1], &stage, headers[1], 100);
	cr_assert_gt(clients[0].peer_id, 0);
	cr_assert_gt(clients[1].peer_id, 0, "the limit of one is per client, not per balancer");
	cr_assert_eq(find_conn(&stage, 0)->address.ip[15], 7);
	cr_assert_eq(find_conn(&stage, 0)->address.port, 1000);
	join_as(&clients[2], &stage, headers[1], 100);
	cr_assert_eq(clients[2].peer_id, 0);
	cr_assert_eq(stage_drops(&stage, DROP_ADDRESS_LIMIT), 1);
	stage_fini(&stage);
}

Test(proxy, it_speaks_for_itself_in_health_checks)
{
	struct stage stage;
	static struct client client;
	stage_init(&stage, SHARD_PLAIN, trust_one);
	join_as(&client, &stage, "PROXY UNKNOWN\r\n", 100);
	cr_assert_gt(client.peer_id, 0);
	cr_assert_eq(find_conn(&stage, 0)->address.ip[15], 30);
	stage_fini(&stage);
}

Test(proxy, without_a_header_it_is_cut_and_nobody_else_is_believed)
{
	struct stage stage;
	static struct client mute, liar, honest;
	stage_init(&stage, SHARD_PLAIN, trust_one);
	join_as(&mute, &stage, "", 1);
	cr_assert_eq(mute.peer_id, 0);
	cr_assert_eq(stage_drops(&stage, DROP_PROXY_HEADER), 1);
	client_connect(&liar, &stage, 31, false);
	client_write(&liar, "PROXY TCP4 192.0.2.7 10.0.0.1 1000 1900\r\n", 41);
	stage_run_ms(&stage, 5);
	cr_assert_eq(strncmp(liar.head, "HTTP/1.1 40", 11), 0);
	client_join(&honest, &stage, 32, false);
	stage_fini(&stage);
}

Test(proxy, tls_begins_behind_the_header)
{
	static const char header[] = "PROXY TCP4 192.0.2.9 10.0.0.1 1000 1900\r\n";
	struct stage stage;
	static struct client client;
	stage_init(&stage, SHARD_SECURE_REQUIRED, trust_one);
	client_connect(&client, &stage, 30, false);
	client_write(&client, header, strlen(header));
	client_secure(&client);
	client_upgrade(&client);
	client_log_in(&client, "dev-room-");
	cr_assert_gt(client.peer_id, 0);
	cr_assert_eq(find_conn(&stage, 0)->address.ip[15], 9);
	stage_fini(&stage);
}
