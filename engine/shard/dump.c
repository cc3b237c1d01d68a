/*
 * What a shard says when the program is about to end: where it stood, its counters, and what it did last. Runs on whichever thread failed, maybe inside
 * a signal handler, while this shard may still be turning: it only reads, takes no lock, and believes no pointer that it can do without.
 */
#include "shard/shard_private.h"

static void write_objects(struct panic_writer *writer, const struct shard *shard)
{
	ringcast_panic_text(writer, "shard ");
	ringcast_panic_unsigned(writer, shard->options.index);
	ringcast_panic_text(writer, " at ");
	ringcast_panic_unsigned(writer, shard->now_ns);
	ringcast_panic_pair(writer, "connections", shard->conns.count);
	ringcast_panic_pair(writer, "sessions", shard->store.sessions.count);
	ringcast_panic_pair(writer, "players", shard->store.players.count);
	ringcast_panic_pair(writer, "groups", shard->store.groups.count);
	ringcast_panic_pair(writer, "slices", shard->slices.count);
	ringcast_panic_pair(writer, "associations", shard->security.associations.associations.count);
	ringcast_panic_text(writer, shard->is_stopping ? " stopping\n" : "\n");
}

static void write_counters(struct panic_writer *writer, const struct shard_counters *counters)
{
	ringcast_panic_text(writer, "  counters:");
#define COUNTER(name, text) ringcast_panic_pair(writer, #name, counters->name);
#include "shard/counters.def"
#undef COUNTER
	ringcast_panic_text(writer, "\n  drops:");
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		ringcast_panic_pair(writer, ringcast_drop_label((enum drop_reason)i), counters->drops[i]);
	ringcast_panic_text(writer, "\n  closes:");
	for (unsigned i = 0; i < CLOSE_REASON_COUNT; i++)
		ringcast_panic_pair(writer, ringcast_close_label((enum close_reason)i), counters->closes[i]);
	ringcast_panic_text(writer, "\n");
}

/* The message that was routed last: most likely what it was about. */
static void write_last_route(struct panic_writer *writer, const struct shard *shard)
{
	const struct recorder_entry *route = ringcast_recorder_last(&shard->recorder, PROBE_ROUTE);
	if (route == NULL)
		return;
	const struct session *session = ringcast_slab_find(&shard->store.sessions, route->first);
	ringcast_panic_text(writer, "  last message: opcode ");
	ringcast_panic_signed(writer, route->third);
	ringcast_panic_text(writer, " of peer ");
	ringcast_panic_unsigned(writer, route->second);
	ringcast_panic_text(writer, session != NULL ? " in session " : " in a session that has ended");
	if (session != NULL) {
		ringcast_panic_bytes(writer, session->id, sizeof(session->id));
		ringcast_panic_text(writer, " (");
		ringcast_panic_bytes(writer, session->name, sizeof(session->name));
		ringcast_panic_text(writer, ")");
	}
	ringcast_panic_text(writer, "\n");
}

void ringcast_shard_dump(struct panic_writer *writer, const void *subject)
{
	const struct shard *shard = subject;
	write_objects(writer, shard);
	write_last_route(writer, shard);
	write_counters(writer, &shard->counters);
	ringcast_panic_text(writer, "  done last, oldest first:\n");
	ringcast_recorder_dump(&shard->recorder, writer);
}
