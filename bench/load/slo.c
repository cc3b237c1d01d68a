#include "bench/load/load.h"

#include <stdlib.h>
#include <string.h>

struct slo {
	const char *name;
	bool is_time;
	double value;
};

static bool find_value(const char *name, size_t size, const struct slo_values *values, struct slo *ret_slo)
{
	const struct slo known[] = {
		{"p50", true, (double)ringcast_histogram_percentile(values->latency, 50000)},
		{"p90", true, (double)ringcast_histogram_percentile(values->latency, 90000)},
		{"p99", true, (double)ringcast_histogram_percentile(values->latency, 99000)},
		{"p99.9", true, (double)ringcast_histogram_percentile(values->latency, 99900)},
		{"max", true, (double)values->latency->max},
		{"loss", false, values->loss_ratio},
		{"duplicates", false, values->duplicates},
		{"deliveries", false, values->deliveries_per_second},
		{"disconnects", false, values->disconnects},
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strlen(known[i].name) == size && strncmp(known[i].name, name, size) == 0) {
			*ret_slo = known[i];
			return true;
		}
	}
	return false;
}

/* Times need a unit; ratios may be given in percent. */
static bool scale(const char *unit, size_t size, bool is_time, double *limit)
{
	static const struct {
		const char *unit;
		bool is_time;
		double factor;
	} units[] = {{"ns", true, 1}, {"us", true, 1e3}, {"ms", true, 1e6}, {"s", true, 1e9}, {"%", false, 0.01}, {"", false, 1}};
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (units[i].is_time == is_time && strlen(units[i].unit) == size && strncmp(units[i].unit, unit, size) == 0) {
			*limit *= units[i].factor;
			return true;
		}
	}
	return false;
}

bool ringcast_slo_check(const char *list, const struct slo_values *values, FILE *err, int *ret_broken)
{
	int broken = 0;
	while (*list) {
		size_t size = strcspn(list, ","), name_size = strcspn(list, "<>,");
		struct slo slo;
		char *unit;
		if (name_size >= size || !find_value(list, name_size, values, &slo))
			return false;
		double limit = strtod(list + name_size + 1, &unit);
		if (unit == list + name_size + 1 || unit > list + size || !scale(unit, (size_t)(list + size - unit), slo.is_time, &limit))
			return false;
		if (list[name_size] == '<' ? slo.value >= limit : slo.value <= limit) {
			fprintf(err, "SLO broken: %.*s, measured %.6g%s\n", (int)size, list, slo.is_time ? slo.value / 1e6 : slo.value,
				slo.is_time ? " ms" : "");
			broken++;
		}
		list += size + (list[size] == ',');
	}
	*ret_broken = broken;
	return true;
}
