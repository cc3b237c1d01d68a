/* The routes of the service: what it has, dead letters of its webhooks, and why a matchmaking ticket waits. */
#include "base/assert.h"
#include "control/http_body.h"
#include "control/http_routes.h"
#include "service/service.h"

static void letters(const struct http_request *request, struct http_response *response, bool is_resend)
{
	char problem[512] = "";
	json_t *answer = request->host->letters ? request->host->letters(request->host->context, is_resend, problem, sizeof(problem)) : NULL;
	if (answer)
		ringcast_http_reply(response, 200, answer);
	else
		ringcast_http_problem(response, 409, "state", "%s", *problem ? problem : "service.address is off: there is no service");
}

void ringcast_http_letters_list(struct http_request *request, struct http_response *response)
{
	letters(request, response, false);
}

void ringcast_http_letters_resend(struct http_request *request, struct http_response *response)
{
	letters(request, response, true);
}

void ringcast_http_ticket_explain(struct http_request *request, struct http_response *response)
{
	char problem[512] = "";
	json_t *answer = request->host->explain ? request->host->explain(request->host->context, request->parameters[0], problem, sizeof(problem)) : NULL;
	if (answer)
		ringcast_http_reply(response, 200, answer);
	else if (*problem)
		ringcast_http_problem(response, 404, "ticket", "%s", problem);
	else
		ringcast_http_problem(response, 409, "state", "service.address is off: there is no service");
}

static void overview(const struct http_request *request, struct http_response *response, enum overview what)
{
	char problem[512] = "";
	const char *after = ringcast_http_query(request, "after");
	json_t *answer = request->host->overview ? request->host->overview(request->host->context, what, after ? after : "", problem, sizeof(problem)) : NULL;
	if (answer)
		ringcast_http_reply(response, 200, answer);
	else
		ringcast_http_problem(response, 409, "state", "%s", *problem ? problem : "service.address is off: there is no service");
}

void ringcast_http_service_fleets(struct http_request *request, struct http_response *response)
{
	overview(request, response, OVERVIEW_FLEETS);
}

void ringcast_http_service_queues(struct http_request *request, struct http_response *response)
{
	overview(request, response, OVERVIEW_QUEUES);
}

void ringcast_http_service_tickets(struct http_request *request, struct http_response *response)
{
	overview(request, response, OVERVIEW_TICKETS);
}

void ringcast_http_service_events(struct http_request *request, struct http_response *response)
{
	overview(request, response, OVERVIEW_EVENTS);
}
