/*
 * Areas of interest: with --grid each session's world is a square of cells, each cell a group. A player is in the groups of its own cell and
 * of the cells around it, sends to its own, and moves to a neighbour now and then, leaving what went out of sight and joining what came in.
 */
#include "bench/load/load.h"

#include <stdlib.h>

/* What was due so long after a player left a cell, and comes to it nevertheless, is a leak; before, it may have been under way. */
static const uint64_t grace_ns = 10 * NS_PER_S;

static uint32_t side(const struct world *world)
{
	return (uint32_t)world->options.grid_side;
}

bool ringcast_area_create(struct world *world)
{
	size_t cell_count = (size_t)side(world) * side(world);
	if (cell_count == 0)
		return true;
	world->seen_until_ns = calloc(world->bot_count * cell_count, sizeof(*world->seen_until_ns));
	for (uint32_t i = 0; i < world->bot_count; i++) {
		world->bots[i].column = (uint16_t)ringcast_prng_below(&world->prng, side(world));
		world->bots[i].row = (uint16_t)ringcast_prng_below(&world->prng, side(world));
	}
	return world->seen_until_ns != NULL;
}

uint32_t ringcast_area_group(const struct bot *bot)
{
	return 1 + bot->row * side(bot->world) + bot->column;
}

static uint64_t *seen_until(const struct bot *bot, uint32_t group)
{
	size_t cell_count = (size_t)side(bot->world) * side(bot->world);
	return &bot->world->seen_until_ns[(size_t)(bot - bot->world->bots) * cell_count + group - 1];
}

static bool is_in_sight(const struct bot *bot, uint32_t column, uint32_t row)
{
	return abs((int)column - bot->column) <= 1 && abs((int)row - bot->row) <= 1;
}

static void change(struct bot *bot, enum opcode opcode, uint32_t group)
{
	bool is_join = opcode == OPCODE_JOIN_GROUP;
	ringcast_client_core_send_group(&bot->core, opcode, (int32_t)group);
	*seen_until(bot, group) = is_join ? UINT64_MAX : bot->world->now_ns;
	bot->world->counts.joins += is_join;
	bot->world->counts.leaves += !is_join;
}

/* Only what is near can change: two cells to each side of where the player is now. */
static void look_around(struct bot *bot)
{
	uint32_t last = side(bot->world) - 1;
	uint32_t row_end = bot->row + 2u < last ? bot->row + 2u : last, column_end = bot->column + 2u < last ? bot->column + 2u : last;
	for (uint32_t row = bot->row > 2 ? bot->row - 2u : 0; row <= row_end; row++) {
		for (uint32_t column = bot->column > 2 ? bot->column - 2u : 0; column <= column_end; column++) {
			uint32_t group = 1 + row * (last + 1) + column;
			bool is_member = *seen_until(bot, group) == UINT64_MAX, is_seen = is_in_sight(bot, column, row);
			if (is_seen != is_member)
				change(bot, is_seen ? OPCODE_JOIN_GROUP : OPCODE_LEAVE_GROUP, group);
		}
	}
}

void ringcast_area_enter(struct bot *bot)
{
	for (uint32_t group = 1; group <= side(bot->world) * side(bot->world); group++)
		*seen_until(bot, group) = 0;
	look_around(bot);
}

/* One cell to one of the four sides; who stands at the edge turns back. */
static void move(struct bot *bot)
{
	uint64_t way = ringcast_prng_below(&bot->world->prng, 4);
	uint16_t *place = way < 2 ? &bot->column : &bot->row;
	uint32_t last = side(bot->world) - 1;
	if (last == 0)
		return;
	bool is_up = *place == 0 || (way % 2 == 0 && *place < last);
	*place = (uint16_t)(is_up ? *place + 1 : *place - 1);
	bot->world->counts.moves++;
	look_around(bot);
}

void ringcast_area_step(struct world *world)
{
	enum { MOVES_A_TURN_MAX = 16 };
	double moves_per_second = world->options.move_rate * world->bot_count;
	if (side(world) == 0 || moves_per_second <= 0)
		return;
	if (world->move_next_ns == 0)
		world->move_next_ns = world->now_ns;
	for (unsigned i = 0; i < MOVES_A_TURN_MAX && world->move_next_ns <= world->now_ns; i++) {
		struct bot *bot = &world->bots[ringcast_prng_below(&world->prng, world->bot_count)];
		world->move_next_ns += (uint64_t)(1e9 / moves_per_second);
		if (bot->state == BOT_READY && !bot->is_slow)
			move(bot);
	}
}

bool ringcast_area_may_see(const struct bot *bot, uint32_t group, uint64_t intended_ns)
{
	if (group == 0 || group > side(bot->world) * side(bot->world))
		return false;
	uint64_t until_ns = *seen_until(bot, group);
	return until_ns != 0 && (until_ns == UINT64_MAX || intended_ns < until_ns + grace_ns);
}
