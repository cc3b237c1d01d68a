#include "service/hosts/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct host_call *ringcast_host_call_create(enum host_call_kind kind)
{
	struct host_call *call = calloc(1, sizeof(*call));
	if (call != NULL)
		call->kind = kind;
	return call;
}

void ringcast_host_call_destroy(struct host_call **call)
{
	if (*call == NULL)
		return;
	for (uint32_t i = 0; i < (*call)->player_count; i++) {
		free((*call)->players[i].player_id);
		free((*call)->players[i].data);
	}
	json_decref((*call)->facts);
	free((*call)->script);
	free((*call)->zip);
	free((*call)->places);
	free((*call)->key);
	free(*call);
	*call = NULL;
}

static bool is_name(const char name[HOST_ID_BYTES])
{
	return *name != '\0' && memchr(name, '\0', HOST_ID_BYTES) != NULL;
}

static bool are_places_right(const struct host_call *call)
{
	for (uint32_t i = 0; i < call->place_count; i++)
		if (!is_name(call->places[i].token))
			return false;
	return true;
}

static bool are_tokens_right(const struct host_call *call)
{
	for (uint32_t i = 0; i < call->player_count; i++) {
		if (!is_name(call->players[i].token))
			return false;
		for (uint32_t k = 0; k < i; k++)
			if (strcmp(call->players[i].token, call->players[k].token) == 0)
				return false;
	}
	return true;
}

void ringcast_host_call_check(struct host_call *call)
{
	bool is_right = call->kind == HOST_CREATE    ? is_name(call->session)
			: call->kind == HOST_RESERVE  ? are_tokens_right(call)
			: call->kind == HOST_DESCRIBE ? are_places_right(call)
						      : true;
	if (call->result != HOST_OK || is_right)
		return;
	call->result = HOST_FAILED;
	snprintf(call->text, sizeof(call->text), "the host gave a name that cannot be");
}
