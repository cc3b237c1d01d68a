#include "service/model/early.h"

#include <stdlib.h>
#include <string.h>

void ringcast_early_news_init(struct early_news *news, uint64_t seed)
{
	*news = (struct early_news){0};
	ringcast_text_index_init(&news->by_id, seed);
	ringcast_list_init(&news->all);
}

static void drop(struct early_news *news, struct early_word *word)
{
	ringcast_text_index_remove(&news->by_id, word->id);
	ringcast_list_remove(&word->node);
	free(word);
}

static struct early_word *oldest(struct early_news *news)
{
	return ringcast_list_is_empty(&news->all) ? NULL : CONTAINER_OF(news->all.next, struct early_word, node);
}

void ringcast_early_news_fini(struct early_news *news)
{
	for (struct early_word *word = oldest(news); word != NULL; word = oldest(news))
		drop(news, word);
	ringcast_text_index_fini(&news->by_id);
}

static struct early_word *add(struct early_news *news, const struct host_event *event, bool is_of_player)
{
	struct early_word *word = calloc(1, sizeof(*word));
	if (word == NULL)
		return NULL;
	word->event = *event;
	word->id = is_of_player ? word->event.player : word->event.session;
	if (!ringcast_text_index_add(&news->by_id, word->id, word)) {
		free(word);
		return NULL;
	}
	ringcast_list_add_tail(&news->all, &word->node);
	return word;
}

static void renew(struct early_word *word, const struct host_event *event)
{
	if (event->sequence <= word->event.sequence)
		return;
	word->was_active = word->was_active || word->event.kind == HOST_SESSION_ACTIVE;
	word->event.kind = event->kind;
	word->event.sequence = event->sequence;
	memcpy(word->event.text, event->text, sizeof(word->event.text));
}

void ringcast_early_news_note(struct early_news *news, const char *id, const struct host_event *event, int64_t now_ms)
{
	struct early_word *word = ringcast_text_index_find(&news->by_id, id);
	if (word != NULL)
		renew(word, event);
	if (word == NULL && news->by_id.count >= EARLY_NEWS_MAX) {
		news->lost_count += now_ms - oldest(news)->heard_ms < EARLY_NEWS_STALE_MS;
		drop(news, oldest(news));
	}
	if (word == NULL)
		word = add(news, event, id == event->player);
	if (word == NULL)
		news->lost_count++;
	else
		word->heard_ms = now_ms;
}

bool ringcast_early_news_take(struct early_news *news, const char *id, struct early_word *ret_word)
{
	struct early_word *word = ringcast_text_index_find(&news->by_id, id);
	if (word == NULL)
		return false;
	*ret_word = *word;
	ret_word->node = (struct list_node){NULL, NULL};
	ret_word->id = NULL;
	drop(news, word);
	return true;
}
