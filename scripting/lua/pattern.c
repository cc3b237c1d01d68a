#include "scripting/lua/pattern.h"

#include <string.h>

#include "scripting/lua/lua_private.h"

enum { DEPTH_MAX = 200 };

enum { CHARGED_STEPS = 64 };

static void charge(const struct pattern *pattern, size_t steps)
{
	if (steps > 0)
		ringcast_lua_charge(pattern->state, steps);
}

/* Called for every step that may be repeated. */
static void step(struct pattern *pattern)
{
	if (++pattern->step_count % CHARGED_STEPS == 0)
		charge(pattern, CHARGED_STEPS);
}

/* One character: classes, sets */

static bool is_between(int c, int first, int last)
{
	return c >= first && c <= last;
}

static bool is_letter(int c)
{
	return is_between(c | 0x20, 'a', 'z');
}

static bool is_digit(int c)
{
	return is_between(c, '0', '9');
}

/* ASCII, whatever the locale. A letter that is no class stands for itself. */
static bool is_in_class(int c, int name)
{
	bool is_in;
	switch (name | 0x20) {
	case 'a':
		is_in = is_letter(c);
		break;
	case 'c':
		is_in = c < 0x20 || c == 0x7f;
		break;
	case 'd':
		is_in = is_digit(c);
		break;
	case 'g':
		is_in = is_between(c, 0x21, 0x7e);
		break;
	case 'l':
		is_in = is_between(c, 'a', 'z');
		break;
	case 'p':
		is_in = is_between(c, 0x21, 0x7e) && !is_letter(c) && !is_digit(c);
		break;
	case 's':
		is_in = c == ' ' || is_between(c, '\t', '\r');
		break;
	case 'u':
		is_in = is_between(c, 'A', 'Z');
		break;
	case 'w':
		is_in = is_letter(c) || is_digit(c);
		break;
	case 'x':
		is_in = is_digit(c) || is_between(c | 0x20, 'a', 'f');
		break;
	case 'z':
		is_in = c == 0;
		break;
	default:
		return c == name;
	}
	return is_letter(name) && is_between(name, 'A', 'Z') ? !is_in : is_in;
}

/* [set]: from behind the bracket to the closing one. */
static bool is_in_set(int c, const char *at, const char *end)
{
	bool is_negated = *at == '^';
	for (at += is_negated; at < end; at++) {
		if (*at == '%' && at + 1 < end) {
			at++;
			if (is_in_class(c, (unsigned char)*at))
				return !is_negated;
		} else if (at + 2 < end && at[1] == '-') {
			if (is_between(c, (unsigned char)at[0], (unsigned char)at[2]))
				return !is_negated;
			at += 2;
		} else if ((unsigned char)*at == c) {
			return !is_negated;
		}
	}
	return is_negated;
}

/* Behind the single character, class or set at `at`. The first character of a set may be its closing bracket. */
static const char *single_end(const struct pattern *pattern, const char *at)
{
	char first = *at++;
	if (first == '%') {
		if (at == pattern->text_end)
			luaL_error(pattern->state, "malformed pattern (ends with '%%')");
		return at + 1;
	}
	if (first != '[')
		return at;
	const char *start = at;
	if (at < pattern->text_end && *at == '^')
		at++;
	do {
		if (at == pattern->text_end)
			luaL_error(pattern->state, "malformed pattern (missing ']')");
		if (*at++ == '%' && at < pattern->text_end)
			at++;
	} while (at == pattern->text_end || *at != ']');
	charge(pattern, (size_t)(at - start) / LUA_STEP_BYTES);
	return at + 1;
}

static bool is_single(const struct pattern *pattern, const char *subject, const char *at, const char *end)
{
	if (subject >= pattern->subject_end)
		return false;
	int c = (unsigned char)*subject;
	switch (*at) {
	case '.':
		return true;
	case '%':
		return is_in_class(c, (unsigned char)at[1]);
	case '[':
		charge(pattern, (size_t)(end - at) / LUA_STEP_BYTES);
		return is_in_set(c, at + 1, end - 1);
	default:
		return (unsigned char)*at == c;
	}
}

/* Things that repeat */

static const char *match(struct pattern *pattern, const char *subject, const char *at);

static const char *repeat_most(struct pattern *pattern, const char *subject, const char *at, const char *end)
{
	ptrdiff_t count = 0;
	while (is_single(pattern, subject + count, at, end)) {
		step(pattern);
		count++;
	}
	for (; count >= 0; count--) {
		step(pattern);
		const char *result = match(pattern, subject + count, end + 1);
		if (result != NULL)
			return result;
	}
	return NULL;
}

static const char *repeat_least(struct pattern *pattern, const char *subject, const char *at, const char *end)
{
	for (;; subject++) {
		step(pattern);
		const char *result = match(pattern, subject, end + 1);
		if (result != NULL)
			return result;
		if (!is_single(pattern, subject, at, end))
			return NULL;
	}
}

/* Captures. One that was begun on a way that failed is taken back. */

static const char *capture_begin(struct pattern *pattern, const char *subject, const char *rest, ptrdiff_t size)
{
	if (pattern->capture_count == PATTERN_CAPTURES_MAX)
		luaL_error(pattern->state, "too many captures");
	pattern->captures[pattern->capture_count++] = (struct pattern_capture){subject, size};
	const char *result = match(pattern, subject, rest);
	if (result == NULL)
		pattern->capture_count--;
	return result;
}

static const char *capture_end(struct pattern *pattern, const char *subject, const char *rest)
{
	int index = pattern->capture_count - 1;
	while (index >= 0 && pattern->captures[index].size != PATTERN_CAPTURE_OPEN)
		index--;
	if (index < 0)
		luaL_error(pattern->state, "invalid pattern capture");
	pattern->captures[index].size = subject - pattern->captures[index].start;
	const char *result = match(pattern, subject, rest);
	if (result == NULL)
		pattern->captures[index].size = PATTERN_CAPTURE_OPEN;
	return result;
}

/* %1: the text of a capture again. */
static const char *match_again(struct pattern *pattern, const char *subject, int digit)
{
	int index = digit - '1';
	if (index < 0 || index >= pattern->capture_count || pattern->captures[index].size == PATTERN_CAPTURE_OPEN)
		luaL_error(pattern->state, "invalid capture index");
	const struct pattern_capture *capture = &pattern->captures[index];
	if (capture->size < 0 || pattern->subject_end - subject < capture->size)
		return NULL;
	charge(pattern, (size_t)capture->size / LUA_STEP_BYTES);
	return memcmp(capture->start, subject, (size_t)capture->size) == 0 ? subject + capture->size : NULL;
}

/* %bxy */
static const char *match_balanced(struct pattern *pattern, const char *subject, const char *at)
{
	if (pattern->text_end - at < 2)
		luaL_error(pattern->state, "unbalanced pattern");
	if (subject >= pattern->subject_end || *subject != at[0])
		return NULL;
	int open_count = 1;
	for (subject++; subject < pattern->subject_end; subject++) {
		step(pattern);
		if (*subject == at[1]) {
			if (--open_count == 0)
				return subject + 1;
		} else if (*subject == at[0]) {
			open_count++;
		}
	}
	return NULL;
}

/* %f[set]: between a character that is not in the set and one that is. The ends of the subject count as \0. */
static const char *match_frontier(struct pattern *pattern, const char *subject, const char **at)
{
	const char *set = *at;
	if (set == pattern->text_end || *set != '[')
		luaL_error(pattern->state, "missing '[' after '%%f' in pattern");
	*at = single_end(pattern, set);
	int before = subject == pattern->subject ? 0 : (unsigned char)subject[-1];
	int after = subject == pattern->subject_end ? 0 : (unsigned char)*subject;
	return !is_in_set(before, set + 1, *at - 1) && is_in_set(after, set + 1, *at - 1) ? subject : NULL;
}

/* Items that begin with % and are no single character. *at: behind the item, if it was one. */
static bool match_special(struct pattern *pattern, const char **subject, const char **at)
{
	const char *name = *at + 1;
	if (**at != '%' || name == pattern->text_end)
		return false;
	if (*name == 'b') {
		*subject = match_balanced(pattern, *subject, name + 1);
		*at = name + 3;
	} else if (*name == 'f') {
		*at = name + 1;
		*subject = match_frontier(pattern, *subject, at);
	} else if (is_digit((unsigned char)*name)) {
		*subject = match_again(pattern, *subject, *name);
		*at = name + 1;
	} else {
		return false;
	}
	return true;
}

/* A single with what follows it. True: *ret_result is the answer. False: go on behind it, with the subject moved. */
static bool match_single(struct pattern *pattern, const char **subject, const char **at, const char **ret_result)
{
	const char *end = single_end(pattern, *at), *start = *at;
	char suffix = end < pattern->text_end ? *end : '\0';
	bool is_here = is_single(pattern, *subject, start, end);
	switch (suffix) {
	case '?':
		*ret_result = is_here ? match(pattern, *subject + 1, end + 1) : NULL;
		*at = end + 1;
		return *ret_result != NULL;
	case '*':
		*ret_result = repeat_most(pattern, *subject, start, end);
		return true;
	case '+':
		*ret_result = is_here ? repeat_most(pattern, *subject + 1, start, end) : NULL;
		return true;
	case '-':
		*ret_result = repeat_least(pattern, *subject, start, end);
		return true;
	default:
		*ret_result = NULL;
		*subject += is_here;
		*at = end;
		return !is_here;
	}
}

static const char *match_on(struct pattern *pattern, const char *subject, const char *at)
{
	while (at < pattern->text_end) {
		const char *result;
		step(pattern);
		if (*at == '(' && at + 1 < pattern->text_end && at[1] == ')')
			return capture_begin(pattern, subject, at + 2, PATTERN_CAPTURE_POSITION);
		if (*at == '(')
			return capture_begin(pattern, subject, at + 1, PATTERN_CAPTURE_OPEN);
		if (*at == ')')
			return capture_end(pattern, subject, at + 1);
		if (*at == '$' && at + 1 == pattern->text_end)
			return subject == pattern->subject_end ? subject : NULL;
		if (match_special(pattern, &subject, &at)) {
			if (subject == NULL)
				return NULL;
			continue;
		}
		if (match_single(pattern, &subject, &at, &result))
			return result;
	}
	return subject;
}

static const char *match(struct pattern *pattern, const char *subject, const char *at)
{
	if (++pattern->depth > DEPTH_MAX)
		luaL_error(pattern->state, "pattern too complex");
	const char *result = match_on(pattern, subject, at);
	pattern->depth--;
	return result;
}

const char *ringcast_lua_pattern_match(struct pattern *pattern, const char *start)
{
	charge(pattern, 1);
	pattern->depth = 0;
	pattern->capture_count = 0;
	return match(pattern, start, pattern->text);
}
