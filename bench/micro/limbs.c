/*
 * What a spread session costs each shard, by count: one to 64 session stores on one thread, joined by queues, and one session of PLAYERS players among them. Messages
 * to everybody from players everywhere; how many letters that is, and what home and one limb do of it. With --instructions N it does nothing but route on N shards: under
 * callgrind, --toggle-collect='*ringcast_home_receive' and '*ringcast_limb_receive' say what home's and all limbs' parts are.
 * Run: micro-limbs [--instructions SHARDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/limb.h"

enum { PLAYERS = 1024, MESSAGES = 2048, SHARDS_MAX = 64, PAYLOAD = 64 };

struct post {
	uint32_t from;
	struct letter letter;
	uint8_t payload[sizeof(struct letter_facts) + PAYLOAD];
};

struct place {
	uint32_t index;
	struct store store;
	struct timer_wheel wheel;
	struct buf_pool *pool;
	struct post *posts; /* letters for it */
	uint32_t post_count;
	uint64_t letters_out, bytes_out, letters_in, deliveries;
};

static struct place places[SHARDS_MAX];
static struct session_limits limits = {.players_per_session_max = PLAYERS, .groups_per_session_max = 8, .groups_per_player_max = 8, .reservation_timeout_ms = 60000,
				       .commands_per_hook_max = 4096, .ping_interval_ms = 3000, .spread_mode = SPREAD_ALWAYS};
static struct player *players[PLAYERS];
static uint32_t shard_of[PLAYERS];

static void die(const char *what)
{
	fprintf(stderr, "micro-limbs: %s\n", what);
	exit(1);
}

static void on_deliver(void *context, const struct fanout *fanout)
{
	((struct place *)context)->deliveries += fanout->recipient_count;
}

static void on_disconnect(void *context, struct player *player, enum close_reason reason, const char *text) {}
static void on_drop(void *context, enum drop_reason reason, uint64_t count) {}
static void on_admitted(void *context, struct player *player, enum drop_reason reason) {}

static enum drop_reason on_post(void *context, uint32_t target, const struct letter *letter)
{
	struct place *from = context, *to = &places[target];
	struct post *post = &to->posts[to->post_count++];
	if (to->post_count > PLAYERS + MESSAGES || letter->payload.size > sizeof(post->payload))
		die("more letters than were thought of");
	post->from = from->index;
	post->letter = *letter;
	if (letter->payload.size > 0)
		memcpy(post->payload, letter->payload.data, letter->payload.size);
	from->letters_out++;
	from->bytes_out += sizeof(*letter) + letter->payload.size;
	return DROP_NONE;
}

static void fill(void *context, void *out, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((uint8_t *)out)[i] = (uint8_t)(i * 37 + 11);
}

static void place_start(uint32_t index)
{
	struct place *place = &places[index];
	struct buf_pool_options pool = {.class_counts = {4096, 256, 16}};
	*place = (struct place){.index = index, .pool = ringcast_buf_pool_create(&pool), .posts = calloc(PLAYERS + MESSAGES + 1, sizeof(struct post))};
	ringcast_timer_wheel_init(&place->wheel, NS_PER_S);
	struct store_options options = {
		.shard_index = index, .sessions_max = 4, .players_max = PLAYERS, .limbs_max = 4, .limb_players_max = PLAYERS, .groups_max = 8, .memberships_max = 64, .limits = &limits, .pool = place->pool, .wheel = &place->wheel, .random = fill,
		.outbox = {.context = place, .deliver = on_deliver, .disconnect = on_disconnect, .drop = on_drop, .admitted = on_admitted, .post = on_post}};
	if (place->pool == NULL || place->posts == NULL || !ringcast_store_init(&place->store, &options))
		die("no memory");
}

static void read_letter(struct place *place, uint32_t from, struct letter *letter)
{
	if (letter->kind == LETTER_LOGIN)
		ringcast_home_login(&place->store, from, letter, letter->payload, ringcast_view_of(NULL, 0), false, NS_PER_S);
	else if (letter->kind == LETTER_PACKET)
		ringcast_home_receive(&place->store, from, letter, NS_PER_S);
	else if (letter->kind == LETTER_ADMITTED)
		players[letter->conn - 1] = ringcast_limb_admit(&place->store, from, letter, place, NS_PER_S);
	else
		ringcast_limb_receive(&place->store, from, letter, NS_PER_S);
}

static void read_letters(uint32_t index)
{
	struct place *place = &places[index];
	for (uint32_t i = 0; i < place->post_count; i++) {
		struct post *post = &place->posts[i];
		post->letter.payload.data = post->payload;
		read_letter(place, post->from, &post->letter);
	}
	place->letters_in += place->post_count;
	place->post_count = 0;
}

static void join(struct session *session, uint32_t i, uint32_t shard)
{
	char token[PLAYER_TOKEN_BYTES];
	struct player *player;
	shard_of[i] = shard;
	if (ringcast_admission_reserve(session, NULL, NULL, NS_PER_S, &player, token) != DROP_NONE)
		die("no place");
	struct view view = ringcast_view_of(token, strlen(token));
	if (shard > 0) {
		on_post(&places[shard], 0, &(struct letter){.kind = LETTER_LOGIN, .conn = i + 1, .payload = view});
		read_letters(0);
		read_letters(shard);
		return;
	}
	if (ringcast_admission_admit(&places[0].store, view, ringcast_view_of(NULL, 0), &places[0], NS_PER_S, &players[i]) != DROP_NONE)
		die("not admitted");
	ringcast_admission_accept(players[i], NS_PER_S);
}

static void play(uint32_t shard_count)
{
	static const uint8_t payload[PAYLOAD];
	for (uint32_t i = 0; i < MESSAGES; i++) {
		struct packet packet = {.opcode = 1, .target_group = PROTO_GROUP_ALL, .payload = ringcast_view_of(payload, PAYLOAD)};
		if (ringcast_router_route(players[i % PLAYERS], &packet, INTENT_RELIABLE, NS_PER_S) != DROP_NONE)
			die("a message was refused");
	}
	for (uint32_t i = 0; i < shard_count; i++)
		read_letters(i);
}

static void report(uint32_t shard_count)
{
	uint64_t letters = 0, bytes = 0, limb_deliveries = 0;
	for (uint32_t i = 0; i < shard_count; i++) {
		letters += places[i].letters_out;
		bytes += places[i].bytes_out;
		limb_deliveries = i > 0 && places[i].deliveries > limb_deliveries ? places[i].deliveries : limb_deliveries;
	}
	printf("| %u | %.2f | %.0f | %.1f | %.1f | %.2f |\n", shard_count, (double)letters / MESSAGES, (double)bytes / MESSAGES, (double)places[0].deliveries / MESSAGES,
	       (double)limb_deliveries / MESSAGES, (double)places[0].letters_out / MESSAGES);
}

static void run(uint32_t shard_count, bool is_quiet)
{
	struct session_options options = {.players_max = PLAYERS, .empty_timeout_ms = UINT32_MAX};
	struct session *session;
	for (uint32_t i = 0; i < shard_count; i++)
		place_start(i);
	if (ringcast_session_open(&places[0].store, &options, NS_PER_S, &session) != DROP_NONE)
		die("no session");
	for (uint32_t i = 0; i < PLAYERS; i++)
		join(session, i, i % shard_count);
	for (uint32_t i = 0; i < shard_count; i++)
		places[i].letters_out = places[i].bytes_out = places[i].letters_in = places[i].deliveries = 0;
	play(shard_count);
	if (!is_quiet)
		report(shard_count);
	ringcast_session_end_now(session, CLOSE_SHUTDOWN, NS_PER_S);
	for (uint32_t i = 0; i < shard_count; i++)
		read_letters(i);
	for (uint32_t i = 0; i < shard_count; i++) {
		ringcast_store_collect(&places[i].store);
		ringcast_store_fini(&places[i].store);
		ringcast_buf_pool_destroy(&places[i].pool);
		free(places[i].posts);
	}
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--instructions") == 0 && atoi(argv[2]) >= 1 && atoi(argv[2]) <= SHARDS_MAX) {
		run((uint32_t)atoi(argv[2]), true);
		return 0;
	}
	printf("%u players of one session, %u B to everybody; for each message:\n\n", PLAYERS, PAYLOAD);
	printf("| shards | letters | bytes of letters | deliveries at home | at a limb | letters that home writes |\n|---|---|---|---|---|---|\n");
	for (uint32_t shard_count = 1; shard_count <= SHARDS_MAX; shard_count *= 2)
		run(shard_count, false);
	return 0;
}
