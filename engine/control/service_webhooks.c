#include "control/service_webhooks.h"

#include <string.h>

#include "base/assert.h"
#include "control/secret_file.h"

enum { SECRET_LENGTH_MIN = 16 };

static bool is_url(const char *text)
{
	const char *host = strncmp(text, "https://", 8) == 0 ? text + 8 : strncmp(text, "http://", 7) == 0 ? text + 7 : "";
	for (const char *at = text; *at; at++)
		if (*at < '!' || *at > '~' || *at == '"' || *at == '\\')
			return false;
	return *host != '\0' && *host != '/' && strlen(text) < WEBHOOK_URL_BYTES;
}

/* NULL: taken. */
static const char *add(void *context, char *words[SECRET_WORDS])
{
	struct service_webhooks *webhooks = context;
	struct webhook *hook = &webhooks->hooks[webhooks->count];
	size_t size = strlen(words[2]);
	if (webhooks->count == WEBHOOKS_MAX)
		return "more than 8 webhooks";
	if (strcmp(words[0], "sns") != 0 && strcmp(words[0], "cloudevents") != 0)
		return "the form must be sns or cloudevents";
	if (!is_url(words[1]))
		return "the address must be http:// or https:// and a host, at most 511 characters";
	if (size < SECRET_LENGTH_MIN || size >= WEBHOOK_SECRET_BYTES)
		return "the secret must be 16 to 128 characters, such as openssl rand -hex 20 makes";
	hook->form = strcmp(words[0], "sns") == 0 ? ENVELOPE_SNS : ENVELOPE_CLOUDEVENTS;
	snprintf(hook->url, sizeof(hook->url), "%s", words[1]);
	snprintf(hook->secret, sizeof(hook->secret), "%s", words[2]);
	webhooks->count++;
	return NULL;
}

bool ringcast_service_webhooks_load(const struct config *config, struct service_webhooks *ret_webhooks, struct config_error *reterr)
{
	struct secret_file file;
	ringcast_assert(config && ret_webhooks && reterr);
	ret_webhooks->count = 0;
	if (*config->service_webhooks.text == '\0')
		return true;
	if (!ringcast_secret_file_read("service.webhooks", &config->service_webhooks, &file, reterr))
		return false;
	bool is_read = ringcast_secret_lines("service.webhooks", &file, "a line is 'form url secret'", add, ret_webhooks, reterr);
	ringcast_secret_file_forget(&file);
	return is_read;
}
