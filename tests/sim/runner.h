/*
 * What every simulation's command line is: seeds one after the other, a failing one printed as the command that reproduces it.
 *
 *   PROGRAM --seed=N [--seeds=COUNT] [--events=N] [--trace] [--verbose] [--twice] [--fault=off:NAME]...
 *
 * To shrink a failing seed: lower --events, switch faults off one by one.
 */
#ifndef RINGCAST_TESTS_SIM_RUNNER_H
#define RINGCAST_TESTS_SIM_RUNNER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { SIM_FAULTS_OFF_MAX = 32 };

struct sim_options {
	uint64_t seed, seed_count;
	uint32_t events; /* 0: as the seed says */
	bool has_trace, is_verbose, is_twice;
	const char *faults_off[SIM_FAULTS_OFF_MAX];
	unsigned fault_off_count;
};

struct sim_report {
	bool is_ok;
	uint64_t trace_hash;
	char failure[512]; /* where it is not ok */
	char summary[256]; /* what happened, in numbers */
};

struct sim_program {
	const char *name;
	void (*print_faults)(FILE *out);     /* their names, each after a space */
	bool (*has_fault)(const char *name);
	void (*run)(uint64_t seed, const struct sim_options *options, struct sim_report *ret_report);
	void (*print_draw)(uint64_t seed, const struct sim_options *options, FILE *out); /* what the seed has drawn */
	bool (*finish)(const struct sim_options *options); /* after the last seed: what all of them have met; false: too little. NULL: nobody asks */
};

int sim_main(const struct sim_program *program, int argc, char **argv); /* the exit code */

#endif
