#include "tools/ringcast/play_step.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proto/clients/c/ringcast_client.h"
#include "proto/gate.h"
#include "tools/ringcast/words.h"

enum { WORDS_MAX = 80, WITHIN_MS = 5000, QUIET_MS = 200, SECONDS_MAX = 600 };

struct parser {
	struct word words[WORDS_MAX];
	size_t count, at;
	const struct form *form;
	char *reterr;
};

/* What may stand behind a word: which of the --options, and how the rest is read. */
enum { MAY_TO = 1, MAY_GROUP = 2, MAY_FAST = 4, MAY_FROM = 8, MAY_CONTAINS = 16, MAY_WITHIN = 32 };

struct form {
	const char *word, *second; /* second NULL: the word alone says it */
	enum play_kind kind;
	unsigned may;
	uint32_t within_ms;
	bool (*parse)(struct parser *parser, struct play_step *step);
	const char *usage, *about;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct parser *parser, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(parser->reterr, PLAY_ERROR_BYTES, format, arguments);
	va_end(arguments);
	return false;
}

/* Words and values */

static bool is_at_end(const struct parser *parser)
{
	return parser->at == parser->count;
}

static bool is_option(const struct word *word)
{
	return !word->is_quoted && word->size > 2 && strncmp(word->bytes, "--", 2) == 0;
}

static bool has_argument(const struct parser *parser)
{
	return !is_at_end(parser) && !is_option(&parser->words[parser->at]);
}

static bool read_number(const char *text, long min, long max, int32_t *ret_number)
{
	char *end;
	errno = 0;
	long value = strtol(text, &end, 10);
	if (errno || *end || end == text || value < min || value > max)
		return false;
	*ret_number = (int32_t)value;
	return true;
}

static bool take_number(struct parser *parser, const char *what, long min, int32_t *ret_number)
{
	if (!has_argument(parser))
		return refuse(parser, "%s is missing: %s", what, parser->form->usage);
	const char *text = parser->words[parser->at++].bytes;
	return read_number(text, min, INT32_MAX, ret_number) || refuse(parser, "'%.40s' is no %s", text, what);
}

static bool take_payload(struct parser *parser, struct play_step *step)
{
	if (!has_argument(parser))
		return true;
	const struct word *word = &parser->words[parser->at++];
	if (word->is_quoted && memchr(word->bytes, '\0', word->size))
		return refuse(parser, "write bytes that are no text as hex:0a00");
	const char *problem = ringcast_payload_text_parse(word->bytes, RINGCAST_CLIENT_PAYLOAD_BYTES_MAX, &step->payload);
	return !problem || refuse(parser, "%s", problem);
}

static bool read_peer(struct parser *parser, const char *text, int32_t *ret_peer)
{
	if (strcmp(text, "server") == 0)
		*ret_peer = RINGCAST_CLIENT_PEER_SERVER;
	else if (strcmp(text, "all") == 0)
		*ret_peer = 0;
	else if (!read_number(text, 1, INT32_MAX, ret_peer))
		return refuse(parser, "'%.40s' is no peer: its id, server, or all", text);
	return true;
}

static bool read_seconds(struct parser *parser, const char *text, uint32_t *ret_ms)
{
	char *end;
	double seconds = strtod(text, &end);
	if (end == text || *end || !(seconds >= 0 && seconds <= SECONDS_MAX))
		return refuse(parser, "'%.40s' is no number of seconds from 0 to %d", text, SECONDS_MAX);
	*ret_ms = (uint32_t)(seconds * 1000);
	return true;
}

/* Options */

static bool set_to(struct parser *parser, struct play_step *step, const char *value)
{
	return read_peer(parser, value, &step->peer);
}

static bool set_group(struct parser *parser, struct play_step *step, const char *value)
{
	return read_number(value, 1, INT32_MAX, &step->group) || refuse(parser, "'%.40s' is no group", value);
}

static bool set_fast(struct parser *parser, struct play_step *step, const char *value)
{
	(void)parser, (void)value;
	return step->is_fast = true;
}

static bool set_contains(struct parser *parser, struct play_step *step, const char *value)
{
	(void)parser, (void)value;
	return step->is_contained = true;
}

static bool set_within(struct parser *parser, struct play_step *step, const char *value)
{
	return read_seconds(parser, value, &step->within_ms);
}

static const struct {
	const char *name;
	unsigned may;
	bool has_value;
	bool (*set)(struct parser *parser, struct play_step *step, const char *value);
} options[] = {
	{"--to", MAY_TO, true, set_to},         {"--group", MAY_GROUP, true, set_group},          {"--fast", MAY_FAST, false, set_fast},
	{"--from", MAY_FROM, true, set_to},     {"--contains", MAY_CONTAINS, false, set_contains}, {"--within", MAY_WITHIN, true, set_within},
};

static bool take_option(struct parser *parser, struct play_step *step)
{
	const char *name = parser->words[parser->at++].bytes;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(options[i].name, name) != 0 || !(parser->form->may & options[i].may))
			continue;
		if (options[i].has_value && is_at_end(parser))
			return refuse(parser, "%s needs a value: %s", name, parser->form->usage);
		return options[i].set(parser, step, options[i].has_value ? parser->words[parser->at++].bytes : NULL);
	}
	return refuse(parser, "%.40s is not for this: %s", name, parser->form->usage);
}

/* What stands between the first words and the options */

static bool take_opcode(struct parser *parser, int32_t *ret_opcode)
{
	if (!take_number(parser, "op code", INT32_MIN, ret_opcode))
		return false;
	return ringcast_gate_is_game(*ret_opcode) || refuse(parser, "'%d' is no op code of a game's: the protocol has it", *ret_opcode);
}

static bool parse_nothing(struct parser *parser, struct play_step *step)
{
	(void)parser, (void)step;
	return true;
}

static bool parse_message(struct parser *parser, struct play_step *step)
{
	return take_opcode(parser, &step->opcode) && take_payload(parser, step);
}

static bool parse_opcode(struct parser *parser, struct play_step *step)
{
	return take_opcode(parser, &step->opcode);
}

static bool parse_group(struct parser *parser, struct play_step *step)
{
	return take_number(parser, "group", 1, &step->group);
}

static bool parse_group_or_all(struct parser *parser, struct play_step *step)
{
	step->group = RINGCAST_CLIENT_GROUP_ALL;
	return !has_argument(parser) || parse_group(parser, step);
}

static bool parse_members(struct parser *parser, struct play_step *step)
{
	if (has_argument(parser) && strcmp(parser->words[parser->at].bytes, "all") == 0)
		parser->at++, step->group = RINGCAST_CLIENT_GROUP_ALL;
	else if (!parse_group(parser, step))
		return false;
	while (has_argument(parser)) {
		if (step->member_count == PLAY_MEMBERS_MAX)
			return refuse(parser, "more than %d members", PLAY_MEMBERS_MAX);
		if (!take_number(parser, "peer", 1, &step->members[step->member_count++]))
			return false;
	}
	return true;
}

static bool parse_code(struct parser *parser, struct play_step *step)
{
	return !has_argument(parser) || take_number(parser, "close code", 1, &step->code);
}

static bool parse_seconds(struct parser *parser, struct play_step *step)
{
	if (!has_argument(parser))
		return refuse(parser, "how long? %s", parser->form->usage);
	return read_seconds(parser, parser->words[parser->at++].bytes, &step->within_ms);
}

static const struct form forms[] = {
	{"send", NULL, PLAY_SEND, MAY_TO | MAY_GROUP | MAY_FAST, 0, parse_message, "send OP [PAYLOAD] [--to PEER] [--group N] [--fast]",
	 "a message, reliably unless --fast, to everyone, a player, server or a group; hex:0a1b for bytes"},
	{"join", NULL, PLAY_JOIN, 0, 0, parse_group, "join N", "asks for membership of a group"},
	{"leave", NULL, PLAY_LEAVE, 0, 0, parse_group, "leave N", "leaves it"},
	{"members", NULL, PLAY_MEMBERS, 0, 0, parse_group_or_all, "members [N]", "who is in the group, or in the session"},
	{"expect", "no", PLAY_EXPECT_NO, MAY_FROM | MAY_WITHIN, QUIET_MS, parse_opcode, "expect no OP [--from PEER] [--within SECONDS]",
	 "no message of that op code is there or comes within 0.2 seconds"},
	{"expect", "members", PLAY_EXPECT_MEMBERS, MAY_WITHIN, WITHIN_MS, parse_members, "expect members N|all [PEER...] [--within SECONDS]",
	 "a list of exactly these comes"},
	{"expect", "closed", PLAY_EXPECT_CLOSED, MAY_WITHIN, WITHIN_MS, parse_code, "expect closed [CODE] [--within SECONDS]", "the server closes the connection"},
	{"expect", NULL, PLAY_EXPECT, MAY_FROM | MAY_FAST | MAY_CONTAINS | MAY_WITHIN, WITHIN_MS, parse_message,
	 "expect OP [PAYLOAD] [--from PEER] [--contains] [--fast] [--within SECONDS]", "such a message is there or comes within 5 seconds"},
	{"wait", NULL, PLAY_WAIT, 0, 0, parse_seconds, "wait SECONDS", "goes on receiving that long"},
	{"stats", NULL, PLAY_STATS, 0, 0, parse_nothing, "stats", "round trip and counts"},
	{"quit", NULL, PLAY_QUIT, 0, 0, parse_nothing, "quit", "leaves"},
	{"help", NULL, PLAY_HELP, 0, 0, parse_nothing, "help", "this"},
};
enum { FORM_COUNT = sizeof(forms) / sizeof(forms[0]) };

static const struct form *find_form(struct parser *parser)
{
	const char *second = parser->count > 1 ? parser->words[1].bytes : "";
	for (size_t i = 0; i < FORM_COUNT; i++) {
		if (strcmp(forms[i].word, parser->words[0].bytes) != 0 || (forms[i].second && strcmp(forms[i].second, second) != 0))
			continue;
		parser->at = forms[i].second ? 2 : 1;
		return &forms[i];
	}
	refuse(parser, "unknown '%.40s'; there are send, join, leave, members, expect, wait, stats, quit, help", parser->words[0].bytes);
	return NULL;
}

/* Payloads and options may come in any order, as on a command line: options first would else be taken for what is missing. */
static bool parse_rest(struct parser *parser, struct play_step *step)
{
	bool is_read = false;
	while (!is_at_end(parser) || !is_read) {
		if (!is_at_end(parser) && is_option(&parser->words[parser->at])) {
			if (!take_option(parser, step))
				return false;
		} else if (!is_read) {
			is_read = true;
			if (!parser->form->parse(parser, step))
				return false;
		} else if (step->payload.bytes || !(step->kind == PLAY_SEND || step->kind == PLAY_EXPECT)) {
			return refuse(parser, "'%.40s' is too much; a payload with blanks stands in quotes: %s", parser->words[parser->at].bytes, parser->form->usage);
		} else if (!take_payload(parser, step)) {
			return false;
		}
	}
	if (step->kind == PLAY_SEND && step->peer != 0 && step->group > 0)
		return refuse(parser, "--to and --group exclude each other");
	return true;
}

bool ringcast_play_step_parse(const char *line, struct play_step *ret_step, char reterr[PLAY_ERROR_BYTES])
{
	struct parser parser = {.reterr = reterr};
	struct play_step step = {.kind = PLAY_NOTHING};
	char problem[WORDS_ERROR_BYTES], *copy = strdup(line);
	bool is_good = copy != NULL || refuse(&parser, "out of memory");
	if (is_good)
		is_good = ringcast_words_split(copy, parser.words, WORDS_MAX, &parser.count, problem) || refuse(&parser, "%s", problem);
	if (is_good && parser.count > 0) {
		parser.form = find_form(&parser);
		is_good = parser.form != NULL;
		if (is_good) {
			step.kind = parser.form->kind;
			step.within_ms = parser.form->within_ms;
			is_good = parse_rest(&parser, &step);
		}
	}
	free(copy);
	if (is_good)
		*ret_step = step;
	else
		ringcast_play_step_fini(&step);
	return is_good;
}

void ringcast_play_step_fini(struct play_step *step)
{
	free(step->payload.bytes);
	*step = (struct play_step){.kind = PLAY_NOTHING};
}

void ringcast_play_step_help(FILE *out)
{
	for (size_t i = 0; i < FORM_COUNT; i++)
		fprintf(out, "  %s\n      %s\n", forms[i].usage, forms[i].about);
}
