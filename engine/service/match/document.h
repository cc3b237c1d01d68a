/*
 * A rule set as it is written: JSON with // comments. What is wrong with it is told with its line and its path. Pure; any thread.
 */
#ifndef RINGCAST_SERVICE_MATCH_DOCUMENT_H
#define RINGCAST_SERVICE_MATCH_DOCUMENT_H

#include <jansson.h>

#include "base/attr.h"
#include "base/types.h"

enum { DOCUMENT_BYTES_MAX = 65535, DOCUMENT_DEPTH_MAX = 12, DOCUMENT_PATH_BYTES = 160, DOCUMENT_PROBLEM_BYTES = 512 };

struct document {
	json_t *root;
	char *text; /* comments blanked out; lines are as they were */
	char *problem; /* the caller's, DOCUMENT_PROBLEM_BYTES; "" while nothing is wrong */
};

/* False: problem is written. The text needs no NUL. Close it whatever came out. */
bool ringcast_document_open(struct document *document, const char *text, size_t size, char problem[DOCUMENT_PROBLEM_BYTES]);
void ringcast_document_close(struct document *document);

/* The line on which the value of a path such as rules[2].maxDistance begins, or of the nearest thing around it that is there. */
unsigned ringcast_document_line(const struct document *document, const char *path);
/* Writes "line 7, rules[2].maxDistance: ..."; the first problem stays. Always false, so that it can be returned. */
PRINTF_LIKE(3, 4) bool ringcast_document_refuse(struct document *document, const char *path, const char *format, ...);

#endif
