#include "tools/ringcast/words.h"

#include <stdio.h>
#include <string.h>

static int hex_of(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* One character after a backslash. Returns how many bytes of the source it took, 0: not one we know. */
static size_t decode_escape(const char *source, char *out)
{
	static const char names[] = "nrt0\\'\"", values[] = "\n\r\t\0\\'\"";
	const char *name = *source ? strchr(names, *source) : NULL;
	if (name) {
		*out = values[name - names];
		return 1;
	}
	if (*source != 'x' || hex_of(source[1]) < 0 || hex_of(source[2]) < 0)
		return 0;
	*out = (char)(hex_of(source[1]) * 16 + hex_of(source[2]));
	return 3;
}

/* Decodes in place: what comes out is never longer. */
static char *take_quoted(char *source, struct word *word, char reterr[WORDS_ERROR_BYTES])
{
	char quote = *source++, *out = source;
	*word = (struct word){.bytes = out, .is_quoted = true};
	while (*source && *source != quote) {
		if (*source != '\\') {
			*out++ = *source++;
			continue;
		}
		size_t taken = decode_escape(source + 1, out++);
		if (taken == 0) {
			snprintf(reterr, WORDS_ERROR_BYTES, "unknown escape \\%c; there are \\n \\r \\t \\0 \\\\ \\' \\\" \\xHH", source[1] ? source[1] : ' ');
			return NULL;
		}
		source += taken + 1;
	}
	if (!*source) {
		snprintf(reterr, WORDS_ERROR_BYTES, "the quote %c does not end", quote);
		return NULL;
	}
	word->size = (size_t)(out - word->bytes);
	*out = '\0';
	return source + 1;
}

static char *take_plain(char *source, struct word *word)
{
	size_t size = strcspn(source, " \t");
	*word = (struct word){.bytes = source, .size = size};
	char *next = source + size + (source[size] != '\0');
	source[size] = '\0';
	return next;
}

bool ringcast_words_split(char *line, struct word *words, size_t words_max, size_t *ret_count, char reterr[WORDS_ERROR_BYTES])
{
	size_t count = 0;
	for (line += strspn(line, " \t"); *line && *line != '#'; line += strspn(line, " \t")) {
		if (count == words_max) {
			snprintf(reterr, WORDS_ERROR_BYTES, "too many words");
			return false;
		}
		struct word *word = &words[count++];
		line = *line == '\'' || *line == '"' ? take_quoted(line, word, reterr) : take_plain(line, word);
		if (!line)
			return false;
	}
	*ret_count = count;
	return true;
}
