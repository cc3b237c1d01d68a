/*
 * Players who come with tokens that a backend has signed, good ones and worse: signed with another key, or with another algorithm; too late, too early, used before; by a key that may not
 * create, or was taken away. Meanwhile the wall clock jumps and keys are exchanged. A token is good at a moment or it is not, by rules that stand here once more and in few words; who was let in
 * must have had one that was good at some moment since it came.
 */
#include <stdio.h>

#include "base/assert.h"
#include "jwt/token.h"
#include "proto/http_upgrade.h"
#include "session/session.h"
#include "world.h"

#define WALL_START_S UINT64_C(1800000000)
#define KEY "cmluZ2Nhc3Qgc2ltIGJvdA=="
#define MASK ((const uint8_t[4]){0x11, 0x5c, 0xe0, 0x3b})
enum { SKEW_S = 30, LIFE_S = 600, JUMP_S_MAX = 7200, FLOOD_AT_ONCE = 8, FLOOD_MAX = 48, FLOOD_SLACK_S = 3, WRONG_GENERATION = 9999 };

static const struct {
	const char *id;
	enum jwt_algorithm algorithm;
	bool may_create;
} keys[TOKEN_KEY_COUNT] = {
	[TOKEN_KEY_JOIN] = {"join", JWT_EDDSA, false},
	[TOKEN_KEY_MAKE] = {"make", JWT_HS256, true},
	[TOKEN_KEY_SPARE] = {"spare", JWT_EDDSA, false},
};

static struct world *here; /* what has no context to be told it by */

static uint64_t wall_s(void)
{
	return WALL_START_S + (uint64_t)here->tokens.wall_offset_s + ringcast_sim_network_now_ns(here->network) / NS_PER_S;
}

/* Keys */

static void make_key(const struct world *world, enum token_key key, uint32_t generation, struct jwt_key *ret_key)
{
	struct prng prng;
	*ret_key = (struct jwt_key){.algorithm = keys[key].algorithm, .may_create = keys[key].may_create, .size = JWT_ED25519_BYTES};
	snprintf(ret_key->id, sizeof(ret_key->id), "%s", keys[key].id);
	ringcast_prng_init(&prng, world->swarm.seed ^ ((uint64_t)key << 32) ^ generation);
	ringcast_prng_fill(&prng, ret_key->bytes, ret_key->size);
}

static void make_public(const struct jwt_key *key, struct jwt_key *ret_key)
{
	*ret_key = *key;
	if (key->algorithm == JWT_EDDSA)
		ringcast_jwt_public_key(key->bytes, ret_key->bytes);
}

static void make_keys(const struct world *world, struct jwt_keys *ret_keys)
{
	*ret_keys = (struct jwt_keys){0};
	for (unsigned key = 0; key < TOKEN_KEY_COUNT; key++) {
		struct jwt_key private_key, public_key;
		if (world->tokens.generations[key] == 0)
			continue;
		make_key(world, (enum token_key)key, world->tokens.generations[key], &private_key);
		make_public(&private_key, &public_key);
		const char *wrong = ringcast_jwt_keys_add(ret_keys, &public_key);
		ringcast_assert(wrong == NULL);
	}
}

/* What is good, and who was let in */

static bool is_good(const struct world *world, const struct bot_signature *signature)
{
	uint64_t now_s = wall_s();
	return world->tokens.generations[signature->key] == signature->generation && (!signature->is_create || keys[signature->key].may_create) &&
	       now_s < signature->expires_s + SKEW_S && signature->not_before_s <= now_s + SKEW_S;
}

static void note_good(struct world *world)
{
	for (uint32_t i = 0; i < world->bot_count; i++) {
		struct bot_signature *signature = &world->bots[i].signature;
		signature->was_good |= signature->is_signed && !signature->is_spoiled && is_good(world, signature);
		signature->is_past |= signature->is_signed && wall_s() > signature->expires_s + SKEW_S;
	}
}

bool ringcast_tokens_is_bot_of(const struct bot *bot, const struct player *player)
{
	char token[PLAYER_TOKEN_BYTES];
	if (bot->signature.is_signed)
		return strcmp(bot->signature.player_id, ringcast_player_id(player)) == 0;
	ringcast_player_format_token(player, token);
	return strcmp(bot->token, token) == 0;
}

void ringcast_tokens_admitted(struct world *world, struct bot *bot)
{
	struct bot_signature *signature = &bot->signature;
	if (!signature->is_signed)
		return;
	note_good(world);
	if (!signature->was_good)
		ringcast_world_fail(world, "bot %u was let in by a token that never was good", bot->index);
	for (uint32_t i = 0; i < world->bot_count; i++) {
		const struct bot_signature *other = &world->bots[i].signature;
		if (other->is_admitted && !other->is_past && other != signature && other->once == signature->once && other->key == signature->key)
			ringcast_world_fail(world, "bots %u and %u were let in by tokens for one login", i, bot->index);
	}
	signature->is_admitted = true;
}

/* Sessions that tokens create */

static struct world_session *created_session(struct world *world, const char *name)
{
	unsigned number;
	if (sscanf(name, "arena-%u", &number) != 1 || number >= WORLD_CREATED_MAX)
		return NULL;
	return &world->sessions[world->swarm.session_count + number];
}

static enum drop_reason open_session(struct shard *shard, const char *script, const struct session_options *options, struct session **ret_session)
{
	struct world_session *created = created_session(here, options->name);
	struct session_options own = *options;
	own.empty_timeout_ms = UINT32_MAX;
	if (created == NULL || *script != '\0' || created->id[0] != '\0')
		ringcast_world_fail(here, "a token creates session %s, which nobody asked for, or a second time", options->name);
	enum drop_reason drop = ringcast_session_open(&shard->store, &own, shard->now_ns, ret_session);
	if (drop == DROP_NONE && created != NULL) {
		snprintf(created->id, sizeof(created->id), "%s", (*ret_session)->id);
		created->shard = shard->options.index;
	}
	return drop;
}

void ringcast_tokens_equip(struct world *world, struct shard_options *options, struct jwt_keys *keys_storage)
{
	here = world;
	if (world->swarm.signing == 0)
		return;
	world->tokens.generations[TOKEN_KEY_JOIN] = world->tokens.generations[TOKEN_KEY_MAKE] = 1;
	make_keys(world, keys_storage);
	options->token_keys = keys_storage;
	options->wall_s = wall_s;
	options->open = open_session;
}

/* Drawing one */

struct draft {
	struct bot_signature signature;
	struct jwt_key key;
	char place[120]; /* of the claims: where to */
	uint32_t session;
	bool is_honest; /* nothing that the backend or the player did should keep it out */
};

static uint32_t lives_of(const struct world *world, uint32_t session)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < world->bot_count; i++)
		count += world->bots[i].session == session;
	return count;
}

static void draw_place(struct world *world, struct draft *draft)
{
	uint32_t created = (uint32_t)ringcast_world_below(world, WORLD_CREATED_MAX);
	const struct world_session *arena = &world->sessions[world->swarm.session_count + created];
	draft->is_honest = true;
	draft->session = world->swarm.session_count + created;
	if (ringcast_world_chance(world, 400)) {
		draft->signature.is_create = true;
		draft->signature.key = TOKEN_KEY_MAKE;
		snprintf(draft->place, sizeof(draft->place), "\"create\":{\"name\":\"arena-%u\",\"players_max\":%u}", created, SWARM_BOTS_MAX);
	} else if (arena->id[0] != '\0' && ringcast_world_chance(world, 500)) {
		snprintf(draft->place, sizeof(draft->place), "\"session\":\"arena-%u\"", created);
	} else {
		draft->session = (uint32_t)ringcast_world_below(world, world->swarm.session_count);
		draft->is_honest = lives_of(world, draft->session) < world->swarm.players_per_session_max;
		snprintf(draft->place, sizeof(draft->place), "\"session\":\"%s\"", world->sessions[draft->session].id);
	}
	draft->signature.generation = world->tokens.generations[draft->signature.key];
}

/* As if whoever reads it took the public key for a secret. */
static void confuse_algorithm(struct draft *draft)
{
	struct jwt_key public_key;
	make_public(&draft->key, &public_key);
	public_key.algorithm = JWT_HS256;
	draft->signature.is_spoiled = draft->key.algorithm != JWT_HS256;
	draft->key = public_key;
}

static void repeat(struct world *world, struct draft *draft)
{
	if (world->bot_count == 0)
		return;
	const struct bot *bot = &world->bots[ringcast_world_below(world, world->bot_count)];
	if (bot->signature.is_signed && bot->signature.key == draft->signature.key && bot->session == draft->session) /* each session's home remembers */
		draft->signature.once = bot->signature.once;
}

static void spoil(struct world *world, struct draft *draft)
{
	struct bot_signature *signature = &draft->signature;
	draft->is_honest = false;
	switch (ringcast_world_below(world, 7)) {
	case 0:
		signature->generation = WRONG_GENERATION;
		break;
	case 1:
		signature->expires_s = wall_s() - SKEW_S - ringcast_world_below(world, LIFE_S);
		break;
	case 2:
		signature->not_before_s = wall_s() + SKEW_S + 1 + ringcast_world_below(world, LIFE_S);
		break;
	case 3:
		signature->key = TOKEN_KEY_SPARE;
		signature->generation = 1;
		break;
	case 4:
		signature->key = TOKEN_KEY_JOIN; /* which may not create */
		signature->generation = world->tokens.generations[TOKEN_KEY_JOIN];
		break;
	default:
		repeat(world, draft);
	}
}

static void draw(struct world *world, struct draft *draft)
{
	*draft = (struct draft){.signature = {.is_signed = true, .once = ++world->tokens.once_count}};
	draft->signature.expires_s = wall_s() + 60 + ringcast_world_below(world, LIFE_S);
	snprintf(draft->signature.player_id, sizeof(draft->signature.player_id), "signed-%u", world->bot_count);
	draw_place(world, draft);
	bool is_spoiled = ringcast_world_chance(world, 450);
	if (is_spoiled)
		spoil(world, draft);
	make_key(world, draft->signature.key, draft->signature.generation, &draft->key);
	if (is_spoiled && ringcast_world_chance(world, 100))
		confuse_algorithm(draft);
}

static bool sign(const struct draft *draft, char ret_token[BOT_LOGIN_BYTES])
{
	const struct bot_signature *signature = &draft->signature;
	char claims[400];
	snprintf(claims, sizeof(claims), "{\"sub\":\"%s\",\"exp\":%llu,\"nbf\":%llu,\"jti\":\"%u\",%s}", signature->player_id,
		 (unsigned long long)signature->expires_s, (unsigned long long)signature->not_before_s, signature->once, draft->place);
	return ringcast_jwt_sign(&draft->key, claims, ret_token, BOT_LOGIN_BYTES) > 0;
}

void ringcast_tokens_spawn(struct world *world)
{
	struct draft draft;
	char token[BOT_LOGIN_BYTES];
	draw(world, &draft);
	bool is_signed = sign(&draft, token);
	ringcast_assert(is_signed);
	struct bot *bot = ringcast_world_spawn(world, draft.session, token);
	if (bot == NULL)
		return;
	bot->signature = draft.signature;
	bot->is_bad |= !draft.is_honest;
	note_good(world);
	ringcast_world_note(world, "bot %u has a signed token, key %s, %s", bot->index, keys[draft.signature.key].id, bot->signature.was_good ? "good" : "not good");
}

/* Strangers */

static size_t encode_login(const char *token, uint8_t *out, size_t capacity)
{
	uint8_t bytes[BOT_LOGIN_BYTES + 200];
	const struct packet login = {.opcode = OPCODE_LOGIN,
				     .target_player = PROTO_PEER_SERVER,
				     .is_reliable = true,
				     .command = PACKET_COMMAND_LOGIN,
				     .login = {.player_session_id = ringcast_view_of(token, strlen(token)), .client_version = PROTO_CLIENT_VERSION}};
	size_t size = ringcast_packet_encode(&login, bytes, sizeof(bytes));
	ringcast_websocket_mask(bytes, size, MASK);
	size_t head = ringcast_websocket_encode_header_masked(WEBSOCKET_BINARY, true, size, MASK, out);
	ringcast_assert(size > 0 && head + size <= capacity);
	memcpy(out + head, bytes, size);
	return head + size;
}

static void knock(struct world *world, const char *token)
{
	struct address from = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [14] = 77, [15] = 1}, .port = (uint16_t)(50000 + world->raw_stream_count++)};
	uint8_t bytes[BOT_LOGIN_BYTES + 1000];
	char request[512];
	size_t size = ringcast_http_upgrade_encode_request("sim:1900", "/websocket", KEY, request, sizeof(request));
	sim_stream stream = ringcast_sim_stream_connect(world->network, &from, &world->net.servers[0]);
	memcpy(bytes, request, size);
	size += encode_login(token, bytes + size, sizeof(bytes) - size);
	ringcast_sim_stream_write(world->network, stream, bytes, size);
}

/* One address, and tokens that are signed by nobody: each would cost a check. */
void ringcast_tokens_flood(struct world *world)
{
	struct draft draft;
	char token[BOT_LOGIN_BYTES];
	struct world_tokens *tokens = &world->tokens;
	if (world->swarm.security == SHARD_SECURE_REQUIRED || tokens->flood_count + FLOOD_AT_ONCE > FLOOD_MAX)
		return;
	ringcast_world_note(world, "a stranger knocks with %u tokens", FLOOD_AT_ONCE);
	draw(world, &draft);
	make_key(world, draft.signature.key, WRONG_GENERATION, &draft.key);
	bool is_signed = sign(&draft, token);
	ringcast_assert(is_signed);
	if (tokens->flood_count == 0)
		tokens->flood_first_ns = ringcast_sim_network_now_ns(world->network);
	tokens->flood_last_ns = ringcast_sim_network_now_ns(world->network);
	for (int i = 0; i < FLOOD_AT_ONCE; i++)
		knock(world, token);
	tokens->flood_count += FLOOD_AT_ONCE;
}

uint64_t ringcast_tokens_checks_max(const struct world *world)
{
	const struct world_tokens *tokens = &world->tokens;
	uint64_t span_s = (tokens->flood_last_ns - tokens->flood_first_ns) / NS_PER_S + FLOOD_SLACK_S, signed_count = 0;
	uint64_t allowed = span_s * world->swarm.limits.token_checks_per_second_per_address * world->swarm.shard_count;
	for (uint32_t i = 0; i < world->bot_count; i++)
		signed_count += world->bots[i].signature.is_signed;
	return signed_count + (allowed < tokens->flood_count ? allowed : tokens->flood_count);
}

/* Clock and keys */

void ringcast_tokens_turn(struct world *world)
{
	struct jwt_keys now;
	note_good(world);
	switch (ringcast_world_below(world, 4)) {
	case 0:
		world->tokens.generations[TOKEN_KEY_SPARE] ^= 1;
		break;
	case 1:
		world->tokens.generations[ringcast_world_below(world, 2) == 0 ? TOKEN_KEY_JOIN : TOKEN_KEY_MAKE]++;
		break;
	default:
		world->tokens.wall_offset_s = world->tokens.wall_offset_s > 0 && ringcast_world_chance(world, 600) ? 0 : (int64_t)ringcast_world_below(world, JUMP_S_MAX);
	}
	make_keys(world, &now);
	for (uint32_t i = 0; i < world->swarm.shard_count; i++)
		ringcast_shard_set_token_keys(world->shards[i], &now);
	note_good(world);
	ringcast_world_note(world, "the wall clock is %lld s ahead, keys are of generations %u %u %u", (long long)world->tokens.wall_offset_s,
			    world->tokens.generations[0], world->tokens.generations[1], world->tokens.generations[2]);
}
