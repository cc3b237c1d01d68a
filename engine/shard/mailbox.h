/*
 * A shard's incoming messages: from other shards through two SPSC rings per sender, one of hand-offs and one of letters, from control threads through a stack that the receiver takes whole.
 * What is posted belongs to the receiver. A doorbell is rung only when the receiver said that it is going to sleep. Askers wait for each other, the
 * receiver waits for nobody: whoever is taken off its processor in the middle of asking must not hold up a shard.
 */
#ifndef RINGCAST_SHARD_MAILBOX_H
#define RINGCAST_SHARD_MAILBOX_H

#include <pthread.h>

#include "base/ring_bytes.h"
#include "base/ring_spsc.h"
#include "crypto/crypto.h"
#include "io/io.h"
#include "transport/association.h"

enum {
	MAILBOX_SENDERS_MAX = 64,
	MAILBOX_RING_CAPACITY = 1024,
	MAILBOX_LETTERS_BYTES = 256 * 1024, /* of each sender; touched only once there are letters */
	MAILBOX_STRAYS_BYTES = 64 * 1024, /* of each sender, likewise */
	MAILBOX_REQUESTS_MAX = 4096,      /* waiting for one shard */
	MAILBOX_REQUESTS_PER_TICK_MAX = 8, /* answered, or worked on, in one tick */
	SHARD_REQUEST_ITEMS_MAX = 64,     /* described by one request in one tick */
};

/*
 * What goes to another shard for good: a connection, to that of its session; or a DTLS association (fd -1), to that of the player whose token it has shown. Heap block; the
 * receiver frees it.
 */
struct handoff {
	int fd;
	struct address address;
	struct crypto_session *crypto; /* TLS and DTLS: owned until adopted; NULL: plain */
	uint32_t login_bytes, rest_bytes, cipher_bytes;
	struct handoff_association { /* else all zero */
		struct local local; /* ours that it talks to; all zero: not known */
		uint64_t hello_hashes[ASSOCIATION_HELLOS_MAX];
		int32_t peer_id, sequence; /* of the packet that showed the token */
		uint8_t port_index;
	} association;
	uint8_t bytes[]; /* the login packet, then what came after it on the stream, then records that still have to go out; of an association the token */
};
void ringcast_handoff_free(struct handoff *handoff); /* with what it owns, but not the descriptor */

/* What a control thread asks; see ask/ask.h for the asker's side. The mailbox has it until done is called, once, for each request that it took. */
struct shard;
struct shard_request {
	struct shard_request *next;
	/* On the shard's thread; does SHARD_REQUEST_ITEMS_MAX items of work at most. False: there is more to do, call again in the next tick. */
	bool (*run)(struct shard *shard, struct shard_request *request);
	bool has_own_bound; /* who asks keeps few of its kind under way: it has a place where MAILBOX_REQUESTS_MAX wait as well */
	/* is_answered false: the mailbox was closed before run said that all is done. Owns the request from then on. */
	void (*done)(struct shard_request *request, bool is_answered);
};

struct mailbox {
	struct ring_spsc rings[MAILBOX_SENDERS_MAX]; /* of struct handoff * */
	struct ring_bytes letters[MAILBOX_SENDERS_MAX]; /* what limbs of a session and their home tell each other; see letters.h */
	struct ring_bytes strays[MAILBOX_SENDERS_MAX]; /* datagrams that came to the sender and are our players'; see strays.c */
	bool has_strays; /* shards share their UDP ports: there may be some. Set before any sender runs */
	uint32_t sender_count;
	pthread_mutex_t lock; /* of the askers among themselves, and of close */
	struct shard_request *asked; /* atomic: asked and not yet taken, the last one first */
	struct shard_request *requests_head, *requests_tail; /* the receiver's: taken, oldest first */
	struct io *io; /* to wake; set before any sender runs, NULL after the receiver has gone */
	bool is_sleeping; /* atomic */
	bool is_spread;   /* atomic: sessions are at home here that are, or may be, on other shards */
	uint32_t request_count; /* atomic: asked and taken ones together; grows under lock, or by the receiver */
	bool is_closed;   /* under lock: requests are refused */
};

struct mailbox *ringcast_mailbox_create(uint32_t sender_count); /* NULL: out of memory */
struct mailbox *ringcast_mailbox_create_sized(uint32_t sender_count, uint32_t letters_bytes); /* likewise, with room of another size for letters */
void ringcast_mailbox_destroy(struct mailbox **mailbox);
bool ringcast_mailbox_post(struct mailbox *mailbox, uint32_t sender, struct handoff *handoff); /* false: full, still the caller's */
/* The sender's thread: room for a letter, which is the receiver's with end (NULL: full), and the bell for all of a batch. */
MUST_USE void *ringcast_mailbox_letter_begin(struct mailbox *mailbox, uint32_t sender, uint32_t size_bytes);
void ringcast_mailbox_letter_end(struct mailbox *mailbox, uint32_t sender);
void ringcast_mailbox_ring(struct mailbox *mailbox);
bool ringcast_mailbox_is_spread(const struct mailbox *mailbox); /* as its receiver said last */
/* Any thread. 0, or the request stays the caller's: -EPIPE when the mailbox is closed, -ENOBUFS when MAILBOX_REQUESTS_MAX are waiting and it has no bound of its own. */
int ringcast_mailbox_ask(struct mailbox *mailbox, struct shard_request *request);
/* Receiver's thread. */
struct handoff *ringcast_mailbox_take(struct mailbox *mailbox);
bool ringcast_mailbox_has_handoff(const struct mailbox *mailbox);
const void *ringcast_mailbox_letter_peek(struct mailbox *mailbox, uint32_t sender, uint32_t *ret_size_bytes); /* NULL: none; good until it is popped */
void ringcast_mailbox_letter_pop(struct mailbox *mailbox, uint32_t sender);
void ringcast_mailbox_set_spread(struct mailbox *mailbox, bool is_spread);
bool ringcast_mailbox_has_letter(const struct mailbox *mailbox);
bool ringcast_mailbox_has_stray(const struct mailbox *mailbox);
bool ringcast_mailbox_has_mail(const struct mailbox *mailbox); /* a hand-off, a letter or a request */
void ringcast_mailbox_answer(struct mailbox *mailbox, struct shard *shard); /* MAILBOX_REQUESTS_PER_TICK_MAX requests, oldest first */
bool ringcast_mailbox_prepare_sleep(struct mailbox *mailbox); /* false: something is there, do not sleep */
void ringcast_mailbox_awake(struct mailbox *mailbox);
/* Requests are refused from now on, and those that wait are done, unanswered. */
void ringcast_mailbox_close(struct mailbox *mailbox);

#endif
