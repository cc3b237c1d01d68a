/*
 * Signatures: the input is a request in lines (method, path, query, headers, an empty line, the body). Nothing that was not signed with the
 * secret passes, whatever it looks like; every refusal says why.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "fuzz_target.h"
#include "service/api/sigv4.h"

enum { NOW_S = 1795244298 };

/* Longer than any guess: no input can have been signed with it. */
static const char *secret_of(void *context, const char *key_id)
{
	ringcast_assert(memchr(key_id, '\0', SIGV4_KEY_BYTES) != NULL);
	return *key_id == 'A' ? "a secret that no input was ever signed with" : NULL;
}

static char *take_line(char **rest)
{
	char *line = *rest != NULL ? strsep(rest, "\n") : NULL;
	return line != NULL ? line : (char *)"";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sigv4_header headers[SIGV4_HEADERS_MAX];
	char *text = strndup((const char *)data, size), *rest = text;
	ringcast_assert(text != NULL);
	struct sigv4_request request = {.headers = headers};
	request.method = take_line(&rest);
	request.path = take_line(&rest);
	request.query = take_line(&rest);
	while (rest != NULL && request.header_count < SIGV4_HEADERS_MAX) {
		char *line = take_line(&rest), *colon = strchr(line, ':');
		if (colon == NULL)
			break;
		*colon = '\0';
		headers[request.header_count++] = (struct sigv4_header){line, colon + 1};
	}
	request.body = rest;
	request.body_bytes = rest != NULL ? strlen(rest) : 0;
	struct sigv4_verdict verdict = ringcast_sigv4_verify(&request, "gamelift", NOW_S, secret_of, NULL);
	ringcast_assert(verdict.result != SIGV4_RIGHT && *verdict.problem != '\0');
	free(text);
	return 0;
}
