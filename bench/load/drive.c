/* What is run how often: once, several times, or at rates that a search asks for; by this process alone or by several. */
#include "bench/load/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/load/ceiling.h"
#include "bench/load/crew.h"
#include "bench/load/verdict.h"

struct drive {
	const struct load_options *options;
	const char *command_line;
	volatile sig_atomic_t *is_stopping;
	struct crew crew;
	json_t *runs; /* reports */
};

/* One run at a rate. NULL: it could not run, said why. */
static struct outcome *run_once(struct drive *drive, double rate)
{
	struct load_options options = *drive->options;
	struct outcome *outcome = ringcast_outcome_create();
	options.rate = rate;
	if (!outcome)
		return NULL;
	outcome->options = options;
	outcome->command_line = drive->command_line;
	outcome->started_s = time(NULL);
	if (ringcast_crew_run(&drive->crew, &options, outcome) == LOAD_EXIT_KEPT)
		return outcome;
	ringcast_outcome_destroy(outcome);
	return NULL;
}

/* A run that could not be is worse than a broken promise, and that worse than an invalid one. */
static int worse(int a, int b)
{
	static const int rank[] = {[LOAD_EXIT_KEPT] = 0, [LOAD_EXIT_INVALID] = 1, [LOAD_EXIT_BROKEN] = 2, [LOAD_EXIT_NOT_RUN] = 3};
	return rank[a] >= rank[b] ? a : b;
}

static bool is_json_on_stdout(const struct load_options *options)
{
	return options->json_path && strcmp(options->json_path, "-") == 0;
}

static int repeat(struct drive *drive)
{
	const struct load_options *options = drive->options;
	int code = LOAD_EXIT_KEPT;
	for (uint64_t i = 0; i < options->repeat_count && code != LOAD_EXIT_NOT_RUN; i++) {
		struct outcome *outcome = run_once(drive, options->rate);
		if (!outcome)
			return LOAD_EXIT_NOT_RUN;
		if (outcome->is_finished && !is_json_on_stdout(options))
			ringcast_report_print(outcome);
		code = worse(code, ringcast_report_judge(outcome));
		json_t *report = outcome->is_finished ? ringcast_outcome_to_json(outcome) : NULL;
		json_array_append_new(drive->runs, report);
		bool is_last = i + 1 == options->repeat_count;
		json_t *all = options->repeat_count == 1 ? json_incref(report) : json_pack("{s:i, s:O}", "schema", 1, "runs", drive->runs);
		if (is_last && report && !ringcast_report_write(outcome, all))
			code = LOAD_EXIT_NOT_RUN;
		json_decref(all);
		ringcast_outcome_destroy(outcome);
	}
	return code;
}

/* the search */

/* False: it could not run. */
static bool try_rate(struct drive *drive, double rate, struct verdict *ret_verdict)
{
	*ret_verdict = (struct verdict){0};
	for (uint64_t i = 0; i < drive->options->repeat_count; i++) {
		struct outcome *outcome = run_once(drive, rate);
		int code = outcome ? ringcast_report_judge(outcome) : LOAD_EXIT_NOT_RUN;
		double per_second = outcome && outcome->seconds > 0 ? (double)ringcast_outcome_arrived(outcome) / outcome->seconds : 0;
		if (outcome && outcome->is_finished)
			json_array_append_new(drive->runs, ringcast_outcome_to_json(outcome));
		ringcast_outcome_destroy(outcome);
		if (code == LOAD_EXIT_NOT_RUN)
			return false;
		ringcast_verdict_add(ret_verdict, code, per_second);
	}
	return true;
}

static int write_search(struct drive *drive, const struct ceiling *ceiling, double deliveries_per_second, bool is_generator_limit, json_t *tries)
{
	struct outcome *outcome = ringcast_outcome_create();
	const char *limit = ceiling->broken == 0 ? "none" : is_generator_limit ? "generator" : "slo";
	json_t *json = json_pack("{s:i, s:{s:s, s:f, s:f, s:s, s:f, s:O}, s:O}", "schema", 1, "search", "slo", drive->options->slo, "rate", ceiling->kept,
				 "deliveries_per_second", deliveries_per_second, "limited_by", limit, "precision_percent", drive->options->precision_percent,
				 "tries", tries, "runs", drive->runs);
	bool is_written = false;
	if (outcome && json) {
		outcome->options = *drive->options;
		outcome->started_s = time(NULL);
		is_written = ringcast_report_write(outcome, json);
	}
	json_decref(json);
	ringcast_outcome_destroy(outcome);
	if (!is_json_on_stdout(drive->options))
		printf("ceiling     %g messages/s of each sender, %.0f deliveries/s; limited by: %s\n", ceiling->kept, deliveries_per_second, limit);
	return !is_written ? LOAD_EXIT_NOT_RUN : ceiling->kept > 0 ? LOAD_EXIT_KEPT : LOAD_EXIT_BROKEN;
}

static int search(struct drive *drive)
{
	struct ceiling ceiling;
	double rate, best = 0;
	bool is_generator_limit = false;
	json_t *tries = json_array();
	ringcast_ceiling_init(&ceiling, drive->options->rate, drive->options->search_rate, drive->options->precision_percent / 100);
	while ((rate = ringcast_ceiling_next(&ceiling)) > 0) {
		struct verdict verdict;
		if (!try_rate(drive, rate, &verdict)) {
			json_decref(tries);
			return LOAD_EXIT_NOT_RUN;
		}
		bool is_kept = ringcast_verdict_is_kept(&verdict);
		if (!is_kept && (ceiling.broken == 0 || rate < ceiling.broken))
			is_generator_limit = verdict.invalid > verdict.broken;
		best = is_kept && rate > ceiling.kept ? ringcast_verdict_deliveries_per_second(&verdict) : best;
		ringcast_ceiling_tell(&ceiling, rate, is_kept);
		json_array_append_new(tries, json_pack("{s:f, s:b, s:I, s:I, s:I}", "rate", rate, "is_kept", (int)is_kept, "kept", (json_int_t)verdict.kept,
						       "broken", (json_int_t)verdict.broken, "invalid", (json_int_t)verdict.invalid));
		fprintf(stderr, "rate %g: %s (%u kept, %u broken, %u invalid)\n", rate, is_kept ? "kept" : "not kept", verdict.kept, verdict.broken,
			verdict.invalid);
	}
	int code = write_search(drive, &ceiling, best, is_generator_limit, tries);
	json_decref(tries);
	return code;
}

static int drive_alone(const struct load_options *options, const char *command_line, volatile sig_atomic_t *is_stopping)
{
	struct outcome *outcome = ringcast_outcome_create();
	int code = LOAD_EXIT_NOT_RUN;
	if (outcome) {
		outcome->options = *options;
		outcome->command_line = command_line;
		outcome->started_s = time(NULL);
		code = ringcast_world_run(options, NULL, is_stopping, outcome);
		if (code == LOAD_EXIT_KEPT)
			code = ringcast_report(outcome);
	}
	ringcast_outcome_destroy(outcome);
	return code;
}

int ringcast_drive(const struct load_options *options, const char *command_line, volatile sig_atomic_t *is_stopping)
{
	struct drive drive = {.options = options, .command_line = command_line, .is_stopping = is_stopping};
	if (options->process_count == 1 && options->repeat_count == 1 && options->search_rate <= 0 && !options->listen)
		return options->cpu && !ringcast_load_pin(options->cpu, 0) ? LOAD_EXIT_NOT_RUN : drive_alone(options, command_line, is_stopping);
	int code = LOAD_EXIT_NOT_RUN;
	drive.runs = json_array();
	if (ringcast_crew_create(&drive.crew, options, is_stopping))
		code = options->search_rate > 0 ? search(&drive) : repeat(&drive);
	ringcast_crew_destroy(&drive.crew);
	json_decref(drive.runs);
	return code;
}
