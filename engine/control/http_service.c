/* The routes of the service: dead letters of its webhooks, and why a matchmaking ticket waits. */
#include "base/assert.h"
#include "control/http_body.h"
#include "control/http_routes.h"

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
