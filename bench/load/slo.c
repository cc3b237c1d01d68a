#include "bench/load/load.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct slo {
	const char *name;
	bool is_time;
	double value;
};

/* p50, p99.9, p99.999: the percentile in thousandths of a percent; false: not one. */
static bool read_percentile(const char *name, size_t size, uint32_t *ret_thousandths)
{
	uint32_t thousandths = 0, unit = 0;
	for (size_t i = 1; i < size; i++) {
		if (name[i] == '.' && unit == 0 && i > 1) {
			unit = 1000;
		} else if (name[i] >= '0' && name[i] <= '9' && unit != 1 && thousandths < 100000) {
			unit /= 10;
			thousandths = unit ? thousandths + unit * (uint32_t)(name[i] - '0') : thousandths * 10 + 1000 * (uint32_t)(name[i] - '0');
		} else {
			return false;
		}
	}
	*ret_thousandths = thousandths;
	return size > 1 && name[0] == 'p' && name[size - 1] != '.' && thousandths > 0 && thousandths < 100000;
}

static bool find_value(const char *name, size_t size, const struct slo_values *values, struct slo *ret_slo)
{
	const struct slo known[] = {
		{"max", true, (double)values->latency->max},
		{"loss", false, values->loss_ratio},
		{"duplicates", false, values->duplicates},
		{"deliveries", false, values->deliveries_per_second},
		{"disconnects", false, values->disconnects},
	};
	uint32_t thousandths;
	if (read_percentile(name, size, &thousandths)) {
		*ret_slo = (struct slo){name, true, (double)ringcast_histogram_percentile(values->latency, thousandths)};
		return true;
	}
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

/* One promise of the list: what it is about, and where its limit is. NULL when it is understood, or what is wrong with it. */
static const char *parse(const char *promise, size_t size, const struct slo_values *values, struct slo *ret_slo, double *ret_limit)
{
	size_t name_size = strcspn(promise, "<>,");
	char *unit;
	if (name_size >= size)
		return "a name, < or >, and a limit, such as p99<5ms";
	if (!find_value(promise, name_size, values, ret_slo))
		return "one of p50 to p99.999, max, loss, duplicates, deliveries, disconnects";
	*ret_limit = strtod(promise + name_size + 1, &unit);
	if (unit == promise + name_size + 1 || unit > promise + size || !isfinite(*ret_limit))
		return "a number after < or >";
	if (!scale(unit, (size_t)(promise + size - unit), ret_slo->is_time, ret_limit))
		return ret_slo->is_time ? "a time with its unit: ns, us, ms or s" : "a plain number, or a share in %";
	return NULL;
}

bool ringcast_slo_is_understood(const char *list, FILE *err)
{
	static const struct histogram nothing;
	const struct slo_values values = {.latency = &nothing};
	do {
		struct slo slo;
		double limit;
		size_t size = strcspn(list, ",");
		const char *wanted = parse(list, size, &values, &slo, &limit);
		if (wanted) {
			fprintf(err, "ringcast-load: --slo: '%.*s' is not a promise: it takes %s\n", (int)size, list, wanted);
			return false;
		}
		list += size + (list[size] == ',');
	} while (*list);
	return true;
}

/* A time of nothing is no time that was kept: a server that answers nobody has no percentile below any limit. */
static bool is_broken(const struct slo *slo, bool is_below, double limit, const struct slo_values *values)
{
	if (slo->is_time && values->latency->count == 0)
		return true;
	return is_below ? slo->value >= limit : slo->value <= limit;
}

static void say_broken(const char *promise, size_t size, const struct slo *slo, const struct slo_values *values, FILE *err)
{
	if (slo->is_time && values->latency->count == 0)
		fprintf(err, "SLO broken: %.*s, nothing arrived that could be measured\n", (int)size, promise);
	else
		fprintf(err, "SLO broken: %.*s, measured %.6g%s\n", (int)size, promise, slo->is_time ? slo->value / 1e6 : slo->value, slo->is_time ? " ms" : "");
}

int ringcast_slo_check(const char *list, const struct slo_values *values, FILE *err)
{
	int broken = 0;
	while (*list) {
		size_t size = strcspn(list, ","), name_size = strcspn(list, "<>,");
		struct slo slo;
		double limit;
		if (parse(list, size, values, &slo, &limit)) /* refused when the options were read */
			return broken + 1;
		if (is_broken(&slo, list[name_size] == '<', limit, values)) {
			say_broken(list, size, &slo, values, err);
			broken++;
		}
		list += size + (list[size] == ',');
	}
	return broken;
}
