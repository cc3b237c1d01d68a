/* What other threads give the loop: requests, answers and news of hosts, letters. All of it is bounded but answers, of which there is one a call. */
#include <stdlib.h>

#include "service/letter.h"
#include "service/loop_private.h"

void ringcast_loop_inbox_init(struct loop *loop)
{
	ringcast_list_init(&loop->requests);
	ringcast_list_init(&loop->calls);
	ringcast_list_init(&loop->events);
	ringcast_list_init(&loop->letters);
}

static void calls_free(struct list_node *list)
{
	while (!ringcast_list_is_empty(list)) {
		struct host_call *call = CONTAINER_OF(list->next, struct host_call, node);
		ringcast_list_remove(&call->node);
		ringcast_host_call_destroy(&call);
	}
}

static void events_free(struct list_node *list)
{
	while (!ringcast_list_is_empty(list)) {
		struct host_event *event = CONTAINER_OF(list->next, struct host_event, node);
		ringcast_list_remove(&event->node);
		json_decref(event->found);
		free(event);
	}
}

void ringcast_loop_inbox_fini(struct loop *loop)
{
	calls_free(&loop->calls);
	events_free(&loop->events);
	ringcast_letters_free(&loop->letters);
}

/* Questions of games have a share of it: as many sessions as may run ask more than fits, and backends would find no room. */
static bool is_room_for_request(const struct loop *loop, bool is_game_question)
{
	return loop->request_count < loop->options.requests_max && (!is_game_question || loop->game_question_count < loop->options.game_questions_max);
}

bool ringcast_loop_ask(struct loop *loop, struct request *request)
{
	pthread_mutex_lock(&loop->lock);
	bool is_room = is_room_for_request(loop, request->is_game_question), is_taken = is_room && !loop->is_stopping;
	loop->refused_game_question_count += request->is_game_question && !is_room;
	if (is_taken) {
		loop->request_count++;
		loop->game_question_count += request->is_game_question;
		ringcast_list_add_tail(&loop->requests, &request->node);
		pthread_cond_signal(&loop->changed);
	}
	pthread_mutex_unlock(&loop->lock);
	return is_taken;
}

void ringcast_loop_give_back(struct loop *loop, struct host_call *call)
{
	pthread_mutex_lock(&loop->lock);
	call->arrival = ++loop->arrival_count;
	ringcast_list_add_tail(&loop->calls, &call->node);
	pthread_cond_signal(&loop->changed);
	pthread_mutex_unlock(&loop->lock);
}

/* Events of games have a share of the room: they are longer, and nobody is asked after those that are lost. */
static bool is_room_for(const struct loop *loop, bool is_game)
{
	return loop->event_count < loop->options.events_max &&
	       (!is_game || __atomic_load_n(&loop->game_event_count, __ATOMIC_RELAXED) < loop->options.game_events_max);
}

void ringcast_loop_tell(struct loop *loop, const struct host_event *event)
{
	bool is_game = event->kind == HOST_GAME_EVENT;
	struct host_event *copy = malloc(sizeof(*copy));
	if (copy != NULL)
		*copy = *event;
	pthread_mutex_lock(&loop->lock);
	bool is_taken = copy != NULL && is_room_for(loop, is_game);
	if (is_taken) {
		copy->arrival = ++loop->arrival_count;
		ringcast_list_add_tail(&loop->events, &copy->node);
		loop->event_count++;
		__atomic_add_fetch(&loop->game_event_count, is_game, __ATOMIC_RELAXED);
	} else if (is_game) {
		__atomic_add_fetch(&loop->lost_game_event_count, 1, __ATOMIC_RELAXED);
	} else {
		loop->lost_event_count++;
		loop->lost_event_total++;
	}
	pthread_cond_signal(&loop->changed);
	pthread_mutex_unlock(&loop->lock);
	if (is_taken)
		return;
	json_decref(event->found);
	free(copy);
}

void ringcast_loop_placing_counts(struct loop *loop, struct placing_counts *ret_counts)
{
	pthread_mutex_lock(&loop->lock);
	*ret_counts = loop->placing_counts;
	pthread_mutex_unlock(&loop->lock);
}

uint64_t ringcast_loop_lost_count(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	uint64_t count = loop->lost_event_total;
	pthread_mutex_unlock(&loop->lock);
	return count;
}

uint64_t ringcast_loop_refused_game_questions(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	uint64_t count = loop->refused_game_question_count;
	pthread_mutex_unlock(&loop->lock);
	return count;
}

uint64_t ringcast_loop_lost_game_count(const struct loop *loop)
{
	return __atomic_load_n(&loop->lost_game_event_count, __ATOMIC_RELAXED);
}

bool ringcast_loop_bury(struct loop *loop, const char *url, const struct service_event *event, const char *error)
{
	struct letter *letter = ringcast_letter_create(url, event, error);
	if (letter == NULL)
		return false;
	pthread_mutex_lock(&loop->lock);
	bool is_taken = loop->letter_count < loop->options.events_max;
	if (is_taken) {
		ringcast_list_add_tail(&loop->letters, &letter->node);
		loop->letter_count++;
		pthread_cond_signal(&loop->changed);
	}
	pthread_mutex_unlock(&loop->lock);
	if (!is_taken)
		ringcast_letter_destroy(&letter);
	return is_taken;
}

struct matchmaking_counts ringcast_loop_match_counts(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	struct matchmaking_counts counts = loop->match_counts;
	pthread_mutex_unlock(&loop->lock);
	return counts;
}
