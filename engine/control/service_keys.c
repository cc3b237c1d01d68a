#include "control/service_keys.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"
#include "control/secret_file.h"
#include "service/service.h"

enum { ID_LENGTH_MIN = 4, SECRET_LENGTH_MIN = 16, KEYS_MAX = 512 };

static bool find_role(const char *word, enum role *ret_role)
{
	static const char *const names[] = {[ROLE_READER] = "reader", [ROLE_BACKEND] = "backend", [ROLE_OPERATOR] = "operator"};
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (strcmp(names[i], word) == 0) {
			*ret_role = (enum role)i;
			return true;
		}
	return false;
}

static bool is_id(const char *word)
{
	size_t size = strlen(word);
	for (const char *at = word; *at; at++)
		if (!isalnum((unsigned char)*at))
			return false;
	return size >= ID_LENGTH_MIN && size < KEY_ID_BYTES;
}

struct reading {
	struct key keys[KEYS_MAX];
	size_t count;
};

static bool is_there(const struct reading *reading, const char *id)
{
	for (size_t i = 0; i < reading->count; i++)
		if (strcmp(reading->keys[i].id, id) == 0)
			return true;
	return false;
}

/* NULL: taken. The message never shows the secret. */
static const char *add_key(void *context, char *words[SECRET_WORDS])
{
	struct reading *reading = context;
	struct key *key = &reading->keys[reading->count];
	size_t size = strlen(words[2]);
	if (reading->count == KEYS_MAX)
		return "more than 512 keys";
	if (!find_role(words[0], &key->role))
		return "the role must be reader, backend or operator";
	if (!is_id(words[1]))
		return "the access key id must be 4 to 64 letters and digits";
	if (size < SECRET_LENGTH_MIN || size >= KEY_SECRET_BYTES)
		return "the secret must be 16 to 64 characters, such as openssl rand -hex 20 makes";
	if (is_there(reading, words[1]))
		return "this access key id stands in the file already";
	snprintf(key->id, sizeof(key->id), "%s", words[1]);
	snprintf(key->secret, sizeof(key->secret), "%s", words[2]);
	reading->count++;
	return NULL;
}

bool ringcast_service_keys_load(const struct config *config, struct service *service, struct config_error *reterr)
{
	struct secret_file file;
	ringcast_assert(config && reterr);
	if (*config->service_keys.text == '\0')
		return true;
	if (!ringcast_secret_file_read("service.keys", &config->service_keys, &file, reterr))
		return false;
	struct reading *reading = calloc(1, sizeof(*reading));
	bool is_read = reading && ringcast_secret_lines("service.keys", &file, "a line is 'role id secret'", add_key, reading, reterr);
	if (!reading || (is_read && service && !ringcast_service_set_keys(service, reading->keys, reading->count))) {
		snprintf(reterr->text, sizeof(reterr->text), "service.keys: out of memory");
		is_read = false;
	}
	if (reading)
		explicit_bzero(reading, sizeof(*reading));
	free(reading);
	ringcast_secret_file_forget(&file);
	return is_read;
}
