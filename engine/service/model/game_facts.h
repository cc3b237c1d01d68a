/*
 * What a game session was made with and goes on showing: its name, creator, properties and data, packed into one block of texts. A tree of
 * JSON values for the same takes ten times the memory, and looking something up in it several times as long. Pure; any thread.
 */
#ifndef RINGCAST_SERVICE_MODEL_GAME_FACTS_H
#define RINGCAST_SERVICE_MODEL_GAME_FACTS_H

#include <jansson.h>

struct game_facts;

/* Of an object as the API shows it, whose other members are ignored. Free with free(). NULL: out of memory. */
struct game_facts *ringcast_game_facts_pack(const json_t *shown);
/* A new object with Name, CreatorId, GameProperties, GameSessionData and MatchmakerData, as far as they were given. NULL: out of memory. */
json_t *ringcast_game_facts_show(const struct game_facts *facts);

/* Borrowed. */
const char *ringcast_game_facts_name(const struct game_facts *facts);			   /* "": none */
const char *ringcast_game_facts_property(const struct game_facts *facts, const char *key); /* NULL: there is no such property */

/* Its data are what may be long: MatchmakerData and GameSessionData. Bytes that they take; 0: there are none. */
size_t ringcast_game_facts_data_bytes(const struct game_facts *facts);
void ringcast_game_facts_drop_data(struct game_facts **facts); /* the others are shown on */

#endif
