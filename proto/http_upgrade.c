#include "proto/http_upgrade.h"

#include "base/assert.h"
#include "base/attr.h"
#include "proto/http_head.h"
#include "proto/limits.h"
#include "proto/websocket.h"

enum { KEY_CHARS = 24, ACCEPT_CHARS = 28, METHOD_CHARS_MAX = 32 };

/* The fields the upgrade looks at. One of each at most, but for the two lists, whose lines add up. */
enum field_name {
	FIELD_HOST,
	FIELD_ORIGIN,
	FIELD_KEY,
	FIELD_VERSION,
	FIELD_ACCEPT,
	FIELD_CONTENT_LENGTH,
	FIELD_TRANSFER_ENCODING,
	FIELD_EXTENSIONS,
	FIELD_PROTOCOL,
	FIELD_UPGRADE,
	FIELD_CONNECTION,
	FIELD_COUNT,
};
static const struct {
	const char *text;
	bool is_list;
} field_names[FIELD_COUNT] = {
	[FIELD_HOST] = {"host", false},
	[FIELD_ORIGIN] = {"origin", false},
	[FIELD_KEY] = {"sec-websocket-key", false},
	[FIELD_VERSION] = {"sec-websocket-version", false},
	[FIELD_ACCEPT] = {"sec-websocket-accept", false},
	[FIELD_CONTENT_LENGTH] = {"content-length", false},
	[FIELD_TRANSFER_ENCODING] = {"transfer-encoding", true},
	[FIELD_EXTENSIONS] = {"sec-websocket-extensions", true},
	[FIELD_PROTOCOL] = {"sec-websocket-protocol", true},
	[FIELD_UPGRADE] = {"upgrade", true},
	[FIELD_CONNECTION] = {"connection", true},
};

struct fields {
	bool is_present[FIELD_COUNT];
	struct view value[FIELD_COUNT]; /* of a list: its last line */
	bool upgrades_to_websocket;     /* some Upgrade line names websocket */
	bool connection_upgrades;       /* some Connection line names Upgrade */
};

static enum field_name find_field_name(struct view name)
{
	unsigned index = 0;
	while (index < FIELD_COUNT && !ringcast_http_head_is_nocase(name, field_names[index].text))
		index++;
	return (enum field_name)index;
}

/* False for a field that must not come twice and does. Fields of no interest are passed over. */
static bool note_field(struct fields *fields, const struct http_field *field)
{
	enum field_name name = find_field_name(field->name);
	if (name == FIELD_COUNT)
		return true;
	if (fields->is_present[name] && !field_names[name].is_list)
		return false;
	fields->is_present[name] = true;
	fields->value[name] = field->value;
	if (name == FIELD_UPGRADE)
		fields->upgrades_to_websocket |= ringcast_http_head_has_token(field->value, "websocket");
	if (name == FIELD_CONNECTION)
		fields->connection_upgrades |= ringcast_http_head_has_token(field->value, "upgrade");
	return true;
}

static bool read_fields(struct view lines, struct fields *ret_fields)
{
	struct http_field field;
	bool is_bad;
	memset(ret_fields, 0, sizeof(*ret_fields));
	while (ringcast_http_head_next(&lines, &field, &is_bad)) {
		if (!note_field(ret_fields, &field))
			return false;
	}
	return !is_bad;
}

/* Takes the text up to the next space off *line; all of it when there is none. */
static struct view take_word(struct view *line)
{
	const uint8_t *space = line->size != 0 ? memchr(line->data, ' ', line->size) : NULL;
	size_t word_bytes = space != NULL ? (size_t)(space - line->data) : line->size;
	struct view word = ringcast_view_of(line->data, word_bytes);
	size_t taken_bytes = word_bytes + (space != NULL ? 1 : 0);
	*line = ringcast_view_of(line->data + taken_bytes, line->size - taken_bytes);
	return word;
}

static bool is_visible(struct view text)
{
	for (size_t index = 0; index < text.size; index++) {
		if (text.data[index] <= ' ' || text.data[index] >= 0x7f)
			return false;
	}
	return text.size != 0;
}

/*
 * The method is judged before the head is whole: a TLS hello or a stray protocol is answered at once instead of being
 * waited for. 0 when nothing is wrong yet.
 */
static int judge_method(struct view bytes)
{
	size_t size = 0;
	while (size < bytes.size && size <= METHOD_CHARS_MAX && ringcast_http_head_is_token_char(bytes.data[size]))
		size++;
	if (size > METHOD_CHARS_MAX)
		return 400;
	if (size == bytes.size)
		return 0;
	if (size == 0 || bytes.data[size] != ' ')
		return 400;
	return ringcast_http_head_is(ringcast_view_of(bytes.data, size), "GET") ? 0 : 405;
}

/* Status 0 when the line is good. */
static int judge_request_line(struct view line, struct view *ret_path)
{
	take_word(&line); /* judge_method has seen it */
	struct view path = take_word(&line);
	if (!is_visible(path) || !is_visible(line))
		return 400;
	if (line.size < 5 || memcmp(line.data, "HTTP/", 5) != 0)
		return 400;
	*ret_path = path;
	return ringcast_http_head_is(line, "HTTP/1.1") ? 0 : 505;
}

/* 16 bytes in base64: 22 digits and two '='. */
static bool is_key(struct view key)
{
	if (key.size != KEY_CHARS || key.data[22] != '=' || key.data[23] != '=')
		return false;
	for (size_t index = 0; index < 22; index++) {
		uint8_t byte = key.data[index];
		bool is_letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
		if (!is_letter && !(byte >= '0' && byte <= '9') && byte != '+' && byte != '/')
			return false;
	}
	return true;
}

/* A body would be read as WebSocket frames by us and as a request by a proxy before us. */
static bool has_body(const struct fields *fields)
{
	if (fields->is_present[FIELD_TRANSFER_ENCODING])
		return true;
	return fields->is_present[FIELD_CONTENT_LENGTH] && !ringcast_http_head_is(fields->value[FIELD_CONTENT_LENGTH], "0");
}

static int judge_fields(const struct fields *fields)
{
	if (!fields->is_present[FIELD_HOST])
		return 400;
	if (has_body(fields))
		return 413;
	if (!fields->upgrades_to_websocket || !fields->connection_upgrades)
		return 426;
	if (!ringcast_http_head_is(fields->value[FIELD_VERSION], "13"))
		return 426;
	return is_key(fields->value[FIELD_KEY]) ? 0 : 400;
}

static int judge_request(const struct http_head *head, struct http_upgrade *ret_upgrade)
{
	struct fields fields;
	struct view path;
	int status = judge_request_line(head->start_line, &path);
	if (status != 0)
		return status;
	if (!read_fields(head->fields, &fields))
		return 400;
	status = judge_fields(&fields);
	if (status != 0)
		return status;
	*ret_upgrade = (struct http_upgrade){
		.path = path,
		.host = fields.value[FIELD_HOST],
		.origin = fields.value[FIELD_ORIGIN],
		.key = fields.value[FIELD_KEY],
		.consumed_bytes = head->size,
	};
	return 0;
}

enum http_upgrade_result ringcast_http_upgrade_parse(struct view bytes, struct http_upgrade *ret_upgrade, int *ret_status)
{
	ringcast_assert(bytes.data != NULL || bytes.size == 0);
	struct http_head head;
	int status = judge_method(bytes);
	if (status == 0) {
		switch (ringcast_http_head_find(bytes, &head)) {
		case HTTP_HEAD_WHOLE:
			status = judge_request(&head, ret_upgrade);
			break;
		case HTTP_HEAD_NEED_MORE:
			return HTTP_UPGRADE_NEED_MORE;
		case HTTP_HEAD_BAD:
			status = 400;
			break;
		case HTTP_HEAD_TOO_LARGE:
			status = 431;
			break;
		}
	}
	if (status == 0)
		return HTTP_UPGRADE_OK;
	*ret_status = status;
	return HTTP_UPGRADE_REFUSED;
}

/* Text appended to bounded room; once it is full, is_full sticks and nothing more is written. */
struct text {
	char *out;
	size_t size;
	size_t capacity_bytes;
	bool is_full;
};

static void append(struct text *text, const char *piece, size_t piece_bytes)
{
	if (text->is_full || piece_bytes > text->capacity_bytes - text->size) {
		text->is_full = true;
		return;
	}
	memcpy(text->out + text->size, piece, piece_bytes);
	text->size += piece_bytes;
}

static void append_text(struct text *text, const char *piece)
{
	append(text, piece, strlen(piece));
}

size_t ringcast_http_upgrade_encode_response(const struct http_upgrade *upgrade, char *out)
{
	char accept[ACCEPT_CHARS + 1];
	ringcast_assert(is_key(upgrade->key));
	ringcast_websocket_accept_key((const char *)upgrade->key.data, upgrade->key.size, accept);
	struct text text = {.out = out, .capacity_bytes = HTTP_UPGRADE_RESPONSE_BYTES_MAX};
	append_text(&text, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
	append_text(&text, accept);
	append_text(&text, "\r\n\r\n");
	ringcast_assert(!text.is_full);
	return text.size;
}

static const struct refusal {
	int status;
	const char *line;   /* number and reason, as on the wire */
	const char *fields; /* what this status must name */
} refusals[] = {
	{400, "400 Bad Request", ""},
	{403, "403 Forbidden", ""},
	{405, "405 Method Not Allowed", "Allow: GET\r\n"},
	{408, "408 Request Timeout", ""},
	{413, "413 Content Too Large", ""},
	{426, "426 Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"},
	{429, "429 Too Many Requests", ""},
	{431, "431 Request Header Fields Too Large", ""},
	{503, "503 Service Unavailable", ""},
	{505, "505 HTTP Version Not Supported", ""},
};

static const struct refusal *refusal_of(int status)
{
	for (size_t index = 0; index < ARRAY_COUNT(refusals); index++) {
		if (refusals[index].status == status)
			return &refusals[index];
	}
	ringcast_unreachable("a status without an answer in the table");
}

size_t ringcast_http_upgrade_encode_refusal(int status, char *out)
{
	const struct refusal *refusal = refusal_of(status);
	/* RFC 9110 7.8: whoever sends Upgrade names it in Connection too. */
	const char *connection = status == 426 ? "Connection: Upgrade, close\r\n" : "Connection: close\r\n";
	struct text text = {.out = out, .capacity_bytes = HTTP_UPGRADE_RESPONSE_BYTES_MAX};
	append_text(&text, "HTTP/1.1 ");
	append_text(&text, refusal->line);
	append_text(&text, "\r\n");
	append_text(&text, refusal->fields);
	append_text(&text, connection);
	append_text(&text, "Content-Length: 0\r\n\r\n");
	ringcast_assert(!text.is_full);
	return text.size;
}

size_t ringcast_http_upgrade_encode_request(const char *host_and_port, const char *path, const char *key, char *out, size_t capacity_bytes)
{
	ringcast_assert(is_visible(ringcast_view_of(host_and_port, strlen(host_and_port))));
	ringcast_assert(is_visible(ringcast_view_of(path, strlen(path))));
	ringcast_assert(is_key(ringcast_view_of(key, strlen(key))));
	struct text text = {.out = out, .capacity_bytes = capacity_bytes};
	append_text(&text, "GET ");
	append_text(&text, path);
	append_text(&text, " HTTP/1.1\r\nHost: ");
	append_text(&text, host_and_port);
	append_text(&text, "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ");
	append_text(&text, key);
	append_text(&text, "\r\n\r\n");
	return text.is_full ? 0 : text.size;
}

/* "HTTP/1.1 NNN reason"; the reason may be empty. 0 when the line is not that. */
static int read_status(struct view line)
{
	struct view version = take_word(&line);
	struct view number = take_word(&line);
	if (!ringcast_http_head_is(version, "HTTP/1.1") || number.size != 3)
		return 0;
	int status = 0;
	for (size_t index = 0; index < number.size; index++) {
		if (number.data[index] < '0' || number.data[index] > '9')
			return 0;
		status = status * 10 + (number.data[index] - '0');
	}
	return status >= 100 ? status : 0;
}

/* The 101 must answer our key and must not grant what we did not ask for. */
static bool is_granted(const struct fields *fields, const char *key)
{
	char accept[ACCEPT_CHARS + 1];
	ringcast_websocket_accept_key(key, strlen(key), accept);
	if (!fields->upgrades_to_websocket || !fields->connection_upgrades)
		return false;
	if (fields->is_present[FIELD_EXTENSIONS] || fields->is_present[FIELD_PROTOCOL])
		return false;
	return ringcast_http_head_is(fields->value[FIELD_ACCEPT], accept);
}

static enum http_upgrade_result judge_response(const struct http_head *head, const char *key, size_t *ret_consumed, int *ret_status)
{
	struct fields fields;
	int status = read_status(head->start_line);
	bool is_read = status != 0 && read_fields(head->fields, &fields);
	if (is_read && status == 101 && is_granted(&fields, key)) {
		*ret_consumed = head->size;
		*ret_status = status;
		return HTTP_UPGRADE_OK;
	}
	*ret_status = is_read && status != 101 ? status : 0;
	return HTTP_UPGRADE_REFUSED;
}

enum http_upgrade_result ringcast_http_upgrade_parse_response(struct view bytes, const char *key, size_t *ret_consumed, int *ret_status)
{
	ringcast_assert(is_key(ringcast_view_of(key, strlen(key))));
	struct http_head head;
	enum http_head_result result = ringcast_http_head_find(bytes, &head);
	if (result == HTTP_HEAD_WHOLE)
		return judge_response(&head, key, ret_consumed, ret_status);
	if (result == HTTP_HEAD_NEED_MORE)
		return HTTP_UPGRADE_NEED_MORE;
	*ret_status = 0;
	return HTTP_UPGRADE_REFUSED;
}
