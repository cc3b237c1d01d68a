/*
 * DTLS associations of one shard, found by (client address and port, our port): who has proven that it can be reached there, and who it is.
 *
 *   HANDSHAKE --(Finished)--> ANONYMOUS --(connect token)--> IDENTIFIED
 *
 * One that is through its handshake is not given up for a hello, whose cookie may be good and the hello late or somebody's copy (RFC 6347, 4.2.8): the
 * new one is its successor, and takes the place at the address when its own handshake is through, or when the place is free.
 *
 * An entry exists only after a cookie came back, so a spoofed address never makes one. Until IDENTIFIED it is half-open, and half-open ones are
 * bounded in total and per address (an IPv6 /64 counts as one); at a bound somebody makes room, see crowds.h. Bounds live in a table of their own, so
 * that players who are in never compete with those who knock. One thread; no clock and no I/O in here.
 */
#ifndef RINGCAST_TRANSPORT_ASSOCIATION_H
#define RINGCAST_TRANSPORT_ASSOCIATION_H

#include "base/drop.h"
#include "base/map.h"
#include "base/slab.h"
#include "base/timer_wheel.h"
#include "crypto/crypto.h"
#include "io/local.h"
#include "transport/crowds.h"

enum association_state { ASSOCIATION_HANDSHAKE, ASSOCIATION_ANONYMOUS, ASSOCIATION_IDENTIFIED, ASSOCIATION_STATE_COUNT };

enum { ASSOCIATION_HELLOS_MAX = 4 };

struct association {
	handle self;
	struct crypto_session *crypto; /* owned */
	struct timer timer;            /* while half-open: repeat the last flight, or give up */
	struct address address;
	uint64_t key;
	struct crowd_member half_open;
	uint64_t deadline_ns; /* by when it must be IDENTIFIED */
	uint64_t hello_hashes[ASSOCIATION_HELLOS_MAX]; /* of the client randoms that opened it [0], and the ones before it here: a late copy is no new start */
	handle conn;          /* IDENTIFIED: the player's connection */
	handle successor, predecessor; /* of the same address and port; HANDLE_NONE: none */
	uint8_t port_index, state;
	bool is_listed, is_steered; /* where shards share their ports: all of them know, and the kernel knows, that what comes from there is ours */
	io_local local;       /* ours that it talks to */
	uint32_t magic; /* ASSOCIATION_MAGIC */
};

struct association_table {
	struct slab associations;
	struct map by_key;              /* -> association */
	struct crowds half_open;
	uint64_t seed;
};

struct association_bounds {
	uint32_t half_open_max, half_open_per_address_max;
	uint64_t late_deadline_ns; /* whose deadline is after this has just come: it goes only where its address has more than the newcomer's */
};

/* capacity: of all of them; half_open_max: of half-open ones. False: out of memory. */
bool ringcast_association_table_init(struct association_table *table, uint32_t capacity, uint32_t half_open_max, uint64_t seed);
void ringcast_association_table_fini(struct association_table *table); /* closes what is left */
uint64_t ringcast_association_table_memory_bytes(uint32_t capacity, uint32_t half_open_max);
/* The one that stands there; a successor is found by it. */
struct association *ringcast_association_find(const struct association_table *table, const struct address *address, uint8_t port_index);
/* NULL: it has none. */
struct association *ringcast_association_successor(const struct association_table *table, const struct association *association);
struct association *ringcast_association_predecessor(const struct association_table *table, const struct association *association);
/* Whom a start at the address of this one gives up, this one or its successor: who is in the midst of a handshake. NULL: nobody; also for NULL. */
struct association *ringcast_association_replaced(const struct association_table *table, struct association *standing);
/*
 * May this address begin another handshake? DROP_NONE, or HALF_OPEN_LIMIT. For one that starts again on the same address and port the entry it
 * would replace does not count. *ret_victim: who has to be closed before it; NULL: nobody.
 */
enum drop_reason ringcast_association_may_open(const struct association_table *table, const struct address *address, uint8_t port_index,
					       const struct association_bounds *bounds, struct association **ret_victim);
/* Takes the session. NULL: there is no room, the session stays the caller's. Asserts that nobody there would be replaced: that one is closed first. */
struct association *ringcast_association_open(struct association_table *table, const struct address *address, uint8_t port_index,
					      struct crypto_session *crypto);
/* It began with this hello (not 0); before: the hellos of the association that it takes the place of, or NULL. */
void ringcast_association_begin(struct association *association, uint64_t hello_hash, const uint64_t before[ASSOCIATION_HELLOS_MAX]);
bool ringcast_association_has_seen(const struct association *association, uint64_t hello_hash);
/* HANDSHAKE -> ANONYMOUS: the client can be reached here, and nobody knows who it is. */
void ringcast_association_establish(struct association *association);
/* ANONYMOUS -> IDENTIFIED: no longer half-open. */
void ringcast_association_identify(struct association_table *table, struct association *association, handle conn);
/* Frees the session too, without a word to the peer. The timer must not be armed. A successor takes the place. */
void ringcast_association_close(struct association_table *table, struct association *association);

#endif
