/* Request bodies by table: unknown fields, wrong types and values out of range are refused, each by name. */
#ifndef RINGCAST_CONTROL_HTTP_BODY_H
#define RINGCAST_CONTROL_HTTP_BODY_H

#include "control/http_reply.h"

enum body_type {
	BODY_STRING, /* target: const char *, borrowed from the body; max: bytes */
	BODY_UINT,   /* target: uint32_t */
	BODY_BOOL,   /* target: bool */
	BODY_TEXT,   /* target: const char *: a string as it is, anything else as compact JSON; see http_body_finish */
};

struct body_field {
	const char *name;
	enum body_type type;
	void *target;
	uint64_t max;
	bool *is_present; /* NULL: not asked */
};

/* False: the response says what is wrong. Absent fields leave their targets. A BODY_TEXT that is no string becomes malloc'd text in
 * *ret_owned. */
bool ringcast_http_body_read(const struct http_request *request, const struct body_field *fields, size_t field_count, char **ret_owned,
			     struct http_response *response);

#endif
