#include "service/place/board.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"
#include "base/list.h"

enum { REST_MS = 1000 };

enum request_state { REQUEST_WAITING, REQUEST_TRYING, REQUEST_RESTING, REQUEST_OVER };

/* A request at one location. */
struct wait {
	struct list_node node; /* line.waits */
	struct place_request *request;
};

/* A queue and who is in it. */
struct line {
	struct list_node node; /* board.lines */
	char name[PLACE_QUEUE_NAME_BYTES];
	struct place_queue *queue;
	struct list_node stages[PLACE_STAGES_MAX]; /* of every request by its stage, oldest first */
	struct list_node *waits; /* by location and stage */
	int64_t newest_ms;
	uint32_t count;
};

struct place_request {
	struct line *line;
	void *owner;
	uint64_t number; /* the order of fairness */
	int64_t started_ms, rest_until_ms;
	enum request_state state;
	uint8_t stage;
	uint32_t attempts;
	uint32_t site, pool, avoid;
	enum place_effect_kind end; /* of one that is over */
	struct list_node age_node;   /* line.stages */
	struct list_node fresh_node; /* board.fresh: to be looked at */
	struct list_node rest_node;  /* board.resting, or over */
	struct place_wish *wish;
	struct wait *waits;	/* by location */
};

struct place_board {
	struct place_board_options options;
	struct list_node lines, fresh, over;
	struct list_node resting[PLACE_ATTEMPTS_MAX]; /* by attempt, so that each is in the order of time */
	int64_t *rooms;
	uint32_t pool_count, pool_capacity;
	uint32_t *spare; /* numbers of pools that were removed, a stack */
	uint32_t spare_count;
	uint32_t *open; /* pools with room that were not looked at since it came, a stack */
	bool *is_open;
	uint32_t open_count;
	uint64_t next_number, decision_count;
	uint32_t count;
};

/* Life */

struct place_board *ringcast_place_board_create(const struct place_board_options *options)
{
	struct place_board *board = calloc(1, sizeof(*board));
	if (board == NULL)
		return NULL;
	board->options = *options;
	ringcast_list_init(&board->lines);
	ringcast_list_init(&board->fresh);
	ringcast_list_init(&board->over);
	for (size_t i = 0; i < PLACE_ATTEMPTS_MAX; i++)
		ringcast_list_init(&board->resting[i]);
	return board;
}

static void line_free(struct line *line)
{
	ringcast_place_queue_destroy(&line->queue);
	free(line->waits);
	free(line);
}

static void unlink_if(struct list_node *node)
{
	if (ringcast_list_has(node))
		ringcast_list_remove(node);
}

static void stop_waiting(struct place_request *request)
{
	for (uint16_t i = 0; request->waits != NULL && i < request->wish->location_count; i++)
		unlink_if(&request->waits[i].node);
	unlink_if(&request->fresh_node);
}

void ringcast_place_board_remove(struct place_board *board, struct place_request **request)
{
	struct place_request *old = *request;
	if (old == NULL)
		return;
	stop_waiting(old);
	unlink_if(&old->rest_node);
	unlink_if(&old->age_node);
	if (old->line != NULL)
		old->line->count--;
	board->count--;
	free(old->wish);
	free(old->waits);
	free(old);
	*request = NULL;
}

static void remove_all(struct place_board *board, struct list_node *list, size_t node_offset)
{
	while (!ringcast_list_is_empty(list)) {
		struct place_request *request = (void *)((char *)list->next - node_offset);
		ringcast_place_board_remove(board, &request);
	}
}

void ringcast_place_board_destroy(struct place_board **board)
{
	struct place_board *old = *board;
	if (old == NULL)
		return;
	while (!ringcast_list_is_empty(&old->lines)) {
		struct line *line = CONTAINER_OF(old->lines.next, struct line, node);
		for (size_t i = 0; i < PLACE_STAGES_MAX; i++)
			remove_all(old, &line->stages[i], offsetof(struct place_request, age_node));
		ringcast_list_remove(&line->node);
		line_free(line);
	}
	remove_all(old, &old->over, offsetof(struct place_request, rest_node));
	free(old->rooms);
	free(old->spare);
	free(old->open);
	free(old->is_open);
	free(old);
	*board = NULL;
}

/* Pools */

static bool grow_pools(struct place_board *board)
{
	uint32_t capacity = board->pool_capacity > 0 ? 2 * board->pool_capacity : 8;
	int64_t *rooms = realloc(board->rooms, capacity * sizeof(*rooms));
	if (rooms != NULL)
		board->rooms = rooms;
	uint32_t *open = realloc(board->open, capacity * sizeof(*open));
	if (open != NULL)
		board->open = open;
	uint32_t *spare = realloc(board->spare, capacity * sizeof(*spare));
	if (spare != NULL)
		board->spare = spare;
	bool *is_open = realloc(board->is_open, capacity * sizeof(*is_open));
	if (is_open != NULL)
		board->is_open = is_open;
	if (rooms == NULL || open == NULL || spare == NULL || is_open == NULL)
		return false;
	board->pool_capacity = capacity;
	return true;
}

uint32_t ringcast_place_board_add_pool(struct place_board *board)
{
	if (board->spare_count > 0)
		return board->spare[--board->spare_count];
	if (board->pool_count == board->pool_capacity && !grow_pools(board))
		return PLACE_POOL_NONE;
	board->rooms[board->pool_count] = 0;
	board->is_open[board->pool_count] = false;
	return board->pool_count++;
}

/* It may still lie among those with room to be looked at, where it is found to have none. */
void ringcast_place_board_remove_pool(struct place_board *board, uint32_t pool)
{
	ringcast_assert(pool < board->pool_count && board->spare_count < board->pool_count);
	board->rooms[pool] = 0;
	board->spare[board->spare_count++] = pool;
}

void ringcast_place_board_mark_pools(const struct place_board *board, bool *is_used)
{
	for (struct list_node *node = board->lines.next; node != &board->lines; node = node->next) {
		const struct place_queue *queue = CONTAINER_OF(node, struct line, node)->queue;
		for (uint32_t i = 0; i < ringcast_place_queue_site_count(queue); i++)
			is_used[ringcast_place_queue_site(queue, i)->pool] = true;
	}
}

void ringcast_place_board_set_room(struct place_board *board, uint32_t pool, int64_t room)
{
	ringcast_assert(pool < board->pool_count);
	board->rooms[pool] = room;
	if (room <= 0 || board->is_open[pool])
		return;
	board->is_open[pool] = true;
	board->open[board->open_count++] = pool;
}

int64_t ringcast_place_board_room(const struct place_board *board, uint32_t pool)
{
	ringcast_assert(pool < board->pool_count);
	return board->rooms[pool];
}

/* Waiting */

static struct list_node *waits_at(const struct line *line, uint16_t location, uint8_t stage)
{
	return &line->waits[(size_t)location * PLACE_STAGES_MAX + stage];
}

/* New ones are the newest; who comes back is among the oldest. */
static void insert_wait(struct list_node *list, struct wait *wait)
{
	struct list_node *before = list;
	if (!ringcast_list_is_empty(list) && CONTAINER_OF(list->prev, struct wait, node)->request->number > wait->request->number) {
		before = list->next;
		while (CONTAINER_OF(before, struct wait, node)->request->number < wait->request->number)
			before = before->next;
	}
	ringcast_list_add_tail(before, &wait->node);
}

static void begin_waiting(struct place_board *board, struct place_request *request)
{
	request->state = REQUEST_WAITING;
	for (uint16_t i = 0; i < request->wish->location_count; i++) {
		uint8_t stage = request->wish->locations[i].first_stage;
		if (stage != PLACE_STAGE_NEVER)
			insert_wait(waits_at(request->line, i, stage), &request->waits[i]);
	}
	ringcast_list_add_tail(&board->fresh, &request->fresh_node);
}

/* The queue may be gone before the owner hears of it. */
static void end_request(struct place_board *board, struct place_request *request, enum place_effect_kind end)
{
	stop_waiting(request);
	unlink_if(&request->rest_node);
	unlink_if(&request->age_node);
	request->line->count--;
	request->line = NULL;
	request->state = REQUEST_OVER;
	request->end = end;
	ringcast_list_add_tail(&board->over, &request->rest_node);
}

/* Takes the wish anew from the owner; the request is in no list of its old one. False: out of memory. */
static bool renew_wish(struct place_board *board, struct place_request *request)
{
	free(request->wish);
	free(request->waits);
	request->waits = NULL;
	request->site = request->avoid = PLACE_SITE_NONE;
	request->wish = board->options.wish(board->options.context, request->owner, request->line->queue);
	if (request->wish == NULL)
		return false;
	request->waits = calloc(request->wish->location_count + 1u, sizeof(*request->waits));
	for (uint16_t i = 0; request->waits != NULL && i < request->wish->location_count; i++)
		request->waits[i].request = request;
	return request->waits != NULL;
}

static uint8_t stage_of(const struct place_queue *queue, int64_t age_ms)
{
	uint8_t stage = 0;
	while (stage + 1 < ringcast_place_queue_stage_count(queue) && age_ms >= ringcast_place_queue_stage_begins_ms(queue, (uint8_t)(stage + 1)))
		stage++;
	return stage;
}

/* Queues */

static struct line *find_line(const struct place_board *board, const char *name)
{
	for (struct list_node *node = board->lines.next; node != &board->lines; node = node->next)
		if (strcmp(CONTAINER_OF(node, struct line, node)->name, name) == 0)
			return CONTAINER_OF(node, struct line, node);
	return NULL;
}

static struct list_node *waits_create(const struct place_queue *queue)
{
	size_t count = (ringcast_place_queue_location_count(queue) + 1u) * PLACE_STAGES_MAX;
	struct list_node *waits = calloc(count, sizeof(*waits));
	for (size_t i = 0; waits != NULL && i < count; i++)
		ringcast_list_init(&waits[i]);
	return waits;
}

static struct line *add_line(struct place_board *board, const char *name)
{
	struct line *line = strlen(name) < PLACE_QUEUE_NAME_BYTES ? calloc(1, sizeof(*line)) : NULL;
	if (line == NULL)
		return NULL;
	strcpy(line->name, name);
	line->newest_ms = INT64_MIN;
	for (size_t i = 0; i < PLACE_STAGES_MAX; i++)
		ringcast_list_init(&line->stages[i]);
	ringcast_list_add_tail(&board->lines, &line->node);
	return line;
}

/* Everybody in it, oldest first, out of the lists of the old queue. */
static void take_requests(struct line *line, struct list_node *ret_list)
{
	ringcast_list_init(ret_list);
	for (size_t stage = PLACE_STAGES_MAX; stage-- > 0;)
		while (!ringcast_list_is_empty(&line->stages[stage])) {
			struct place_request *request = CONTAINER_OF(line->stages[stage].next, struct place_request, age_node);
			stop_waiting(request);
			ringcast_list_remove(&request->age_node);
			ringcast_list_add_tail(ret_list, &request->age_node);
		}
}

static void give_requests(struct place_board *board, struct line *line, struct list_node *list, int64_t now_ms)
{
	while (!ringcast_list_is_empty(list)) {
		struct place_request *request = CONTAINER_OF(list->next, struct place_request, age_node);
		ringcast_list_remove(&request->age_node);
		if (line->queue == NULL || !renew_wish(board, request)) {
			end_request(board, request, PLACE_FAILED);
			continue;
		}
		request->stage = stage_of(line->queue, now_ms - request->started_ms);
		ringcast_list_add_tail(&line->stages[request->stage], &request->age_node);
		if (request->state == REQUEST_WAITING)
			begin_waiting(board, request);
	}
}

bool ringcast_place_board_set_queue(struct place_board *board, const char *name, struct place_queue *queue, int64_t now_ms)
{
	struct list_node requests;
	struct line *line = find_line(board, name);
	struct list_node *waits = queue != NULL ? waits_create(queue) : NULL;
	if (queue == NULL && line == NULL)
		return true;
	if (line == NULL && waits != NULL)
		line = add_line(board, name);
	if (line == NULL || (queue != NULL && waits == NULL)) {
		free(waits);
		ringcast_place_queue_destroy(&queue);
		return false;
	}
	take_requests(line, &requests);
	ringcast_place_queue_destroy(&line->queue);
	free(line->waits);
	line->queue = queue;
	line->waits = waits;
	give_requests(board, line, &requests, now_ms);
	if (queue == NULL) {
		ringcast_list_remove(&line->node);
		line_free(line);
	}
	return true;
}

const struct place_queue *ringcast_place_board_queue(const struct place_board *board, const char *name)
{
	const struct line *line = find_line(board, name);
	return line != NULL ? line->queue : NULL;
}

/* Requests */

struct place_request *ringcast_place_board_add(struct place_board *board, const char *queue, void *owner, int64_t started_ms)
{
	struct line *line = find_line(board, queue);
	struct place_request *request = line != NULL && board->count < board->options.requests_max ? calloc(1, sizeof(*request)) : NULL;
	if (request == NULL)
		return NULL;
	request->line = line;
	request->owner = owner;
	if (!renew_wish(board, request)) {
		free(request->wish);
		free(request);
		return NULL;
	}
	/* Of one queue nobody is older than who came before. */
	line->newest_ms = request->started_ms = started_ms > line->newest_ms ? started_ms : line->newest_ms;
	request->number = board->next_number++;
	line->count++;
	board->count++;
	ringcast_list_add_tail(&line->stages[0], &request->age_node);
	begin_waiting(board, request);
	return request;
}

void ringcast_place_board_note_full(struct place_board *board, struct place_request *request)
{
	if (request->state != REQUEST_TRYING)
		return;
	board->rooms[request->pool] = 0;
	begin_waiting(board, request);
}

bool ringcast_place_board_note_failure(struct place_board *board, struct place_request *request, int64_t now_ms)
{
	if (request->state != REQUEST_TRYING)
		return true;
	request->avoid = request->site;
	if (++request->attempts >= PLACE_ATTEMPTS_MAX)
		return false;
	request->state = REQUEST_RESTING;
	request->rest_until_ms = now_ms + ((int64_t)REST_MS << (request->attempts - 1));
	ringcast_list_add_tail(&board->resting[request->attempts], &request->rest_node);
	return true;
}

/* Time */

static void end_rests(struct place_board *board, int64_t now_ms)
{
	for (size_t i = 0; i < PLACE_ATTEMPTS_MAX; i++)
		while (!ringcast_list_is_empty(&board->resting[i])) {
			struct place_request *request = CONTAINER_OF(board->resting[i].next, struct place_request, rest_node);
			if (request->rest_until_ms > now_ms)
				break;
			ringcast_list_remove(&request->rest_node);
			begin_waiting(board, request);
		}
}

/* Whoever leaves a stage goes behind those who are in the next, who are older. */
static void end_stage(struct place_board *board, struct line *line, uint8_t stage, int64_t now_ms)
{
	int64_t begins_ms = ringcast_place_queue_stage_begins_ms(line->queue, (uint8_t)(stage + 1));
	while (!ringcast_list_is_empty(&line->stages[stage])) {
		struct place_request *request = CONTAINER_OF(line->stages[stage].next, struct place_request, age_node);
		if (now_ms - request->started_ms < begins_ms)
			return;
		ringcast_list_remove(&request->age_node);
		request->stage = (uint8_t)(stage + 1);
		ringcast_list_add_tail(&line->stages[request->stage], &request->age_node);
		if (request->state == REQUEST_WAITING && !ringcast_list_has(&request->fresh_node))
			ringcast_list_add_tail(&board->fresh, &request->fresh_node);
	}
}

static void time_out(struct place_board *board, struct line *line, int64_t now_ms)
{
	for (size_t stage = 0; stage < PLACE_STAGES_MAX; stage++)
		while (!ringcast_list_is_empty(&line->stages[stage])) {
			struct place_request *request = CONTAINER_OF(line->stages[stage].next, struct place_request, age_node);
			if (now_ms - request->started_ms < ringcast_place_queue_timeout_ms(line->queue))
				break;
			end_request(board, request, PLACE_TIMED_OUT);
		}
}

void ringcast_place_board_tick(struct place_board *board, int64_t now_ms)
{
	for (struct list_node *node = board->lines.next; node != &board->lines; node = node->next) {
		struct line *line = CONTAINER_OF(node, struct line, node);
		time_out(board, line, now_ms);
		for (uint8_t stage = 0; stage + 1 < ringcast_place_queue_stage_count(line->queue); stage++)
			end_stage(board, line, stage, now_ms);
	}
	end_rests(board, now_ms);
}

/* Effects */

static void look_at_location(const struct line *line, uint16_t location, struct place_request **oldest)
{
	for (uint8_t stage = 0; stage < ringcast_place_queue_stage_count(line->queue); stage++) {
		struct list_node *list = waits_at(line, location, stage);
		struct place_request *first = ringcast_list_is_empty(list) ? NULL : CONTAINER_OF(list->next, struct wait, node)->request;
		if (first != NULL && first->stage >= stage && (*oldest == NULL || first->number < (*oldest)->number))
			*oldest = first;
	}
}

/* Of all who accept a site of this pool now. */
static struct place_request *find_oldest(const struct place_board *board, uint32_t pool)
{
	struct place_request *oldest = NULL;
	for (struct list_node *node = board->lines.next; node != &board->lines; node = node->next) {
		uint32_t count;
		const struct line *line = CONTAINER_OF(node, struct line, node);
		const struct place_pair *pairs = line->count > 0 ? ringcast_place_queue_pairs(line->queue, pool, &count) : NULL;
		for (uint32_t i = 0; pairs != NULL && i < count; i++)
			look_at_location(line, pairs[i].location, &oldest);
	}
	return oldest;
}

static uint32_t decide(struct place_board *board, const struct place_request *request)
{
	board->decision_count++;
	return ringcast_place_decide(request->line->queue, request->wish, request->stage, board->rooms, request->avoid);
}

static void begin_try(struct place_board *board, struct place_request *request, uint32_t index, struct place_effect *ret_effect)
{
	const struct place_queue *queue = request->line->queue;
	const struct place_site *site = ringcast_place_queue_site(queue, index);
	stop_waiting(request);
	request->state = REQUEST_TRYING;
	request->site = index;
	request->pool = site->pool;
	board->rooms[site->pool]--;
	*ret_effect = (struct place_effect){.kind = PLACE_TRY, .request = request, .owner = request->owner, .destination = site->destination,
					    .pool = site->pool, .location = ringcast_place_queue_location(queue, site->location)};
}

/*
 * The room of the pool goes to the oldest who accepts it. If that one has a better site elsewhere, an older one may have been waiting for that, and so
 * on; each is older than the one before.
 */
static bool fill_pool(struct place_board *board, uint32_t pool, struct place_effect *ret_effect)
{
	struct place_request *request = board->rooms[pool] > 0 ? find_oldest(board, pool) : NULL;
	if (request == NULL)
		return false;
	for (;;) {
		uint32_t index = decide(board, request);
		ringcast_assert(index != PLACE_SITE_NONE);
		uint32_t site_pool = ringcast_place_queue_site(request->line->queue, index)->pool;
		struct place_request *oldest = site_pool != pool ? find_oldest(board, site_pool) : request;
		if (oldest == request) {
			begin_try(board, request, index, ret_effect);
			return true;
		}
		request = oldest;
		pool = site_pool;
	}
}

static bool fill_pools(struct place_board *board, struct place_effect *ret_effect)
{
	while (board->open_count > 0) {
		uint32_t pool = board->open[board->open_count - 1];
		if (fill_pool(board, pool, ret_effect))
			return true;
		board->is_open[pool] = false;
		board->open_count--;
	}
	return false;
}

/* What a fresh request would take is offered to all who wait for it. */
static bool look_at_fresh(struct place_board *board, struct place_effect *ret_effect)
{
	while (!ringcast_list_is_empty(&board->fresh)) {
		struct place_request *request = CONTAINER_OF(board->fresh.next, struct place_request, fresh_node);
		uint32_t index = decide(board, request);
		if (index != PLACE_SITE_NONE)
			return fill_pool(board, ringcast_place_queue_site(request->line->queue, index)->pool, ret_effect);
		ringcast_list_remove(&request->fresh_node);
		if (!request->wish->is_override_only)
			request->wish->has_override = false; /* that was its one look */
	}
	return false;
}

static bool end_next(struct place_board *board, struct place_effect *ret_effect)
{
	if (ringcast_list_is_empty(&board->over))
		return false;
	struct place_request *request = CONTAINER_OF(board->over.next, struct place_request, rest_node);
	ringcast_list_remove(&request->rest_node);
	*ret_effect = (struct place_effect){.kind = request->end, .request = request, .owner = request->owner};
	return true;
}

bool ringcast_place_board_next(struct place_board *board, struct place_effect *ret_effect)
{
	return end_next(board, ret_effect) || fill_pools(board, ret_effect) || look_at_fresh(board, ret_effect);
}

/* Metrics */

uint32_t ringcast_place_board_depth(const struct place_board *board, const char *queue)
{
	const struct line *line = queue != NULL ? find_line(board, queue) : NULL;
	return queue == NULL ? board->count : line != NULL ? line->count : 0;
}

static bool oldest_of_line(const struct line *line, int64_t *ret_started_ms)
{
	for (size_t stage = PLACE_STAGES_MAX; stage-- > 0;)
		if (!ringcast_list_is_empty(&line->stages[stage])) {
			*ret_started_ms = CONTAINER_OF(line->stages[stage].next, struct place_request, age_node)->started_ms;
			return true;
		}
	return false;
}

bool ringcast_place_board_oldest_ms(const struct place_board *board, const char *queue, int64_t *ret_started_ms)
{
	bool is_any = false;
	int64_t started_ms;
	for (struct list_node *node = board->lines.next; node != &board->lines; node = node->next) {
		const struct line *line = CONTAINER_OF(node, struct line, node);
		if ((queue != NULL && strcmp(line->name, queue) != 0) || !oldest_of_line(line, &started_ms))
			continue;
		*ret_started_ms = is_any && *ret_started_ms < started_ms ? *ret_started_ms : started_ms;
		is_any = true;
	}
	return is_any;
}

uint64_t ringcast_place_board_decisions(const struct place_board *board)
{
	return board->decision_count;
}

uint8_t ringcast_place_request_stage(const struct place_request *request)
{
	return request->stage;
}
