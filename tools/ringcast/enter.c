#include "tools/ringcast/enter.h"

#include <string.h>

enum {
	CA_BYTES_MAX = 1024 * 1024,
	CODE_LOST = 1006,
	CODE_DENIED = 3507, /* by the game */
};

enum cli_exit ringcast_enter_security(const struct cli_invocation *invocation, char **ret_ca)
{
	const char *ca = ringcast_cli_value(invocation, CLI_OPTION_CA, NULL);
	bool is_secure = ringcast_cli_has(invocation, CLI_OPTION_SECURE), is_insecure = ringcast_cli_has(invocation, CLI_OPTION_INSECURE);
	if (!is_secure && (ca || is_insecure || ringcast_cli_has(invocation, CLI_OPTION_HOST_NAME))) {
		ringcast_cli_error(invocation, "--ca, --host-name and --insecure go with --secure");
		return CLI_USAGE;
	}
	if (ca && is_insecure) {
		ringcast_cli_error(invocation, "--ca and --insecure exclude each other");
		return CLI_USAGE;
	}
	*ret_ca = ca ? ringcast_cli_read_text(invocation, ca, CA_BYTES_MAX) : NULL;
	return *ret_ca || !ca ? CLI_OK : CLI_FAILURE;
}

enum cli_exit ringcast_enter_payload(const struct cli_invocation *invocation, enum cli_option_id id, const char *name, struct payload_text *ret_payload)
{
	const char *text = ringcast_cli_value(invocation, id, NULL);
	const char *problem = text ? ringcast_payload_text_parse(text, RINGCAST_CLIENT_PAYLOAD_BYTES_MAX, ret_payload) : NULL;
	if (problem)
		ringcast_cli_error(invocation, "--%s: %s", name, problem);
	return problem ? CLI_USAGE : CLI_OK;
}

const char *ringcast_enter_reason(const char *reason, char out[ENTER_REASON_BYTES])
{
	const char *text = *reason ? reason : "no reason given";
	ringcast_payload_text_format((const uint8_t *)text, strlen(text), out, ENTER_REASON_BYTES);
	return out;
}

const char *ringcast_enter_hint(const struct cli_invocation *invocation, const struct chat_place *place, int code)
{
	if (code == CODE_LOST && !ringcast_cli_has(invocation, CLI_OPTION_SECURE))
		return "; a server that takes TLS only wants --secure";
	if (code == CODE_DENIED)
		return "; --login-payload TEXT is what the game is shown at login, such as '' or what its protocol asks for";
	if (place->is_dev_token)
		return "; nothing was reserved: give --admin URL or --token TOKEN unless the server is in dev mode";
	return "";
}

enum cli_exit ringcast_enter(const struct cli_invocation *invocation, const struct enter *enter, ringcast_client **ret_client)
{
	const struct chat_place *place = enter->place;
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	options.callbacks = enter->callbacks;
	options.context = enter->context;
	options.is_udp_off = ringcast_cli_has(invocation, CLI_OPTION_TCP);
	options.ping_interval_ms = 1000;
	options.is_secure = ringcast_cli_has(invocation, CLI_OPTION_SECURE);
	options.is_insecure = ringcast_cli_has(invocation, CLI_OPTION_INSECURE);
	options.ca = enter->ca ? enter->ca : place->made_ca[0] ? place->made_ca : NULL;
	options.host_name = ringcast_cli_value(invocation, CLI_OPTION_HOST_NAME, NULL);
	int error = ringcast_client_create(&options, ret_client);
	if (error == RINGCAST_CLIENT_OK)
		error = ringcast_client_connect(*ret_client, place->host, place->port, place->token, enter->login, enter->login_bytes);
	if (error == RINGCAST_CLIENT_OK)
		return CLI_OK;
	char detail[256] = "";
	if (error == RINGCAST_CLIENT_ERROR_SECURITY)
		ringcast_client_describe_security(*ret_client, detail, sizeof(detail));
	ringcast_cli_error(invocation, "%s:%u: %s%s%s", place->host, place->port, ringcast_client_error_text(error), detail[0] ? ": " : "", detail);
	return CLI_FAILURE;
}
