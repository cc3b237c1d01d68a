#include "bench/load/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/load.h"
#include "bench/load/payload.h"
#include "bench/load/verdict.h"

static const struct load_option table[] = {
#define LOAD_OPTION(field, name, type, default_value, value, help) {name, LOAD_OPTION_##type, value, help, offsetof(struct load_options, field)},
#include "bench/load/options.def"
#undef LOAD_OPTION
};
enum { TABLE_COUNT = sizeof(table) / sizeof(table[0]) };

void ringcast_load_options_default(struct load_options *ret_options)
{
	*ret_options = (struct load_options){
#define LOAD_OPTION(field, name, type, default_value, value, help) .field = default_value,
#include "bench/load/options.def"
#undef LOAD_OPTION
	};
}

const struct load_option *ringcast_load_options_at(size_t index)
{
	return index < TABLE_COUNT ? &table[index] : NULL;
}

void ringcast_load_options_help(FILE *out)
{
	fprintf(out, "ringcast-load: an open-loop load generator for relays that speak the Realtime wire\n\nUsage: ringcast-load [options]\n\n");
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		char left[48];
		snprintf(left, sizeof(left), "--%s%s%s", table[i].name, table[i].value ? " " : "", table[i].value ? table[i].value : "");
		fprintf(out, "  %-26s %s\n", left, table[i].help);
	}
	fprintf(out, "\nringcast-load compare A B says what changed between two reports of --json; see ringcast-load compare --help.\n"
		     "\nExample:\n  ringcast-load --sessions 50 --players 8 --rate 20 --duration 10 --slo 'p99<5ms,loss<0.1%%'\n\n"
		     "Exit codes:\n"
		     "  0  all promises were kept\n"
		     "  1  a promise was broken: an SLO, a leak, damage, a disconnect\n"
		     "  2  it could not run: wrong usage, no server, nobody can join, no files, a report that cannot be written, an interrupt\n"
		     "  3  invalid: the generator was too slow\n");
}

static bool parse_number(const char *text, const char *units, double *ret_value)
{
	char *end;
	errno = 0;
	double value = strtod(text, &end);
	if (errno != 0 || end == text || !(value >= 0 && value <= 1e15))
		return false;
	if (*end != '\0' && (end[1] != '\0' || !strchr(units, *end)))
		return false;
	*ret_value = value;
	return true;
}

static bool store(const struct load_option *option, const char *text, struct load_options *options)
{
	void *field = (char *)options + option->offset;
	double value;
	switch (option->type) {
	case LOAD_OPTION_TEXT:
		*(const char **)field = text;
		return true;
	case LOAD_OPTION_FLAG:
		*(bool *)field = true;
		return true;
	case LOAD_OPTION_COUNT:
		if (!parse_number(text, "", &value) || value != (double)(uint64_t)value)
			return false;
		*(uint64_t *)field = (uint64_t)value;
		return true;
	case LOAD_OPTION_PERCENT:
		return parse_number(text, "%", field) && *(double *)field <= 100;
	case LOAD_OPTION_SECONDS:
		return parse_number(text, "s", field);
	case LOAD_OPTION_RATE:
		return parse_number(text, "", field);
	}
	return false;
}

static const struct load_option *find(const char *word, const char **ret_value)
{
	size_t size = strcspn(word, "=");
	*ret_value = word[size] == '=' ? word + size + 1 : NULL;
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		if (strlen(table[i].name) == size && strncmp(table[i].name, word, size) == 0)
			return &table[i];
	}
	return NULL;
}

/* It becomes part of a file's name. */
static bool is_label(const char *label)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t size = strlen(label);
	return size > 0 && size <= LOAD_LABEL_BYTES_MAX && label[0] != '.' && strspn(label, allowed) == size;
}

static const char *what_is_wrong(const struct load_options *options)
{
	/* each by itself first: the product of two large ones wraps around */
	if (options->session_count == 0 || options->player_count == 0 || options->session_count > LOAD_PLAYERS_MAX || options->player_count > LOAD_PLAYERS_MAX ||
	    options->session_count * options->player_count > LOAD_PLAYERS_MAX)
		return "--sessions and --players: from 1 to 1 000 000 players altogether";
	if (options->size_bytes < PAYLOAD_BYTES_MIN || options->size_bytes > PAYLOAD_BYTES_MAX)
		return "--size: from 32 to 4096 bytes";
	if (options->sender_count > options->player_count)
		return "--senders: no more than --players";
	if (options->slow_count > 0 && options->sender_count == 0)
		return "--slow-peers needs --senders, fewer than --players: slow players do not send";
	if (options->slow_count > options->session_count * (options->player_count - options->sender_count) && options->slow_count > 0)
		return "--slow-peers: more than there are players who do not send";
	if (options->group_percent + options->direct_percent > 100)
		return "--to-group and --to-player: together at most 100%";
	if (options->group_percent > 0 && options->group_count == 0 && options->grid_side == 0)
		return "--to-group needs --groups or --grid";
	if (options->grid_side > LOAD_GRID_SIDE_MAX || (options->grid_side > 0 && (options->group_count > 0 || options->group_percent == 0)))
		return "--grid: at most 32, without --groups, and with a share --to-group";
	if (options->move_rate > 0 && options->grid_side == 0)
		return "--moves needs --grid";
	if (options->direct_percent > 0 && options->player_count < 2)
		return "--to-player needs two --players";
	if (options->is_admin_off && !options->server)
		return "--no-admin needs --server";
	if (!options->is_secure && (options->ca_path || options->host_name || options->is_insecure))
		return "--ca, --host-name and --insecure go with --secure";
	if (options->ca_path && options->is_insecure)
		return "--ca and --insecure exclude each other";
	if (options->label && !is_label(options->label))
		return "--label: at most 60 letters, digits, dots, dashes and underscores";
	if (options->duration_seconds <= 0)
		return "--duration: more than 0";
	return NULL;
}

static const char *what_is_wrong_with_processes(const struct load_options *options)
{
	bool is_several = options->process_count > 1 || options->listen;
	if (options->process_count == 0 || options->process_count > LOAD_PROCESSES_MAX || options->process_count > options->session_count)
		return "--processes: 1 to 64, and no more than --sessions, since a session is played by one of them";
	if ((options->listen || options->work_for) && !options->secret_path)
		return "--listen and --work-for need --secret";
	if (options->listen && options->work_for)
		return "--listen and --work-for exclude each other";
	if (options->is_idle && is_several)
		return "--idle measures memory by itself: without --processes and --listen";
	if (options->slow_count > 0 && is_several)
		return "--slow-peers: without --processes and --listen";
	if (options->repeat_count == 0 || options->repeat_count > VERDICT_REPEATS_MAX)
		return "--repeats: 1 to 100";
	if (options->search_rate > 0 && (!options->slo || options->rate <= 0 || options->search_rate < options->rate))
		return "--search needs --slo, and a --rate to begin with, no higher than itself";
	if (options->search_rate > 0 && (options->precision_percent < 0.1 || options->is_idle || options->connect_rate > 0))
		return "--search: --precision of 0.1% at least, without --idle and --connect-rate";
	if (options->histograms_path && (options->repeat_count > 1 || options->search_rate > 0))
		return "--histograms is of one run: without --repeats and --search";
	return NULL;
}

const char *ringcast_load_options_problem(const struct load_options *options)
{
	const char *problem = what_is_wrong(options);
	return problem ? problem : what_is_wrong_with_processes(options);
}

bool ringcast_load_options_parse(struct load_options *options, int argc, char **argv, FILE *err)
{
	for (int i = 1; i < argc; i++) {
		const char *value = NULL;
		const struct load_option *option = strncmp(argv[i], "--", 2) == 0 ? find(argv[i] + 2, &value) : NULL;
		if (!option) {
			fprintf(err, "ringcast-load: unknown option '%s'; --help lists them\n", argv[i]);
			return false;
		}
		if (option->type != LOAD_OPTION_FLAG && !value && ++i < argc)
			value = argv[i];
		if (option->type == LOAD_OPTION_FLAG ? value != NULL : !value || !store(option, value, options)) {
			fprintf(err, "ringcast-load: --%s needs %s\n", option->name, option->value ? option->value : "no value");
			return false;
		}
		if (option->type == LOAD_OPTION_FLAG)
			store(option, NULL, options);
	}
	const char *problem = options->is_help ? NULL : ringcast_load_options_problem(options);
	if (problem)
		fprintf(err, "ringcast-load: %s\n", problem);
	return !problem && (!options->slo || ringcast_slo_is_understood(options->slo, err));
}
