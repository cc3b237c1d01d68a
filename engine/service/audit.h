/* A line in the log for every change that somebody asked for through the API: who, what, about what, and what came of it. Never a secret, never player data. */
#ifndef RINGCAST_SERVICE_AUDIT_H
#define RINGCAST_SERVICE_AUDIT_H

#include "service/operations/request.h"

/*
 * request_id: what the caller was given as x-amzn-requestid. Reading says nothing. Player sessions are told at debug level: there may be thousands in a
 * second.
 */
void ringcast_audit(const struct request *request, const char *request_id);

#endif
