/*
 * Control asks a shard. Each operation is a struct of its own on the heap with a struct ask in it: what is asked (copies, no pointer into the asker's
 * memory), how it is answered, and room for the answer. It travels through the shard's mailbox and is answered on the shard's thread, between two
 * packets, in turns that are short whatever is asked.
 *
 *     WAITING ----- the shard begins a turn ----> RUNNING ---- all is done ----> DONE
 *        |   ^                                       |                           ^
 *        |   `------- there is more: next tick ------'                           |
 *        |------------ the mailbox is closed: RINGCAST_ERROR_STATE --------------'
 *        `------------ the asker gives up: nothing happens any more ---------> GIVEN_UP
 *
 * Both sides move it by compare-and-swap, so that a question given up is never carried out, and one that the shard has begun is never reported as
 * given up. It is counted twice, by asker and mailbox; whoever lets go last frees it.
 */
#ifndef RINGCAST_ASK_ASK_H
#define RINGCAST_ASK_ASK_H

#include <semaphore.h>

#include "base/attr.h"
#include "base/types.h"
#include "shard/mailbox.h"

enum ask_state { ASK_WAITING, ASK_RUNNING, ASK_DONE, ASK_GIVEN_UP };

enum { ASK_TIMEOUT_MS = 5000 };

struct ask {
	struct shard_request request;
	/*
	 * One turn, on the shard's thread: SHARD_REQUEST_ITEMS_MAX items at most. True: all is done, and ask->result says how it went. False: again
	 * in the next tick; between turns the asker may give up, so this is for questions that change nothing.
	 */
	bool (*answer)(struct shard *shard, struct ask *ask);
	void (*free)(struct ask *ask); /* of the struct around it, with all that it still owns. Any thread */
	/* Called once when it is DONE, on the thread that finished it: the shard's, or the one that closed the mailbox; never when given up. May be NULL. */
	void (*completed)(struct ask *ask);
	bool is_lasting; /* the asker's patience may end, the question stays: for what all shards shall take, each as soon as it can */
	uint32_t state, refs; /* atomic */
	int result;           /* ringcast_error; the shard's until DONE */
	sem_t ended;          /* posted once, when DONE */
};

/* Fills in all but what follows it in the struct around it. The caller has the one reference. */
void ringcast_ask_init(struct ask *ask, bool (*answer)(struct shard *shard, struct ask *ask), void (*free)(struct ask *ask));
/* Under way. Where the mailbox refuses it, it is DONE at once, with RINGCAST_ERROR_STATE (closed) or RINGCAST_ERROR_FULL. Once per ask. Never blocks. */
void ringcast_ask_post(struct ask *ask, struct mailbox *mailbox);
/* True: it is never carried out (any more). False: the shard is at it, or it is done. */
bool ringcast_ask_give_up(struct ask *ask);
/*
 * Waits until it is done, and for patience_ns at most: then it is given up, unless it is lasting, with RINGCAST_ERROR_TIMEOUT. Time in which the process
 * stood still is not counted. One that the shard has begun is waited for, since it does happen. Asserts that this thread may wait.
 */
int ringcast_ask_await(struct ask *ask, uint64_t patience_ns);
/* Post and await, with ASK_TIMEOUT_MS. On a shard's thread, which would wait for itself, RINGCAST_ERROR_STATE at once, and nothing is posted. */
int ringcast_ask_shard(struct ask *ask, struct mailbox *mailbox);
/* The same for several: all under way at once, then waited for with one patience. The first error, in their order. */
int ringcast_ask_all(struct ask *const *asks, struct mailbox *const *mailboxes, uint32_t count);
void ringcast_ask_release(struct ask *ask); /* accepts NULL */

/* This thread is a shard's: it answers and must not wait for answers. */
void ringcast_ask_forbid_waiting(void);

#endif
