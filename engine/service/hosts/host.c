#include "service/hosts/host.h"

#include <stdlib.h>

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
