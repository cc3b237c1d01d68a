/* Where ringcast chat goes, and as whom: the server's address and a token, by flags or from the admin API. */
#ifndef RINGCAST_TOOLS_CHAT_PLACE_H
#define RINGCAST_TOOLS_CHAT_PLACE_H

#include "tools/ringcast/cli.h"

struct chat_place {
	char host[256];
	uint16_t port;
	char token[160];
	bool is_dev_token;  /* made from the name: nothing was reserved */
	char made_ca[4096]; /* PEM; "" unless the server is in dev mode and its admin API has told us */
};

/* Reserves a place in the session, which is created when there is none, unless --token or --server say otherwise. Tells what is wrong. */
enum cli_exit ringcast_chat_find_place(const struct cli_invocation *invocation, const char *name, struct chat_place *ret_place);

#endif
