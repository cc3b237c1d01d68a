#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"

enum { SLOW_MS_MAX = 4000, SILENT_MS_MAX = 200000 };

/* What the world knows of a call besides: kept apart, since the call is the service's. */
struct item {
	struct list_node node;
	struct host_call *call;
	struct host_event event;
	int64_t due_ms, asked_ms;
	bool is_never;
};

static bool chance(struct sim_host *host, uint32_t per_mille)
{
	return !host->is_calm && ringcast_prng_chance(&host->prng, per_mille, 1000);
}

static struct item *item_new(struct sim_host *host)
{
	struct item *item = calloc(1, sizeof(*item));
	ringcast_assert(item != NULL);
	item->due_ms = item->asked_ms = host->now_ms;
	if (chance(host, host->swarm->slow))
		item->due_ms += 1 + (int64_t)ringcast_prng_below(&host->prng, SLOW_MS_MAX);
	if (chance(host, host->swarm->silent)) {
		item->due_ms += 1 + (int64_t)ringcast_prng_below(&host->prng, SILENT_MS_MAX);
		item->is_never = ringcast_prng_chance(&host->prng, 1, 3);
	}
	return item;
}

static bool is_about_scripts(const struct host_call *call)
{
	return call->kind == HOST_SCRIPT_PUSH || call->kind == HOST_SCRIPT_SELECT || call->kind == HOST_SCRIPT_REMOVE;
}

/* What is about scripts comes back, however long it takes. */
static void hurry(const struct sim_host *host, struct item *item)
{
	if (!is_about_scripts(item->call))
		return;
	item->due_ms = item->due_ms < host->now_ms + SLOW_MS_MAX ? item->due_ms : host->now_ms + SLOW_MS_MAX;
	item->is_never = false;
}

static void submit(struct host *base, struct host_call *call)
{
	struct sim_host *host = CONTAINER_OF(base, struct sim_host, base);
	if (host->is_dead) {
		ringcast_host_call_destroy(&call);
		return;
	}
	if (host->submitted != NULL)
		host->submitted(host->context, call);
	struct item *item = item_new(host);
	item->call = call;
	hurry(host, item);
	host->call_count++;
	ringcast_list_add_tail(&host->todo, &item->node);
}

static const struct host_ops ops = {submit};

void sim_host_init(struct sim_host *host, const struct swarm *swarm, FILE *trace)
{
	memset(host, 0, sizeof(*host));
	host->base.ops = &ops;
	host->swarm = swarm;
	host->trace = trace;
	ringcast_prng_init(&host->prng, swarm->seed ^ UINT64_C(0x484f5354));
	ringcast_prng_init(&host->emit_prng, swarm->seed ^ UINT64_C(0x454d4954));
	ringcast_list_init(&host->todo);
	ringcast_list_init(&host->done);
	ringcast_list_init(&host->news);
}

void sim_host_begin(struct sim_host *host, struct loop *loop)
{
	host->loop = loop;
	host->is_dead = false;
}

static void drop_items(struct list_node *list)
{
	while (!ringcast_list_is_empty(list)) {
		struct item *item = CONTAINER_OF(list->next, struct item, node);
		ringcast_list_remove(&item->node);
		ringcast_host_call_destroy(&item->call);
		free(item);
	}
}

void sim_host_end(struct sim_host *host)
{
	host->is_dead = true;
	drop_items(&host->todo);
	drop_items(&host->done);
	drop_items(&host->news);
	for (uint32_t i = 0; i < host->session_count; i++)
		host->sessions[i].is_live = false;
}

struct sim_session *sim_host_find(struct sim_host *host, const char *name)
{
	for (uint32_t i = host->session_count; i > 0; i--)
		if (strcmp(host->sessions[i - 1].name, name) == 0)
			return &host->sessions[i - 1];
	return NULL;
}

struct sim_player *sim_host_player(struct sim_host *host, const char *token)
{
	for (uint32_t i = host->player_count; i > 0; i--)
		if (strcmp(host->players[i - 1].token, token) == 0)
			return &host->players[i - 1];
	return NULL;
}

static bool has_place(const struct sim_player *player)
{
	return player->status == PLAYER_SESSION_RESERVED || player->status == PLAYER_SESSION_ACTIVE;
}

uint32_t sim_host_count(const struct sim_host *host, const struct sim_session *session)
{
	uint32_t count = 0, index = (uint32_t)(session - host->sessions);
	for (uint32_t i = 0; i < host->player_count; i++)
		count += host->players[i].session == index && has_place(&host->players[i]);
	return count;
}

/* Events */

static void tell(struct sim_host *host, struct sim_session *session, enum host_event_kind kind, const char *player)
{
	session->sequence++;
	int copies = 1 + chance(host, host->swarm->double_event);
	for (int i = 0; i < copies; i++) {
		struct item *item = item_new(host);
		item->event = (struct host_event){.kind = kind, .sequence = session->sequence};
		snprintf(item->event.session, sizeof(item->event.session), "%s", session->name);
		snprintf(item->event.player, sizeof(item->event.player), "%s", player);
		item->is_never = false;
		ringcast_list_add_tail(&host->news, &item->node);
	}
}

/* The process is ready again; that may be lost. */
static void tell_room(struct sim_host *host, const struct sim_session *session)
{
	if (chance(host, 300))
		return;
	struct item *item = item_new(host);
	item->event = (struct host_event){.kind = HOST_ROOM};
	snprintf(item->event.session, sizeof(item->event.session), "%s", session->fleet);
	item->is_never = false;
	ringcast_list_add_tail(&host->news, &item->node);
}

static void gossip(struct sim_host *host)
{
	static const enum host_event_kind kinds[] = {HOST_PLAYER_ACTIVE, HOST_PLAYER_COMPLETED, HOST_PLAYER_TIMEDOUT, HOST_SESSION_ACTIVE, HOST_SESSION_ENDED};
	uint32_t newest = host->session_count < 8 ? host->session_count : 8;
	struct sim_session *session = &host->sessions[host->session_count - 1 - ringcast_prng_below(&host->prng, newest)];
	uint32_t players = host->player_count < 8 ? host->player_count : 8;
	const struct sim_player *player = players > 0 ? &host->players[host->player_count - 1 - ringcast_prng_below(&host->prng, players)] : NULL;
	struct host_event event = {.kind = kinds[ringcast_prng_below(&host->prng, ARRAY_COUNT(kinds))], .sequence = session->sequence};
	snprintf(event.session, sizeof(event.session), "%s", session->name);
	snprintf(event.player, sizeof(event.player), "%s", player != NULL ? player->token : "psess-none");
	uint64_t choice = ringcast_prng_below(&host->prng, 3);
	if (choice == 0) {
		snprintf(event.session, sizeof(event.session), "none-%u", (unsigned)ringcast_prng_below(&host->prng, 4));
	} else if (choice == 1 && (player == NULL || &host->sessions[player->session] != session)) {
		event.kind = kinds[ringcast_prng_below(&host->prng, 3)];
		event.sequence = ++session->sequence;
	} else if (event.sequence == 0 || host->swarm->drop_event > 0) {
		return; /* a number that the service has not heard would be news */
	}
	struct item *item = item_new(host);
	item->event = event;
	item->is_never = false;
	ringcast_list_add_tail(&host->news, &item->node);
}

static uint32_t count_custom(const struct sim_host *host)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < host->session_count; i++)
		count += host->sessions[i].is_custom && host->sessions[i].is_live;
	return count;
}

static void end_session(struct sim_host *host, struct sim_session *session)
{
	uint32_t index = (uint32_t)(session - host->sessions);
	for (uint32_t i = 0; i < host->player_count; i++)
		if (host->players[i].session == index && has_place(&host->players[i])) {
			host->players[i].status = PLAYER_SESSION_COMPLETED;
			tell(host, session, HOST_PLAYER_COMPLETED, host->players[i].token);
		}
	session->is_live = false;
	tell(host, session, HOST_SESSION_ENDED, "");
	if (session->is_custom)
		tell_room(host, session);
}

void sim_host_die(struct sim_host *host)
{
	if (host->trace != NULL)
		fprintf(host->trace, "%10d host: all that it ran is lost\n", (int)(host->now_ms / 1000));
	for (uint32_t i = 0; i < host->session_count; i++)
		if (host->sessions[i].is_live)
			end_session(host, &host->sessions[i]);
}

/* Carrying out */

bool sim_host_is_full(const struct sim_host *host)
{
	return host->session_count == SIM_SESSIONS_MAX || host->player_count + HOST_PLAYERS_MAX > SIM_PLAYERS_MAX;
}

/* Scripts: a package is its own version, and bad where it says so. */

static char *find_content(struct sim_host *host, const char *reference)
{
	for (uint32_t i = 0; i < host->content_count; i++)
		if (strcmp(host->contents[i], reference) == 0)
			return host->contents[i];
	return NULL;
}

static enum host_result push_content(struct sim_host *host, struct host_call *call)
{
	if (strncmp(call->zip, "bad", 3) == 0 || host->content_count == SIM_CONTENTS_MAX)
		return HOST_SCRIPT;
	snprintf(call->version, sizeof(call->version), "%.63s", call->zip);
	snprintf(host->contents[host->content_count], sizeof(host->contents[0]), "%.63s@%.63s", call->script, call->zip);
	host->content_count++;
	return HOST_OK;
}

static bool is_version_of(const char *reference, const char *script)
{
	size_t size = strlen(script);
	return strncmp(reference, script, size) == 0 && reference[size] == '@';
}

static enum host_result remove_contents(struct sim_host *host, const char *script)
{
	bool is_any = false;
	for (uint32_t i = 0; i < host->session_count; i++)
		if (host->sessions[i].is_live && is_version_of(host->sessions[i].script, script))
			return HOST_STATE;
	for (uint32_t i = 0; i < host->content_count; i++)
		if (is_version_of(host->contents[i], script)) {
			*host->contents[i] = '\0';
			is_any = true;
		}
	return is_any ? HOST_OK : HOST_NOT_FOUND;
}

static enum host_result do_script(struct sim_host *host, struct host_call *call)
{
	char reference[2 * HOST_ID_BYTES];
	snprintf(reference, sizeof(reference), "%.63s@%.63s", call->script, call->version);
	if (call->kind == HOST_SCRIPT_PUSH)
		return push_content(host, call);
	if (call->kind == HOST_SCRIPT_REMOVE)
		return remove_contents(host, call->script);
	return find_content(host, reference) != NULL ? HOST_OK : HOST_NOT_FOUND;
}

static enum host_result create(struct sim_host *host, struct host_call *call)
{
	bool is_custom = call->host == MODEL_HOST_CUSTOM;
	const char *fleet = json_string_value(json_object_get(call->facts, "FleetId"));
	if (host->session_count == SIM_SESSIONS_MAX || (is_custom && count_custom(host) >= host->swarm->servers_max))
		return HOST_FULL;
	if (call->script != NULL && *call->script != '\0' && find_content(host, call->script) == NULL)
		return HOST_SCRIPT;
	struct sim_session *session = &host->sessions[host->session_count++];
	*session = (struct sim_session){.is_custom = is_custom, .is_live = true, .players_max = call->players_max, .is_starting = chance(host, host->swarm->slow_start)};
	call->is_activating = session->is_starting;
	snprintf(session->name, sizeof(session->name), "host-%u", host->session_count);
	snprintf(session->fleet, sizeof(session->fleet), "%.63s", fleet != NULL ? fleet : "");
	snprintf(session->script, sizeof(session->script), "%s", call->script != NULL ? call->script : "");
	snprintf(call->session, sizeof(call->session), "%s", session->name);
	return HOST_OK;
}

static bool is_seated(struct sim_host *host, const struct sim_session *session, const char *player_id)
{
	for (uint32_t i = 0; i < host->player_count; i++)
		if (host->players[i].session == (uint32_t)(session - host->sessions) && has_place(&host->players[i]) &&
		    strcmp(host->players[i].player_id, player_id) == 0)
			return true;
	return false;
}

static enum host_result reserve(struct sim_host *host, struct sim_session *session, struct host_call *call)
{
	if (session->is_starting || session->is_ending || session->is_deny_all)
		return HOST_STATE;
	for (uint32_t i = 0; i < call->player_count; i++)
		if (is_seated(host, session, call->players[i].player_id))
			return HOST_EXISTS;
	if (sim_host_count(host, session) + call->player_count > session->players_max || host->player_count + HOST_PLAYERS_MAX > SIM_PLAYERS_MAX)
		return HOST_FULL;
	for (uint32_t i = 0; i < call->player_count; i++) {
		struct sim_player *player = &host->players[host->player_count++];
		*player = (struct sim_player){.session = (uint32_t)(session - host->sessions), .status = PLAYER_SESSION_RESERVED};
		snprintf(player->token, sizeof(player->token), "psess-%u", host->player_count);
		snprintf(player->player_id, sizeof(player->player_id), "%s", call->players[i].player_id);
		memcpy(call->players[i].token, player->token, HOST_ID_BYTES);
	}
	return HOST_OK;
}

static enum host_result update(struct sim_host *host, struct sim_session *session, const struct host_call *call)
{
	if (session->is_ending || (call->players_max != 0 && sim_host_count(host, session) > call->players_max))
		return HOST_STATE;
	if (call->players_max != 0)
		session->players_max = call->players_max;
	if (call->has_policy)
		session->is_deny_all = call->is_deny_all;
	return HOST_OK;
}

static enum host_result end(struct sim_host *host, struct sim_session *session, const struct host_call *call)
{
	session->is_ending = true;
	if (call->is_forced || host->is_calm || ringcast_prng_chance(&host->prng, 1, 3))
		end_session(host, session);
	return HOST_OK;
}

static enum host_result list_places(struct sim_host *host, const struct sim_session *session, struct host_call *call)
{
	call->is_activating = session->is_starting;
	call->places = calloc(sim_host_count(host, session) + 1, sizeof(*call->places));
	ringcast_assert(call->places != NULL);
	for (uint32_t i = 0; i < host->player_count; i++) {
		const struct sim_player *player = &host->players[i];
		if (player->session != (uint32_t)(session - host->sessions) || !has_place(player))
			continue;
		struct host_place *place = &call->places[call->place_count++];
		place->is_active = player->status == PLAYER_SESSION_ACTIVE;
		memcpy(place->token, player->token, sizeof(place->token));
	}
	return HOST_OK;
}

static enum host_result honest_result(struct sim_host *host, struct host_call *call)
{
	struct sim_session *session = call->kind == HOST_CREATE ? NULL : sim_host_find(host, call->session);
	if (is_about_scripts(call))
		return do_script(host, call);
	if (call->kind == HOST_CREATE)
		return create(host, call);
	if (session == NULL || !session->is_live)
		return HOST_NOT_FOUND;
	if (call->kind == HOST_RESERVE)
		return reserve(host, session, call);
	if (call->kind == HOST_DESCRIBE)
		return list_places(host, session, call);
	return call->kind == HOST_UPDATE ? update(host, session, call) : end(host, session, call);
}

/* The names that a broken host might give: another's, none, or one without an end. */
static void spoil(struct sim_host *host, char name[HOST_ID_BYTES])
{
	switch (ringcast_prng_below(&host->prng, host->session_count > 1 ? 3 : 2)) {
	case 0:
		name[0] = '\0';
		break;
	case 1:
		memset(name, 'x', HOST_ID_BYTES);
		break;
	default:
		snprintf(name, HOST_ID_BYTES, "%s", host->sessions[0].name);
		break;
	}
}

static void mark_as_lied(struct sim_host *host, const char *name)
{
	struct sim_session *session = sim_host_find(host, name);
	if (session != NULL)
		session->is_lied_about = true;
}

static void lie(struct sim_host *host, struct host_call *call)
{
	mark_as_lied(host, call->session);
	if (ringcast_prng_chance(&host->prng, 1, 2)) {
		call->result = HOST_TIMEOUT;
	} else if (call->kind == HOST_CREATE) {
		spoil(host, call->session);
		mark_as_lied(host, call->session);
	} else if (call->kind == HOST_DESCRIBE && call->place_count > 0) {
		spoil(host, call->places[ringcast_prng_below(&host->prng, call->place_count)].token);
	} else if (call->kind == HOST_RESERVE && ringcast_prng_chance(&host->prng, 1, 2)) {
		memcpy(call->players[0].token, host->players[ringcast_prng_below(&host->prng, host->player_count)].token, HOST_ID_BYTES);
	} else if (call->kind == HOST_RESERVE) {
		spoil(host, call->players[ringcast_prng_below(&host->prng, call->player_count)].token);
	} else {
		call->result = HOST_NOT_FOUND;
	}
}

static void do_call(struct sim_host *host, struct host_call *call)
{
	static const enum host_result noes[] = {HOST_FULL, HOST_STATE, HOST_SCRIPT, HOST_TIMEOUT, HOST_FAILED};
	if (chance(host, host->swarm->refuse)) {
		call->result = noes[ringcast_prng_below(&host->prng, ARRAY_COUNT(noes))];
		snprintf(call->text, sizeof(call->text), "the host would not");
		return;
	}
	call->result = honest_result(host, call);
	if (call->result == HOST_OK && !is_about_scripts(call) && chance(host, host->swarm->lie))
		lie(host, call);
}

static bool is_same_session(const struct item *a, const struct item *b)
{
	return a->call->kind != HOST_CREATE && b->call->kind != HOST_CREATE && strcmp(a->call->session, b->call->session) == 0;
}

static bool is_first_of_session(const struct list_node *list, const struct item *item)
{
	for (const struct list_node *node = list->next; node != &item->node; node = node->next)
		if (is_same_session(CONTAINER_OF(node, struct item, node), item))
			return false;
	return true;
}

/* One that may be next: the oldest, or with disorder another that does not overtake its own session's. NULL: none yet. */
static struct item *pick_item(struct sim_host *host, struct list_node *list)
{
	struct item *found = NULL;
	for (struct list_node *node = list->next; node != list; node = node->next) {
		struct item *item = CONTAINER_OF(node, struct item, node);
		bool is_due = host->is_calm || (!item->is_never && item->due_ms <= host->now_ms);
		if (!is_due || !is_first_of_session(list, item))
			continue;
		if (found == NULL || ringcast_prng_chance(&host->prng, 1, 2))
			found = item;
		if (!chance(host, host->swarm->disorder))
			break;
	}
	return found;
}

bool sim_host_carry_out(struct sim_host *host)
{
	struct item *item = pick_item(host, &host->todo);
	if (item == NULL)
		return false;
	ringcast_list_remove(&item->node);
	do_call(host, item->call);
	if (host->trace != NULL)
		fprintf(host->trace, "%10d host: call %d about %s: %d\n", (int)(host->now_ms / 1000), item->call->kind, item->call->session, item->call->result);
	struct item *answer = item_new(host);
	answer->call = item->call;
	hurry(host, answer);
	answer->asked_ms = item->asked_ms;
	free(item);
	ringcast_list_add_tail(&host->done, &answer->node);
	return true;
}

static void note_overtaking(struct sim_host *host, const struct host_call *call)
{
	struct sim_session *session = call->kind == HOST_END && call->result == HOST_NOT_FOUND ? sim_host_find(host, call->session) : NULL;
	for (const struct list_node *node = host->news.next; session != NULL && node != &host->news; node = node->next)
		if (strcmp(CONTAINER_OF(node, struct item, node)->event.session, session->name) == 0)
			session->is_overtaken = true;
}

bool sim_host_answer(struct sim_host *host)
{
	struct item *item = pick_item(host, &host->done);
	if (item == NULL)
		return false;
	ringcast_list_remove(&item->node);
	note_overtaking(host, item->call);
	host->waited_ms_max = host->now_ms - item->asked_ms > host->waited_ms_max ? host->now_ms - item->asked_ms : host->waited_ms_max;
	ringcast_loop_give_back(host->loop, item->call);
	free(item);
	return true;
}

int64_t sim_host_waited_ms(const struct sim_host *host)
{
	const struct list_node *lists[] = {&host->todo, &host->done};
	int64_t longest_ms = host->waited_ms_max;
	for (size_t i = 0; i < ARRAY_COUNT(lists); i++)
		for (const struct list_node *node = lists[i]->next; node != lists[i]; node = node->next) {
			int64_t ms = host->now_ms - CONTAINER_OF(node, struct item, node)->asked_ms;
			longest_ms = ms > longest_ms ? ms : longest_ms;
		}
	return longest_ms;
}

/* An answer about the session is still to come, so that its events would overtake it. */
static bool is_owed_an_answer(const struct sim_host *host, const char *session)
{
	for (const struct list_node *node = host->done.next; node != &host->done; node = node->next)
		if (strcmp(CONTAINER_OF(node, struct item, node)->call->session, session) == 0)
			return true;
	return false;
}

/* The oldest one of some session. */
bool sim_host_tell(struct sim_host *host)
{
	for (struct list_node *node = host->news.next; node != &host->news; node = node->next) {
		struct item *item = CONTAINER_OF(node, struct item, node);
		bool is_early = is_owed_an_answer(host, item->event.session), is_first = true;
		for (struct list_node *older = host->news.next; older != node && is_first; older = older->next)
			is_first = strcmp(CONTAINER_OF(older, struct item, node)->event.session, item->event.session) != 0;
		if (!is_first || (!host->is_calm && item->due_ms > host->now_ms) || (is_early && !chance(host, host->swarm->early_event)))
			continue;
		ringcast_list_remove(&item->node);
		if (host->trace != NULL)
			fprintf(host->trace, "%10d host: event %d of %s, player %s, sequence %u\n", (int)(host->now_ms / 1000), item->event.kind,
				item->event.session, item->event.player, (unsigned)item->event.sequence);
		host->event_count++;
		ringcast_loop_tell(host->loop, &item->event);
		free(item);
		return true;
	}
	return false;
}

/* What happens by itself */

static void move_player(struct sim_host *host, struct sim_player *player)
{
	struct sim_session *session = &host->sessions[player->session];
	if (player->status == PLAYER_SESSION_RESERVED) {
		bool is_late = ringcast_prng_chance(&host->prng, 1, 4);
		player->status = is_late ? PLAYER_SESSION_TIMEDOUT : PLAYER_SESSION_ACTIVE;
		tell(host, session, is_late ? HOST_PLAYER_TIMEDOUT : HOST_PLAYER_ACTIVE, player->token);
	} else if (player->status == PLAYER_SESSION_ACTIVE) {
		player->status = PLAYER_SESSION_COMPLETED;
		tell(host, session, HOST_PLAYER_COMPLETED, player->token);
	}
}

void sim_host_player_goes(struct sim_host *host, const char *token)
{
	struct sim_player *player = sim_host_player(host, token);
	if (player == NULL || !has_place(player))
		return;
	player->status = PLAYER_SESSION_COMPLETED;
	tell(host, &host->sessions[player->session], HOST_PLAYER_COMPLETED, player->token);
}

void sim_host_happen(struct sim_host *host)
{
	if (host->session_count > 0 && host->swarm->gossip > 0 && chance(host, host->swarm->gossip))
		gossip(host);
	if (host->player_count > 0 && ringcast_prng_chance(&host->prng, 9, 10)) {
		uint32_t newest = host->player_count < 32 ? host->player_count : 32;
		struct sim_player *player = &host->players[host->player_count - 1 - ringcast_prng_below(&host->prng, newest)];
		move_player(host, player);
	} else if (host->session_count > 0) {
		struct sim_session *session = &host->sessions[ringcast_prng_below(&host->prng, host->session_count)];
		if (session->is_live && session->is_starting && ringcast_prng_chance(&host->prng, 3, 4)) {
			session->is_starting = false;
			tell(host, session, HOST_SESSION_ACTIVE, "");
		} else if (session->is_live && (session->is_ending || ringcast_prng_chance(&host->prng, 1, 4))) {
			end_session(host, session);
		}
	}
}

/* At once: it goes another way than the news, and overtakes what it likes. The newest sessions are those that nobody may know yet. */
void sim_host_emit(struct sim_host *host)
{
	char text[24];
	uint32_t newest = host->session_count < 4 ? host->session_count : 4;
	if (newest == 0)
		return;
	struct sim_session *session = &host->sessions[host->session_count - 1 - ringcast_prng_below(&host->emit_prng, newest)];
	if (!session->is_live)
		return;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)++session->emitted_event);
	struct host_event event = {.kind = HOST_GAME_EVENT, .found = json_string(text)};
	snprintf(event.session, sizeof(event.session), "%s", session->name);
	snprintf(event.text, sizeof(event.text), "count");
	host->emitted_count++;
	ringcast_loop_tell(host->loop, &event);
}
