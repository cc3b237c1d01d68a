/*
 * The secret that addresses of session logs are signed with. It is kept among the logs, so that an address is good after a restart: whoever can read
 * it can read the logs as well.
 */
#ifndef RINGCAST_SERVICE_LOG_SECRET_H
#define RINGCAST_SERVICE_LOG_SECRET_H

#include "service/api/log_url.h"

enum { LOG_SECRET_PROBLEM_BYTES = 320 };
#define LOG_SECRET_FILE ".url-secret"

/* Reads it from the folder of logs, which is there, or makes it. False: problem says why there is none. */
bool ringcast_log_secret_take(const char *directory, bool (*random)(void *out, size_t size), uint8_t ret_secret[LOG_URL_SECRET_BYTES],
			      char problem[LOG_SECRET_PROBLEM_BYTES]);

#endif
