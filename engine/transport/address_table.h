/*
 * What each client address is using: open connections and handshakes this second. Entries live while an address has connections or has
 * tried within the last second. The table is bounded, so that a flood from many addresses cannot grow memory; when it is full, an address without
 * connections is forgotten for a new one, and only where there is none among some that are looked at, the new one is refused (counted by the caller).
 */
#ifndef RINGCAST_TRANSPORT_ADDRESS_TABLE_H
#define RINGCAST_TRANSPORT_ADDRESS_TABLE_H

#include "base/drop.h"
#include "base/map.h"
#include "base/slab.h"
#include "transport/ratelimit.h"

struct address_entry {
	uint64_t key;
	uint32_t connection_count;
	uint32_t stranger_count; /* of these, who have not logged in */
	uint32_t known_count; /* players who came by TLS */
	struct ratelimit handshakes, hellos, tokens;
	struct ratelimit fanout; /* what the emptiest of the connections that are gone had left */
};

struct address_table {
	struct map by_key;
	struct slab entries;
	uint64_t seed;
	uint32_t sweep_index;
};

bool ringcast_address_table_init(struct address_table *table, uint32_t capacity, uint64_t seed);
void ringcast_address_table_fini(struct address_table *table);
struct address_crowd { /* of an address's connections */
	uint32_t stranger_count;
	bool has_players;
};

/* A new connection, of a stranger: DROP_NONE and counted, or RATE_HANDSHAKES, ADDRESS_LIMIT, CONNECTION_LIMIT (table full). */
enum drop_reason ringcast_address_table_open(struct address_table *table, const struct address *address, uint32_t connections_max,
					     uint32_t handshakes_per_second, uint64_t now_ns);
/* A stranger has logged in. */
void ringcast_address_table_settle(struct address_table *table, const struct address *address);
struct address_crowd ringcast_address_table_crowd(const struct address_table *table, const struct address *address); /* zeros: nobody is there */
/* A player came by TLS from there (change 1), or left (-1). The address has a connection. */
void ringcast_address_table_know(struct address_table *table, const struct address *address, int change);
/* One DTLS hello out of the allowance of an address that has such players; false for all others, and when it is used up. */
bool ringcast_address_table_take_hello(struct address_table *table, const struct address *address, uint32_t hellos_per_second, uint64_t now_ns);
/* One check of a signed token out of the address's allowance; false: it is used up. The address has a connection. */
bool ringcast_address_table_take_token(struct address_table *table, const struct address *address, uint32_t tokens_per_second, uint64_t now_ns);
/* For the connections that come after this one: what it has left of its rate, if that is less than others left. The address has a connection. */
void ringcast_address_table_remember(struct address_table *table, const struct address *address, struct ratelimit *left, uint64_t rate, uint64_t now_ns);
struct ratelimit ringcast_address_table_recall(const struct address_table *table, const struct address *address); /* zeroed: nothing is remembered */
/* A connection is gone; is_settled: it had logged in. */
void ringcast_address_table_close(struct address_table *table, const struct address *address, bool is_settled);

#endif
