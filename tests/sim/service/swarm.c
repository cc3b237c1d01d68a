#include "swarm.h"

#include <string.h>

#include "../draw.h"

static void draw_faults(struct swarm *swarm, struct prng *prng)
{
	swarm->crash = draw_maybe(prng, 20);
	swarm->torn = draw_maybe(prng, 1000);
	swarm->write_error = draw_maybe(prng, 100);
	swarm->full = draw_maybe(prng, 30);
	swarm->slow = draw_maybe(prng, 800);
	swarm->disorder = draw_maybe(prng, 1000);
	swarm->silent = draw_maybe(prng, 100);
	swarm->refuse = draw_maybe(prng, 200);
	swarm->lie = draw_maybe(prng, 100);
	swarm->die = draw_maybe(prng, 10);
	swarm->slow_start = draw_maybe(prng, 1000);
	swarm->early_event = draw_maybe(prng, 1000);
	swarm->double_event = draw_maybe(prng, 500);
	swarm->drop_event = draw_maybe(prng, 200);
	swarm->repeat = draw_maybe(prng, 500);
	swarm->vanish = draw_maybe(prng, 300);
	swarm->nonsense = draw_maybe(prng, 200);
	swarm->jump = draw_maybe(prng, 20);
	swarm->clock = draw_maybe(prng, 20);
}

/* Worlds in which matches go on: most of what clients do is about them, and there is room. */
static void draw_fill(struct swarm *swarm, struct prng *prng)
{
	swarm->match_per_mille = draw_between(prng, 500, 900);
	swarm->place_per_mille /= 4;
	swarm->sessions_max = swarm->sessions_max > 10 ? swarm->sessions_max : 10;
	swarm->players_per_session_max = swarm->players_per_session_max > 4 ? swarm->players_per_session_max : 4;
}

void sim_swarm_draw(struct swarm *swarm, uint64_t seed)
{
	static const int64_t pauses[] = {1, 20, 300, 3000};
	struct prng prng;
	*swarm = (struct swarm){.seed = seed};
	ringcast_prng_init(&prng, seed ^ UINT64_C(0x53455256));
	swarm->action_count = draw_between(&prng, 100, ringcast_prng_chance(&prng, 1, 4) ? 1500 : 500);
	swarm->sessions_max = draw_between(&prng, 1, 40);
	swarm->players_per_session_max = draw_between(&prng, 1, 30);
	swarm->requests_max = ringcast_prng_chance(&prng, 1, 4) ? draw_between(&prng, 1, 10) : 1000;
	swarm->record_count = draw_between(&prng, 1, 12);
	swarm->walk_limit = draw_between(&prng, 1, 7);
	swarm->pause_ms_max = pauses[ringcast_prng_below(&prng, 4)];
	draw_faults(swarm, &prng);
	swarm->left_players_max = ringcast_prng_chance(&prng, 1, 2) ? draw_between(&prng, 0, 5) : UINT32_MAX;
	swarm->place_per_mille = ringcast_prng_chance(&prng, 2, 3) ? draw_between(&prng, 20, 400) : 0;
	swarm->match_per_mille = ringcast_prng_chance(&prng, 2, 3) ? draw_between(&prng, 20, 600) : 0;
	swarm->servers_max = draw_between(&prng, 1, 4);
	swarm->gossip = draw_maybe(&prng, 300);
	swarm->fill_per_mille = ringcast_prng_chance(&prng, 1, 3) ? draw_between(&prng, 100, 400) : 0;
	swarm->script_per_mille = ringcast_prng_chance(&prng, 1, 4) ? draw_between(&prng, 100, 700) : 0;
	if (swarm->fill_per_mille > 0)
		draw_fill(swarm, &prng);
}

bool sim_swarm_switch_off(struct swarm *swarm, const char *fault)
{
	bool is_all = strcmp(fault, "all") == 0, is_known = is_all;
#define FAULT(name, text)                                                                                                                      \
	if (is_all || strcmp(fault, #name) == 0) {                                                                                             \
		swarm->name = 0;                                                                                                               \
		is_known = true;                                                                                                               \
	}
	SWARM_FAULTS(FAULT)
#undef FAULT
	return is_known;
}

void sim_swarm_print(const struct swarm *swarm, FILE *out)
{
	fprintf(out, "actions=%u sessions_max=%u players_max=%u requests_max=%u records=%u walk_limit=%u left_players_max=%u pause_ms_max=%d\nfaults:", swarm->action_count,
		swarm->sessions_max, swarm->players_per_session_max, swarm->requests_max, swarm->record_count, swarm->walk_limit, swarm->left_players_max,
		(int)swarm->pause_ms_max);
#define FAULT(name, text)                                                                                                                      \
	if (swarm->name > 0)                                                                                                                   \
		fprintf(out, " " #name "=%u", swarm->name);
	SWARM_FAULTS(FAULT)
#undef FAULT
	fputc('\n', out);
}
