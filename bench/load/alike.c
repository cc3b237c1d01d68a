#include "bench/load/alike.h"

#include <string.h>

#include "bench/load/outcome.h"

/* They say where, for whom and under which name a run was, how often, and what was promised of it; not what was played. */
static const char *const not_the_work[] = {
	"server",  "admin",     "no-admin",   "token-prefix", "ca",   "host-name", "listen",  "work-for", "secret", "repeats",         "search",
	"precision", "server-pid", "slo",     "results",      "label", "commit",   "histograms", "json", "seed",   "i-own-this-host", "help",
};
/* Of the machine: other from one minute to the next. */
static const char *const not_the_machine[] = {"load_average"};

static bool is_among(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* 20 is 20.0, and what is not there is null. */
static bool is_same(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b))
		return json_number_value(a) == json_number_value(b);
	bool is_nothing_a = !a || json_is_null(a), is_nothing_b = !b || json_is_null(b);
	return is_nothing_a || is_nothing_b ? is_nothing_a && is_nothing_b : json_equal(a, b);
}

static void print_value(const json_t *value, FILE *err)
{
	if (!value || json_dumpf(value, err, JSON_ENCODE_ANY | JSON_COMPACT) != 0)
		fputs("nothing", err);
}

static bool say_if_other(const char *what, const char *name, const json_t *a, const json_t *b, FILE *err)
{
	if (is_same(a, b))
		return false;
	fprintf(err, "ringcast-load: compare: %s differs: %s is ", what, name);
	print_value(a, err);
	fputs(" in one and ", err);
	print_value(b, err);
	fputs(" in the other\n", err);
	return true;
}

/* Every name of either, once. */
static bool has_differences(const char *what, json_t *a, json_t *b, const char *const *but, size_t but_count, FILE *err)
{
	bool is_other = false;
	const char *name;
	json_t *value;
	json_object_foreach(a, name, value)
		is_other |= !is_among(name, but, but_count) && say_if_other(what, name, value, json_object_get(b, name), err);
	json_object_foreach(b, name, value)
		is_other |= !json_object_get(a, name) && !is_among(name, but, but_count) && say_if_other(what, name, NULL, value, err);
	return is_other;
}

static json_t *options_of(const json_t *report)
{
	struct load_options defaults;
	ringcast_load_options_default(&defaults);
	json_t *options = ringcast_load_options_to_json(&defaults), *given = json_object_get(report, "options");
	if (json_is_object(given))
		json_object_update(options, given);
	return options;
}

bool ringcast_alike_work(const json_t *a, const json_t *b, FILE *err)
{
	json_t *a_options = options_of(a), *b_options = options_of(b);
	bool is_other = has_differences("the work", a_options, b_options, not_the_work, sizeof(not_the_work) / sizeof(not_the_work[0]), err);
	json_decref(a_options);
	json_decref(b_options);
	return !is_other;
}

bool ringcast_alike_machine(const json_t *a, const json_t *b, FILE *err)
{
	json_t *a_facts = json_object_get(a, "environment"), *b_facts = json_object_get(b, "environment");
	return !has_differences("the machine", a_facts, b_facts, not_the_machine, sizeof(not_the_machine) / sizeof(not_the_machine[0]), err);
}
