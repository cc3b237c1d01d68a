/* The parts of ringcast-load that decide what is believed: payloads, trackers, promises, options. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/prng.h"
#include "bench/load/ceiling.h"
#include "bench/load/load.h"
#include "bench/load/verdict.h"
#include "bench/load/wire.h"

/* payload */

Test(payload, comes_back_whole_at_every_size)
{
	uint8_t bytes[PAYLOAD_BYTES_MAX];
	struct payload in = {.run = 1, .session = 2, .sender = 3, .target = PAYLOAD_TO_PLAYER, .is_reliable = 1, .intended_ns = 5, .receiver = 6}, out;
	for (size_t size = PAYLOAD_BYTES_MIN; size <= PAYLOAD_BYTES_MAX; size += size < 100 ? 1 : 997) {
		in.sequence = (uint32_t)size;
		ringcast_payload_encode(&in, bytes, size);
		cr_assert(ringcast_payload_decode(bytes, size, &out));
		cr_assert_eq(out.run, 1);
		cr_assert_eq(out.session, 2);
		cr_assert_eq(out.sender, 3);
		cr_assert_eq(out.sequence, size);
		cr_assert_eq(out.receiver, 6);
	}
}

Test(payload, any_flipped_bit_any_cut_any_growth_is_noticed)
{
	enum { SIZE = 48 };
	uint8_t bytes[SIZE + 1] = {0};
	struct payload in = {.run = 77, .session = 1, .sequence = 9, .intended_ns = 123456789}, out;
	ringcast_payload_encode(&in, bytes, SIZE);
	for (size_t bit = 0; bit < SIZE * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert_not(ringcast_payload_decode(bytes, SIZE, &out), "bit %zu", bit);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t size = 0; size < SIZE; size++)
		cr_assert_not(ringcast_payload_decode(bytes, size, &out), "%zu bytes", size);
	cr_assert_not(ringcast_payload_decode(bytes, SIZE + 1, &out));
	cr_assert(ringcast_payload_decode(bytes, SIZE, &out));
}

/* tracker */

Test(tracker, in_order_is_all_new)
{
	struct tracker tracker = {0};
	for (uint32_t i = 0; i < 1000; i++)
		cr_assert_eq(ringcast_tracker_add(&tracker, i), TRACKER_NEW);
	cr_assert_eq(ringcast_tracker_lost(&tracker, 1000), 0);
	cr_assert_eq(ringcast_tracker_lost(&tracker, 1003), 3, "what never came at the end is lost too");
}

Test(tracker, nothing_came)
{
	struct tracker tracker = {0}, late = {.is_open = true};
	cr_assert_eq(ringcast_tracker_lost(&tracker, 7), 7);
	cr_assert_eq(ringcast_tracker_lost(&late, 7), 0, "who came late cannot say what was meant for him");
}

Test(tracker, gaps_late_ones_and_repetitions)
{
	struct tracker tracker = {0};
	cr_assert_eq(ringcast_tracker_add(&tracker, 0), TRACKER_NEW);
	cr_assert_eq(ringcast_tracker_add(&tracker, 3), TRACKER_NEW);
	cr_assert_eq(ringcast_tracker_lost(&tracker, 4), 2);
	cr_assert_eq(ringcast_tracker_add(&tracker, 2), TRACKER_REORDERED);
	cr_assert_eq(ringcast_tracker_add(&tracker, 2), TRACKER_DUPLICATE);
	cr_assert_eq(ringcast_tracker_add(&tracker, 3), TRACKER_DUPLICATE);
	cr_assert_eq(ringcast_tracker_lost(&tracker, 4), 1);
	cr_assert_eq(ringcast_tracker_add(&tracker, 1000), TRACKER_NEW);
	cr_assert_eq(ringcast_tracker_lost(&tracker, 1001), 997);
}

Test(tracker, who_comes_late_starts_at_what_comes_first)
{
	struct tracker tracker = {.is_open = true};
	cr_assert_eq(ringcast_tracker_add(&tracker, 500), TRACKER_NEW);
	cr_assert_eq(ringcast_tracker_add(&tracker, 499), TRACKER_REORDERED);
	cr_assert_eq(ringcast_tracker_add(&tracker, 502), TRACKER_NEW);
	cr_assert_eq(ringcast_tracker_lost(&tracker, 503), 1);
}

/* Against a plain array of what has come: shuffled within 40 places, some lost, some repeated. */
Test(tracker, agrees_with_a_plain_model)
{
	enum { COUNT = 5000 };
	struct prng prng;
	ringcast_prng_init(&prng, 3);
	for (int round = 0; round < 50; round++) {
		static bool has_come[COUNT];
		struct tracker tracker = {0};
		uint64_t lost = 0;
		memset(has_come, 0, sizeof(has_come));
		for (uint32_t i = 0; i + 40 < COUNT; i++) {
			uint32_t sequence = i + (uint32_t)ringcast_prng_below(&prng, 40);
			bool is_old = sequence < tracker.next && tracker.next - sequence > 64;
			if (is_old || ringcast_prng_chance(&prng, 1, 10))
				continue;
			enum tracker_verdict verdict = ringcast_tracker_add(&tracker, sequence);
			cr_assert_eq(verdict == TRACKER_DUPLICATE, has_come[sequence]);
			has_come[sequence] = true;
		}
		for (uint32_t i = 0; i < tracker.next; i++)
			lost += !has_come[i];
		cr_assert_eq(ringcast_tracker_lost(&tracker, tracker.next), lost);
	}
}

/* promises */

static int check(const char *list)
{
	static struct histogram latency;
	FILE *sink = fopen("/dev/null", "we");
	latency = (struct histogram){0};
	for (int i = 0; i < 100; i++)
		ringcast_histogram_add(&latency, i < 99 ? 2000000 : 80000000);
	const struct slo_values values = {.latency = &latency, .loss_ratio = 0.002, .deliveries_per_second = 5000};
	int broken = ringcast_slo_check(list, &values, sink);
	fclose(sink);
	return broken;
}

Test(slo, holds_or_breaks)
{
	static const struct {
		const char *list;
		int broken;
	} cases[] = {
		{"p99<5ms", 0},       {"p99<2ms", 1},         {"p99.9<5ms", 1},     {"p99.9<100ms", 0},          {"p50<2100us,max<1s", 0}, {"max<79ms", 1},
		{"loss<0.1%", 1},     {"loss<0.3%", 0},       {"loss<0.003", 0},    {"deliveries>4999", 0},      {"deliveries>5000", 1},
		{"p98.99<5ms", 0},    {"p99.001<5ms", 1},     {"p1<3ms", 0},        {"p99.999<100ms", 0},
		{"duplicates<1", 0},  {"disconnects<1", 0},   {"p99<1us,loss<0.1%,deliveries>1", 2},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(check(cases[i].list), cases[i].broken, "%s", cases[i].list);
		cr_assert(ringcast_slo_is_understood(cases[i].list, stderr), "%s", cases[i].list);
	}
}

Test(slo, a_time_of_nothing_is_not_kept)
{
	static const struct histogram nothing;
	static const struct {
		const char *list;
		int broken;
	} cases[] = {{"p99<5ms", 1}, {"max<1s", 1}, {"p50>1ms", 1}, {"loss<1%", 0}, {"disconnects<1", 0}, {"p50<1s,p99<1s,duplicates<1", 2}};
	const struct slo_values values = {.latency = &nothing};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *said = NULL;
		size_t size;
		FILE *err = open_memstream(&said, &size);
		cr_assert_eq(ringcast_slo_check(cases[i].list, &values, err), cases[i].broken, "%s", cases[i].list);
		fclose(err);
		cr_assert_eq(strstr(said, "nothing arrived") != NULL, cases[i].broken > 0, "%s: %s", cases[i].list, said);
		free(said);
	}
}

Test(slo, nonsense_is_refused_and_named)
{
	static const struct {
		const char *list, *wanted;
	} bad[] = {
		{"", "a name, < or >"},          {"p99", "'p99' is not a promise"},      {"p99<", "a number after"},    {"p99<5", "a time with its unit"},
		{"p99<5%", "a time with"},       {"q98<5ms", "one of p50"},             {"loss<1ms", "a plain number"}, {"p99=5ms", "a name, < or >"},
		{"loss<1%x", "a plain number"},  {"p99<5ms,,", "'' is not a promise"},  {"<5ms", "one of p50"},         {"loss<nan", "a number after"},
		{"p99<infms", "a number after"}, {"p99<5ms,q98<5ms", "'q98<5ms' is not"}, {"p0<5ms", "one of p50"}, {"p100<5ms", "one of p50"},
		{"p99.<5ms", "one of p50"},      {"p99.9999<5ms", "one of p50"},         {"p9.9.9<5ms", "one of p50"},   {"p.5<5ms", "one of p50"}, {"p<5ms", "one of p50"},
		{"p1000<5ms", "one of p50"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *said = NULL;
		size_t size;
		FILE *err = open_memstream(&said, &size);
		cr_assert_not(ringcast_slo_is_understood(bad[i].list, err), "%s", bad[i].list);
		fclose(err);
		cr_assert_not_null(strstr(said, bad[i].wanted), "%s: %s", bad[i].list, said);
		free(said);
	}
}

/* the search */

/* A server that keeps its promises up to a rate; how many runs it took to find that out. */
static int search(double truth, double lowest, double highest, struct ceiling *ceiling)
{
	int runs = 0;
	double rate;
	ringcast_ceiling_init(ceiling, lowest, highest, 0.05);
	for (; (rate = ringcast_ceiling_next(ceiling)) > 0; runs++) {
		cr_assert_lt(runs, 64, "it ends");
		cr_assert(rate >= lowest && rate <= highest);
		ringcast_ceiling_tell(ceiling, rate, rate <= truth);
	}
	return runs;
}

Test(ceiling, is_found_as_near_as_asked_for)
{
	for (double truth = 1; truth < 100000; truth *= 1.37) {
		struct ceiling ceiling;
		int runs = search(truth, 1, 1e6, &ceiling);
		cr_assert(ceiling.kept <= truth && ceiling.broken > truth, "%g", truth);
		cr_assert_leq(ceiling.broken, ceiling.kept * 1.05 + 1e-9, "%g", truth);
		cr_assert_leq(runs, 17 + 6, "doublings and halvings, no more");
	}
}

Test(ceiling, outside_of_what_is_searched)
{
	struct ceiling ceiling;
	cr_assert_eq(search(0.5, 1, 100, &ceiling), 1);
	cr_assert_eq(ceiling.kept, 0, "the lowest rate is too high");
	search(1000, 1, 100, &ceiling);
	cr_assert_eq(ceiling.kept, 100, "the highest is not enough");
	cr_assert_eq(ceiling.broken, 0);
	cr_assert_eq(search(7, 7, 7, &ceiling), 1);
	cr_assert_eq(ceiling.kept, 7);
}

Test(verdict, repeats_that_broke_say_nothing_of_what_arrives)
{
	struct verdict verdict = {0};
	cr_assert_eq(ringcast_verdict_deliveries_per_second(&verdict), 0);
	cr_assert_not(ringcast_verdict_is_kept(&verdict));
	ringcast_verdict_add(&verdict, LOAD_EXIT_KEPT, 300);
	ringcast_verdict_add(&verdict, LOAD_EXIT_BROKEN, 900);
	cr_assert_not(ringcast_verdict_is_kept(&verdict), "half is not more than half");
	ringcast_verdict_add(&verdict, LOAD_EXIT_KEPT, 100);
	cr_assert(ringcast_verdict_is_kept(&verdict));
	cr_assert_float_eq(ringcast_verdict_deliveries_per_second(&verdict), 200, 1e-9);
	ringcast_verdict_add(&verdict, LOAD_EXIT_INVALID, 5000);
	ringcast_verdict_add(&verdict, LOAD_EXIT_KEPT, 110);
	cr_assert_float_eq(ringcast_verdict_deliveries_per_second(&verdict), 110, 1e-9, "the median of the kept");
	cr_assert_eq(verdict.kept, 3);
	cr_assert_eq(verdict.broken + verdict.invalid, 2);
}

/* several processes */

static void play_part(struct outcome *part, int sends, uint64_t late)
{
	for (int i = 0; i < sends; i++)
		ringcast_histogram_add(&part->lateness, 1000);
	part->counts.late = late;
	part->is_finished = true;
}

Test(outcome, one_late_process_of_several_spoils_the_run)
{
	for (int late_one = 0; late_one < 5; late_one++) { /* 4: none */
		struct outcome *all = ringcast_outcome_create();
		play_part(all, 1000, late_one == 0 ? 30 : 0);
		for (int i = 1; i < 4; i++) {
			struct outcome *part = ringcast_outcome_create(), *told = ringcast_outcome_create();
			play_part(part, 1000, late_one == i ? 30 : 0);
			json_t *json = ringcast_outcome_to_json(part);
			cr_assert(ringcast_outcome_from_json(json, told));
			json_decref(json);
			ringcast_outcome_merge(all, told);
			ringcast_outcome_destroy(part);
			ringcast_outcome_destroy(told);
		}
		cr_assert_eq(all->lateness.count, 4000);
		cr_assert_eq(ringcast_outcome_is_generator_bound(all), late_one < 4, "process %d", late_one);
		ringcast_outcome_destroy(all);
	}
}

Test(outcome, a_part_that_was_late_itself_says_so)
{
	struct outcome *part = ringcast_outcome_create(), *told = ringcast_outcome_create();
	play_part(part, 100, 1);
	part->has_late_part = true;
	json_t *json = ringcast_outcome_to_json(part);
	cr_assert(ringcast_outcome_from_json(json, told));
	cr_assert(told->has_late_part);
	cr_assert(json_is_false(json_object_get(json, "valid")));
	json_decref(json);
	ringcast_outcome_destroy(part);
	ringcast_outcome_destroy(told);
}

/* lines between processes */

Test(wire, messages_come_whole_in_order_and_bounded)
{
	int fds[2];
	json_t *message;
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	struct wire wire = {.fd = fds[0], .size_max = 64};
	cr_assert_eq(ringcast_wire_read(&wire, false, &message), WIRE_NOTHING);
	cr_assert_eq(send(fds[1], "{\"a\": 1}\n{\"b\"", 13, 0), 13);
	cr_assert_eq(ringcast_wire_read(&wire, true, &message), WIRE_MESSAGE);
	cr_assert_eq(json_integer_value(json_object_get(message, "a")), 1);
	json_decref(message);
	cr_assert_eq(ringcast_wire_read(&wire, false, &message), WIRE_NOTHING);
	cr_assert_eq(send(fds[1], ": 2}\n", 5, 0), 5);
	cr_assert_eq(ringcast_wire_read(&wire, true, &message), WIRE_MESSAGE);
	json_decref(message);
	cr_assert(ringcast_wire_send(fds[1], json_pack("{s:s}", "long", "0123456789012345678901234567890123456789012345678901234567890123456789")));
	cr_assert_eq(ringcast_wire_read(&wire, true, &message), WIRE_GONE, "too long");
	ringcast_wire_fini(&wire);
	static const char *const bad[] = {"\n", "[1]\n", "nonsense\n", "{\"a\":}\n"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_eq(send(fds[1], bad[i], strlen(bad[i]), 0), (ssize_t)strlen(bad[i]));
		cr_assert_eq(ringcast_wire_read(&wire, true, &message), WIRE_GONE, "%s", bad[i]);
		cr_assert_null(message);
		ringcast_wire_fini(&wire);
	}
	close(fds[1]);
	cr_assert_eq(ringcast_wire_read(&wire, true, &message), WIRE_GONE);
	ringcast_wire_fini(&wire);
	close(fds[0]);
}

/* options */

static bool parse(const char *line, struct load_options *options)
{
	static char *copy; /* until the next line: TEXT options point into it */
	char *words[24] = {"ringcast-load"};
	int count = 1;
	free(copy);
	copy = strdup(line);
	FILE *sink = fopen("/dev/null", "we");
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[count++] = word;
	ringcast_load_options_default(options);
	bool is_good = ringcast_load_options_parse(options, count, words, sink);
	fclose(sink);
	return is_good;
}

Test(options, each_type)
{
	struct load_options options;
	cr_assert(parse("--sessions 200 --rate 0.5 --reliable 10% --warmup=2s --spin --json out.json --to-player 5", &options));
	cr_assert_eq(options.session_count, 200);
	cr_assert_float_eq(options.rate, 0.5, 1e-9);
	cr_assert_float_eq(options.reliable_percent, 10, 1e-9);
	cr_assert_float_eq(options.warmup_seconds, 2, 1e-9);
	cr_assert(options.is_spinning);
	cr_assert_str_eq(options.json_path, "out.json");
	cr_assert_eq(options.player_count, 8, "the default stays");
}

Test(options, nonsense_and_contradictions_are_refused)
{
	static const char *const bad[] = {"--nonsense",         "sessions",          "--sessions",      "--sessions x",  "--sessions 1.5",
					  "--sessions 0",       "--reliable 101",    "--reliable -1",   "--rate 5ms",    "--spin=1",
					  "--size 31",          "--size 4097",       "--senders 9",     "--to-group 10", "--to-group 60 --to-player 60 --groups 1",
					  "--players 1 --to-player 5", "--no-admin", "--slow-peers 1",  "--duration 0",  "--slow-peers 100 --senders 7",
					  "--ca a.pem",         "--insecure",        "--host-name a",    "--secure --ca a.pem --insecure",
					  "--slo q98<5ms",      "--slo p99<5",      "--label a/b",      "--label .a",      "--sessions 4294967296 --players 4294967296", "--label =",
					  "--grid 33 --to-group 10", "--grid 4",         "--grid 4 --groups 2 --to-group 10", "--moves 1",     "--processes 0",
					  "--processes 65 --sessions 100", "--processes 11", "--listen a:1",    "--work-for a:1", "--processes 2 --idle",
					  "--repeats 0",        "--search 100",      "--search 10 --slo p99<5ms", "--search 100 --slo p99<5ms --precision 0",
					  "--repeats 2 --histograms a", "--listen a:1 --work-for a:1 --secret a"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct load_options options;
		cr_assert_not(parse(bad[i], &options), "%s", bad[i]);
	}
}
