/* The audit trail over HTTP. */
#include "control/audit.h"
#include "control/http_routes.h"

#define LIST_LIMIT_DEFAULT 100
#define LIST_LIMIT_MAX 1000

void ringcast_http_audit(struct http_request *request, struct http_response *response)
{
	uint64_t limit = LIST_LIMIT_DEFAULT, before = 0;
	if (!ringcast_http_query_uint(request, "limit", LIST_LIMIT_MAX, &limit, response) ||
	    !ringcast_http_query_uint(request, "before", INT64_MAX, &before, response))
		return;
	if (request->host->audit)
		ringcast_http_reply(response, 200, ringcast_audit_list(request->host->audit, before, (uint32_t)limit));
	else
		ringcast_http_problem(response, 409, "state", "no audit trail is kept here");
}
