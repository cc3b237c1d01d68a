/* ringcast tap: what is said in a session, as lines for people, as JSON, or as a capture file. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/ringcast/admin.h"
#include "tools/ringcast/commands.h"
#include "tools/ringcast/payload_text.h"

enum { SECONDS_DEFAULT = 3600, SLACK_SECONDS = 15, LINE_BYTES_MAX = 256 * 1024, SHOWN_BYTES = 64 };

struct tapping {
	FILE *out;
	bool is_raw, is_failed;
	char *line; /* what came of the one that is not whole yet */
	size_t size;
};

static int int_of(const json_t *message, const char *key)
{
	return (int)json_integer_value(json_object_get(message, key));
}

static const char *text_of(const json_t *message, const char *key)
{
	const char *text = json_string_value(json_object_get(message, key));
	return text ? text : "";
}

static void print_who(FILE *out, int player, int group)
{
	if (player == -1)
		fprintf(out, "server");
	else if (player != 0)
		fprintf(out, "%d", player);
	if (group != 0)
		fprintf(out, "%s%s", player != 0 ? "," : "", group == -1 ? "all" : "group ");
	if (group > 0)
		fprintf(out, "%d", group);
}

/* Players' bytes never reach the terminal as they are. */
static void print_payload(FILE *out, const char *base64)
{
	struct base64_decode_ctx context;
	char shown[PAYLOAD_TEXT_BYTES(SHOWN_BYTES)];
	size_t size = BASE64_DECODE_LENGTH(strlen(base64));
	uint8_t *bytes = malloc(size + 1);
	base64_decode_init(&context);
	if (!bytes || !base64_decode_update(&context, &size, bytes, strlen(base64), base64))
		size = 0;
	ringcast_payload_text_format(bytes, size < SHOWN_BYTES ? size : SHOWN_BYTES, shown, sizeof(shown));
	if (size > 0)
		fprintf(out, " %s%s", shown, size > SHOWN_BYTES ? "..." : "");
	free(bytes);
}

static void print_message(FILE *out, const json_t *message)
{
	json_int_t at_ns = json_integer_value(json_object_get(message, "at_ns")), left_out = json_integer_value(json_object_get(message, "left_out"));
	time_t seconds = (time_t)(at_ns / 1000000000);
	struct tm local;
	char clock[16];
	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&seconds, &local));
	if (left_out > 0)
		fprintf(out, "... %" PRId64 " messages were not read in time\n", (int64_t)left_out);
	fprintf(out, "%s.%06d  ", clock, (int)(at_ns % 1000000000 / 1000));
	print_who(out, int_of(message, "from"), 0);
	fprintf(out, " -> ");
	print_who(out, int_of(message, "target_player"), int_of(message, "target_group"));
	fprintf(out, "  op %d %s %d bytes", int_of(message, "opcode"), text_of(message, "intent"), int_of(message, "bytes"));
	print_payload(out, text_of(message, "payload_base64"));
	if (json_object_get(message, "drop"))
		fprintf(out, "  dropped: %s", text_of(message, "drop"));
	fprintf(out, "\n");
}

static void print_line(struct tapping *tapping, const char *line, size_t size)
{
	json_t *message = json_loadb(line, size, 0, NULL);
	json_int_t left_out = json_integer_value(json_object_get(message, "left_out"));
	if (json_object_get(message, "end"))
		fprintf(tapping->out, "end: %s%s\n", text_of(message, "end"), left_out > 0 ? ", and the last messages were not read in time" : "");
	else if (message)
		print_message(tapping->out, message);
	json_decref(message);
}

/* Pieces end anywhere; lines are printed whole. */
static bool take_lines(struct tapping *tapping, const char *bytes, size_t size)
{
	if (tapping->size + size > LINE_BYTES_MAX)
		return false;
	char *line = realloc(tapping->line, tapping->size + size);
	if (!line)
		return false;
	memcpy(line + tapping->size, bytes, size);
	tapping->line = line;
	tapping->size += size;
	for (char *end; (end = memchr(line, '\n', tapping->size)) != NULL;) {
		size_t used = (size_t)(end - line) + 1;
		print_line(tapping, line, used);
		memmove(line, line + used, tapping->size - used);
		tapping->size -= used;
	}
	return true;
}

static bool take(void *context, const char *bytes, size_t size)
{
	struct tapping *tapping = context;
	bool is_taken = tapping->is_raw ? fwrite(bytes, 1, size, tapping->out) == size : take_lines(tapping, bytes, size);
	tapping->is_failed |= !is_taken || fflush(tapping->out) != 0; /* at once: who interrupts us has all that came */
	return !tapping->is_failed;
}

static enum cli_exit add_number(const struct cli_invocation *invocation, enum cli_option_id id, const char *key, int64_t min, int64_t max, char *path, size_t path_bytes)
{
	int64_t value = 0;
	size_t used = strlen(path);
	enum cli_exit code = ringcast_cli_integer(invocation, id, min, max, &value);
	if (code == CLI_OK && ringcast_cli_has(invocation, id))
		snprintf(path + used, path_bytes - used, "&%s=%" PRId64, key, value);
	return code;
}

static enum cli_exit make_path(const struct cli_invocation *invocation, int64_t *ret_seconds, char *path, size_t path_bytes)
{
	char escaped[256] = "";
	json_t *session = NULL;
	*ret_seconds = SECONDS_DEFAULT;
	enum cli_exit code = ringcast_cli_integer(invocation, CLI_OPTION_SECONDS, 0, SECONDS_DEFAULT, ret_seconds);
	if (code == CLI_OK)
		code = ringcast_admin_find_session(invocation, invocation->arguments[0], &session);
	const char *id = json_string_value(json_object_get(session, "id"));
	if (code == CLI_OK && (!id || !ringcast_admin_escape(id, escaped, sizeof(escaped))))
		code = CLI_FAILURE;
	json_decref(session);
	snprintf(path, path_bytes, "/v1/sessions/%s/tap?seconds=%d%s", escaped, (int)*ret_seconds, ringcast_cli_has(invocation, CLI_OPTION_WRITE) ? "&format=pcapng" : "");
	if (code == CLI_OK)
		code = add_number(invocation, CLI_OPTION_PLAYER, "player", -1, INT32_MAX, path, path_bytes);
	if (code == CLI_OK)
		code = add_number(invocation, CLI_OPTION_OPCODE, "opcode", INT32_MIN, INT32_MAX, path, path_bytes);
	return code == CLI_OK ? add_number(invocation, CLI_OPTION_NUMBER, "messages_max", 1, UINT32_MAX, path, path_bytes) : code;
}

enum cli_exit ringcast_command_tap(const struct cli_invocation *invocation)
{
	char path[1024];
	int64_t seconds;
	const char *file = ringcast_cli_value(invocation, CLI_OPTION_WRITE, NULL);
	struct tapping tapping = {.out = stdout, .is_raw = file || ringcast_cli_has(invocation, CLI_OPTION_JSON)};
	if (file && ringcast_cli_has(invocation, CLI_OPTION_JSON)) {
		ringcast_cli_error(invocation, "--write and --json: one of the two");
		return CLI_USAGE;
	}
	enum cli_exit code = make_path(invocation, &seconds, path, sizeof(path));
	if (code != CLI_OK)
		return code;
	if (file && !(tapping.out = fopen(file, "wbe"))) {
		ringcast_cli_error(invocation, "%s: %s", file, strerror(errno));
		return CLI_FAILURE;
	}
	code = ringcast_admin_stream(invocation, path, (uint32_t)seconds + SLACK_SECONDS, take, &tapping);
	free(tapping.line);
	if (file && fclose(tapping.out) != 0)
		tapping.is_failed = true;
	if (tapping.is_failed)
		ringcast_cli_error(invocation, "%s: it could not be written", file ? file : "standard output");
	return tapping.is_failed ? CLI_FAILURE : code;
}
