/*
 * Control asks a shard: a question is carried to the shard's thread, answered there between two packets, and the asker waits for it. On the heap and
 * counted twice, so that an asker who gives up leaves nothing dangling.
 */
#ifndef RINGCAST_ASK_ASK_H
#define RINGCAST_ASK_ASK_H

#include "base/types.h"
#include "shard/mailbox.h"

struct ask { /* embedded in one struct per operation */
	struct shard_request request;
	void (*answer)(struct shard *shard, struct ask *ask);
	void (*free)(struct ask *ask);
	pthread_mutex_t lock;
	pthread_cond_t answered;
	bool is_answered;
	uint32_t refs; /* atomic */
	int result;    /* ringcast_error */
};

void ringcast_ask_init(struct ask *ask, void (*answer)(struct shard *shard, struct ask *ask), void (*free)(struct ask *ask));
/* Waits for the answer. RINGCAST_ERROR_STATE: the mailbox is closed; RINGCAST_ERROR_TIMEOUT: no answer in time. */
int ringcast_ask_shard(struct mailbox *mailbox, struct ask *ask);
void ringcast_ask_release(struct ask *ask);

#endif
