/*
 * What a placement decision costs in CPU time: a queue of 50 destinations at 20 locations (1 000 sites), ten players who name a latency to each. Taking a request
 * in, deciding with all sites free and with all but one full, and what a room that frees and a second that passes cost while requests wait.
 * Run: micro-place [--json]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/prng.h"
#include "service/place/board.h"

enum { DESTINATIONS = 50, LOCATIONS = 20, PLAYERS = 10, LATENCIES = PLAYERS * LOCATIONS };

static bool as_json;
static char names[LOCATIONS][PLACE_LOCATION_BYTES];
static struct place_latency latencies[LATENCIES];
static const struct place_wish_options said = {.latencies = latencies, .latency_count = LATENCIES, .player_count = PLAYERS};

static double cpu_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void say(const char *what, unsigned waiting, double us)
{
	if (as_json)
		printf("{\"case\": \"%s\", \"waiting\": %u, \"us\": %.3f}\n", what, waiting, us);
	else
		printf("%-28s %8u %10.3f\n", what, waiting, us);
}

static struct place_queue *make_queue(void)
{
	struct place_queue *queue = ringcast_place_queue_create(600);
	for (uint32_t destination = 0; destination < DESTINATIONS; destination++)
		for (uint32_t location = 0; location < LOCATIONS; location++)
			if (!ringcast_place_queue_add_site(queue, destination, names[location], destination * LOCATIONS + location, 0))
				abort();
	ringcast_place_queue_add_policy(queue, (struct place_policy){60, 30});
	ringcast_place_queue_add_policy(queue, (struct place_policy){120, 60});
	if (!ringcast_place_queue_seal(queue))
		abort();
	return queue;
}

static struct place_wish *wish_of(void *context, void *owner, const struct place_queue *queue)
{
	(void)context;
	(void)owner;
	return ringcast_place_wish_create(queue, &said);
}

static void draw_players(void)
{
	struct prng prng;
	ringcast_prng_init(&prng, 1);
	for (uint32_t i = 0; i < LOCATIONS; i++)
		snprintf(names[i], sizeof(names[i]), "custom-%u", i);
	for (uint32_t i = 0; i < LATENCIES; i++)
		latencies[i] = (struct place_latency){i / LOCATIONS, names[i % LOCATIONS], (float)(20 + ringcast_prng_below(&prng, 130))};
}

static void measure_decisions(void)
{
	enum { COUNT = 20000 };
	static int64_t rooms[DESTINATIONS * LOCATIONS];
	struct place_queue *queue = make_queue();
	struct place_wish *wish = NULL;
	uint32_t sum = 0;
	double begin_us = cpu_us();
	for (int i = 0; i < COUNT; i++) {
		free(wish);
		wish = wish_of(NULL, NULL, queue);
	}
	say("take in 10 players", 0, (cpu_us() - begin_us) / COUNT);
	for (unsigned i = 0; i < DESTINATIONS * LOCATIONS; i++)
		rooms[i] = 1;
	begin_us = cpu_us();
	for (int i = 0; i < COUNT; i++)
		sum += ringcast_place_decide(queue, wish, 2, rooms, PLACE_SITE_NONE);
	say("decide, all free", 0, (cpu_us() - begin_us) / COUNT);
	memset(rooms, 0, sizeof(rooms));
	rooms[DESTINATIONS * LOCATIONS - 1] = 1;
	begin_us = cpu_us();
	for (int i = 0; i < COUNT; i++)
		sum += ringcast_place_decide(queue, wish, 2, rooms, PLACE_SITE_NONE);
	say("decide, one is free", 0, (cpu_us() - begin_us) / COUNT);
	if (sum == 0)
		abort();
	free(wish);
	ringcast_place_queue_destroy(&queue);
}

static struct place_board *make_board(unsigned waiting)
{
	struct place_board *board = ringcast_place_board_create(&(struct place_board_options){.wish = wish_of, .requests_max = waiting});
	struct place_effect effect;
	for (unsigned i = 0; i < DESTINATIONS * LOCATIONS; i++)
		ringcast_place_board_add_pool(board);
	if (!ringcast_place_board_set_queue(board, "q", make_queue(), 0))
		abort();
	for (unsigned i = 0; i < waiting; i++)
		if (ringcast_place_board_add(board, "q", NULL, 0) == NULL)
			abort();
	while (ringcast_place_board_next(board, &effect))
		abort();
	return board;
}

static void measure_board(unsigned waiting)
{
	enum { ROOMS = 500, TICKS = 1000 };
	struct place_board *board = make_board(waiting);
	struct place_effect effect;
	double begin_us = cpu_us();
	for (int i = 0; i < TICKS; i++) {
		ringcast_place_board_tick(board, i);
		if (ringcast_place_board_next(board, &effect))
			abort();
	}
	say("a turn while all wait", waiting, (cpu_us() - begin_us) / TICKS);
	ringcast_place_board_tick(board, 100000);
	while (ringcast_place_board_next(board, &effect))
		abort();
	begin_us = cpu_us();
	for (unsigned i = 0; i < ROOMS; i++) {
		ringcast_place_board_set_room(board, i, 1);
		if (!ringcast_place_board_next(board, &effect))
			abort();
		ringcast_place_board_remove(board, &effect.request);
	}
	say("a room frees", waiting, (cpu_us() - begin_us) / ROOMS);
	ringcast_place_board_destroy(&board);
}

int main(int argc, char **argv)
{
	as_json = argc > 1 && strcmp(argv[1], "--json") == 0;
	if (!as_json)
		printf("%-28s %8s %10s\n", "case", "waiting", "CPU us");
	draw_players();
	measure_decisions();
	measure_board(1000);
	measure_board(10000);
	measure_board(100000);
	return 0;
}
