#include "tools/ringcast/chat_place.h"

#include <stdlib.h>
#include <string.h>

#include "tools/ringcast/admin.h"
#include "tools/ringcast/admin_client.h"

static enum cli_exit parse_server(const struct cli_invocation *invocation, const char *text, struct chat_place *place)
{
	const char *colon = strrchr(text, ':');
	long port = colon ? strtol(colon + 1, NULL, 10) : 0;
	bool is_bracketed = text[0] == '[' && colon && colon > text && colon[-1] == ']';
	if (port < 1 || port > UINT16_MAX || colon == text) {
		ringcast_cli_error(invocation, "--server: '%s' is not HOST:PORT", text);
		return CLI_USAGE;
	}
	snprintf(place->host, sizeof(place->host), "%.*s", (int)(colon - text) - 2 * is_bracketed, text + is_bracketed);
	place->port = (uint16_t)port;
	return CLI_OK;
}

static enum cli_exit find_server(const struct cli_invocation *invocation, struct chat_place *place)
{
	const char *server = ringcast_cli_value(invocation, CLI_OPTION_SERVER, NULL);
	json_t *info = NULL;
	if (server)
		return parse_server(invocation, server, place);
	enum cli_exit code = ringcast_admin_call(invocation, "GET", "/v1/info", NULL, &info);
	if (code != CLI_OK)
		return code;
	place->port = (uint16_t)json_integer_value(json_object_get(info, "tcp_port"));
	ringcast_admin_url_host(ringcast_admin_url(invocation), place->host, sizeof(place->host));
	const char *made_ca = json_string_value(json_object_get(json_object_get(info, "tls"), "ca"));
	snprintf(place->made_ca, sizeof(place->made_ca), "%s", made_ca ? made_ca : "");
	const char *mode = json_string_value(json_object_get(json_object_get(info, "tls"), "mode"));
	bool is_tls_missing = mode && strcmp(mode, "required") == 0 && !ringcast_cli_has(invocation, CLI_OPTION_SECURE);
	json_decref(info);
	if (!is_tls_missing)
		return CLI_OK;
	ringcast_cli_error(invocation, "the server takes TLS only: add --secure, and --ca FILE if its certificate is of a CA of your own");
	return CLI_USAGE;
}

/* The session of this name, created when there is none. */
static enum cli_exit find_or_create(const struct cli_invocation *invocation, json_t **ret_session)
{
	char escaped[600], path[700];
	json_t *list = NULL;
	if (!ringcast_admin_escape(invocation->arguments[0], escaped, sizeof(escaped)))
		return CLI_USAGE;
	snprintf(path, sizeof(path), "/v1/sessions/%s", escaped);
	if (ringcast_admin_try(invocation, "GET", path, NULL, ret_session, NULL) == CLI_OK)
		return CLI_OK;
	snprintf(path, sizeof(path), "/v1/sessions?name=%s", escaped);
	enum cli_exit code = ringcast_admin_call(invocation, "GET", path, NULL, &list);
	if (code != CLI_OK)
		return code;
	*ret_session = json_incref(json_array_get(json_object_get(list, "sessions"), 0));
	json_decref(list);
	if (*ret_session)
		return CLI_OK;
	return ringcast_admin_call(invocation, "POST", "/v1/sessions", json_pack("{s:s}", "name", invocation->arguments[0]), ret_session);
}

static enum cli_exit reserve(const struct cli_invocation *invocation, struct chat_place *place)
{
	char escaped[256], path[320];
	json_t *session = NULL, *answer = NULL;
	enum cli_exit code = find_or_create(invocation, &session);
	if (code != CLI_OK)
		return code;
	const char *id = json_string_value(json_object_get(session, "id"));
	if (!id || !ringcast_admin_escape(id, escaped, sizeof(escaped))) {
		json_decref(session);
		return CLI_FAILURE;
	}
	json_decref(session);
	snprintf(path, sizeof(path), "/v1/sessions/%s/players", escaped);
	/* no player id: two people, or one in two terminals, may use the same name */
	code = ringcast_admin_call(invocation, "POST", path, json_object(), &answer);
	const char *token = json_string_value(json_object_get(answer, "token"));
	snprintf(place->token, sizeof(place->token), "%s", token ? token : "");
	json_decref(answer);
	return code;
}

static enum cli_exit find_token(const struct cli_invocation *invocation, const char *name, struct chat_place *place)
{
	const char *token = ringcast_cli_value(invocation, CLI_OPTION_TOKEN, NULL);
	if (token) {
		snprintf(place->token, sizeof(place->token), "%s", token);
		return CLI_OK;
	}
	if (!ringcast_cli_has(invocation, CLI_OPTION_SERVER))
		return reserve(invocation, place);
	/* a server elsewhere: whose admin API is ours to ask must be said, but in dev mode a name is enough */
	if (ringcast_cli_has(invocation, CLI_OPTION_ADMIN))
		return reserve(invocation, place);
	printf("* no place is reserved: --server without --admin or --token logs in by name, which only a server in dev mode accepts\n");
	place->is_dev_token = true;
	snprintf(place->token, sizeof(place->token), "dev-%s-%s", invocation->arguments[0], name);
	return CLI_OK;
}

enum cli_exit ringcast_chat_find_place(const struct cli_invocation *invocation, const char *name, struct chat_place *ret_place)
{
	*ret_place = (struct chat_place){.port = 0};
	enum cli_exit code = find_server(invocation, ret_place);
	return code == CLI_OK ? find_token(invocation, name, ret_place) : code;
}
