#include "service/model/early.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ringcast_early_news_init(struct early_news *news, uint64_t seed)
{
	*news = (struct early_news){0};
	ringcast_text_index_init(&news->by_key, seed);
	ringcast_list_init(&news->all);
}

/* The length is in front, so that no two pairs of names are alike. */
static void make_key(const char *session, const char *player, char ret_key[EARLY_KEY_BYTES])
{
	snprintf(ret_key, EARLY_KEY_BYTES, "%u:%s%s", (unsigned)strlen(session), session, player);
}

static void drop(struct early_news *news, struct early_word *word)
{
	ringcast_text_index_remove(&news->by_key, word->key);
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
	ringcast_text_index_fini(&news->by_key);
}

static struct early_word *add(struct early_news *news, const char *key, const struct host_event *event)
{
	struct early_word *word = calloc(1, sizeof(*word));
	if (word == NULL)
		return NULL;
	word->event = *event;
	snprintf(word->key, sizeof(word->key), "%s", key);
	if (!ringcast_text_index_add(&news->by_key, word->key, word)) {
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

void ringcast_early_news_note(struct early_news *news, const char *player, const struct host_event *event, int64_t now_ms)
{
	char key[EARLY_KEY_BYTES];
	make_key(event->session, player, key);
	struct early_word *word = ringcast_text_index_find(&news->by_key, key);
	if (word != NULL)
		renew(word, event);
	if (word == NULL && news->by_key.count >= EARLY_NEWS_MAX) {
		news->lost_count += now_ms - oldest(news)->heard_ms < EARLY_NEWS_STALE_MS;
		drop(news, oldest(news));
	}
	if (word == NULL)
		word = add(news, key, event);
	if (word == NULL)
		news->lost_count++;
	else
		word->heard_ms = now_ms;
}

bool ringcast_early_news_take(struct early_news *news, const char *session, const char *player, struct early_word *ret_word)
{
	char key[EARLY_KEY_BYTES];
	make_key(session, player, key);
	struct early_word *word = ringcast_text_index_find(&news->by_key, key);
	if (word == NULL)
		return false;
	*ret_word = *word;
	ret_word->node = (struct list_node){NULL, NULL};
	drop(news, word);
	return true;
}
