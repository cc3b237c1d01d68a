/* Into a session as a player: what ringcast chat and ringcast play have in common, made of their options. */
#ifndef RINGCAST_TOOLS_ENTER_H
#define RINGCAST_TOOLS_ENTER_H

#include <stddef.h>

#include "proto/clients/c/ringcast_client.h"
#include "tools/ringcast/chat_place.h"
#include "tools/ringcast/payload_text.h"

/* --secure, --ca, --host-name, --insecure. ret_ca: PEM text to free, NULL without --ca. Tells what is wrong. */
enum cli_exit ringcast_enter_security(const struct cli_invocation *invocation, char **ret_ca);
/* The payload of an option; bytes NULL: it was not given. Tells what is wrong. */
enum cli_exit ringcast_enter_payload(const struct cli_invocation *invocation, enum cli_option_id id, const char *name, struct payload_text *ret_payload);

struct enter {
	const struct chat_place *place;
	const char *ca;
	const void *login;
	size_t login_bytes;
	const ringcast_client_callbacks *callbacks;
	void *context;
};
/* Makes a client and lets it connect; its callbacks tell how that goes. Tells what is wrong, and then there may be a client nevertheless. */
enum cli_exit ringcast_enter(const struct cli_invocation *invocation, const struct enter *enter, ringcast_client **ret_client);
enum { ENTER_REASON_BYTES = PAYLOAD_TEXT_BYTES(256) };
/* Why a connection ended, as a terminal may have it: a script that sends somebody away says what it likes. Returns out. */
const char *ringcast_enter_reason(const char *reason, char out[ENTER_REASON_BYTES]);
/* What somebody might do about a disconnect before anything was connected; "" where there is no advice. */
const char *ringcast_enter_hint(const struct cli_invocation *invocation, const struct chat_place *place, int code);

#endif
