/* The configuration over HTTP: every key with its value and where that comes from. */
#include "control/config.h"
#include "control/http_routes.h"
#include "control/value.h"

static json_t *value_to_json(const struct config *config, const struct option *option)
{
	char text[VALUE_TEXT_BYTES];
	const void *field = ringcast_config_field_const(config, option);
	if (option->type == OPTION_BOOL)
		return json_boolean(*(const bool *)field);
	if (option->type == OPTION_UINT)
		return json_integer((json_int_t)ringcast_value_number(option, field));
	ringcast_value_format(option, field, text);
	return json_string(text);
}

static json_t *key_to_json(const struct config *config, const struct option *option)
{
	char path[OPTION_PATH_BYTES];
	bool is_secret = ringcast_config_is_secret(option);
	enum config_source source = ringcast_config_source(config, option);
	ringcast_options_path(option, path);
	json_t *json = json_pack("{s:s, s:o, s:s, s:s, s:b}", "name", path, "value", is_secret ? json_null() : value_to_json(config, option), "default",
				 option->default_text, "source", ringcast_config_source_name(source), "reloadable", (int)option->is_reloadable);
	if (is_secret)
		json_object_set_new(json, "is_secret", json_true());
	if (source == CONFIG_FILE)
		json_object_set_new(json, "line", json_integer((json_int_t)ringcast_config_line(config, option)));
	return json;
}

void ringcast_http_config(struct http_request *request, struct http_response *response)
{
	json_t *values = json_array();
	for (size_t i = 0; i < OPTION_COUNT; i++)
		json_array_append_new(values, key_to_json(request->config, ringcast_options_at(i)));
	ringcast_http_reply(response, 200, json_pack("{s:o}", "values", values));
}
