#include "service/match/document.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

/* Comments become spaces, so that lines stay what they are. Answers how deep the text is nested. */
static unsigned blank_comments(char *text, size_t size)
{
	unsigned depth = 0, depth_max = 0;
	bool is_quoted = false;
	for (size_t i = 0; i < size; i++) {
		char c = text[i];
		if (is_quoted) {
			i += c == '\\';
			is_quoted = c != '"' && c != '\n';
		} else if (c == '"') {
			is_quoted = true;
		} else if (c == '/' && i + 1 < size && text[i + 1] == '/') {
			for (; i < size && text[i] != '\n'; i++)
				text[i] = ' ';
		} else if (c == '{' || c == '[') {
			depth++;
			depth_max = depth > depth_max ? depth : depth_max;
		} else if (c == '}' || c == ']') {
			depth -= depth > 0;
		}
	}
	return depth_max;
}

static bool refuse_at(struct document *document, unsigned line, const char *what)
{
	snprintf(document->problem, DOCUMENT_PROBLEM_BYTES, "line %u: %s", line, what);
	return false;
}

bool ringcast_document_open(struct document *document, const char *text, size_t size, char problem[DOCUMENT_PROBLEM_BYTES])
{
	json_error_t error;
	*document = (struct document){.problem = problem};
	problem[0] = '\0';
	if (size > DOCUMENT_BYTES_MAX)
		return refuse_at(document, 1, "the rule set is longer than 65535 bytes");
	if (memchr(text, '\0', size) != NULL)
		return refuse_at(document, 1, "the rule set holds a NUL byte");
	document->text = malloc(size + 1);
	if (document->text == NULL)
		return refuse_at(document, 1, "out of memory");
	memcpy(document->text, text, size);
	document->text[size] = '\0';
	if (blank_comments(document->text, size) > DOCUMENT_DEPTH_MAX)
		return refuse_at(document, 1, "brackets are nested more than 12 deep; a rule set needs 6");
	document->root = json_loadb(document->text, size, JSON_REJECT_DUPLICATES, &error);
	if (document->root == NULL)
		return refuse_at(document, error.line > 0 ? (unsigned)error.line : 1, error.text);
	return json_is_object(document->root) || refuse_at(document, 1, "a rule set is an object: { ... }");
}

void ringcast_document_close(struct document *document)
{
	json_decref(document->root);
	free(document->text);
	*document = (struct document){.problem = document->problem};
}

/* From a path to a line: a walk over text that is known to be JSON. */

static const char *skip_spaces(const char *at)
{
	while (*at != '\0' && strchr(" \t\r\n,:", *at) != NULL)
		at++;
	return at;
}

static const char *skip_quoted(const char *at)
{
	for (at++; *at != '\0' && *at != '"'; at++)
		at += *at == '\\' && at[1] != '\0';
	return at + (*at == '"');
}

static const char *skip_value(const char *at)
{
	unsigned depth = 0;
	at = skip_spaces(at);
	do {
		if (*at == '"') {
			at = skip_quoted(at);
			continue;
		}
		depth += *at == '{' || *at == '[';
		depth -= depth > 0 && (*at == '}' || *at == ']');
		if (*at == '\0')
			return at;
		at++;
		while (depth == 0 && (isalnum((unsigned char)*at) || *at == '.' || *at == '-' || *at == '+'))
			at++;
	} while (depth > 0);
	return at;
}

/* Where the value of one step lies, or NULL: "[3]" of an array, or a key of an object. at points to its bracket. */
static const char *step_into(const char *at, const char *step, size_t size)
{
	unsigned long index = step[0] == '[' ? strtoul(step + 1, NULL, 10) : 0;
	if (*at != (step[0] == '[' ? '[' : '{'))
		return NULL;
	for (at = skip_spaces(at + 1); *at != '\0' && *at != ']' && *at != '}'; at = skip_spaces(skip_value(at))) {
		if (step[0] == '[') {
			if (index-- == 0)
				return at;
			continue;
		}
		const char *key = at + 1, *end = skip_quoted(at);
		at = skip_spaces(end);
		if ((size_t)(end - key) == size + 1 && strncmp(key, step, size) == 0)
			return at;
	}
	return NULL;
}

unsigned ringcast_document_line(const struct document *document, const char *path)
{
	const char *at = skip_spaces(document->text);
	unsigned line = 1;
	while (*path != '\0') {
		path += *path == '.';
		size_t size = *path == '[' ? strcspn(path, "]") + 1 : strcspn(path, ".[");
		const char *next = step_into(at, path, size);
		if (next == NULL)
			break;
		at = next;
		path += size;
	}
	for (const char *c = document->text; c < at; c++)
		line += *c == '\n';
	return line;
}

bool ringcast_document_refuse(struct document *document, const char *path, const char *format, ...)
{
	char what[DOCUMENT_PROBLEM_BYTES - DOCUMENT_PATH_BYTES - 32];
	va_list arguments;
	if (document->problem[0] != '\0')
		return false;
	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	if (*path == '\0')
		snprintf(document->problem, DOCUMENT_PROBLEM_BYTES, "line %u: %s", ringcast_document_line(document, path), what);
	else
		snprintf(document->problem, DOCUMENT_PROBLEM_BYTES, "line %u, %.*s: %s", ringcast_document_line(document, path), DOCUMENT_PATH_BYTES, path,
			 what);
	return false;
}
