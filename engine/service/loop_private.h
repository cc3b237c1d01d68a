/* The loop's own, between loop.c (its turns and its life), loop_inbox.c (what other threads give it) and loop_store.c (what it gives the store). */
#ifndef RINGCAST_SERVICE_LOOP_PRIVATE_H
#define RINGCAST_SERVICE_LOOP_PRIVATE_H

#include <pthread.h>

#include "service/batch.h"
#include "service/loop.h"
#include "service/pace.h"
#include "service/repeats.h"

struct loop {
	struct loop_options options;
	struct model model;
	pthread_t thread, store_thread;
	bool has_thread, has_store_thread;
	pthread_mutex_t lock; /* guards everything down to placing_counts */
	pthread_cond_t changed, batch_changed;
	struct list_node requests, calls, events, letters;
	size_t request_count, game_question_count, event_count, letter_count; /* game questions: of the requests */
	uint64_t refused_game_question_count;
	uint64_t arrival_count, lost_event_count, lost_event_total; /* lost: since they were last told of, and all */
	uint64_t game_event_count, lost_game_event_count; /* atomic; of those among events */
	struct batch *batch; /* the store thread's while not done; NULL: none */
	bool is_stopping, are_writes_held;
	struct pace pace;
	struct placing_counts placing_counts; /* as of the last turn */
	struct matchmaking_counts match_counts; /* as of the last turn */
	/* the loop's thread only */
	struct list_node held; /* answered, waiting for the store; oldest first */
	struct list_node parked; /* waiting for a host */
	uint64_t batch_number;	/* of the batch that is being written, or was last */
	bool is_writing;
	size_t writing_count; /* of the records' changes, those that are being written; they are the oldest */
	struct repeats repeats;
	struct scaling *scaling;
	int64_t deadlines_checked_ms;
	uint64_t news_lost, orphans_told; /* as far as something was done about them */
};

/* loop.c */
void ringcast_loop_finish(struct loop *loop, struct request *request); /* gives the answer, also to who sent the same again meanwhile */

void ringcast_loop_run(struct loop *loop, struct request *request); /* that has not been answered; once, or again */

/* loop_store.c: the loop's thread, but for the last */
void ringcast_loop_teach_all(struct loop *loop); /* hosts hear what is configured; once, at the start */
void ringcast_loop_begin_batch(struct loop *loop); /* gives the store what has changed, unless it is writing */
void ringcast_loop_end_batch(struct loop *loop, struct batch *batch); /* consumes it; what waited for it is answered */
void *ringcast_loop_run_store(void *loop); /* the store's thread */

/* loop_inbox.c */
void ringcast_loop_inbox_init(struct loop *loop);
void ringcast_loop_inbox_fini(struct loop *loop); /* nobody asks any more */

#endif
