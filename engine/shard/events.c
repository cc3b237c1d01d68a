#include "shard/events.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/log.h"
#include "io/socket.h"
#include "shard/resume.h"

enum { ADDRESS_PART = 10, FIELDS_BYTES = 768, QUOTED_BYTES = 160 };

static const char *const words[] = {
#define EVENT(name, word, text) word,
#include "shard/events.def"
#undef EVENT
};

static const char *const texts[] = {
#define EVENT(name, word, text) text,
#include "shard/events.def"
#undef EVENT
};

const char *ringcast_event_quote(const char *text, char *ret_quoted, size_t size)
{
	size_t used = 0;
	ringcast_assert(size >= 4);
	ret_quoted[used++] = '"';
	for (; *text != 0 && used + 4 <= size; text++) {
		if (*text == '"' || *text == '\\')
			ret_quoted[used++] = '\\';
		ret_quoted[used++] = *text >= ' ' && *text < 127 ? *text : '.';
	}
	ret_quoted[used++] = '"';
	ret_quoted[used] = 0;
	return ret_quoted;
}

/* Allowances */

static bool quota_take(struct event_quota *quota, uint64_t key, uint32_t second, uint32_t count_max)
{
	if (quota->key != key || quota->second != second) {
		quota->count = 0;
		quota->second = second;
		quota->key = key;
	}
	if (quota->count < count_max) {
		quota->count++;
		return true;
	}
	quota->suppressed_count++;
	return false;
}

/* False: held back, and counted. *ret_suppressed: what was held back before this one. */
static bool may_tell(struct shard *shard, enum event_kind kind, const struct address *address, uint64_t *ret_suppressed)
{
	struct event_log *log = &shard->events_log;
	uint32_t second = (uint32_t)(shard->now_ns / NS_PER_S), count_max = shard->options.limits.events_per_second;
	struct event_quota *of_kind = &log->kinds[kind], *of_address = NULL;
	if (count_max == 0)
		return false;
	if (address != NULL) {
		uint64_t key = ringcast_hash_bytes(address->ip, sizeof(address->ip), shard->fast_seed + kind);
		of_address = &log->addresses[key % EVENT_ADDRESS_SLOTS];
		if (!quota_take(of_address, key, second, count_max < ADDRESS_PART ? 1 : count_max / ADDRESS_PART))
			return false;
	}
	if (!quota_take(of_kind, 0, second, count_max))
		return false;
	*ret_suppressed = of_kind->suppressed_count + (of_address != NULL ? of_address->suppressed_count : 0);
	of_kind->suppressed_count = 0;
	if (of_address != NULL)
		of_address->suppressed_count = 0;
	return true;
}

/* Lines */

struct line {
	char text[FIELDS_BYTES];
	size_t size;
};

static void add(struct line *line, const char *format, ...) PRINTF_LIKE(2, 3);
static void add(struct line *line, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int size = vsnprintf(line->text + line->size, sizeof(line->text) - line->size, format, arguments);
	va_end(arguments);
	ringcast_assert(size >= 0 && line->size + (size_t)size < sizeof(line->text)); /* all parts are bounded */
	line->size += (size_t)size;
}

static void begin(struct line *line, const struct shard *shard, enum event_kind kind, const struct address *address)
{
	char text[SOCKET_ADDRESS_TEXT_BYTES];
	line->size = 0;
	add(line, "event=%s shard=%u", words[kind], shard->options.index);
	if (address != NULL)
		add(line, " address=%s", ringcast_socket_format_address(address, text));
}

static void add_player(struct line *line, const struct player *player)
{
	char quoted[QUOTED_BYTES];
	add(line, " session=%s peer=%d", player->session->id, player->peer_id);
	if (ringcast_player_id(player)[0] != 0)
		add(line, " player=%s", ringcast_event_quote(ringcast_player_id(player), quoted, sizeof(quoted)));
}

static void tell(struct line *line, enum event_kind kind, const char *component, uint64_t suppressed_count)
{
	if (suppressed_count > 0)
		add(line, " suppressed=%llu", (unsigned long long)suppressed_count);
	ringcast_log(LOG_INFO, component, texts[kind], "%s", line->text);
}

void ringcast_event_login(struct shard *shard, const struct conn *conn, enum event_kind kind)
{
	struct line line;
	uint64_t suppressed;
	if (!may_tell(shard, kind, &conn->address, &suppressed))
		return;
	begin(&line, shard, kind, &conn->address);
	add_player(&line, conn->player);
	add(&line, " encrypted=%s", conn->secure != NULL ? "true" : "false");
	tell(&line, kind, "session", suppressed);
}

static const char *remedy_of(const struct shard *shard, enum drop_reason reason)
{
	switch (reason) {
	case DROP_BAD_TOKEN:
		return shard->options.is_open ? "log in with dev-<session>-<name>, or with a token that a reservation gave" :
						"reserve a place for the player and log in once with its token, within limits.reservation_timeout_ms";
	case DROP_NO_SESSION:
		return "create the session first; this one does not exist or has ended";
	case DROP_SESSION_FULL:
		return "raise the session's players_max, or wait until somebody leaves";
	case DROP_DENIED:
		return "the game's script or program said no: see its log";
	case DROP_SCRIPT_SHARE:
		return "the script has used up its share of the processor's time, and could not be asked: see its log, and scripts.share_percent";
	case DROP_PARK_TIMEOUT:
		return "the script did not answer within limits.answer_timeout_ms: see its log";
	case DROP_RESUME_GONE:
		return "log in anew, with a token of its own: the player has left, or limits.resume_window_ms is over";
	case DROP_RESUME_RATE:
		return "nothing, unless somebody else has the player's reconnect token: its client tries again by itself";
	case DROP_DRAINING:
		return "this engine is stopping: use another one";
	case DROP_OVERSIZE:
		return "the login's payload is above 4096 bytes";
	case DROP_NO_BUFFER:
	case DROP_PARK_FULL:
		return "memory or queues are full: see limits and the drop counters";
	default:
		return "see the drop counters";
	}
}

void ringcast_event_refused(struct shard *shard, const struct conn *conn, enum drop_reason reason)
{
	struct line line;
	uint64_t suppressed;
	if (!may_tell(shard, EVENT_REFUSED, &conn->address, &suppressed))
		return;
	begin(&line, shard, EVENT_REFUSED, &conn->address);
	if (conn->player != NULL)
		add_player(&line, conn->player);
	add(&line, " reason=%s remedy=\"%s\"", ringcast_drop_label(reason), remedy_of(shard, reason));
	tell(&line, EVENT_REFUSED, "session", suppressed);
}

/* Who brought it about. */
static const char *origin_of(const struct shard *shard, enum close_reason reason)
{
	switch (reason) {
	case CLOSE_CLIENT:
	case CLOSE_RESET:
	case CLOSE_NO_PONG:
	case CLOSE_IDLE:
		return "client";
	case CLOSE_KICKED:
	case CLOSE_SESSION_ENDED:
		return shard->store.origin != NULL ? shard->store.origin : "script";
	case CLOSE_DENIED:
	case CLOSE_SCRIPT_FAILED:
	case CLOSE_SCRIPT_LOST:
	case CLOSE_SCRIPT_SHARE:
	case CLOSE_UNHEALTHY:
		return "script";
	default:
		return "engine";
	}
}

void ringcast_event_expired(struct shard *shard, const struct player *player, enum close_reason reason)
{
	struct line line;
	uint64_t suppressed;
	if (!may_tell(shard, EVENT_LEAVE, NULL, &suppressed))
		return;
	begin(&line, shard, EVENT_LEAVE, NULL);
	add_player(&line, player);
	add(&line, " reason=%s origin=%s", ringcast_close_label(reason), origin_of(shard, reason));
	tell(&line, EVENT_LEAVE, "session", suppressed);
}

static enum event_kind kind_of_close(const struct conn *conn, enum close_reason reason)
{
	if (!conn->is_logged_in)
		return EVENT_NOT_ADMITTED;
	if (conn->is_resumable && ringcast_resume_is_drop(conn, reason))
		return EVENT_DROPPED;
	return reason == CLOSE_KICKED ? EVENT_KICK : EVENT_LEAVE;
}

void ringcast_event_closed(struct shard *shard, const struct conn *conn, enum close_reason reason)
{
	enum event_kind kind = kind_of_close(conn, reason);
	char quoted[QUOTED_BYTES];
	struct line line;
	uint64_t suppressed;
	if (conn->is_told || !may_tell(shard, kind, &conn->address, &suppressed))
		return; /* why it was refused is in the log */
	begin(&line, shard, kind, &conn->address);
	if (conn->is_logged_in && conn->player != NULL)
		add_player(&line, conn->player);
	add(&line, " reason=%s origin=%s", ringcast_close_label(reason), conn->is_by_api ? "api" : origin_of(shard, reason));
	if (conn->has_close_text)
		add(&line, " text=%s", ringcast_event_quote(ringcast_conn_close_text(conn), quoted, sizeof(quoted)));
	tell(&line, kind, conn->is_logged_in ? "session" : "connection", suppressed);
}

void ringcast_event_session(struct shard *shard, const struct session *session, bool is_end)
{
	enum event_kind kind = is_end ? EVENT_SESSION_END : EVENT_SESSION_START;
	char quoted[QUOTED_BYTES];
	struct line line;
	uint64_t suppressed;
	if (!may_tell(shard, kind, NULL, &suppressed))
		return;
	begin(&line, shard, kind, NULL);
	add(&line, " session=%s", session->id);
	if (session->name[0] != 0)
		add(&line, " name=%s", ringcast_event_quote(session->name, quoted, sizeof(quoted)));
	if (is_end)
		add(&line, " reason=%s origin=%s seconds=%llu messages=%llu", ringcast_close_label((enum close_reason)session->close_reason),
		    origin_of(shard, (enum close_reason)session->close_reason),
		    (unsigned long long)((shard->now_ns - session->created_ns) / NS_PER_S), (unsigned long long)session->messages_received);
	else
		add(&line, " players_max=%u", session->players_max);
	tell(&line, kind, "session", suppressed);
}

void ringcast_event_address(struct shard *shard, enum event_kind kind, const struct address *address, enum drop_reason reason)
{
	struct line line;
	uint64_t suppressed;
	if (!may_tell(shard, kind, address, &suppressed))
		return;
	begin(&line, shard, kind, address);
	add(&line, " reason=%s", ringcast_drop_label(reason));
	tell(&line, kind, "connection", suppressed);
}
