/*
 * The counters, when everything has ended: each is compared with what the bots, the network and the other counters know. The switch has no
 * default, so a counter without a law does not compile: say here what it must be equal to, or at least between which bounds it lies.
 */
#include "world.h"

enum counter {
#define COUNTER(name, text) COUNT_##name,
#include "shard/counters.def"
#undef COUNTER
};

struct law {
	uint64_t least, most; /* what the counter must lie between, both allowed */
};

struct books { /* sums over all shards, and what the others know */
	struct shard_counters of;
	struct io_stats io;
	uint64_t closes, fast_drops, refusal_drops;
	uint64_t joined, portless, fast_ups, packets_sent, packets_received, pings_received;
	uint64_t reliable_seen, fast_seen;
	uint64_t letters_unread, letters_waiting;
	uint64_t token_checks_max;
	bool may_pause;
	uint64_t letters_lost_max; /* of shards that may lose any: so little may wait that senders who wait are not enough, or they have given up another one */
	uint64_t patiences;	   /* so often at most some shard may have given up another one */
	bool is_plain_sailing; /* nobody lost its connection, nobody did anything wrong */
};

static struct law exactly(uint64_t count)
{
	return (struct law){count, count};
}

static struct law at_most(uint64_t count)
{
	return (struct law){0, count};
}

static struct law between(uint64_t least, uint64_t most)
{
	return (struct law){least, most};
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static struct law law_of(enum counter counter, const struct books *b)
{
	const struct shard_counters *of = &b->of;
	switch (counter) {
	case COUNT_connections_accepted:
		return exactly(b->io.accepts);
	case COUNT_connections_closed:
		return exactly(of->connections_accepted);
	case COUNT_pauses: /* only where the world lets shards wait for their turn, each time at most once a shard */
		return at_most(b->may_pause ? of->ticks : 0);
	case COUNT_connections_refused: /* every other one ends once, here or on the shard it moved to, for one reason */
		return exactly(of->connections_accepted - b->closes - of->handoffs_refused);
	case COUNT_associations_out:
		return exactly(of->associations_in);
	case COUNT_associations_in: /* shards that share no UDP port have nothing to hand over */
		return at_most(of->associations_out);
	case COUNT_associations_refused:
		return at_most(of->associations_in);
	case COUNT_handoffs_out:
		return exactly(of->handoffs_in + of->handoffs_refused);
	case COUNT_handoffs_in:
	case COUNT_handoffs_refused:
		return at_most(of->handoffs_out);
	case COUNT_strays_out: /* here each shard has ports of its own */
	case COUNT_strays_in:
	case COUNT_steering_full:
		return exactly(0);
	case COUNT_upgrades:
		return between(of->logins + of->logins_refused, of->connections_accepted);
	case COUNT_logins:
		return between(b->joined, of->upgrades);
	case COUNT_logins_refused:
		return at_most(of->upgrades - of->logins);
	case COUNT_token_checks: /* one at most for each who may log in, and for strangers as many as one address may have; what is good may come to nothing at home */
		return between(of->token_places, min(of->upgrades, b->token_checks_max));
	case COUNT_token_places:
	case COUNT_token_sessions:
		return at_most(of->token_checks);
	case COUNT_fast_greetings:
		return between(b->fast_ups, b->io.datagrams_received);
	case COUNT_fast_port_exhausted:
		return between(b->portless, of->logins + of->resumes);
	case COUNT_fast_lost: /* by a datagram from elsewhere, in silence, or for an error */
		return at_most(b->io.datagrams_received + of->pings_sent + b->io.datagram_send_errors);
	case COUNT_fast_regained:
	case COUNT_fast_moved:
		return at_most(of->fast_lost);
	case COUNT_messages_received_reliable:
		return between(b->is_plain_sailing ? b->packets_sent : b->reliable_seen, b->packets_sent);
	case COUNT_messages_received_fast:
		return between(b->fast_seen, b->io.datagrams_received + of->datagrams_merged_received * (PROTO_MERGED_PACKETS_MAX - 1));
	case COUNT_datagrams_merged_received:
		return at_most(b->io.datagrams_received);
	case COUNT_datagrams_merged:
		return at_most(of->deliveries_fast / 2);
	case COUNT_messages_refused:
		return at_most(of->messages_received_reliable + of->messages_received_fast);
	case COUNT_payload_bytes_received:
		return at_most((of->messages_received_reliable + of->messages_received_fast) * PROTO_PACKET_BYTES_MAX);
	case COUNT_deliveries_asked: /* what was meant for a receiver is under way to it, or it is known why not */
		return exactly(of->deliveries_reliable + of->deliveries_fast + of->deliveries_refused + of->deliveries_lost);
	case COUNT_deliveries_refused:
		return at_most(b->refusal_drops);
	case COUNT_deliveries_lost:
		return between(of->drops[DROP_FAST_OVERFLOW] - min(of->drops[DROP_FAST_OVERFLOW], of->deliveries_refused), b->fast_drops);
	case COUNT_deliveries_reliable:
		return between(b->packets_received, of->deliveries_asked);
	case COUNT_deliveries_fast:
		return at_most(of->deliveries_asked - of->deliveries_reliable);
	case COUNT_delivery_bytes_reliable:
		return between(of->deliveries_reliable, of->deliveries_reliable * PROTO_PACKET_BYTES_MAX);
	case COUNT_delivery_bytes_fast:
		return between(of->deliveries_fast, of->deliveries_fast * PROTO_PACKET_BYTES_MAX);
	case COUNT_players_dropped: /* those who were sent away or whose session ended meanwhile are in neither */
		return between(of->resumes + of->resume_windows_over, of->connections_accepted);
	case COUNT_resumes:
		return at_most(of->players_dropped);
	case COUNT_resumes_taken_over:
		return at_most(of->players_dropped);
	case COUNT_resume_gaps:
		return at_most(of->resumes);
	case COUNT_resume_windows_over:
		return at_most(of->players_dropped - of->resumes);
	case COUNT_replayed_messages:
		return at_most(of->deliveries_reliable * of->resumes);
	case COUNT_replayed_bytes:
		return between(of->replayed_messages, of->replayed_messages * PROTO_PACKET_BYTES_MAX);
	case COUNT_replay_given_up:
		return at_most(of->deliveries_reliable);
	case COUNT_stream_writes:
		return exactly(b->io.stream_sends);
	case COUNT_datagram_writes:
		return exactly(b->io.datagrams_sent + b->io.datagram_send_errors);
	case COUNT_pings_sent:
		return between(b->pings_received, of->ticks * of->connections_accepted);
	case COUNT_ticks:
		return between(of->flushes, UINT64_MAX);
	case COUNT_flushes:
		return at_most(of->ticks);
	case COUNT_paces:
		return exactly(b->io.naps);
	case COUNT_slow_detached: /* each has something new for its receiver: a frame, once more where it has come back, a ping, with what was received behind it, a goodbye, or an answer to one of its own */
		return at_most(of->deliveries_reliable + of->replayed_messages + 2 * of->pings_sent + of->connections_closed + of->logins + of->resumes + of->logins_refused + b->io.stream_recvs);
	case COUNT_crowded_out:
		return at_most(of->closes[CLOSE_SLOW] + of->closes[CLOSE_NO_RESOURCES]);
	case COUNT_letters_sent:
		return exactly(of->letters_read + b->letters_unread);
	case COUNT_letters_read:
	case COUNT_letter_bells:
		return at_most(of->letters_sent);
	case COUNT_letters_waited: /* each goes in the end, unless nobody is left whom it concerns */
		return at_most(of->letters_sent + b->letters_waiting);
	case COUNT_letters_lost: /* whoever sends what has to wait is to wait before there is no room for it */
		return at_most(b->letters_lost_max);
	case COUNT_logins_declined: /* their connections had upgraded, and did not log in */
		return at_most(of->upgrades - of->logins);
	case COUNT_letters_stuck: /* once each time that the other one has stood still for so long */
		return at_most(b->patiences);
	case COUNT_senders_paused: /* for a letter of its own, before it is read, or by one of home's */
		return at_most(of->letters_waited + b->io.stream_recvs + of->letters_read);
	case COUNT_senders_resumed:
		return exactly(of->senders_paused);
	case COUNT_senders_given_up:
		return at_most(min(of->senders_paused, of->closes[CLOSE_NO_RESOURCES]));
	case COUNT_tls_handshakes_started:
		return exactly(of->tls_handshakes_completed + of->tls_handshakes_failed);
	case COUNT_tls_handshakes_completed:
	case COUNT_tls_handshakes_failed:
		return at_most(of->tls_handshakes_started);
	case COUNT_tls_handshakes_resumed:
		return at_most(of->tls_handshakes_completed);
	case COUNT_dtls_hellos_answered:
		return at_most(b->io.datagrams_received);
	case COUNT_dtls_handshakes_started:
		return exactly(of->dtls_handshakes_completed + of->dtls_handshakes_failed);
	case COUNT_dtls_handshakes_completed:
	case COUNT_dtls_handshakes_failed:
		return at_most(of->dtls_handshakes_started);
	case COUNT_dtls_handshakes_resumed:
		return at_most(of->dtls_handshakes_completed);
	case COUNT_handshake_steps:
		return between(of->tls_handshakes_completed + of->dtls_handshakes_started, b->io.stream_recvs + b->io.datagrams_received);
	case COUNT_handshake_steps_waited:
		return at_most(of->handshake_steps * of->ticks);
	}
	return exactly(0);
}

static void add_shard(struct books *books, const struct shard *shard)
{
	const struct io_stats *io = shard->io->ops->stats(shard->io);
#define COUNTER(name, text) books->of.name += shard->counters.name;
#include "shard/counters.def"
#undef COUNTER
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		books->of.drops[i] += shard->counters.drops[i];
	for (unsigned i = 0; i < CLOSE_REASON_COUNT; i++)
		books->of.closes[i] += shard->counters.closes[i], books->closes += shard->counters.closes[i];
	books->io.accepts += io->accepts;
	books->io.stream_recvs += io->stream_recvs;
	books->io.stream_sends += io->stream_sends;
	books->io.naps += io->naps;
	books->io.datagrams_received += io->datagrams_received;
	books->io.datagrams_sent += io->datagrams_sent;
	books->io.datagram_send_errors += io->datagram_send_errors;
}

/* When all is over nobody needs to read any more. */
static void add_letters(struct books *books, const struct world *world, uint32_t index)
{
	for (uint32_t sender = 0; sender < world->swarm.shard_count; sender++) {
		uint32_t size;
		while (ringcast_mailbox_letter_peek(world->mailboxes[index], sender, &size) != NULL) {
			ringcast_mailbox_letter_pop(world->mailboxes[index], sender);
			books->letters_unread++;
		}
		for (const struct waiting_letter *w = world->shards[index]->letters.queues[sender].oldest; w != NULL; w = w->next)
			books->letters_waiting++;
	}
}

/* What one shard has lost with reason is no excuse for another one. */
static void add_losses(struct books *books, struct world *world, uint32_t index)
{
	const struct shard_counters *counters = &world->shards[index]->counters;
	uint64_t most = ringcast_standstill_may_lose_letters(world, index) ? counters->drops[DROP_LETTERS_FULL] : 0;
	if (counters->letters_lost > most)
		ringcast_world_fail(world, "after shutdown shard %u has lost %llu letters, at most %llu would be right", index, (unsigned long long)counters->letters_lost,
				    (unsigned long long)most);
	books->letters_lost_max += most;
}

static void add_bot(struct books *books, const struct world *world, const struct bot *bot)
{
	const struct model_bot *model = &world->model.bots[bot->index];
	books->packets_sent += bot->packets_sent;
	books->packets_received += bot->packets_received;
	books->pings_received += bot->pings_received;
	books->joined += bot->peer_id > 0;
	books->portless += bot->peer_id > 0 && !bot->is_secure && bot->fast_port == 0 && world->swarm.udp_port_count > 0;
	books->fast_ups += model->fast_up_ns != MODEL_NEVER;
	books->is_plain_sailing &= model->is_healthy && !bot->is_bad && !bot->is_deaf && bot->resume.count == 0;
}

static void add_messages(struct books *books, const struct model *model)
{
	for (size_t i = 0; i < model->message_count; i++) {
		bool is_seen = model->messages[i].first_seen_ns != MODEL_NEVER;
		books->reliable_seen += is_seen && model->messages[i].is_reliable;
		books->fast_seen += is_seen && !model->messages[i].is_reliable && !model->is_corrupt;
	}
}

static void check(struct world *world, const char *name, uint64_t count, struct law law)
{
	if (count < law.least || count > law.most)
		ringcast_world_fail(world, "after shutdown %s is %llu, between %llu and %llu would be right", name, (unsigned long long)count,
				    (unsigned long long)law.least, (unsigned long long)law.most);
}

void ringcast_accounts_check(struct world *world)
{
	struct books books = {.is_plain_sailing = true, .may_pause = world->swarm.jump > 0 || world->swarm.freeze > 0 || world->swarm.slow_limb > 0};
	for (uint32_t i = 0; i < world->swarm.shard_count; i++)
		add_shard(&books, world->shards[i]), add_letters(&books, world, i), add_losses(&books, world, i);
	for (uint32_t i = 0; i < world->bot_count; i++)
		add_bot(&books, world, &world->bots[i]);
	books.token_checks_max = ringcast_tokens_checks_max(world);
	add_messages(&books, &world->model);
	books.patiences = ringcast_standstill_patiences(world);
	const uint64_t *drops = books.of.drops;
	books.fast_drops = drops[DROP_FAST_OVERFLOW] + drops[DROP_NO_BUFFER] + drops[DROP_RECEIVER_GONE];
	books.refusal_drops = drops[DROP_RECEIVER_DROPPED] + drops[DROP_FAST_OVERFLOW] + drops[DROP_OUTQ_FULL] + drops[DROP_NO_BUFFER] + drops[DROP_RECEIVER_GONE];
#define COUNTER(name, text) check(world, #name, books.of.name, law_of(COUNT_##name, &books));
#include "shard/counters.def"
#undef COUNTER
	check(world, "drops{none}", drops[DROP_NONE], exactly(0));
}
