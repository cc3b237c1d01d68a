/* Signed addresses of session logs: whoever has one may read that log until it expires. Pure. */
#ifndef RINGCAST_SERVICE_API_LOG_URL_H
#define RINGCAST_SERVICE_API_LOG_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_URL_SECRET_BYTES = 32, LOG_URL_PATH_BYTES = 256, LOG_URL_LIFETIME_S = 900 };
#define LOG_URL_PREFIX "/logs/"

/* "/logs/NAME?expires=SECONDS&signature=HEX" */
void ringcast_log_url_path(const uint8_t secret[LOG_URL_SECRET_BYTES], const char *name, int64_t expires_s, char ret_path[LOG_URL_PATH_BYTES]);
/* target: as it was sent. True: it is one of ours and has not expired; ret_name is what it is about. Compares in constant time. */
bool ringcast_log_url_check(const uint8_t secret[LOG_URL_SECRET_BYTES], const char *target, int64_t now_s, char *ret_name, size_t name_bytes);

#endif
