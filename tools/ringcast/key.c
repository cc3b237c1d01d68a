/*
 * ringcast key: access keys of the service endpoint, in the file that service.keys names. Works on the file alone, so that no secret goes over a wire;
 * a running daemon takes it with its next reload.
 */
#include "tools/ringcast/commands.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/ringcast/write_file.h"

enum { FILE_BYTES_MAX = 32767, ID_RANDOM_BYTES = 18, SECRET_RANDOM_BYTES = 20, LINE_WORDS = 3 };

static const char *const roles[] = {"reader", "backend", "operator"};

struct line {
	char role[16], id[80];
	bool is_key; /* else a note, or an empty line */
};

static const char *path_of(const struct cli_invocation *invocation)
{
	const char *path = ringcast_cli_value(invocation, CLI_OPTION_FILE, getenv("RINGCAST_SERVICE_KEYS"));
	if (!path || !*path)
		ringcast_cli_error(invocation, "--file: which file? The one that service.keys names (or RINGCAST_SERVICE_KEYS)");
	return path && *path ? path : NULL;
}

/* A file that is not there holds no keys yet. NULL: it was told what is wrong. */
static char *read_keys(const struct cli_invocation *invocation, const char *path, bool is_needed)
{
	if (!is_needed && access(path, F_OK) != 0)
		return strdup("");
	return ringcast_cli_read_text(invocation, path, FILE_BYTES_MAX);
}

/* The line at text; returns where the next one begins. */
static const char *take_line(const char *text, struct line *ret_line)
{
	char secret[2];
	size_t size = strcspn(text, "\n");
	char *copy = strndup(text, size);
	*ret_line = (struct line){.is_key = false};
	ret_line->is_key = copy && sscanf(copy, " %15s %79s %1s", ret_line->role, ret_line->id, secret) == LINE_WORDS && *ret_line->role != '#';
	if (copy)
		explicit_bzero(copy, size);
	free(copy);
	return text[size] == '\0' ? text + size : text + size + 1;
}

/* Who could read the file before can still, and nobody else. */
static bool write_keys(const struct cli_invocation *invocation, const char *path, const char *text)
{
	struct stat status;
	return ringcast_cli_write_file(invocation, path, text, stat(path, &status) == 0 ? status.st_mode & 0640 : 0600);
}

static bool is_role(const char *word)
{
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (strcmp(word, roles[i]) == 0)
			return true;
	return false;
}

static bool make_random(const struct cli_invocation *invocation, char id[ID_RANDOM_BYTES + 3], char secret[2 * SECRET_RANDOM_BYTES + 1])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; /* 32 of them, so that each is as likely */
	unsigned char random[ID_RANDOM_BYTES + SECRET_RANDOM_BYTES];
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
		ringcast_cli_error(invocation, "the system gives no random numbers");
		return false;
	}
	memcpy(id, "AK", 2);
	for (size_t i = 0; i < ID_RANDOM_BYTES; i++)
		id[2 + i] = letters[random[i] % 32];
	id[2 + ID_RANDOM_BYTES] = '\0';
	for (size_t i = 0; i < SECRET_RANDOM_BYTES; i++)
		snprintf(secret + 2 * i, 3, "%02x", random[ID_RANDOM_BYTES + i]);
	explicit_bzero(random, sizeof(random));
	return true;
}

static void print_key(const struct cli_invocation *invocation, const char *role, const char *id, const char *secret)
{
	if (ringcast_cli_is_json(invocation)) {
		printf("{\"role\": \"%s\", \"access_key_id\": \"%s\", \"secret_access_key\": \"%s\"}\n", role, id, secret);
		return;
	}
	printf("%-18s %s\n%-18s %s\n%-18s %s\n", "role", role, "access key id", id, "secret access key", secret);
	fprintf(stderr, "The secret is shown this once. A running ringcastd takes the key with 'ringcast reload'.\n");
}

enum cli_exit ringcast_command_key_create(const struct cli_invocation *invocation)
{
	const char *role = invocation->arguments[0], *path = path_of(invocation);
	char id[ID_RANDOM_BYTES + 3], secret[2 * SECRET_RANDOM_BYTES + 1], *whole;
	if (!path || !is_role(role)) {
		if (path)
			ringcast_cli_error(invocation, "the role must be reader, backend or operator, not '%s'", role);
		return CLI_USAGE;
	}
	char *text = read_keys(invocation, path, false);
	if (!text || !make_random(invocation, id, secret)) {
		free(text);
		return CLI_FAILURE;
	}
	bool has_end = *text == '\0' || text[strlen(text) - 1] == '\n';
	bool is_made = asprintf(&whole, "%s%s%s %s %s\n", text, has_end ? "" : "\n", role, id, secret) >= 0;
	bool is_written = is_made && write_keys(invocation, path, whole);
	if (is_written)
		print_key(invocation, role, id, secret);
	if (is_made) {
		explicit_bzero(whole, strlen(whole));
		free(whole);
	}
	explicit_bzero(text, strlen(text));
	free(text);
	explicit_bzero(secret, sizeof(secret));
	return is_written ? CLI_OK : CLI_FAILURE;
}

enum cli_exit ringcast_command_key_list(const struct cli_invocation *invocation)
{
	const char *path = path_of(invocation);
	char *text = path ? read_keys(invocation, path, true) : NULL;
	bool is_json = ringcast_cli_is_json(invocation), is_first = true;
	struct line line;
	if (!text)
		return path ? CLI_FAILURE : CLI_USAGE;
	if (is_json)
		printf("[");
	else
		printf("%-10s %s\n", "ROLE", "ACCESS KEY ID");
	for (const char *at = text; *at;) {
		at = take_line(at, &line);
		if (!line.is_key)
			continue;
		if (is_json)
			printf("%s{\"role\": \"%s\", \"access_key_id\": \"%s\"}", is_first ? "" : ", ", line.role, line.id);
		else
			printf("%-10s %s\n", line.role, line.id);
		is_first = false;
	}
	if (is_json)
		printf("]\n");
	explicit_bzero(text, strlen(text));
	free(text);
	return CLI_OK;
}

/* All lines but that key's; false: there is none. kept has room for all. */
static bool leave_out(const char *text, const char *id, char *kept)
{
	bool is_found = false;
	struct line line;
	for (const char *at = text, *next; *at; at = next) {
		next = take_line(at, &line);
		bool is_it = line.is_key && strcmp(line.id, id) == 0;
		is_found |= is_it;
		if (is_it)
			continue;
		memcpy(kept, at, (size_t)(next - at));
		kept += next - at;
	}
	*kept = '\0';
	return is_found;
}

enum cli_exit ringcast_command_key_revoke(const struct cli_invocation *invocation)
{
	const char *id = invocation->arguments[0], *path = path_of(invocation);
	char *text = path ? read_keys(invocation, path, true) : NULL, *kept = text ? malloc(strlen(text) + 1) : NULL;
	enum cli_exit result = path ? CLI_FAILURE : CLI_USAGE;
	if (kept && !leave_out(text, id, kept)) {
		ringcast_cli_error(invocation, "%s: there is no key '%s'", path, id);
		result = CLI_NOT_FOUND;
	} else if (kept && write_keys(invocation, path, kept)) {
		fprintf(stderr, "A running ringcastd goes on taking the key until 'ringcast reload'.\n");
		result = CLI_OK;
	}
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
	if (kept)
		explicit_bzero(kept, strlen(kept));
	free(kept);
	return result;
}
