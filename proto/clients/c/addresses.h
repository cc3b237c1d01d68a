/*
 * The addresses that a host's name stands for, and which of them is tried next. They are kept for as long as a connection may have to be made again: who waits for
 * packets cannot wait for a name server. A name is looked up beside, in a thread of its own, and what that finds is used when it is there.
 */
#ifndef RINGCAST_CLIENT_ADDRESSES_H
#define RINGCAST_CLIENT_ADDRESSES_H

#include <netdb.h>

#include "base/attr.h"
#include "base/types.h"

struct client_lookup;

struct client_addresses {
	struct addrinfo *list;           /* owned; NULL: none */
	const struct addrinfo *current;  /* the last one that was tried; NULL: none yet */
	const struct addrinfo *upcoming;
	uint32_t left_count;             /* of this round */
	bool is_good;                    /* current has taken a connection */
	bool is_late;                    /* lookup was begun before current took it: its answer is not for the next break */
	struct client_lookup *lookup;    /* NULL: none is under way */
};

/* Blocks for as long as getaddrinfo does: not at all for an address literal. False: the name is unknown, and there are no addresses. */
MUST_USE bool ringcast_client_addresses_resolve(struct client_addresses *addresses, const char *host, uint16_t port);
/* Begins to look the name up beside, unless that is under way. False: no thread can be had, errno says why; it may be tried again. */
bool ringcast_client_addresses_look_up(struct client_addresses *addresses, const char *host, uint16_t port);
/* Of the look-up that is under way: readable when it is done, and begin can be called; valid until that call, or forget. */
int ringcast_client_addresses_lookup_fd(const struct client_addresses *addresses);
/* A new round: once through all, and first the one that has taken a connection. What was looked up meanwhile takes the place of what was known. */
void ringcast_client_addresses_begin(struct client_addresses *addresses);
/* NULL: each had its turn in this round. */
const struct addrinfo *ringcast_client_addresses_next(struct client_addresses *addresses);
/* The one that next gave out has taken a connection. */
void ringcast_client_addresses_praise(struct client_addresses *addresses);
/* All of it. Does not wait for a look-up: its thread frees what it has when the resolver is done. */
void ringcast_client_addresses_forget(struct client_addresses *addresses);

#endif
