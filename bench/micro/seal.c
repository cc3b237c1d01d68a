/*
 * micro-seal: what encryption costs by itself, without a network. Sealing per record, with one session and over many in shuffled order (as
 * fan-out meets them: then memory decides, not the cipher), beside the raw cipher; handshakes per second of one core, the server's part;
 * heap per session.
 *
 *   micro-seal [--sessions N] [--rounds N] [--json]
 */
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attr.h"
#include "base/prng.h"
#include "bench/micro/joint.h"
#include "bench/micro/raw.h"

enum {
	SIZES = 3,
	SESSIONS_DEFAULT = 8000,
	ROUNDS_DEFAULT = 7,
	RECORDS_HOT = 20000,
	RECORDS_RAW = 50000,
	PASSES_COLD = 2,
	HANDSHAKES = 200,
	HEAP_BYTES_MAX = 256 << 20, /* for the sessions of one variant; fewer of those that are large */
	SESSIONS_TRIED = 20,
};

static const size_t sizes[SIZES] = {64, 256, 1200};

struct result {
	double raw_ns[SIZES], hot_ns[SIZES], cold_ns[SIZES], full_per_s, resumed_per_s;
	size_t heap_bytes, session_count;
};

static struct {
	unsigned session_count, rounds;
	bool is_json;
} options = {.session_count = SESSIONS_DEFAULT, .rounds = ROUNDS_DEFAULT};

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

static void seal(struct crypto_session *session, size_t plain_bytes)
{
	static uint8_t plain[2048], out[4096];
	if (ringcast_crypto_seal(session, ringcast_view_of(plain, plain_bytes), out, sizeof(out)) == 0) {
		fprintf(stderr, "micro-seal: %s\n", ringcast_crypto_error(session));
		exit(1);
	}
}

static void keep_least(double *least, uint64_t start_ns, uint64_t count)
{
	double each = (double)(joint_now_ns() - start_ns) / (double)count;
	if (*least == 0 || each < *least)
		*least = each;
}

/* Other programs only ever make it slower: the least of several rounds is the truest. */
static void measure_hot(struct crypto_session *session, raw_seal_fn *raw, struct result *result)
{
	for (unsigned round = 0; round < options.rounds; round++)
		for (size_t index = 0; index < SIZES; index++) {
			uint64_t start_ns = joint_now_ns();
			for (int record = 0; record < RECORDS_HOT; record++)
				seal(session, sizes[index]);
			keep_least(&result->hot_ns[index], start_ns, RECORDS_HOT);
			start_ns = joint_now_ns();
			raw(sizes[index], RECORDS_RAW);
			keep_least(&result->raw_ns[index], start_ns, RECORDS_RAW);
		}
}

static void shuffle(struct crypto_session **sessions, size_t count)
{
	struct prng prng;
	ringcast_prng_init(&prng, 1);
	for (size_t index = count - 1; index > 0; index--) {
		size_t other = ringcast_prng_below(&prng, index + 1);
		struct crypto_session *session = sessions[index];
		sessions[index] = sessions[other];
		sessions[other] = session;
	}
}

static void measure_cold(struct crypto_session **sessions, size_t count, struct result *result)
{
	shuffle(sessions, count);
	for (unsigned round = 0; round < options.rounds; round++)
		for (size_t index = 0; index < SIZES; index++) {
			uint64_t start_ns = joint_now_ns();
			for (size_t record = 0; record < count * PASSES_COLD; record++)
				seal(sessions[record % count], sizes[index]);
			keep_least(&result->cold_ns[index], start_ns, count * PASSES_COLD);
		}
}

static double handshakes_per_s(struct joint *joint, const struct joint_variant *variant, bool is_resumed_wanted)
{
	uint64_t least_ns = UINT64_MAX, server_ns;
	for (int count = 0; count < HANDSHAKES; count++) {
		bool is_resumed;
		if (!is_resumed_wanted)
			joint_forget_ticket(joint, variant);
		struct crypto_session *session = joint_shake_hands(joint, &server_ns, &is_resumed);
		uint64_t start_ns = joint_now_ns();
		ringcast_crypto_free(&session);
		server_ns += joint_now_ns() - start_ns;
		if (is_resumed == is_resumed_wanted && server_ns < least_ns)
			least_ns = server_ns;
	}
	return least_ns == UINT64_MAX ? 0 : 1e9 / (double)least_ns;
}

/* As many sessions as asked for, or as the memory set aside holds. The first few tell how large one is. */
static size_t fill(struct joint *joint, struct crypto_session **sessions, struct result *result)
{
	size_t limit = options.session_count, count = 0, before = 0;
	uint64_t server_ns;
	bool is_resumed;
	while (count < limit) {
		sessions[count++] = joint_shake_hands(joint, &server_ns, &is_resumed);
		if (count == 1)
			before = heap_bytes();
		if (count != SESSIONS_TRIED)
			continue;
		result->heap_bytes = (heap_bytes() - before) / (SESSIONS_TRIED - 1);
		size_t fitting = HEAP_BYTES_MAX / (result->heap_bytes + 1);
		limit = fitting < limit ? fitting : limit;
	}
	return count;
}

static struct result measure(const struct joint_variant *variant, raw_seal_fn *raw)
{
	struct result result = {0};
	struct joint joint = joint_create(variant);
	struct crypto_session **sessions = calloc(options.session_count, sizeof(struct crypto_session *));
	if (sessions == NULL)
		abort();
	result.full_per_s = handshakes_per_s(&joint, variant, false);
	result.resumed_per_s = handshakes_per_s(&joint, variant, true);
	result.session_count = fill(&joint, sessions, &result);
	measure_hot(sessions[0], raw, &result);
	measure_cold(sessions, result.session_count, &result);
	for (size_t index = 0; index < result.session_count; index++)
		ringcast_crypto_free(&sessions[index]);
	free(sessions);
	joint_free(&joint);
	return result;
}

static void print_line(const struct joint_variant *variant, const struct result *result)
{
	printf("%-8s %-9s", variant->backend->name, variant->name);
	for (size_t index = 0; index < SIZES; index++)
		printf("  %4.0f %5.0f %5.0f", result->raw_ns[index], result->hot_ns[index], result->cold_ns[index]);
	printf("  %6zu  %7.0f %7.0f  %7zu\n", result->session_count, result->full_per_s, result->resumed_per_s, result->heap_bytes);
	fflush(stdout);
}

static void print_json(const struct joint_variant *variant, const struct result *result, bool is_first)
{
	printf("%s  {\"library\": \"%s\", \"protocol\": \"%s\", \"sessions\": %zu, \"seal_ns\": {", is_first ? "" : ",\n",
	       variant->backend->name, variant->name, result->session_count);
	for (size_t index = 0; index < SIZES; index++)
		printf("%s\"%zu\": {\"raw\": %.1f, \"hot\": %.1f, \"cold\": %.1f}", index == 0 ? "" : ", ", sizes[index],
		       result->raw_ns[index], result->hot_ns[index], result->cold_ns[index]);
	printf("}, \"handshakes_per_s\": {\"full\": %.0f, \"resumed\": %.0f}, \"heap_bytes_per_session\": %zu}", result->full_per_s,
	       result->resumed_per_s, result->heap_bytes);
}

static void run_all(void)
{
	static const struct {
		const char *name;
		raw_seal_fn *raw;
	} libraries[] = {
#ifdef BENCH_WITH_WOLFSSL
		{"wolfssl", raw_seal_wolfssl},
#endif
#ifdef BENCH_WITH_OPENSSL
		{"openssl", raw_seal_openssl},
#endif
	};
	bool is_first = true;
	for (size_t cell = 0; cell < ARRAY_COUNT(libraries) * 3; cell++) {
		struct joint_variant variant = {.backend = ringcast_crypto_backend(libraries[cell / 3].name)};
		variant.kind = cell % 3 == 0 ? CRYPTO_DATAGRAM : CRYPTO_STREAM;
		variant.is_version_1_2_only = cell % 3 == 1;
		variant.name = cell % 3 == 0 ? "DTLS 1.2" : cell % 3 == 1 ? "TLS 1.2" : "TLS 1.3";
		struct result result = measure(&variant, libraries[cell / 3].raw);
		if (options.is_json)
			print_json(&variant, &result, is_first);
		else
			print_line(&variant, &result);
		is_first = false;
	}
}

static void usage(void)
{
	fprintf(stderr, "usage: micro-seal [--sessions N] [--rounds N] [--json]\n");
	exit(2);
}

static unsigned count_of(const char *text)
{
	char *end;
	unsigned long count = strtoul(text, &end, 10);
	if (*end != '\0' || count == 0 || count > 1000000)
		usage();
	return (unsigned)count;
}

static void parse(int argc, char **argv)
{
	static const struct option known[] = {{"sessions", required_argument, NULL, 's'},
					      {"rounds", required_argument, NULL, 'r'},
					      {"json", no_argument, NULL, 'j'},
					      {0}};
	int option;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 's')
			options.session_count = count_of(optarg);
		else if (option == 'r')
			options.rounds = count_of(optarg);
		else if (option == 'j')
			options.is_json = true;
		else
			usage();
	}
}

int main(int argc, char **argv)
{
	char error[CRYPTO_ERROR_BYTES];
	parse(argc, argv);
	if (!ringcast_crypto_global_init(error, sizeof(error))) {
		fprintf(stderr, "micro-seal: %s\n", error);
		return 1;
	}
	if (options.is_json)
		printf("[\n");
	else
		printf("ns per record     %17s %17s %17s          handshakes/s       heap\n%-18s  %s  sessions  full  resumed  bytes\n",
		       "64 B", "256 B", "1200 B", "", " raw   hot  cold   raw   hot  cold   raw   hot  cold");
	run_all();
	if (options.is_json)
		printf("\n]\n");
	return 0;
}
