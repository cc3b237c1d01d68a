/* What is counted of matchmaking, in all and of each configuration. */
#include <assert.h>

#include "service/matchmaking/private.h"

/* The one cell behind the counts: tickets that have not ended, which is counted anew each time that it is shown. */
enum { CELL_CURRENT = MATCH_COUNT_COUNT };
static_assert((int)CELL_CURRENT < (int)TALLY_CELLS_MAX, "a cell each");

void ringcast_matchmaking_note(struct matchmaking *matchmaking, const char *configuration, enum match_count count, uint64_t by)
{
	ringcast_tally_of(&matchmaking->counts, configuration)->cells[count] += by;
}

struct matchmaking_counts ringcast_matchmaking_count(const struct matchmaking *matchmaking)
{
	return (struct matchmaking_counts){
#define MATCHMAKING_COUNT(name, help) .name = ringcast_tallies_sum(&matchmaking->counts, MATCH_COUNT_##name),
		MATCHMAKING_COUNTS(MATCHMAKING_COUNT)
#undef MATCHMAKING_COUNT
		.time_to_match_ms = ringcast_tallies_sum(&matchmaking->counts, MATCH_COUNT_time_to_match_ms),
		.current_tickets = matchmaking->live_count,
		.kept_tickets = matchmaking->ended_count,
	};
}

static void put_current(struct matchmaking *matchmaking)
{
	for (struct list_node *node = matchmaking->counts.all.next; node != &matchmaking->counts.all; node = node->next)
		CONTAINER_OF(node, struct tally, node)->cells[CELL_CURRENT] = 0;
	matchmaking->counts.others.cells[CELL_CURRENT] = 0;
	for (struct list_node *node = matchmaking->makers.next; node != &matchmaking->makers; node = node->next) {
		const struct maker *maker = CONTAINER_OF(node, struct maker, node);
		ringcast_tally_of(&matchmaking->counts, maker->name)->cells[CELL_CURRENT] += maker->live_count;
	}
}

json_t *ringcast_matchmaking_show_configurations(struct matchmaking *matchmaking)
{
	static const char *const names[TALLY_CELLS_MAX] = {
#define MATCHMAKING_COUNT(name, help) [MATCH_COUNT_##name] = #name,
		MATCHMAKING_COUNTS(MATCHMAKING_COUNT)
#undef MATCHMAKING_COUNT
		[MATCH_COUNT_time_to_match_ms] = "time_to_match_ms",
		[CELL_CURRENT] = "current_tickets",
	};
	put_current(matchmaking);
	return ringcast_tallies_show(&matchmaking->counts, names, matchmaking->model->settings.metric_names_max);
}
