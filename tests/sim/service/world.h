/*
 * The service in a simulated world: the real loop, model, operations and store on one thread; time, chance, disk, host and clients are the
 * world's. What the service must keep is in oracle.h.
 */
#ifndef RINGCAST_TESTS_SIM_SERVICE_WORLD_H
#define RINGCAST_TESTS_SIM_SERVICE_WORLD_H

#include "ask.h"
#include "disk.h"
#include "host.h"
#include "match.h"
#include "oracle.h"
#include "place.h"
#include "script.h"
#include "swarm.h"

enum { WORLD_FAILURE_BYTES = 512 };

struct world {
	const struct swarm *swarm;
	struct prng prng;
	int64_t now_ms; /* of the clock that never jumps */
	int64_t skew_ms; /* that the clock on the wall is ahead by */
	struct disk disk;
	struct sim_host host;
	struct store *store; /* NULL: the process is down */
	struct loop *loop;
	uint32_t epoch; /* counts up whenever sessions may have been forgotten */
	struct oracle oracle;
	struct known_placements placements;
	struct known_tickets tickets;
	struct known_scripts scripts;
	struct list_node asks; /* of struct ask that are not answered */
	uint32_t ask_count;
	uint64_t trace_hash, answer_count, fault_count, crash_count;
	uint64_t stream_number, game_events_heard; /* of this life of the process; see stream.h */
	bool is_calm;
	FILE *trace; /* NULL for none */
	char failure[WORLD_FAILURE_BYTES]; /* "" while all is well: the first one counts */
};

struct world_report {
	bool is_ok;
	uint64_t trace_hash, answers, faults, crashes, placed, matched, filled;
	char failure[WORLD_FAILURE_BYTES];
};

void sim_world_run(const struct swarm *swarm, FILE *trace, struct world_report *ret_report);

void sim_world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_world_trace(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t sim_world_below(struct world *world, uint64_t bound);
bool sim_world_chance(struct world *world, uint32_t per_mille);
void sim_world_turn(struct world *world); /* the process may die in it */
void sim_world_pass(struct world *world, int64_t ms);
void sim_world_settle(struct world *world); /* until nobody has anything to do; time passes where somebody waits for it */

#endif
