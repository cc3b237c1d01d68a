/* What an engine is made with: mistakes told in one line, every limit at its bounds, the bill, whose the strings are. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "stage.h"

static int create(const ringcast_engine_options *options, char *error, size_t error_bytes)
{
	ringcast_engine *engine = (ringcast_engine *)error; /* whatever was there */
	int result = ringcast_engine_create(options, &engine, error, error_bytes);
	cr_assert_eq(engine != NULL, result == RINGCAST_OK);
	ringcast_engine_destroy(&engine);
	return result;
}

Test(options, each_mistake_is_told_in_one_line)
{
	enum { COUNT = 14 };
	ringcast_engine_options bad[COUNT];
	ringcast_callbacks short_callbacks = {.size = 3};
	for (size_t i = 0; i < COUNT; i++)
		bad[i] = stage_small();
	bad[0].listen_address = "localhost";
	bad[1].listen_address_second = "127.0.0.2";
	bad[2].shard_count = 65;
	bad[3].udp_ports_per_shard = 65;
	bad[4].size = 4;
	bad[5].callbacks = &short_callbacks;
	bad[6].io = (ringcast_io)99;
	bad[7].listen_address = "::ffff:127.0.0.1";
	bad[8].udp_port_base = 65535;
	bad[8].shard_count = 2;
	bad[9].udp_port_base = 65000;
	bad[9].shard_count = 9;
	bad[9].udp_ports_per_shard = 64;
	ringcast_limits_default(&bad[10].limits);
	bad[10].limits.players_max = 100000000;
	ringcast_limits_default(&bad[11].limits);
	bad[11].limits.pong_missed_max = 255;
	bad[12].scripts.share_percent = 101;
	bad[13].scripts.shard_share_percent = 1u << 28; /* in millionths it would be 0 */
	for (size_t i = 0; i < COUNT; i++) {
		char error[256] = "";
		cr_assert_eq(ringcast_engine_check(&bad[i], error, sizeof(error)), RINGCAST_ERROR_ARGUMENT, "%zu", i);
		cr_assert_eq(create(&bad[i], error, sizeof(error)), RINGCAST_ERROR_ARGUMENT, "%zu", i);
		cr_assert_gt(strlen(error), 10);
		cr_assert_null(strchr(error, '\n'));
	}
}

Test(options, structs_of_other_versions_are_understood)
{
	struct {
		ringcast_engine_options options;
		uint64_t unknown;
	} newer = {.options = stage_small()};
	ringcast_callbacks old = {.size = offsetof(ringcast_callbacks, tick)};
	char error[256];
	newer.options.size = sizeof(newer);
	newer.options.callbacks = &old;
	cr_assert_eq(create(&newer.options, error, sizeof(error)), RINGCAST_OK, "%s", error);
	newer.unknown = 1;
	cr_assert_eq(create(&newer.options, error, sizeof(error)), RINGCAST_ERROR_ARGUMENT);
}

Test(options, a_port_in_use_is_told)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	ringcast_engine_options options = stage_small();
	char error[256];
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	cr_assert_eq(listen(fd, 1), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	options.tcp_port = ntohs(address.sin_port);
	cr_assert_eq(create(&options, error, sizeof(error)), RINGCAST_ERROR_SYSTEM);
	cr_assert_not_null(strstr(error, "TCP port"), "%s", error);
	close(fd);
}

Test(options, none_at_all_are_told_too)
{
	char error[256] = "";
	cr_assert_eq(create(NULL, error, sizeof(error)), RINGCAST_ERROR_ARGUMENT);
	cr_assert_not_null(strstr(error, "NULL"), "%s", error);
	cr_assert_eq(ringcast_engine_check(NULL, NULL, 0), RINGCAST_ERROR_ARGUMENT);
}

/* The shards of one engine share a port; two engines must not, though both ask for SO_REUSEPORT. */
Test(options, a_port_of_another_engine_is_told)
{
	ringcast_engine_options options = stage_small();
	ringcast_engine *first;
	char error[256];
	options.shard_count = 2;
	cr_assert_eq(ringcast_engine_create(&options, &first, error, sizeof(error)), RINGCAST_OK, "%s", error);
	options.tcp_port = ringcast_engine_tcp_port(first);
	cr_assert_eq(create(&options, error, sizeof(error)), RINGCAST_ERROR_SYSTEM);
	cr_assert_not_null(strstr(error, "cannot listen on TCP port"), "%s", error);
	ringcast_engine_destroy(&first);
	cr_assert_eq(create(&options, error, sizeof(error)), RINGCAST_OK, "%s", error);
}

/* Of sessions for so many players, by an engine of so many shards, whose options and its own say nothing, or its own say this. */
static bool is_spread(uint32_t shard_count, uint32_t players_max, ringcast_spread spread)
{
	ringcast_engine_options options = stage_small();
	ringcast_session_options session = {.size = sizeof(session), .players_max = players_max, .spread = spread};
	ringcast_session_info info;
	ringcast_engine *engine;
	char error[256], id[RINGCAST_ID_BYTES];
	options.shard_count = shard_count;
	cr_assert_eq(ringcast_engine_create(&options, &engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	cr_assert_eq(ringcast_engine_start(engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	cr_assert_eq(ringcast_session_create(engine, &session, id), RINGCAST_OK);
	cr_assert_eq(ringcast_session_describe(engine, id, &info), RINGCAST_OK);
	ringcast_engine_destroy(&engine);
	return info.is_spread;
}

Test(options, large_sessions_are_spread_where_there_are_shards)
{
	cr_assert(is_spread(2, 500, RINGCAST_SPREAD_DEFAULT));
	cr_assert(!is_spread(2, 499, RINGCAST_SPREAD_DEFAULT));
	cr_assert(!is_spread(2, 500, RINGCAST_SPREAD_NEVER));
	cr_assert(is_spread(2, 2, RINGCAST_SPREAD_ALWAYS));
	cr_assert(!is_spread(1, 500, RINGCAST_SPREAD_DEFAULT));
	cr_assert(!is_spread(1, 500, RINGCAST_SPREAD_ALWAYS));
}

struct parts {
	uint64_t sum, own, scripts, limbs;
	unsigned count;
};

static void add_part(void *context, const char *part, uint64_t bytes, bool is_own)
{
	struct parts *parts = context;
	parts->sum += bytes;
	parts->own += is_own ? bytes : 0;
	parts->scripts += strstr(part, "scripts") == part ? bytes : 0;
	parts->limbs += strstr(part, "other shards' sessions") != NULL ? bytes : 0;
	parts->count++;
}

Test(options, the_memory_bill_is_the_sum_of_its_parts)
{
	ringcast_engine_options options = stage_small();
	struct parts parts = {0};
	uint64_t one = ringcast_memory_bill(&options, NULL, NULL);
	cr_assert_gt(one, 0);
	cr_assert_eq(ringcast_memory_bill(&options, add_part, &parts), one);
	cr_assert_eq(parts.sum, one);
	cr_assert_gt(parts.count, 8);
	cr_assert(parts.own > 64 << 20 && parts.own < one, "%llu of %llu", (unsigned long long)parts.own, (unsigned long long)one);
	cr_assert_eq(parts.limbs, 0, "with one shard there are no others");
	uint64_t scripts = parts.scripts;
	options.shard_count = 3;
	parts = (struct parts){0};
	uint64_t letters = 3 * 2 * UINT64_C(8650752); /* each of three to two others: a ring of 256 KiB, and 8 MiB that wait for it */
	ringcast_limits defaults;
	ringcast_limits_default(&defaults);
	uint64_t connections = options.limits.connections_max != 0 ? options.limits.connections_max : defaults.connections_max;
	uint64_t held = 3 * UINT64_C(8388608), whole = ringcast_memory_bill(&options, add_part, &parts); /* of senders that are paused meanwhile */
	uint64_t places = parts.limbs + parts.scripts - 3 * scripts; /* of sessions at home elsewhere */
	cr_assert(parts.limbs > 3 * 1024 * 1024 && places - parts.limbs < 3 * 1024 * 1024);
	cr_assert_gt(whole, 3 * one + letters + held + places);
	uint64_t pauses = whole - 3 * one - letters - held - places;
	cr_assert_eq(pauses % (3 * connections), 0, "a pause for each connection");
	cr_assert(pauses / (3 * connections) > sizeof(void *) && pauses / (3 * connections) < 200);
	cr_assert_eq(parts.sum, whole);
}

Test(options, letters_that_wait_for_another_shard_are_in_the_bill)
{
	ringcast_engine_options options = stage_small();
	ringcast_limits_default(&options.limits);
	options.shard_count = 4;
	uint64_t before = ringcast_memory_bill(&options, NULL, NULL);
	options.limits.spread_queue_bytes += 1000;
	cr_assert_eq(ringcast_memory_bill(&options, NULL, NULL) - before, 4 * (3 + 1) * 1000, "for each of the others, and for what is held of senders");
}

Test(options, the_kernel_s_queues_are_in_the_bill)
{
	ringcast_engine_options options = stage_small();
	ringcast_limits_default(&options.limits);
	options.limits.send_buffer_bytes = 100000;
	uint64_t before = ringcast_memory_bill(&options, NULL, NULL);
	options.limits.send_buffer_bytes += 1000;
	cr_assert_eq(ringcast_memory_bill(&options, NULL, NULL) - before, (uint64_t)options.limits.connections_max * 2000, "the kernel takes twice as much");
	options.limits.send_buffer_bytes = 0;
	cr_assert_gt(ringcast_memory_bill(&options, NULL, NULL), before, "nothing said: as much as Linux lets it grow");
}

/* Four mebibytes of frames for each of the devices there may be, and a way for each receiver. */
Test(options, af_xdp_is_in_the_bill)
{
	ringcast_engine_options options = stage_small();
	uint64_t before = ringcast_memory_bill(&options, NULL, NULL);
	options.egress = RINGCAST_EGRESS_XDP;
	struct parts parts = {0};
	uint64_t with = ringcast_memory_bill(&options, add_part, &parts);
	cr_assert_eq(parts.sum, with);
	cr_assert_eq(with > before, IS_XDP_BUILT, "a build without it takes nothing");
	if (IS_XDP_BUILT)
		cr_assert(with - before > 16 << 20 && with - before < 64 << 20, "%llu", (unsigned long long)(with - before));
}

Test(options, scripts_are_in_the_bill)
{
	ringcast_engine_options options = stage_small();
	uint64_t before = ringcast_memory_bill(&options, NULL, NULL);
	options.scripts.memory_bytes = 33 << 20;
	cr_assert_eq(ringcast_memory_bill(&options, NULL, NULL) - before, UINT64_C(1024) << 20, "1024 sessions, one MiB more each");
}

/* 0, the least, the most, and one beyond, of every limit there is: check and create say the same, and what they take can be reloaded. */
static void try_limit(size_t offset, size_t width, uint64_t value, bool is_good, const char *name)
{
	ringcast_engine_options options = stage_small();
	char error[256] = "";
	ringcast_limits_default(&options.limits);
	if (width == sizeof(uint32_t) && value > UINT32_MAX)
		return;
	if (width == sizeof(uint32_t))
		*(uint32_t *)((char *)&options.limits + offset) = (uint32_t)value;
	else
		*(uint64_t *)((char *)&options.limits + offset) = value;
	int result = ringcast_engine_check(&options, error, sizeof(error));
	cr_assert_eq(result, is_good ? RINGCAST_OK : RINGCAST_ERROR_ARGUMENT, "%s = %llu: %s", name, (unsigned long long)value, error);
	if (!is_good)
		cr_assert_not_null(strstr(error, name), "%s", error);
	if (!is_good || ringcast_memory_bill(&options, NULL, NULL) < UINT64_C(1) << 40) /* tables that are reserved, not filled */
		cr_assert_eq(create(&options, error, sizeof(error)), result, "%s = %llu: %s", name, (unsigned long long)value, error);
}

Test(options, every_limit_at_its_bounds, .timeout = 240)
{
#define X(type, name, default_value, min, max, ...)                                                                    \
	try_limit(offsetof(ringcast_limits, name), sizeof(type), 0, true, #name);                                      \
	try_limit(offsetof(ringcast_limits, name), sizeof(type), (min), true, #name);                                  \
	try_limit(offsetof(ringcast_limits, name), sizeof(type), (max), true, #name);                                  \
	try_limit(offsetof(ringcast_limits, name), sizeof(type), (uint64_t)(max) + 1, false, #name);                   \
	if ((min) > 1)                                                                                                 \
		try_limit(offsetof(ringcast_limits, name), sizeof(type), (min) - 1, false, #name);
	RINGCAST_LIMITS(X)
#undef X
}

/* What the caller has, it may free: the strings are looked at later, by other threads. */
Test(options, strings_are_copied)
{
	ringcast_engine_options options = stage_small();
	ringcast_script_info info;
	ringcast_engine *engine;
	char error[256], *strings[4] = {strdup("127.0.0.1"), strdup("/nonexistent/node"), strdup("arguments"), strdup("/nonexistent/sidecar.js")};
	options.listen_address = strings[0];
	options.scripts.node = strings[1];
	options.scripts.arguments = strings[2];
	options.scripts.sidecar = strings[3];
	cr_assert_eq(ringcast_engine_create(&options, &engine, error, sizeof(error)), RINGCAST_OK, "%s", error);
	for (int i = 0; i < 4; i++) {
		memset(strings[i], 'x', strlen(strings[i]));
		free(strings[i]);
	}
	cr_assert_eq(ringcast_engine_start(engine, error, sizeof(error)), RINGCAST_OK);
	char folder[] = "/tmp/ringcast-life-XXXXXX", path[64];
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/index.js", folder);
	FILE *file = fopen(path, "w");
	fputs("exports.ssExports = {};\n", file);
	fclose(file);
	cr_assert_neq(ringcast_script_add(engine, &(ringcast_script_source){.size = sizeof(ringcast_script_source), .name = "a", .path = folder}, &info, error,
					   sizeof(error)),
		      RINGCAST_OK, "there is no such node");
	cr_assert_null(strstr(error, "xxxx"), "%s", error);
	ringcast_engine_destroy(&engine);
	unlink(path);
	rmdir(folder);
}

/* Each engine has a log of its own. */
static void count_line(void *context, ringcast_log_level level, const char *component, const char *message, const char *fields)
{
	__atomic_add_fetch((unsigned *)context, 1, __ATOMIC_RELAXED);
}

Test(options, two_engines_two_logs)
{
	ringcast_engine_options options = stage_small();
	ringcast_engine *engines[2];
	unsigned lines[2] = {0};
	char error[256];
	options.is_certificate_made = true;
	options.security = RINGCAST_SECURITY_OPTIONAL; /* says so at its creation */
	options.log = count_line;
	for (int i = 0; i < 2; i++) {
		options.log_context = &lines[i];
		if (ringcast_engine_create(&options, &engines[i], error, sizeof(error)) != RINGCAST_OK)
			cr_skip_test("no encryption in this build: %s", error);
	}
	cr_assert(lines[0] > 0 && lines[1] == lines[0], "%u %u", lines[0], lines[1]);
	ringcast_engine_destroy(&engines[1]);
	unsigned before = lines[0];
	cr_assert_eq(ringcast_engine_start(engines[0], error, sizeof(error)), RINGCAST_OK);
	ringcast_script_remove(engines[0], "nothing", NULL);
	char folder[] = "/tmp/ringcast-life-XXXXXX";
	cr_assert_not_null(mkdtemp(folder));
	char path[64];
	snprintf(path, sizeof(path), "%s/main.lua", folder);
	FILE *file = fopen(path, "w");
	fputs("return {}\n", file);
	fclose(file);
	const ringcast_script_source source = {.size = sizeof(source), .name = "a", .path = folder};
	if (ringcast_script_add(engines[0], &source, NULL, error, sizeof(error)) == RINGCAST_OK)
		cr_assert_gt(lines[0], before, "the end of one engine does not silence the other");
	ringcast_engine_destroy(&engines[0]);
	unlink(path);
	rmdir(folder);
}

Test(options, errors_have_words)
{
	for (int error = RINGCAST_ERROR_EXISTS; error <= RINGCAST_OK; error++)
		cr_assert_gt(strlen(ringcast_error_text(error)), 0);
	cr_assert_gt(strlen(ringcast_version()), 0);
}
