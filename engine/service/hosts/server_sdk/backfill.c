#include "service/hosts/server_sdk/backfill.h"

#include <string.h>

#include "base/attr.h"

/* Where the SDK says a type, the value has that one member; some SDKs leave out a zero or write the others as null. */
static const struct {
	const char *type, *member, *otherwise;
} types[] = {{"STRING", "S", "\"\""}, {"DOUBLE", "N", "0"}, {"STRING_LIST", "SL", "[]"}, {"STRING_DOUBLE_MAP", "SDM", "{}"}};

static void put(json_t *to, const char *name, const json_t *value)
{
	if (value != NULL && !json_is_null(value))
		json_object_set_new(to, name, json_deep_copy(value));
}

static json_t *attribute_of(const json_t *given)
{
	const char *type = json_string_value(json_object_get(given, "AttrType"));
	json_t *value = json_object();
	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		bool is_it = type != NULL && strcmp(type, types[i].type) == 0;
		if (is_it || type == NULL)
			put(value, types[i].member, json_object_get(given, types[i].member));
		if (is_it && json_object_get(value, types[i].member) == NULL)
			json_object_set_new(value, types[i].member, json_loads(types[i].otherwise, JSON_DECODE_ANY, NULL));
	}
	return value;
}

static json_t *player_of(const json_t *given)
{
	static const char *const names[] = {"PlayerId", "Team", "LatencyInMs"};
	json_t *player = json_object(), *attributes = json_object_get(given, "PlayerAttributes"), *value;
	const char *name;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		put(player, names[i], json_object_get(given, names[i]));
	if (!json_is_object(attributes))
		return player;
	json_t *list = json_object();
	json_object_foreach(attributes, name, value)
		json_object_set_new(list, name, attribute_of(value));
	json_object_set_new(player, "PlayerAttributes", list);
	return player;
}

static void put_text(json_t *to, const char *name, const char *text)
{
	if (*text != '\0')
		json_object_set_new(to, name, json_string(text));
}

json_t *ringcast_sdk_backfill_start(const struct sdk_message *message)
{
	json_t *input = json_object(), *given = json_object_get(message->body, "Players"), *players = json_array(), *player;
	size_t i;
	put_text(input, "ConfigurationName", ringcast_sdk_message_text(message, "MatchmakingConfigurationArn"));
	put_text(input, "TicketId", ringcast_sdk_message_text(message, "TicketId"));
	json_array_foreach(given, i, player)
		json_array_append_new(players, player_of(player));
	json_object_set_new(input, "Players", players);
	return input;
}

json_t *ringcast_sdk_backfill_stop(const struct sdk_message *message)
{
	json_t *input = json_object();
	put_text(input, "TicketId", ringcast_sdk_message_text(message, "TicketId"));
	return input;
}
