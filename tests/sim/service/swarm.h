/* What one run of the service is like, drawn from its seed: small sizes, and a random third of the faults. As the engine's swarm, see ../swarm.h. */
#ifndef RINGCAST_TESTS_SIM_SERVICE_SWARM_H
#define RINGCAST_TESTS_SIM_SERVICE_SWARM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* FAULT(name, "what it does"): what --fault=off:NAME knows; numbers are chances in 1/1000. */
#define SWARM_FAULTS(FAULT)                                                                                                                    \
	FAULT(crash, "the process dies at a write of the store, or between two, and starts again from what was durable")                          \
	FAULT(torn, "at a crash some of what was not synced is on the disk and some is not")                                                      \
	FAULT(write_error, "writes and syncs of the store fail")                                                                               \
	FAULT(full, "the disk is full for a while")                                                                                            \
	FAULT(slow, "the host answers late")                                                                                                   \
	FAULT(disorder, "the host answers calls about different sessions in any order")                                                        \
	FAULT(silent, "the host answers long after everybody has given up, or never")                                                          \
	FAULT(refuse, "the host says no")                                                                                                      \
	FAULT(lie, "the host says that nothing has changed though it has, or gives names that cannot be")                                      \
	FAULT(die, "the host loses all that it runs, and comes back")                                                                          \
	FAULT(slow_start, "sessions take their time to start")                                                                                 \
	FAULT(early_event, "events overtake the answers that they rest on")                                                                    \
	FAULT(double_event, "events come twice")                                                                                               \
	FAULT(gossip, "the host tells of sessions and players that are not, of another session's players, and of what it has told before")          \
	FAULT(drop_event, "few events may wait, and what comes beyond is lost")                                                                                                   \
	FAULT(repeat, "clients repeat what they have asked, at once or much later")                                                            \
	FAULT(vanish, "clients go before they are answered")                                                                                   \
	FAULT(nonsense, "clients ask for what is not there or cannot be")                                                                      \
	FAULT(clock, "the clock on the wall is set, up to an hour either way")                                                                 \
	FAULT(jump, "hours pass, or days")

struct swarm {
	uint64_t seed;
	uint32_t action_count, sessions_max, players_per_session_max, requests_max, record_count, place_per_mille, match_per_mille, fill_per_mille, script_per_mille, servers_max, walk_limit;
	uint32_t left_players_max; /* kept of each session */
	int64_t pause_ms_max; /* between two actions */
#define FAULT(name, text) uint32_t name;
	SWARM_FAULTS(FAULT)
#undef FAULT
};

void sim_swarm_draw(struct swarm *swarm, uint64_t seed);
bool sim_swarm_switch_off(struct swarm *swarm, const char *fault); /* false: no such fault; "all" switches off everything */
void sim_swarm_print(const struct swarm *swarm, FILE *out);

#endif
