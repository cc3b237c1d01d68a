#include "control/http_reply.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "control/time_text.h"

json_t *ringcast_http_time_at(uint64_t at_ns)
{
	char text[TIME_TEXT_BYTES];
	int64_t then_ns = (int64_t)at_ns + ringcast_time_epoch_ns();
	if (at_ns == 0)
		return json_null();
	then_ns = then_ns > 0 ? then_ns : 0;
	ringcast_time_text((uint64_t)then_ns / 1000000000, (uint32_t)(then_ns % 1000000000), TIME_MILLISECONDS, text);
	return json_string(text);
}

json_t *ringcast_http_text(const char *text, size_t size)
{
	json_t *string = json_stringn(text, size);
	char *ascii = string ? NULL : strndup(text, size);
	for (char *c = ascii; c && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	if (ascii)
		string = json_string(ascii);
	free(ascii);
	return string;
}

void ringcast_http_reply(struct http_response *response, unsigned status, json_t *json)
{
	ringcast_assert(response && status);
	response->status = status;
	response->json = json;
}

static const char *status_title(unsigned status)
{
	static const struct {
		unsigned status;
		const char *title;
	} titles[] = {{400, "Bad request"},    {401, "Unauthorized"}, {403, "Forbidden"},      {404, "Not found"},        {405, "Method not allowed"},
		      {409, "Conflict"},       {413, "Body too large"}, {415, "Wrong content type"}, {422, "Refused"}, {429, "Too many requests"},
		      {500, "Internal error"}, {503, "Not available"},  {504, "No answer in time"}};
	for (size_t i = 0; i < ARRAY_COUNT(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Error";
}

void ringcast_http_problem(struct http_response *response, unsigned status, const char *code, const char *detail_format, ...)
{
	ringcast_assert(response && status >= 400 && code);
	char detail[640];
	va_list arguments;
	va_start(arguments, detail_format);
	vsnprintf(detail, sizeof(detail), detail_format, arguments);
	va_end(arguments);
	json_t *text = json_string(detail); /* NULL for what is not UTF-8, such as an echo of a wild query */
	response->status = status;
	response->json = json_pack("{s:s, s:s, s:i, s:s, s:o}", "type", "about:blank", "title", status_title(status), "status", (int)status,
				   "code", code, "detail", text ? text : json_string("the request is not UTF-8"));
	response->content_type = "application/problem+json";
	response->code = code;
}

void ringcast_http_engine_problem(struct http_response *response, int error, const char *what)
{
	static const struct {
		int error;
		unsigned status;
		const char *code;
	} answers[] = {{RINGCAST_ERROR_ARGUMENT, 400, "argument"},   {RINGCAST_ERROR_MEMORY, 503, "memory"},
		       {RINGCAST_ERROR_NOT_FOUND, 404, "not_found"}, {RINGCAST_ERROR_FULL, 409, "full"},
		       {RINGCAST_ERROR_STATE, 409, "state"},         {RINGCAST_ERROR_SYSTEM, 500, "system"},
		       {RINGCAST_ERROR_TIMEOUT, 504, "timeout"},     {RINGCAST_ERROR_EXISTS, 409, "exists"},
		       {RINGCAST_ERROR_SCRIPT, 422, "script"},	     {RINGCAST_ERROR_UNHEARD, 409, "unheard"}};
	for (size_t i = 0; i < ARRAY_COUNT(answers); i++)
		if (answers[i].error == error) {
			ringcast_http_problem(response, answers[i].status, answers[i].code, "%s: %s", what, ringcast_error_text(error));
			return;
		}
	ringcast_http_problem(response, 500, "internal", "%s: %s", what, ringcast_error_text(error));
}

const char *ringcast_http_query(const struct http_request *request, const char *key)
{
	ringcast_assert(request && key);
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, key);
}

bool ringcast_http_query_uint(const struct http_request *request, const char *key, uint64_t max, uint64_t *ret_value,
			      struct http_response *response)
{
	ringcast_assert(ret_value && response);
	const char *text = ringcast_http_query(request, key);
	if (!text)
		return true;
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9' || value > max) {
		ringcast_http_problem(response, 400, "query", "query '%s': '%s' is not a number from 0 to %" PRIu64, key, text, max);
		return false;
	}
	*ret_value = value;
	return true;
}
