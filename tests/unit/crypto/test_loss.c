/*
 * 200 clients shake hands with one server over a network that loses, reorders and repeats, in virtual time and from a seed. Every one of
 * them must get an answer to its first message within half a minute of the network's time.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/prng.h"
#include "crypto/prefilter.h"
#include "libraries.h"
#include "pair.h"
#include "virtual_time.h"

enum {
	CLIENTS = 200,
	FLYING_MAX = 1 << 16,
	LOSS_PERCENT = 10,
	REORDER_PERCENT = 30,
	COPY_PERCENT = 5,
	DELAY_MS = 10,
	LATE_MS = 40,
	SAY_AGAIN_MS = 1000,
	DEADLINE_MS = 60000,
	DATAGRAM_BYTES = 1400,
};

struct flying {
	uint64_t due_ms;
	uint64_t order; /* of departure, among equals */
	struct flow *flow;
	struct message message;
	bool is_to_server;
};

struct side {
	struct flow *flow;
	struct crypto_session *session;
	uint64_t expires_ms; /* 0: no timer */
	bool is_server;
};

struct flow {
	struct side client, server;
	uint32_t number;
	uint64_t say_ms; /* when the client says its message again; 0: not yet, or answered */
	bool is_answered;
};

static struct {
	struct prng prng;
	uint64_t now_ms, departures;
	struct flow flows[CLIENTS];
	struct flying flying[FLYING_MAX];
	size_t flying_count;
	struct crypto_context *client_context, *server_context;
	unsigned lost_count, late_count, copied_count;
} net;

static void fly(struct side *from, const uint8_t *bytes, size_t size)
{
	bool is_late = ringcast_prng_chance(&net.prng, REORDER_PERCENT, 100);
	net.late_count += is_late;
	cr_assert_lt(net.flying_count, FLYING_MAX);
	struct flying *flying = &net.flying[net.flying_count++];
	*flying = (struct flying){.flow = from->flow, .is_to_server = !from->is_server, .order = net.departures++};
	flying->due_ms = net.now_ms + DELAY_MS + (is_late ? 1 + ringcast_prng_below(&net.prng, LATE_MS) : 0);
	flying->message.bytes = malloc(size);
	flying->message.size = size;
	memcpy(flying->message.bytes, bytes, size);
}

static void depart(void *context, const uint8_t *bytes, size_t size)
{
	if (ringcast_prng_chance(&net.prng, LOSS_PERCENT, 100)) {
		net.lost_count++;
		return;
	}
	fly(context, bytes, size);
	if (ringcast_prng_chance(&net.prng, COPY_PERCENT, 100)) {
		net.copied_count++;
		fly(context, bytes, size);
	}
}

static void rearm(struct side *side)
{
	uint32_t wait_ms = ringcast_crypto_timeout_ms(side->session);
	side->expires_ms = wait_ms == 0 ? 0 : net.now_ms + wait_ms;
}

static void say(struct side *side, const char *text)
{
	uint8_t out[256];
	size_t size = ringcast_crypto_seal(side->session, ringcast_view_of(text, strlen(text)), out, sizeof(out));
	cr_assert_gt(size, 0);
	depart(side, out, size);
}

static void read_all(struct side *side)
{
	uint8_t text[DATAGRAM_BYTES];
	size_t size;
	enum crypto_result result;
	while ((result = ringcast_crypto_read(side->session, text, sizeof(text), &size)) == CRYPTO_OK) {
		if (side->is_server)
			say(side, "hello, client");
		else
			side->flow->is_answered = true;
	}
	cr_assert_eq(result, CRYPTO_WANT_INPUT, "%s %u: %s", side->is_server ? "server" : "client", side->flow->number,
		     ringcast_crypto_error(side->session));
}

static void listen_with(struct flow *flow, struct view datagram)
{
	uint8_t peer[4];
	memcpy(peer, &flow->number, sizeof(peer));
	if (ringcast_crypto_listen(net.server_context, ringcast_view_of(peer, sizeof(peer)), datagram, depart, &flow->server,
				   &flow->server.session) == CRYPTO_HELLO_VERIFIED)
		rearm(&flow->server);
}

static void arrive(struct side *side, struct view datagram)
{
	bool is_established = side->session != NULL && ringcast_crypto_is_established(side->session);
	enum crypto_prefilter verdict = ringcast_crypto_prefilter(datagram, is_established);
	if (side->is_server && side->session == NULL) {
		if (verdict == CRYPTO_PREFILTER_LISTEN)
			listen_with(side->flow, datagram);
		return;
	}
	cr_assert(verdict == CRYPTO_PREFILTER_FEED || verdict == CRYPTO_PREFILTER_LISTEN || is_established);
	if (verdict != CRYPTO_PREFILTER_FEED)
		return;
	enum crypto_result result = ringcast_crypto_feed(side->session, datagram);
	cr_assert(result == CRYPTO_OK || result == CRYPTO_WANT_INPUT, "%s %u: %s", side->is_server ? "server" : "client",
		  side->flow->number, ringcast_crypto_error(side->session));
	if (result == CRYPTO_OK)
		read_all(side);
	rearm(side);
	if (!side->is_server && ringcast_crypto_is_established(side->session) && side->flow->say_ms == 0)
		side->flow->say_ms = net.now_ms + 1;
}

/* The time of the next thing to happen; UINT64_MAX: nothing will. */
static uint64_t next_ms(void)
{
	uint64_t next = UINT64_MAX;
	for (size_t index = 0; index < net.flying_count; index++)
		next = net.flying[index].due_ms < next ? net.flying[index].due_ms : next;
	for (size_t index = 0; index < CLIENTS; index++) {
		const struct flow *flow = &net.flows[index];
		uint64_t times[] = {flow->client.expires_ms, flow->server.expires_ms, flow->is_answered ? 0 : flow->say_ms};
		for (size_t which = 0; which < 3; which++)
			if (times[which] != 0 && times[which] < next)
				next = times[which];
	}
	return next;
}

static bool land_one(void)
{
	size_t best = net.flying_count;
	for (size_t index = 0; index < net.flying_count; index++)
		if (net.flying[index].due_ms <= net.now_ms &&
		    (best == net.flying_count || net.flying[index].order < net.flying[best].order))
			best = index;
	if (best == net.flying_count)
		return false;
	struct flying flying = net.flying[best];
	net.flying[best] = net.flying[--net.flying_count];
	arrive(flying.is_to_server ? &flying.flow->server : &flying.flow->client,
	       ringcast_view_of(flying.message.bytes, flying.message.size));
	free(flying.message.bytes);
	return true;
}

static void expire(struct side *side)
{
	if (side->expires_ms == 0 || side->expires_ms > net.now_ms)
		return;
	cr_assert_neq(ringcast_crypto_expire(side->session), CRYPTO_FAILED, "%s", ringcast_crypto_error(side->session));
	rearm(side);
}

static void step(void)
{
	uint64_t next = next_ms();
	cr_assert_neq(next, UINT64_MAX, "the network is silent, but not all are answered");
	if (next > net.now_ms) {
		virtual_time_move(next - net.now_ms);
		net.now_ms = next;
	}
	while (land_one())
		;
	for (size_t index = 0; index < CLIENTS; index++) {
		struct flow *flow = &net.flows[index];
		expire(&flow->client);
		expire(&flow->server);
		if (flow->say_ms != 0 && flow->say_ms <= net.now_ms && !flow->is_answered) {
			say(&flow->client, "hello, server");
			flow->say_ms = net.now_ms + SAY_AGAIN_MS;
		}
	}
}

static size_t count_answered(void)
{
	size_t count = 0;
	for (size_t index = 0; index < CLIENTS; index++)
		count += net.flows[index].is_answered;
	return count;
}

static void open_flow(uint32_t number)
{
	struct flow *flow = &net.flows[number];
	*flow = (struct flow){.number = number, .client.flow = flow, .server.flow = flow, .server.is_server = true};
	flow->client.session = ringcast_crypto_open(net.client_context, "relay.test", depart, &flow->client);
	cr_assert_not_null(flow->client.session);
	cr_assert_eq(ringcast_crypto_connect(flow->client.session), CRYPTO_WANT_INPUT);
	rearm(&flow->client);
}

static void tear_down(void)
{
	for (size_t index = 0; index < CLIENTS; index++) {
		ringcast_crypto_free(&net.flows[index].client.session);
		ringcast_crypto_free(&net.flows[index].server.session);
	}
	while (net.flying_count > 0)
		free(net.flying[--net.flying_count].message.bytes);
	ringcast_crypto_context_release(&net.client_context);
	ringcast_crypto_context_release(&net.server_context);
}

static void check_losses(const struct pair_options *options)
{
	memset(&net, 0, sizeof(net));
	ringcast_prng_init(&net.prng, 20260101);
	net.client_context = pair_context(options, CRYPTO_CLIENT);
	net.server_context = pair_context(options, CRYPTO_SERVER);
	for (uint32_t number = 0; number < CLIENTS; number++)
		open_flow(number);
	while (count_answered() < CLIENTS && net.now_ms < DEADLINE_MS)
		step();
	size_t answered = count_answered();
	printf("client %s, server %s: %zu of %d answered after %.1f s, %u datagrams lost, %u late, %u twice\n", options->client->name,
	       options->server->name, answered, CLIENTS, (double)net.now_ms / 1000, net.lost_count, net.late_count, net.copied_count);
	tear_down();
	cr_assert_eq(answered, CLIENTS);
	cr_assert_gt(net.lost_count, CLIENTS / 10);
	cr_assert_gt(net.late_count, CLIENTS / 10);
	cr_assert_gt(net.copied_count, CLIENTS / 20);
}

Test(loss, two_hundred_clients_on_a_bad_network)
{
	for_all_libraries(CRYPTO_DATAGRAM, check_losses);
}
