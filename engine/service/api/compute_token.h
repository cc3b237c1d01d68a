/*
 * What a game server's process logs in with: made for one compute of one fleet, good until a moment, and checked without looking anything up.
 * "EXPIRY-MAC", both hexadecimal; who knows the secret can make them. Pure.
 */
#ifndef RINGCAST_SERVICE_API_COMPUTE_TOKEN_H
#define RINGCAST_SERVICE_API_COMPUTE_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

enum { COMPUTE_TOKEN_BYTES = 65, COMPUTE_TOKEN_SECRET_BYTES = 32 };

struct compute_token_secret {
	uint8_t bytes[COMPUTE_TOKEN_SECRET_BYTES];
};

void ringcast_compute_token_make(const struct compute_token_secret *secret, const char *fleet_id, const char *compute, int64_t expires_s,
				 char ret_token[COMPUTE_TOKEN_BYTES]);
/* False: not made for these, or changed, or (*ret_expires_s says so) over by now_s. In constant time as far as the secret goes. */
bool ringcast_compute_token_check(const struct compute_token_secret *secret, const char *fleet_id, const char *compute, const char *token,
				  int64_t now_s, int64_t *ret_expires_s);

#endif
