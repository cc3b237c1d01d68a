#include "tools/ringcast/line_input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { KEY_INTERRUPT = 3, KEY_END = 4, KEY_BACKSPACE = 8, KEY_KILL = 21, KEY_WORD = 23, KEY_ESCAPE = 27, KEY_DELETE = 127 };

void ringcast_line_input_init(struct line_input *input, const char *prompt)
{
	input->read_count = input->read_at = input->size = 0;
	input->is_over = input->is_interrupted = input->is_shown = false;
	input->escape = 0;
	input->prompt = prompt;
	input->is_terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && tcgetattr(STDIN_FILENO, &input->saved) == 0;
	if (!input->is_terminal)
		return;
	struct termios raw = input->saved;
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO | ISIG | IEXTEN);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

void ringcast_line_input_fini(struct line_input *input)
{
	if (!input->is_terminal)
		return;
	ringcast_line_input_hide(input);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &input->saved);
	input->is_terminal = false;
}

static void interrupt(struct line_input *input)
{
	input->is_over = input->is_interrupted = true;
	input->size = input->read_at = input->read_count = 0;
}

void ringcast_line_input_read(struct line_input *input)
{
	if (ringcast_line_input_is_full(input))
		return;
	input->read_count -= input->read_at;
	memmove(input->read, input->read + input->read_at, input->read_count);
	input->read_at = 0;
	char *end = input->read + input->read_count;
	ssize_t got = read(STDIN_FILENO, end, sizeof(input->read) - input->read_count);
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0)
		input->is_over = true;
	else if (input->is_terminal && memchr(end, KEY_INTERRUPT, (size_t)got))
		interrupt(input);
	else
		input->read_count += (size_t)got;
}

bool ringcast_line_input_is_full(const struct line_input *input)
{
	return input->read_count - input->read_at == sizeof(input->read);
}

bool ringcast_line_input_peek(const struct line_input *input, size_t *at, char ret_line[LINE_INPUT_BYTES])
{
	const char *start = input->read + *at;
	size_t rest = input->read_count - *at;
	const char *end = memchr(start, input->is_terminal ? '\r' : '\n', rest);
	if (rest == 0 || (!end && !input->is_over))
		return false;
	size_t size = end ? (size_t)(end - start) : rest;
	*at += size + (end != NULL);
	size = size < LINE_INPUT_BYTES ? size : LINE_INPUT_BYTES - 1;
	memcpy(ret_line, start, size);
	ret_line[size] = '\0';
	return true;
}

void ringcast_line_input_hide(struct line_input *input)
{
	if (!input->is_terminal || !input->is_shown)
		return;
	printf("\r\033[K");
	input->is_shown = false;
}

void ringcast_line_input_show(struct line_input *input)
{
	if (!input->is_terminal || input->is_shown || input->is_over)
		return;
	printf("%s%.*s", input->prompt, (int)input->size, input->text);
	fflush(stdout);
	input->is_shown = true;
}

/* Editing */

static void redraw(struct line_input *input)
{
	ringcast_line_input_hide(input);
	ringcast_line_input_show(input);
}

/* One character: of UTF-8 with the bytes that go on with it. */
static void erase_one(struct line_input *input)
{
	while (input->size > 0 && ((unsigned char)input->text[--input->size] & 0xc0) == 0x80)
		;
}

static void erase_word(struct line_input *input)
{
	while (input->size > 0 && input->text[input->size - 1] == ' ')
		input->size--;
	while (input->size > 0 && input->text[input->size - 1] != ' ')
		input->size--;
}

/* True: the key was one for editing, or part of one that we do not know. */
static bool edit(struct line_input *input, unsigned char key)
{
	if (input->escape > 0) { /* ESC, [ or O, parameters, one letter */
		bool is_last = input->escape > 1 ? key >= 0x40 : key != '[' && key != 'O';
		input->escape = is_last ? 0 : 2;
		return true;
	}
	if (key == KEY_ESCAPE)
		input->escape = 1;
	else if (key == KEY_BACKSPACE || key == KEY_DELETE)
		erase_one(input);
	else if (key == KEY_KILL)
		input->size = 0;
	else if (key == KEY_WORD)
		erase_word(input);
	else if (key == KEY_END && input->size == 0)
		input->is_over = true, input->read_at = input->read_count;
	else
		return key < 0x20;
	redraw(input);
	return true;
}

static const char *finish(struct line_input *input)
{
	input->text[input->size] = '\0';
	input->size = 0;
	return input->text;
}

const char *ringcast_line_input_next(struct line_input *input)
{
	while (input->read_at < input->read_count) {
		unsigned char key = (unsigned char)input->read[input->read_at++];
		if (key == '\n' || (input->is_terminal && key == '\r')) {
			ringcast_line_input_show(input);
			if (input->is_terminal)
				printf("\n");
			input->is_shown = false;
			return finish(input);
		}
		if (input->is_terminal && edit(input, key))
			continue;
		input->text[input->size++] = (char)key;
		if (input->is_shown)
			redraw(input);
		if (input->size == LINE_INPUT_BYTES - 1)
			return finish(input);
	}
	return input->is_over && input->size > 0 ? finish(input) : NULL;
}
