#include "bench/load/series.h"

#include <stdlib.h>
#include <string.h>

#include "bench/hdr.h"

static const char *const channel_names[2] = {"tcp", "udp"};
static const uint64_t second_ns = UINT64_C(1000000000);

bool ringcast_series_init(struct series *series)
{
	*series = (struct series){.rows = json_array(), .latency = calloc(2, sizeof(*series->latency))};
	return series->rows && series->latency;
}

void ringcast_series_fini(struct series *series)
{
	json_decref(series->rows);
	free(series->latency);
	*series = (struct series){0};
}

void ringcast_series_start(struct series *series, uint64_t now_ns)
{
	series->start_ns = series->row_start_ns = now_ns;
	series->sent = 0;
	memset(series->latency, 0, 2 * sizeof(*series->latency));
}

static json_t *channel_json(const struct histogram *histogram)
{
	char *text = ringcast_hdr_encode(histogram);
	json_t *json = json_pack("{s:I, s:I, s:I, s:I, s:s}", "deliveries", (json_int_t)histogram->count, "p50_ns",
				 (json_int_t)ringcast_histogram_percentile(histogram, 50000), "p99_ns",
				 (json_int_t)ringcast_histogram_percentile(histogram, 99000), "max_ns", (json_int_t)histogram->max, "hdr", text ? text : "");
	free(text);
	return json;
}

static json_t *row_json(const struct series *series, uint64_t end_ns)
{
	json_t *row = json_pack("{s:I, s:f, s:I}", "second", (json_int_t)((series->row_start_ns - series->start_ns) / second_ns), "seconds",
				(double)(end_ns - series->row_start_ns) / 1e9, "sent", (json_int_t)series->sent);
	for (int channel = 0; row && channel < 2; channel++) {
		if (series->latency[channel].count > 0)
			json_object_set_new(row, channel_names[channel], channel_json(&series->latency[channel]));
	}
	return row;
}

static void close_row(struct series *series, uint64_t end_ns)
{
	if (series->sent > 0 || series->latency[0].count + series->latency[1].count > 0)
		json_array_append_new(series->rows, row_json(series, end_ns));
	memset(series->latency, 0, 2 * sizeof(*series->latency));
	series->sent = 0;
	series->row_start_ns = end_ns;
}

void ringcast_series_advance(struct series *series, uint64_t now_ns)
{
	while (series->start_ns > 0 && now_ns >= series->row_start_ns + second_ns && json_array_size(series->rows) < SERIES_ROWS_MAX - 1)
		close_row(series, series->row_start_ns + second_ns);
}

void ringcast_series_end(struct series *series, uint64_t now_ns)
{
	ringcast_series_advance(series, now_ns);
	if (series->start_ns > 0 && now_ns > series->row_start_ns)
		close_row(series, now_ns);
	series->start_ns = 0;
}

/* merging */

/* NULL: the other has nothing to add, or it cannot be read; *ret_is_read tells which. */
static json_t *merge_channel(const json_t *mine, const json_t *other, bool *ret_is_read)
{
	struct histogram *both = calloc(2, sizeof(*both));
	const char *texts[2] = {json_string_value(json_object_get(mine, "hdr")), json_string_value(json_object_get(other, "hdr"))};
	json_t *merged = NULL;
	*ret_is_read = both && texts[1] && (!mine || (texts[0] && ringcast_hdr_decode(texts[0], &both[0]))) && ringcast_hdr_decode(texts[1], &both[1]);
	if (*ret_is_read) {
		json_int_t max_ns = json_integer_value(json_object_get(mine, "max_ns")), other_max_ns = json_integer_value(json_object_get(other, "max_ns"));
		ringcast_histogram_merge(&both[0], &both[1]);
		merged = channel_json(&both[0]);
		json_object_set_new(merged, "max_ns", json_integer(max_ns > other_max_ns ? max_ns : other_max_ns));
	}
	free(both);
	return merged;
}

static bool merge_row(json_t *mine, const json_t *other)
{
	bool is_read = true;
	json_int_t sent = json_integer_value(json_object_get(mine, "sent")) + json_integer_value(json_object_get(other, "sent"));
	json_object_set_new(mine, "sent", json_integer(sent));
	for (int channel = 0; is_read && channel < 2; channel++) {
		const json_t *theirs = json_object_get(other, channel_names[channel]);
		json_t *merged = theirs ? merge_channel(json_object_get(mine, channel_names[channel]), theirs, &is_read) : NULL;
		if (merged)
			json_object_set_new(mine, channel_names[channel], merged);
	}
	return is_read;
}

static json_int_t second_of(const json_t *row)
{
	return json_integer_value(json_object_get(row, "second"));
}

/* An empty row, in its place, where there was none of that second. */
static json_t *find_row(json_t *rows, json_int_t second, const json_t *other)
{
	size_t at = 0;
	while (at < json_array_size(rows) && second_of(json_array_get(rows, at)) < second)
		at++;
	json_t *row = json_array_get(rows, at);
	if (row && second_of(row) == second)
		return row;
	row = json_pack("{s:I, s:O, s:i}", "second", second, "seconds", json_object_get(other, "seconds"), "sent", 0);
	json_array_insert_new(rows, at, row);
	return row;
}

bool ringcast_series_merge(json_t **into, const json_t *from)
{
	size_t i;
	const json_t *other;
	if (!*into)
		*into = json_array();
	if (json_array_size(from) > SERIES_ROWS_MAX)
		return false;
	json_array_foreach((json_t *)from, i, other)
	{
		json_t *row = json_is_number(json_object_get(other, "seconds")) ? find_row(*into, second_of(other), other) : NULL;
		if (!row || !merge_row(row, other))
			return false;
	}
	return true;
}

static void write_row(FILE *file, const json_t *row, const char *channel)
{
	const json_t *latency = json_object_get(row, channel);
	const char *text = json_string_value(json_object_get(latency, "hdr"));
	if (text)
		ringcast_hdr_log_add(file, channel, (double)second_of(row), json_number_value(json_object_get(row, "seconds")),
				     (uint64_t)json_integer_value(json_object_get(latency, "max_ns")), text);
}

bool ringcast_series_write_log(const json_t *rows, const char *path, const char *version, double started_s)
{
	size_t i;
	const json_t *row;
	FILE *file = fopen(path, "we");
	if (!file)
		return false;
	ringcast_hdr_log_begin(file, version, started_s);
	json_array_foreach((json_t *)rows, i, row)
	{
		write_row(file, row, "tcp");
		write_row(file, row, "udp");
	}
	bool is_written = !ferror(file);
	return fclose(file) == 0 && is_written;
}
