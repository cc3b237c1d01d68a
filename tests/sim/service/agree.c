/* The model against itself and against the host: what must hold whatever anybody was told. */
#include <string.h>

#include "world.h"

static bool has_place(enum player_session_status status)
{
	return status == PLAYER_SESSION_RESERVED || status == PLAYER_SESSION_ACTIVE;
}

static void check_session(struct world *world, const struct game_session *session, size_t *ret_players)
{
	uint32_t count = 0, left_count = 0;
	for (const struct list_node *node = session->players.next; node != &session->players; node = node->next) {
		const struct player_session *player = CONTAINER_OF(node, struct player_session, node);
		count += has_place(player->status);
		left_count += !has_place(player->status);
		++*ret_players;
		if (!has_place(player->status) && player->ended_ms == 0)
			sim_world_fail(world, "player %s has ended at no time", player->id);
	}
	if (left_count != session->left_count || left_count > world->swarm->left_players_max)
		sim_world_fail(world, "%s keeps %u players that have left, counts %zu, may keep %u", session->key, left_count, session->left_count,
			       world->swarm->left_players_max);
	if (count != session->player_count)
		sim_world_fail(world, "%s counts %u players and has %u", session->key, session->player_count, count);
	if (ringcast_game_session_is_ended(session) && (count != 0 || session->ended_ms == 0))
		sim_world_fail(world, "%s has ended with %u players", session->key, count);
}

/* None is forgotten before the session has as many as are kept, and then one for one. */
bool sim_oracle_is_kept(struct world *world, const char *player)
{
	const struct game_sessions *sessions = &ringcast_loop_model(world->loop)->sessions;
	const struct known_player *known = sim_oracle_player(&world->oracle, player);
	const struct game_session *session = known != NULL ? ringcast_game_session_resolve(sessions, world->oracle.sessions[known->session].arn) : NULL;
	const struct player_session *found = ringcast_player_session_find(sessions, player); /* in another one, where a host lied about a place that was forgotten */
	return session == NULL || session->left_count < world->swarm->left_players_max || (found != NULL && found->session == session);
}

static void check_tags(struct world *world, const struct records *records)
{
	for (const struct record *tags = ringcast_records_next(records, RECORD_TAGS, ""); tags != NULL; tags = ringcast_records_next(records, RECORD_TAGS, tags->id)) {
		const char *alias = ringcast_model_id_of(tags->id, "alias"), *location = ringcast_model_id_of(tags->id, "location");
		if (ringcast_records_find(records, RECORD_ALIAS, alias) == NULL && ringcast_records_find(records, RECORD_LOCATION, location) == NULL)
			sim_world_fail(world, "tags of %s are left, which is not there", tags->id);
	}
}

void sim_oracle_check_model(struct world *world)
{
	const struct model *model = ringcast_loop_model(world->loop);
	const struct game_sessions *sessions = &model->sessions;
	size_t counts[GAME_SESSION_STATUS_COUNT] = {0}, players = 0, named = 0, all = 0, ended = 0, engine_live = 0;
	const struct game_session *session;
	size_t at = 0;
	while ((session = ringcast_session_order_next(&sessions->all, &at)) != NULL) {
		check_session(world, session, &players);
		counts[session->status]++;
		named += *session->host_session != '\0';
		ended += ringcast_game_session_is_ended(session);
		engine_live += session->host == MODEL_HOST_ENGINE && !ringcast_game_session_is_ended(session);
		all++;
	}
	if (memcmp(counts, sessions->status_counts, sizeof(counts)) != 0 || sessions->ended_count != ended || sessions->live_count != all - ended)
		sim_world_fail(world, "the counts of sessions are wrong: %zu live and %zu ended of %zu", sessions->live_count, sessions->ended_count, all);
	if (sessions->by_key.count != all || sessions->by_host_session.count != named || sessions->players_by_id.count != players)
		sim_world_fail(world, "an index has lost something, or kept it");
	if (engine_live > world->swarm->sessions_max)
		sim_world_fail(world, "%zu sessions live on the engine, at most %u may", engine_live, world->swarm->sessions_max);
	check_tags(world, &model->records);
}

/* Against the host */

static void check_players(struct world *world, const struct game_session *session)
{
	for (const struct list_node *node = session->players.next; node != &session->players; node = node->next) {
		const struct player_session *player = CONTAINER_OF(node, struct player_session, node);
		const struct sim_player *truth = sim_host_player(&world->host, player->id);
		/* That a place has gone may be heard before how, or where news was lost, without. */
		bool is_overtaken = truth != NULL && player->status == PLAYER_SESSION_COMPLETED && truth->status == PLAYER_SESSION_TIMEDOUT &&
				    (world->host.sessions[truth->session].is_overtaken || world->swarm->drop_event > 0);
		if (truth == NULL || (truth->status != player->status && !is_overtaken))
			sim_world_fail(world, "player %s of %s is %s, the host says %s", player->id, session->host_session,
				       ringcast_player_session_status_name(player->status),
				       truth != NULL ? ringcast_player_session_status_name(truth->status) : "nothing");
	}
}

static void check_seats(struct world *world, const struct game_session *session)
{
	for (const struct list_node *a = session->players.next; a != &session->players; a = a->next)
		for (const struct list_node *b = a->next; b != &session->players; b = b->next) {
			const struct player_session *one = CONTAINER_OF(a, struct player_session, node), *other = CONTAINER_OF(b, struct player_session, node);
			if (has_place(one->status) && has_place(other->status) && strcmp(one->player_id, other->player_id) == 0)
				sim_world_fail(world, "%s sits twice in %s", one->player_id, session->key);
		}
}

static void check_truth(struct world *world, const struct game_session *session, const struct sim_session *truth)
{
	bool is_live = !ringcast_game_session_is_ended(session);
	if (is_live != truth->is_live)
		sim_world_fail(world, "%s (%s) is %s, and %s on its host", session->key, session->host_session,
			       ringcast_game_session_status_name(session->status), truth->is_live ? "lives" : "does not live");
	if (truth->is_live && is_live && (session->players_max != truth->players_max || session->is_deny_all != truth->is_deny_all))
		sim_world_fail(world, "%s takes %u players (%d), on its host %u (%d)", session->key, session->players_max, session->is_deny_all,
			       truth->players_max, truth->is_deny_all);
	if (truth->is_live && is_live && (session->status == GAME_SESSION_ACTIVATING) != truth->is_starting && session->status != GAME_SESSION_TERMINATING)
		sim_world_fail(world, "%s is %s, on its host its start is %s", session->key, ringcast_game_session_status_name(session->status),
			       truth->is_starting ? "under way" : "through");
	if (session->player_count != sim_host_count(&world->host, truth))
		sim_world_fail(world, "%s has %u players, %u on its host", session->key, session->player_count, sim_host_count(&world->host, truth));
	check_players(world, session);
	check_seats(world, session);
}

void sim_oracle_check_host(struct world *world)
{
	const struct game_sessions *sessions = &ringcast_loop_model(world->loop)->sessions;
	const struct game_session *session;
	size_t at = 0;
	while ((session = ringcast_session_order_next(&sessions->all, &at)) != NULL) {
		const struct sim_session *truth = sim_host_find(&world->host, session->host_session);
		if (truth == NULL)
			sim_world_fail(world, "%s is %s, and on no host", session->key, ringcast_game_session_status_name(session->status));
		else if (!truth->is_lied_about)
			check_truth(world, session, truth);
	}
	for (uint32_t i = 0; i < world->host.session_count; i++) {
		const struct sim_session *truth = &world->host.sessions[i];
		if (truth->is_live && !truth->is_lied_about && ringcast_game_session_of_host(sessions, truth->name) == NULL)
			sim_world_fail(world, "the host runs %s, which the service does not know", truth->name);
	}
}
