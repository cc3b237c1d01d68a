#include "control/service_keys.h"

#include <ctype.h>
#include <string.h>

#include "base/assert.h"
#include "base/attr.h"
#include "control/secret_file.h"
#include "service/service.h"

enum { WORD_COUNT = 3, ID_LENGTH_MIN = 4, SECRET_LENGTH_MIN = 16 };

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

/* NULL: taken. The message never shows the secret. */
static const char *add_key(struct service *service, char *words[WORD_COUNT])
{
	enum role role;
	size_t size = strlen(words[2]);
	if (!find_role(words[0], &role))
		return "the role must be reader, backend or operator";
	if (!is_id(words[1]))
		return "the access key id must be 4 to 64 letters and digits";
	if (size < SECRET_LENGTH_MIN || size >= KEY_SECRET_BYTES)
		return "the secret must be 16 to 64 characters, such as openssl rand -hex 20 makes";
	if (service && !ringcast_service_add_key(service, words[1], words[2], role))
		return "out of memory";
	return NULL;
}

static const char *take_line(struct service *service, char *line)
{
	char *words[WORD_COUNT + 1], *rest = NULL;
	size_t count = 0;
	for (char *word = strtok_r(line, " \t\r", &rest); word && count <= WORD_COUNT; word = strtok_r(NULL, " \t\r", &rest))
		words[count++] = word;
	if (count == 0 || *words[0] == '#')
		return NULL;
	return count == WORD_COUNT ? add_key(service, words) : "a line is 'role id secret'";
}

bool ringcast_service_keys_load(const struct config *config, struct service *service, struct config_error *reterr)
{
	struct secret_file file;
	const char *problem = NULL;
	unsigned number = 0;
	ringcast_assert(config && reterr);
	if (*config->service_keys.text == '\0')
		return true;
	if (!ringcast_secret_file_read("service.keys", &config->service_keys, &file, reterr))
		return false;
	for (char *line = file.text, *next; line && !problem; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		problem = take_line(service, line);
	}
	if (problem)
		snprintf(reterr->text, sizeof(reterr->text), "service.keys: %.280s:%u: %s", file.path, number, problem);
	ringcast_secret_file_forget(&file);
	return problem == NULL;
}
