/*
 * A signed token is checked where its connection came in, so that a bad one never moves; its home, if that is another shard, is asked or gets the connection, reads the claims
 * again and trusts the signature. All that one token may do happens at its session's home, on one thread: so two players who create one session get one, and a token
 * for one login is remembered in one place.
 */
#include "shard/signed.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "shard/shard_private.h"

bool ringcast_shard_signed_init(struct shard *shard)
{
	const struct jwt_keys *given = shard->options.token_keys;
	struct signed_tokens *tokens = &shard->signed_tokens;
	uint64_t seed;
	shard->options.token_keys = NULL; /* lent for the creation only */
	if (given == NULL)
		return true;
	ringcast_assert(shard->options.wall_s != NULL && shard->options.open != NULL);
	shard->io->ops->random(shard->io, &seed, sizeof(seed));
	tokens->keys = malloc(sizeof(*tokens->keys));
	if (tokens->keys != NULL)
		*tokens->keys = *given;
	return tokens->keys != NULL && ringcast_jwt_spent_init(&tokens->spent, shard->options.limits.tokens_spent_max, seed);
}

static void keys_free(struct jwt_keys *keys)
{
	if (keys != NULL)
		ringcast_jwt_keys_forget(keys);
	free(keys);
}

void ringcast_shard_signed_fini(struct shard *shard)
{
	keys_free(shard->signed_tokens.keys);
	shard->signed_tokens.keys = NULL;
	ringcast_jwt_spent_fini(&shard->signed_tokens.spent);
}

void ringcast_shard_set_token_keys(struct shard *shard, const struct jwt_keys *keys)
{
	ringcast_assert(shard->signed_tokens.keys != NULL);
	*shard->signed_tokens.keys = *keys;
}

bool ringcast_shard_is_signed(const struct shard *shard, struct view token)
{
	return shard->signed_tokens.keys != NULL && ringcast_jwt_is_like(token);
}

static enum drop_reason read_claims(struct shard *shard, const struct jwt_key *key, struct view token, struct jwt_claims *ret_claims)
{
	const struct ringcast_limits *limits = &shard->options.limits;
	const struct jwt_rules rules = {
		.now_s = shard->options.wall_s(),
		.skew_s = limits->token_skew_ms / 1000,
		.lifetime_max_s = limits->token_lifetime_max_ms / 1000,
	};
	return ringcast_jwt_read(shard->signed_tokens.keys, key, token, &rules, ret_claims);
}

/* By its id, or by its name; with create always by name, whatever that looks like. */
static int home_of(const struct shard *shard, const struct jwt_claims *claims)
{
	int home = claims->is_create ? -1 : ringcast_session_id_shard(claims->session);
	return home >= 0 ? home : (int)ringcast_shard_of_name(claims->session, shard->options.count, shard->options.is_open);
}

enum drop_reason ringcast_shard_signed_check(struct shard *shard, struct conn *conn, struct view token, uint32_t *ret_home)
{
	const struct jwt_key *key;
	struct jwt_claims claims;
	if (!ringcast_shard_may_check_token(shard, conn))
		return DROP_TOKEN_RATE;
	shard->counters.token_checks++;
	enum drop_reason drop = ringcast_jwt_verify(shard->signed_tokens.keys, token, shard->options.limits.token_bytes_max, &key);
	if (drop == DROP_NONE)
		drop = read_claims(shard, key, token, &claims);
	if (drop != DROP_NONE)
		return drop;
	int home = home_of(shard, &claims);
	if ((uint32_t)home >= shard->options.count)
		return DROP_NO_SESSION;
	*ret_home = (uint32_t)home;
	return DROP_NONE;
}

/* Which session */

static enum drop_reason create(struct shard *shard, const struct jwt_claims *claims, struct session **ret_session)
{
	const struct session_options options = {
		.name = claims->session,
		.properties = claims->properties[0] != '\0' ? claims->properties : NULL,
		.players_max = claims->players_max,
	};
	enum drop_reason drop = shard->options.open(shard, claims->script, &options, ret_session);
	if (drop == DROP_NONE)
		shard->counters.token_sessions++;
	return drop;
}

static struct session *find(struct shard *shard, const struct jwt_claims *claims)
{
	struct session *session = claims->is_create ? NULL : ringcast_session_find(&shard->store, claims->session);
	return session != NULL ? session : ringcast_session_find_name(&shard->store, claims->session);
}

static enum drop_reason find_or_create(struct shard *shard, const struct jwt_claims *claims, struct session **ret_session)
{
	*ret_session = find(shard, claims);
	if (*ret_session != NULL)
		return DROP_NONE;
	return claims->is_create ? create(shard, claims, ret_session) : DROP_NO_SESSION;
}

static enum drop_reason reserve(struct shard *shard, struct session *session, const struct jwt_claims *claims, char ret_token[PLAYER_TOKEN_BYTES])
{
	struct player *player;
	const char *data = claims->player_data[0] != '\0' ? claims->player_data : NULL;
	return ringcast_admission_reserve(session, claims->player_id, data, shard->now_ns, &player, ret_token);
}

/* What ended before that is refused whoever's clock is right. The skew is today's, not the one of the day on which a token was used: it may be set anew. */
static uint64_t past_s(const struct shard *shard)
{
	uint64_t now_s = shard->options.wall_s(), skew_s = shard->options.limits.token_skew_ms / 1000;
	return now_s > skew_s ? now_s - skew_s : 0;
}

enum drop_reason ringcast_shard_signed_reserve(struct shard *shard, struct view token, bool is_here, char ret_token[PLAYER_TOKEN_BYTES])
{
	const struct jwt_key *key = ringcast_jwt_key_of(shard->signed_tokens.keys, token); /* it may have been taken away on the way here */
	struct jwt_spent *spent = &shard->signed_tokens.spent;
	struct session *session;
	struct jwt_claims claims;
	enum drop_reason drop = key != NULL ? read_claims(shard, key, token, &claims) : DROP_TOKEN_KEY;
	bool is_once = drop == DROP_NONE && claims.once[0] != '\0';
	uint64_t until_s = is_once ? (uint64_t)claims.expires_s + 1 : 0;
	if (is_once)
		drop = ringcast_jwt_spent_check(spent, key->id, claims.once, until_s, past_s(shard));
	ret_token[0] = '\0';
	if (drop == DROP_NONE)
		drop = find_or_create(shard, &claims, &session);
	if (drop == DROP_NONE && !is_here && session->spread == NULL)
		return DROP_NONE; /* nothing is used up before its connection is here */
	if (drop == DROP_NONE)
		drop = reserve(shard, session, &claims, ret_token);
	if (drop != DROP_NONE)
		return drop;
	shard->counters.token_places++;
	if (is_once)
		ringcast_jwt_spent_add(spent, key->id, claims.once, until_s);
	return DROP_NONE;
}

/* Only what a backend could only mean by a token that it has signed; a stranger learns no more than that the token is not good. */
const char *ringcast_shard_signed_text(enum drop_reason drop)
{
	switch (drop) {
	case DROP_TOKEN_EXPIRED:
		return "player token has expired";
	case DROP_TOKEN_EARLY:
		return "player token is not good yet";
	case DROP_TOKEN_AUDIENCE:
		return "player token is for another server";
	case DROP_TOKEN_CLAIMS:
		return "player token lacks a claim";
	case DROP_TOKEN_ROLE:
		return "player token may not create a session";
	case DROP_TOKEN_SPENT:
		return "player token has been used";
	case DROP_TOKEN_SCRIPT:
		return "no such script";
	case DROP_TOKEN_RATE:
		return "too many logins at once";
	case DROP_PLAYER_EXISTS:
		return "player is in the session already";
	default:
		return NULL;
	}
}
