/*
 * A lineup: tickets in teams, a match or what may become one. Borrowed tickets; a value that is built up and taken back by a search. One thread.
 */
#ifndef RINGCAST_SERVICE_MATCH_LINEUP_H
#define RINGCAST_SERVICE_MATCH_LINEUP_H

#include "service/match/rule_set.h"
#include "service/match/ticket.h"

struct lineup {
	uint16_t count, capacity, player_count;
	uint64_t newest_ns, oldest_ns; /* when its youngest and oldest ticket came */
	uint16_t team_players[MATCH_TEAMS_MAX];
	const struct match_ticket **tickets; /* the caller's memory, for capacity of both */
	uint8_t *teams;
};

/* A lineup for a small match, with its memory. */
struct small_lineup {
	struct lineup lineup;
	const struct match_ticket *tickets[MATCH_SMALL_PLAYERS_MAX];
	uint8_t teams[MATCH_SMALL_PLAYERS_MAX];
};

static inline void ringcast_lineup_init(struct small_lineup *small)
{
	memset(&small->lineup, 0, sizeof(small->lineup));
	small->lineup.capacity = MATCH_SMALL_PLAYERS_MAX;
	small->lineup.tickets = small->tickets;
	small->lineup.teams = small->teams;
	small->lineup.oldest_ns = UINT64_MAX;
}

static inline void ringcast_lineup_add(struct lineup *lineup, const struct match_ticket *ticket, uint8_t team)
{
	ringcast_assert(lineup->count < lineup->capacity && team < MATCH_TEAMS_MAX);
	lineup->tickets[lineup->count] = ticket;
	lineup->teams[lineup->count++] = team;
	lineup->player_count = (uint16_t)(lineup->player_count + ticket->player_count);
	lineup->team_players[team] = (uint16_t)(lineup->team_players[team] + ticket->player_count);
	lineup->newest_ns = ticket->created_ns > lineup->newest_ns ? ticket->created_ns : lineup->newest_ns;
	lineup->oldest_ns = ticket->created_ns < lineup->oldest_ns ? ticket->created_ns : lineup->oldest_ns;
}

/* Takes back what was added last. The clock is the caller's to restore: it knows what it was before. */
static inline void ringcast_lineup_remove_last(struct lineup *lineup, uint64_t newest_ns, uint64_t oldest_ns)
{
	ringcast_assert(lineup->count > 0);
	const struct match_ticket *ticket = lineup->tickets[--lineup->count];
	uint8_t team = lineup->teams[lineup->count];
	lineup->player_count = (uint16_t)(lineup->player_count - ticket->player_count);
	lineup->team_players[team] = (uint16_t)(lineup->team_players[team] - ticket->player_count);
	lineup->newest_ns = newest_ns;
	lineup->oldest_ns = oldest_ns;
}

#endif
