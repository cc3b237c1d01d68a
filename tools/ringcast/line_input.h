/*
 * Lines from standard input. On a terminal they are edited here, so that what comes meanwhile does not run into what is being typed: letters, backspace,
 * Ctrl-U, Ctrl-W; Ctrl-D ends it, and Ctrl-C as soon as it is read, with all that stands before it.
 */
#ifndef RINGCAST_TOOLS_LINE_INPUT_H
#define RINGCAST_TOOLS_LINE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

enum { LINE_INPUT_BYTES = 16384 };

struct line_input {
	bool is_terminal, is_over; /* is_over: no more will come; lines may still be there */
	bool is_interrupted;       /* by Ctrl-C; then it is over as well */
	bool is_shown;             /* prompt and text are on the screen */
	const char *prompt;
	struct termios saved;
	char read[LINE_INPUT_BYTES]; /* what was read and not yet looked at */
	size_t read_count, read_at;
	char text[LINE_INPUT_BYTES]; /* the line that is being made */
	size_t size;
	unsigned escape; /* within the sequence of a key that is not ours: how far */
};

/* prompt is kept. */
void ringcast_line_input_init(struct line_input *input, const char *prompt);
void ringcast_line_input_fini(struct line_input *input);
/* Reads what there is, behind what was read before. Unless it is full. */
void ringcast_line_input_read(struct line_input *input);
/* A whole line, good until the next call; NULL: there is none yet. The last one need not have an end; one that is too long comes in pieces. */
const char *ringcast_line_input_next(struct line_input *input);
bool ringcast_line_input_is_full(const struct line_input *input);
/* The line at *at, with which read_at is a start; *at goes on behind it. False: what was read has no more whole lines. */
bool ringcast_line_input_peek(const struct line_input *input, size_t *at, char ret_line[LINE_INPUT_BYTES]);
/* Around anything that is printed: takes the prompt away, and puts it back. */
void ringcast_line_input_hide(struct line_input *input);
void ringcast_line_input_show(struct line_input *input);

#endif
