/*
 * A ticket as rules see it: players who want to play together, one value a column. What a ticket says is checked against the rule set when it comes, so that a
 * search never meets a value of the wrong kind. One block of memory each. Immutable; one thread frees it.
 */
#ifndef RINGCAST_SERVICE_MATCH_TICKET_H
#define RINGCAST_SERVICE_MATCH_TICKET_H

#include "base/assert.h"
#include "base/types.h"
#include "service/match/rule_set.h"

enum { MATCH_REGIONS_MAX = 64, MATCH_TICKET_PLAYERS_MAX = MATCH_SMALL_PLAYERS_MAX, MATCH_TICKET_PROBLEM_BYTES = 256, MATCH_LATENCY_KINDS = 3 };

/* Regions by number, in the order in which tickets name them. A pool has one; tickets of one pool are read under the same. */
struct match_regions {
	uint16_t count;
	char names[MATCH_REGIONS_MAX][MATCH_NAME_BYTES];
};

struct match_cell {
	union {
		double number;
		struct {
			uint32_t first, count; /* in texts; a map's pair takes two: the key, and the number's bits */
		};
	};
};

struct match_ticket {
	uint64_t created_ns;
	uint32_t player_count;
	const uint64_t *players; /* their ids */
	uint64_t regions; /* those that every player has named; bit per region */
	const struct match_cell *cells; /* by column */
	const uint64_t *texts;
	/* By aggregation (MATCH_AVERAGE, _MIN, _MAX) and by the region's place among the set bits of regions. */
	const float *latencies[MATCH_LATENCY_KINDS];
};

/*
 * players: an array as StartMatchmaking has it: PlayerId, PlayerAttributes {name: {"N": 3} | {"S": "x"} | {"SL": []} | {"SDM": {}}}, LatencyInMs {region: ms}.
 * NULL: problem names the player and what is wrong. The caller destroys.
 */
struct match_ticket *ringcast_match_ticket_create(const struct match_rule_set *rule_set, struct match_regions *regions, const json_t *players,
						  uint64_t created_ns, char problem[MATCH_TICKET_PROBLEM_BYTES]);
void ringcast_match_ticket_destroy(struct match_ticket **ticket);
size_t ringcast_match_ticket_bytes(const struct match_rule_set *rule_set, const struct match_ticket *ticket);

/* The ticket's latency to a region it has. */
static inline float ringcast_match_latency(const struct match_ticket *ticket, unsigned region, enum match_aggregation aggregation)
{
	ringcast_assert_slow((ticket->regions >> region & 1) != 0);
	return ticket->latencies[aggregation][__builtin_popcountll(ticket->regions & ((UINT64_C(1) << region) - 1))];
}

#endif
