/*
 * News that came before the answer that it rests on: a session's end before its host's name is known, a player's fate before its token is.
 * Answers and events come on different ways, so either may be first. The oldest goes where there are too many, and is counted unless it is so
 * old that nobody can wait for it.
 */
#ifndef RINGCAST_SERVICE_MODEL_EARLY_H
#define RINGCAST_SERVICE_MODEL_EARLY_H

#include <stdbool.h>

#include "base/list.h"
#include "service/hosts/host.h"
#include "service/model/text_index.h"

enum { EARLY_NEWS_MAX = 4096, EARLY_NEWS_STALE_MS = 60000, EARLY_KEY_BYTES = 2 * HOST_ID_BYTES + 8 };

struct early_word {
	struct list_node node;
	int64_t heard_ms;
	char key[EARLY_KEY_BYTES];
	struct host_event event; /* the newest about it */
	bool was_active;	 /* of a session: an older one said that its start was through */
};

struct early_news {
	struct text_index by_key;
	struct list_node all; /* oldest first */
	uint64_t lost_count;
};

void ringcast_early_news_init(struct early_news *news, uint64_t seed);
void ringcast_early_news_fini(struct early_news *news);
/* player: whom of the event's session it is about; "" for the session itself. Older words of the same are never news again; another session's of that
 * player are other news, since each session counts its own. */
void ringcast_early_news_note(struct early_news *news, const char *player, const struct host_event *event, int64_t now_ms);
/* The answer is here. False: there was no news. ret_word: in no list. */
bool ringcast_early_news_take(struct early_news *news, const char *session, const char *player, struct early_word *ret_word);

#endif
