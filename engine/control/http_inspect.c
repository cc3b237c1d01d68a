/* Looks into the engine over HTTP: properties and groups of a session, and who went last. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "control/http_routes.h"

enum { PROPERTIES_BYTES = 16384, GROUPS_PAGE = 100, DISCONNECTS_MAX = 1000, DISCONNECTS_DEFAULT = 100 };

/* Without the beginning of a character whose end was cut off. */
static size_t whole_size(const char *text, size_t size, size_t byte_count)
{
	while (size < byte_count && size > 0 && ((unsigned char)text[size - 1] & 0xc0) == 0x80)
		size--;
	return size < byte_count && size > 0 && (unsigned char)text[size - 1] >= 0xc0 ? size - 1 : size;
}

void ringcast_http_properties_get(struct http_request *request, struct http_response *response)
{
	const char *id = request->parameters[0];
	char text[PROPERTIES_BYTES];
	size_t byte_count = 0;
	int error = ringcast_session_read_properties(request->host->engine, id, text, sizeof(text), &byte_count);
	if (error)
		ringcast_http_engine_problem(response, error, id);
	else
		ringcast_http_reply(response, 200, json_pack("{s:o, s:I}", "properties", ringcast_http_text(text, whole_size(text, strlen(text), byte_count)), "bytes",
							     (json_int_t)byte_count));
}

static json_t *group_to_json(const ringcast_group_info *info)
{
	json_t *members = json_array();
	for (uint32_t i = 0; i < info->member_count && i < RINGCAST_GROUP_MEMBERS_SHOWN; i++)
		json_array_append_new(members, json_integer(info->members[i]));
	return json_pack("{s:i, s:I, s:o}", "id", (int)info->group, "member_count", (json_int_t)info->member_count, "members", members);
}

static json_t *groups_to_json(const ringcast_group_info *infos, size_t count, uint32_t cursor)
{
	json_t *groups = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(groups, group_to_json(&infos[i]));
	json_t *page = json_pack("{s:o}", "groups", groups);
	if (cursor != 0)
		json_object_set_new(page, "next", json_integer(cursor));
	return page;
}

void ringcast_http_groups_list(struct http_request *request, struct http_response *response)
{
	const char *id = request->parameters[0];
	uint64_t after = 0;
	size_t count = 0;
	if (!ringcast_http_query_uint(request, "after", UINT32_MAX, &after, response))
		return;
	uint32_t cursor = (uint32_t)after;
	ringcast_group_info *infos = calloc(GROUPS_PAGE, sizeof(*infos));
	int error = infos ? ringcast_group_list(request->host->engine, id, &cursor, infos, GROUPS_PAGE, &count) : RINGCAST_ERROR_MEMORY;
	if (error)
		ringcast_http_engine_problem(response, error, id);
	else
		ringcast_http_reply(response, 200, groups_to_json(infos, count, cursor));
	free(infos);
}

/* Every reason there is has its number, also 0. */
static void add_count(void *context, const char *name, const char *type, const char *help, const char *labels, double value)
{
	char reason[64];
	(void)type, (void)help;
	if (strcmp(name, "ringcast_closes_total") == 0 && sscanf(labels, "reason=\"%63[^\"]\"", reason) == 1)
		json_object_set_new(context, reason, json_integer((json_int_t)value));
}

static json_t *disconnect_to_json(const ringcast_disconnect_info *info)
{
	return json_pack("{s:I, s:o, s:s, s:i, s:b, s:s, s:o, s:i, s:s, s:i}", "number", (json_int_t)info->number, "at", ringcast_http_time_at(info->at_ns), "reason", info->reason, "close_code",
			 (int)info->close_code, "is_by_api", (int)info->is_by_api, "session_id", info->session_id, "player_id",
			 ringcast_http_text(info->player_id, strlen(info->player_id)), "peer_id", (int)info->peer_id, "address", info->address, "shard",
			 (int)info->shard);
}

void ringcast_http_disconnects(struct http_request *request, struct http_response *response)
{
	uint64_t limit = DISCONNECTS_DEFAULT;
	size_t count = 0;
	if (!ringcast_http_query_uint(request, "limit", DISCONNECTS_MAX, &limit, response))
		return;
	ringcast_disconnect_info *infos = calloc(limit > 0 ? limit : 1, sizeof(*infos));
	int error = infos ? ringcast_disconnect_list(request->host->engine, infos, limit, &count) : RINGCAST_ERROR_MEMORY;
	if (error) {
		ringcast_http_engine_problem(response, error, "list disconnects");
	} else {
		json_t *counts = json_object(), *recent = json_array();
		ringcast_metrics_each(request->host->engine, add_count, counts);
		for (size_t i = 0; i < count; i++)
			json_array_append_new(recent, disconnect_to_json(&infos[i]));
		ringcast_http_reply(response, 200, json_pack("{s:o, s:o}", "counts", counts, "recent", recent));
	}
	free(infos);
}
