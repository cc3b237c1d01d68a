#include "tools/ringcast/scenario.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proto/gate.h"
#include "tools/ringcast/words.h"

enum { WORDS_MAX = 80 };

struct parser {
	const char *path;
	int line;
	char *reterr;
	struct word words[WORDS_MAX];
	size_t count, at;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct parser *parser, const char *format, ...)
{
	va_list arguments;
	size_t used = (size_t)snprintf(parser->reterr, SCENARIO_ERROR_BYTES, "%s:%d: ", parser->path, parser->line);
	va_start(arguments, format);
	if (used < SCENARIO_ERROR_BYTES)
		vsnprintf(parser->reterr + used, SCENARIO_ERROR_BYTES - used, format, arguments);
	va_end(arguments);
	return false;
}

/* Words */

static bool split(struct parser *parser, char *line)
{
	char problem[WORDS_ERROR_BYTES];
	parser->at = 0;
	return ringcast_words_split(line, parser->words, WORDS_MAX, &parser->count, problem) || refuse(parser, "%s", problem);
}

static bool is_at_end(const struct parser *parser)
{
	return parser->at == parser->count;
}

/* Takes the word when it is this one. */
static bool accept(struct parser *parser, const char *text)
{
	const struct word *word = &parser->words[parser->at];
	if (is_at_end(parser) || word->is_quoted || strcmp(word->bytes, text) != 0)
		return false;
	parser->at++;
	return true;
}

static struct word *take(struct parser *parser, const char *what)
{
	if (is_at_end(parser)) {
		refuse(parser, "%s is missing", what);
		return NULL;
	}
	return &parser->words[parser->at++];
}

static bool take_text(struct parser *parser, struct text *ret_text)
{
	const struct word *word = take(parser, "a text");
	if (!word)
		return false;
	if (word->size > SCENARIO_TEXT_BYTES)
		return refuse(parser, "a text has %d bytes at most", SCENARIO_TEXT_BYTES);
	char *bytes = malloc(word->size + 1);
	if (!bytes)
		return refuse(parser, "out of memory");
	memcpy(bytes, word->bytes, word->size + 1);
	free(ret_text->bytes);
	*ret_text = (struct text){.bytes = bytes, .size = word->size, .is_given = true};
	return true;
}

static bool take_number(struct parser *parser, const char *what, long min, long max, int32_t *ret_number)
{
	char *end;
	const struct word *word = take(parser, what);
	if (!word)
		return false;
	errno = 0;
	long value = strtol(word->bytes, &end, 10);
	if (errno || *end || end == word->bytes || value < min || value > max)
		return refuse(parser, "'%s' is no %s", word->bytes, what);
	*ret_number = (int32_t)value;
	return true;
}

static bool take_opcode(struct parser *parser, int32_t *ret_opcode)
{
	if (!take_number(parser, "op code", INT32_MIN, INT32_MAX, ret_opcode))
		return false;
	return ringcast_gate_is_game(*ret_opcode) || refuse(parser, "'%d' is no op code of a game's: the protocol has it", *ret_opcode);
}

static bool take_time(struct parser *parser, uint32_t *ret_ms)
{
	char *end;
	const struct word *word = take(parser, "a time");
	if (!word)
		return false;
	double value = strtod(word->bytes, &end);
	double factor = strcmp(end, "ms") == 0 ? 1 : strcmp(end, "s") == 0 ? 1000 : 0;
	if (end == word->bytes || factor == 0 || !(value >= 0) || value * factor > 600000)
		return refuse(parser, "'%s' is no time; write 100ms or 2s", word->bytes);
	*ret_ms = (uint32_t)(value * factor);
	return true;
}

static bool is_name(const char *text)
{
	static const char *const taken[] = {"server", "everyone", "group",  "session", "log",    "no",    "nothing",
					    "join",   "leave",    "expect", "wait",    "forget", "errors"};
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcmp(text, taken[i]) == 0)
			return false;
	return strlen(text) < SCENARIO_NAME_BYTES && *text &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(text) &&
	       (*text < '0' || *text > '9');
}

static bool take_name(struct parser *parser, char ret_name[SCENARIO_NAME_BYTES])
{
	const struct word *word = take(parser, "a player's name");
	if (!word)
		return false;
	if (word->is_quoted || !is_name(word->bytes))
		return refuse(parser, "'%s' is no name for a player", word->bytes);
	snprintf(ret_name, SCENARIO_NAME_BYTES, "%s", word->bytes);
	return true;
}

/* Steps */

static bool parse_session(struct parser *parser, struct step *step)
{
	int32_t players = 0;
	step->kind = STEP_SESSION;
	while (!is_at_end(parser)) {
		if (accept(parser, "properties") ? !take_text(parser, &step->text)
		    : accept(parser, "players")  ? !take_number(parser, "number of players", 1, 5000, &players)
						 : !refuse(parser, "after session: properties TEXT, players N"))
			return false;
	}
	step->number = (uint32_t)players;
	return true;
}

static bool parse_join(struct parser *parser, struct step *step)
{
	step->kind = STEP_JOIN;
	step->within_ms = SCENARIO_WITHIN_MS * 2;
	if (!take_name(parser, step->player))
		return false;
	while (!is_at_end(parser)) {
		if (accept(parser, "refused"))
			step->kind = STEP_JOIN_REFUSED;
		else if (accept(parser, "tcp"))
			step->is_tcp_only = true;
		else if (accept(parser, "payload") ? !take_text(parser, &step->text)
			 : accept(parser, "id")    ? !take_text(parser, &step->id)
			 : accept(parser, "data")  ? !take_text(parser, &step->data)
						   : !refuse(parser, "after join NAME: payload TEXT, id TEXT, data TEXT, tcp, refused"))
			return false;
	}
	return true;
}

static bool parse_target(struct parser *parser, struct step *step)
{
	if (!accept(parser, "to"))
		return refuse(parser, "write: send OPCODE to server, to everyone, to group N, or to NAME");
	if (accept(parser, "server"))
		step->target = TARGET_SERVER;
	else if (accept(parser, "everyone"))
		step->target = TARGET_EVERYONE;
	else if (accept(parser, "group"))
		return step->target = TARGET_GROUP, take_number(parser, "group", 1, INT32_MAX, &step->group);
	else
		return step->target = TARGET_PLAYER, take_name(parser, step->peer);
	return true;
}

static bool parse_send(struct parser *parser, struct step *step)
{
	step->kind = STEP_SEND;
	if (!take_opcode(parser, &step->opcode))
		return false;
	step->is_fast = accept(parser, "fast");
	if (!parse_target(parser, step))
		return false;
	return is_at_end(parser) || take_text(parser, &step->text);
}

static bool parse_player(struct parser *parser, struct step *step)
{
	if (!take_name(parser, step->player))
		return false;
	if (accept(parser, "send"))
		return parse_send(parser, step);
	if (!accept(parser, "joins") && !(accept(parser, "leaves") && (step->kind = STEP_LEAVE_GROUP)))
		return refuse(parser, "after a player's name: send, joins group N, leaves group N");
	if (step->kind != STEP_LEAVE_GROUP)
		step->kind = STEP_JOIN_GROUP;
	if (!accept(parser, "group"))
		return refuse(parser, "write: group N");
	return take_number(parser, "group", 1, INT32_MAX, &step->group);
}

static bool parse_expect_message(struct parser *parser, struct step *step)
{
	step->kind = STEP_EXPECT;
	if (!take_opcode(parser, &step->opcode))
		return false;
	while (!is_at_end(parser)) {
		bool is_good = true;
		if (accept(parser, "eventually"))
			step->is_eventual = true;
		else if (accept(parser, "fast"))
			step->is_fast = true;
		else if (accept(parser, "within"))
			is_good = take_time(parser, &step->within_ms);
		else if (accept(parser, "from"))
			is_good = accept(parser, "server") ? snprintf(step->peer, sizeof(step->peer), "server") > 0
							   : take_name(parser, step->peer);
		else if (accept(parser, "contains"))
			is_good = step->is_contained = take_text(parser, &step->text);
		else if (step->text.is_given)
			is_good = refuse(parser, "one text is expected, not two; quote it when it has blanks");
		else
			is_good = take_text(parser, &step->text);
		if (!is_good)
			return false;
	}
	return true;
}

static bool parse_expect_no(struct parser *parser, struct step *step)
{
	step->kind = STEP_EXPECT_NO;
	step->within_ms = SCENARIO_FOR_MS;
	if (!is_at_end(parser) && strcmp(parser->words[parser->at].bytes, "for") != 0 &&
	    !take_opcode(parser, &step->opcode))
		return false;
	return !accept(parser, "for") || take_time(parser, &step->within_ms);
}

/* group N: NAME NAME... */
static bool parse_expect_members(struct parser *parser, struct step *step)
{
	step->kind = STEP_EXPECT_MEMBERS;
	if (!accept(parser, "group") || !take_number(parser, "group", 1, INT32_MAX, &step->group))
		return refuse(parser, "write: expect NAME members group N NAME...");
	step->members = calloc(parser->count + 1, sizeof(*step->members));
	if (!step->members)
		return refuse(parser, "out of memory");
	while (!is_at_end(parser)) {
		if (accept(parser, "within") ? !take_time(parser, &step->within_ms)
					     : !take_name(parser, step->members[step->member_count++]))
			return false;
	}
	return true;
}

static bool parse_expect_closed(struct parser *parser, struct step *step)
{
	int32_t code = 0;
	step->kind = STEP_EXPECT_CLOSED;
	if (!is_at_end(parser) && strcmp(parser->words[parser->at].bytes, "within") != 0 &&
	    !take_number(parser, "close code", 1, 65535, &code))
		return false;
	step->number = (uint32_t)code;
	return !accept(parser, "within") || take_time(parser, &step->within_ms);
}

static bool parse_expect_world(struct parser *parser, struct step *step, bool *ret_is_taken)
{
	*ret_is_taken = true;
	if (accept(parser, "log")) {
		step->kind = STEP_EXPECT_LOG;
		return take_text(parser, &step->text) && (!accept(parser, "within") || take_time(parser, &step->within_ms));
	}
	if (accept(parser, "session")) {
		step->kind = STEP_EXPECT_ENDED;
		if (!accept(parser, "ended"))
			return refuse(parser, "write: expect session ended");
		return !accept(parser, "within") || take_time(parser, &step->within_ms);
	}
	*ret_is_taken = false;
	return true;
}

static bool parse_expect(struct parser *parser, struct step *step)
{
	bool is_taken;
	step->within_ms = SCENARIO_WITHIN_MS;
	if (!parse_expect_world(parser, step, &is_taken))
		return false;
	if (is_taken)
		return true;
	if (!take_name(parser, step->player))
		return false;
	if (accept(parser, "no") || accept(parser, "nothing"))
		return parse_expect_no(parser, step);
	if (accept(parser, "members"))
		return parse_expect_members(parser, step);
	if (accept(parser, "closed"))
		return parse_expect_closed(parser, step);
	return parse_expect_message(parser, step);
}

static bool parse_step(struct parser *parser, struct step *step)
{
	if (accept(parser, "session"))
		return parse_session(parser, step);
	if (accept(parser, "join"))
		return parse_join(parser, step);
	if (accept(parser, "leave"))
		return step->kind = STEP_LEAVE, take_name(parser, step->player);
	if (accept(parser, "expect"))
		return parse_expect(parser, step);
	if (accept(parser, "wait"))
		return step->kind = STEP_WAIT, take_time(parser, &step->within_ms);
	if (accept(parser, "forget"))
		return step->kind = STEP_FORGET, accept(parser, "everyone") || take_name(parser, step->player);
	if (accept(parser, "errors"))
		return step->kind = STEP_ALLOW_ERRORS, accept(parser, "allowed") || refuse(parser, "write: errors allowed");
	return parse_player(parser, step);
}

static bool parse_line(struct parser *parser, char *line, struct scenario *scenario)
{
	struct step *step = &scenario->steps[scenario->step_count];
	char *source = strdup(line + strspn(line, " \t"));
	if (!source)
		return refuse(parser, "out of memory");
	*step = (struct step){.line = parser->line, .source = source};
	bool is_good = split(parser, line);
	if (is_good && parser->count == 0) {
		free(source);
		return true;
	}
	scenario->step_count++;
	if (!is_good || !parse_step(parser, step))
		return false;
	if (!is_at_end(parser))
		return refuse(parser, "'%s' is too much", parser->words[parser->at].bytes);
	if (step->kind == STEP_SESSION && scenario->step_count > 1)
		return refuse(parser, "session comes first");
	return true;
}

bool ringcast_scenario_parse(const char *path, char *source, struct scenario *ret_scenario, char reterr[SCENARIO_ERROR_BYTES])
{
	struct parser parser = {.path = path, .reterr = reterr};
	struct scenario scenario = {.path = path, .source = source, .steps = calloc(SCENARIO_STEPS_MAX + 1, sizeof(struct step))};
	bool is_good = scenario.steps || refuse(&parser, "out of memory");
	for (char *line = source; is_good && line; parser.line++) {
		char *end = strpbrk(line, "\r\n"), *next = end ? end + 1 + (end[0] == '\r' && end[1] == '\n') : NULL;
		if (end)
			*end = '\0';
		parser.line += parser.line == 0;
		is_good = parse_line(&parser, line, &scenario);
		if (is_good && scenario.step_count > SCENARIO_STEPS_MAX)
			is_good = refuse(&parser, "more than %d steps", SCENARIO_STEPS_MAX);
		line = next;
	}
	if (is_good)
		*ret_scenario = scenario;
	else
		ringcast_scenario_fini(&scenario);
	return is_good;
}

bool ringcast_scenario_read(const char *path, struct scenario *ret_scenario, char reterr[SCENARIO_ERROR_BYTES])
{
	char *source = NULL;
	size_t capacity = 0;
	FILE *file = fopen(path, "re");
	ssize_t size = file ? getdelim(&source, &capacity, '\0', file) : -1;
	if (size < 0 && (!file || ferror(file))) {
		snprintf(reterr, SCENARIO_ERROR_BYTES, "%s: %s", path, strerror(errno));
		if (file)
			fclose(file);
		free(source);
		return false;
	}
	fclose(file);
	if (size < 0 && source)
		source[0] = '\0';
	return ringcast_scenario_parse(path, source ? source : strdup(""), ret_scenario, reterr);
}

void ringcast_scenario_fini(struct scenario *scenario)
{
	for (size_t i = 0; i < scenario->step_count; i++) {
		struct step *step = &scenario->steps[i];
		free((char *)step->source);
		free(step->text.bytes);
		free(step->id.bytes);
		free(step->data.bytes);
		free(step->members);
	}
	free(scenario->steps);
	free(scenario->source);
	*scenario = (struct scenario){0};
}
