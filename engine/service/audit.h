/* A line in the log for every change that somebody asked for through the API: who, what, about what, and what came of it. Never a secret, never player data. */
#ifndef RINGCAST_SERVICE_AUDIT_H
#define RINGCAST_SERVICE_AUDIT_H

#include "service/operations/request.h"

/*
 * Tells whoever keeps a trail. Texts are plain (no blanks, no quotes) and borrowed for the call. is_traffic: what backends do all day, or what somebody was not allowed to do, and
 * may try as often as they like. [a thread of the endpoint]
 */
typedef void audit_fn(void *context, const char *caller, const char *operation, const char *resource, const char *result, bool is_traffic);

struct audit_sink {
	audit_fn *told; /* NULL: nobody keeps one, and there is only the log */
	void *context;
};

/*
 * request_id: what the caller was given as x-amzn-requestid. Reading says nothing. Player sessions are told at debug level, and to no sink: there may
 * be thousands in a second.
 */
void ringcast_audit(const struct audit_sink *sink, const struct request *request, const char *request_id);

#endif
