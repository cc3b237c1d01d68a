#include "control/http_guard.h"

#include <ctype.h>
#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "control/value.h"

static const char *header_of(const struct http_head *head, const char *name)
{
	return MHD_lookup_connection_value(head->connection, MHD_HEADER_KIND, name);
}

struct header_count {
	const char *name;
	unsigned count;
};

static enum MHD_Result count_header(void *context, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct header_count *counted = context;
	(void)kind;
	(void)value;
	counted->count += strcasecmp(counted->name, key) == 0;
	return MHD_YES;
}

static unsigned header_count(const struct http_head *head, const char *name)
{
	struct header_count counted = {.name = name};
	MHD_get_connection_values(head->connection, MHD_HEADER_KIND, count_header, &counted);
	return counted.count;
}

/* Those that decide where a request ends, whom it is for, and who sends it. */
static bool is_unambiguous(const struct http_head *head, struct http_response *response)
{
	static const char *const single[] = {"Host", "Content-Length", "Transfer-Encoding", "Content-Type", "Authorization", "Origin", "Sec-Fetch-Site"};
	for (size_t i = 0; i < ARRAY_COUNT(single); i++)
		if (header_count(head, single[i]) > 1) {
			ringcast_http_problem(response, 400, "header", "the header '%s' comes more than once", single[i]);
			return false;
		}
	if (header_of(head, "Content-Length") && header_of(head, "Transfer-Encoding"))
		ringcast_http_problem(response, 400, "header", "Content-Length and Transfer-Encoding exclude each other");
	return response->status == 0;
}

static bool is_port(const char *text)
{
	size_t size = strspn(text, "0123456789");
	return size > 0 && size <= 5 && !text[size];
}

/* The host of "host", "host:port", "[v6]" or "[v6]:port", without brackets and the final dot of a full name. False: none of these. */
static bool split_authority(const char *text, char *ret_host, size_t size)
{
	bool is_bracketed = *text == '[';
	const char *first = text + is_bracketed, *last = is_bracketed ? strchr(first, ']') : strchrnul(first, ':');
	if (!last)
		return false;
	const char *rest = last + is_bracketed;
	if (*rest && (*rest != ':' || !is_port(rest + 1)))
		return false;
	if (!is_bracketed && last > first && last[-1] == '.')
		last--;
	if (last == first || (size_t)(last - first) >= size)
		return false;
	memcpy(ret_host, first, (size_t)(last - first));
	ret_host[last - first] = 0;
	return !is_bracketed || strchr(ret_host, ':');
}

static bool is_listed(const char *list, const char *word)
{
	size_t size = strlen(word);
	for (const char *at = list; *at;) {
		at += strspn(at, ", ");
		size_t entry_size = strcspn(at, ", ");
		if (entry_size == size && strncasecmp(at, word, size) == 0)
			return true;
		at += entry_size;
	}
	return false;
}

/*
 * A rebinding attack needs a DNS name that first points at the attacker. So loopback names always pass, other literals only where the server was told
 * to listen beyond loopback, and names only when listed. Requests without Host are those of HTTP/1.0, which load balancers speak and browsers do not.
 */
static bool is_host_allowed(const struct http_guard *guard, const struct http_head *head)
{
	char host[256];
	struct endpoint literal;
	const char *header = header_of(head, "Host");
	if (guard->endpoint->any.sa_family == AF_UNIX)
		return true; /* no browser speaks to a UNIX socket */
	if (!header)
		return strcmp(head->version, MHD_HTTP_VERSION_1_0) == 0;
	if (!split_authority(header, host, sizeof(host)))
		return false;
	if (strcasecmp(host, "localhost") == 0 || is_listed(guard->config->admin_hosts.text, host))
		return true;
	if (!ringcast_value_parse_address(host, 0, &literal) || literal.size == 0)
		return false;
	return ringcast_value_is_loopback(&literal) || !ringcast_value_is_loopback(guard->endpoint);
}

static bool is_origin(const char *origin, const char *scheme, const char *host)
{
	return strncasecmp(origin, scheme, strlen(scheme)) == 0 && strcasecmp(origin + strlen(scheme), host) == 0;
}

/* Names in admin.hosts may have a proxy in front that speaks TLS where we do not: its pages say https. */
static bool is_origin_allowed(const struct http_guard *guard, const struct http_head *head)
{
	char name[256];
	const char *origin = header_of(head, "Origin"), *host = header_of(head, "Host");
	if (!origin)
		return true;
	if (!host)
		return false;
	if (is_origin(origin, head->is_tls ? "https://" : "http://", host))
		return true;
	return is_origin(origin, "https://", host) && split_authority(host, name, sizeof(name)) && is_listed(guard->config->admin_hosts.text, name);
}

/* A GET needs no Origin: an image of a foreign page sends one. Browsers say with each request whose it is; programs say nothing. */
static bool is_site_allowed(const struct http_head *head)
{
	const char *site = header_of(head, "Sec-Fetch-Site");
	bool is_change = head->route && head->route->access == HTTP_ACCESS_CHANGE;
	return !site || !is_change || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
}

/* Neither type is one that a web page may send without asking first. */
static const char *const content_types[] = {[HTTP_BODY_JSON] = "application/json", [HTTP_BODY_ZIP] = "application/zip"};

static bool is_type(const char *content_type, enum http_body body)
{
	size_t size = strlen(content_types[body]);
	if (!content_type || strncasecmp(content_type, content_types[body], size) != 0)
		return false;
	char next = content_type[size];
	return next == 0 || next == ';' || next == ' ';
}

bool ringcast_http_guard_check(const struct http_guard *guard, const struct http_head *head, struct http_response *response)
{
	ringcast_assert(guard && head && response);
	enum http_body body = head->route ? head->route->body : HTTP_BODY_JSON;
	const char *host = header_of(head, "Host");
	if (!is_unambiguous(head, response))
		return false;
	if (!is_host_allowed(guard, head))
		ringcast_http_problem(response, 403, "host", "the Host header '%s' is not this machine's; admin.hosts lists further names",
				      host ? host : "");
	else if (!is_origin_allowed(guard, head))
		ringcast_http_problem(response, 403, "origin", "requests from the web page '%s' are refused", header_of(head, "Origin"));
	else if (!is_site_allowed(head))
		ringcast_http_problem(response, 403, "origin", "requests from web pages of others are refused, and a browser says that this is one");
	else if (strcmp(head->method, "POST") == 0 && !is_type(header_of(head, "Content-Type"), body))
		ringcast_http_problem(response, 415, "content_type", "send 'Content-Type: %s'%s", content_types[body],
				      body == HTTP_BODY_JSON ? ", even with an empty body" : "");
	return response->status == 0;
}

static enum token_role role_needed(const struct http_route *route)
{
	if (!route || route->access == HTTP_ACCESS_HEALTH || route->access == HTTP_ACCESS_PAGE)
		return TOKEN_ROLE_NONE;
	return route->access == HTTP_ACCESS_CHANGE ? TOKEN_ROLE_OPERATOR : TOKEN_ROLE_READER;
}

static const struct token *bearer_of(const struct http_guard *guard, const char *header)
{
	if (!header || strncasecmp(header, "Bearer ", 7) != 0)
		return NULL;
	return ringcast_tokens_find(guard->tokens, header + 7 + strspn(header + 7, " "));
}

static const struct token *certificate_of(const struct http_guard *guard, const struct http_head *head)
{
	const struct token *found = NULL;
	for (size_t i = 0; head->peer == ADMIN_TLS_KNOWN && i < head->names->count && !found; i++)
		found = ringcast_tokens_find_certificate(guard->tokens, head->names->list[i]);
	return found;
}

static void refuse_certificate(const struct http_head *head, struct http_response *response)
{
	if (head->peer == ADMIN_TLS_NOBODY)
		ringcast_http_problem(response, 401, "certificate", "this needs a client certificate that admin.tls_client_ca has signed");
	else if (head->peer == ADMIN_TLS_BAD)
		ringcast_http_problem(response, 401, "certificate", "the client certificate is not good here: %s", head->names->problem);
	else
		ringcast_http_problem(response, 401, "certificate", "no line of admin.tokens is for the certificate of '%s'",
				      head->names->count > 0 ? head->names->list[0] : "");
}

bool ringcast_http_guard_authorise(const struct http_guard *guard, const struct http_head *head, const struct token **ret_token,
				   struct http_response *response)
{
	ringcast_assert(guard && head && ret_token && response);
	enum token_role needed = role_needed(head->route);
	const char *header = header_of(head, "Authorization");
	*ret_token = NULL;
	if (guard->tokens->count == 0 || needed == TOKEN_ROLE_NONE)
		return true;
	if (guard->config->admin_tls_client_required && head->peer != ADMIN_TLS_KNOWN) {
		refuse_certificate(head, response);
		return false;
	}
	const struct token *token = header ? bearer_of(guard, header) : certificate_of(guard, head);
	if (!token && !header && head->peer != ADMIN_TLS_NOBODY)
		refuse_certificate(head, response);
	else if (!token)
		ringcast_http_problem(response, 401, "token", header ? "the token in the header Authorization is none of those in admin.tokens"
								     : "this needs the header 'Authorization: Bearer' with one of the tokens in "
								       "admin.tokens%s", guard->config->admin_tls_client_ca.text[0] ? ", or a client certificate" : "");
	else if (token->role < needed)
		ringcast_http_problem(response, 403, "role", "'%s' may read only", token->name);
	*ret_token = token;
	return response->status == 0;
}
