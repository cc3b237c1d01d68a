/*
 * What the service costs: CPU time of its control thread per operation, from a checked request to its answer, with a host that answers at once;
 * then memory, durable writes with their transactions, and whole sessions on a real engine. HTTP and codecs are other threads' and are not in it.
 *
 *   service-bench [--script FOLDER] [NAME...]     names: players sessions describe search matches durable memory engine; all unless said
 */
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"

static void line(const char *what, double value, const char *unit, const char *aim)
{
	printf("%-58s %12.2f %-12s aim: %s\n", what, value, unit, aim);
	fflush(stdout);
}

/* Sessions and players */

enum { FULL_SESSION = 200 };

static void bench_players(void)
{
	enum { COUNT = 40000 };
	struct bench_rig rig;
	char id[256] = "";
	bench_rig_open(&rig, NULL);
	double cpu_s = 0;
	for (int i = 0; i < COUNT; i++) {
		if (i % FULL_SESSION == 0)
			bench_create(&rig, i / FULL_SESSION, id);
		double begin_s = bench_thread_cpu_s();
		bench_free(bench_ask(&rig, "CreatePlayerSession", json_pack("{s:s, s:s+}", "GameSessionId", id, "PlayerId", "player-", bench_number(i))));
		cpu_s += bench_thread_cpu_s() - begin_s;
	}
	line("CreatePlayerSession", COUNT / cpu_s, "/CPU s", "20 000");
	bench_rig_close(&rig);
}

static void bench_sessions(void)
{
	enum { COUNT = 20000 };
	struct bench_rig rig;
	char id[256];
	bench_rig_open(&rig, NULL);
	double begin_s = bench_thread_cpu_s();
	for (int i = 0; i < COUNT; i++) {
		bench_create(&rig, i, id);
		bench_end(&rig, id);
	}
	line("CreateGameSession and TerminateGameSession", COUNT / (bench_thread_cpu_s() - begin_s), "/CPU s", "3 000");
	bench_rig_close(&rig);
}

static void fill(struct bench_rig *rig, int count, bool is_ended)
{
	char id[256];
	for (int i = 0; i < count; i++) {
		bench_create(rig, i, id);
		if (is_ended)
			bench_end(rig, id);
	}
}

static double cpu_ms_of(struct bench_rig *rig, const char *operation, json_t *input)
{
	enum { ROUNDS = 20 };
	double begin_s = bench_thread_cpu_s();
	for (int i = 0; i < ROUNDS; i++)
		bench_free(bench_ask(rig, operation, json_deep_copy(input)));
	double end_s = bench_thread_cpu_s();
	json_decref(input);
	return (end_s - begin_s) * 1e3 / ROUNDS;
}

/* The page that is count pages behind the input's. */
static void go_to_page(struct bench_rig *rig, const char *operation, json_t *input, int count)
{
	while (count-- > 0) {
		struct request *request = bench_ask(rig, operation, json_deep_copy(input));
		json_object_set(input, "NextToken", json_object_get(request->output, "NextToken"));
		bench_free(request);
	}
}

static void bench_pages(struct bench_rig *rig, const char *operation, const char *what, json_t *input, int page_count)
{
	char text[80];
	snprintf(text, sizeof(text), "%s: first page", what);
	line(text, cpu_ms_of(rig, operation, json_deep_copy(input)), "CPU ms", "1");
	go_to_page(rig, operation, input, page_count - 1);
	snprintf(text, sizeof(text), "%s: last page", what);
	line(text, cpu_ms_of(rig, operation, input), "CPU ms", "1");
}

static void bench_describe(void)
{
	struct bench_rig rig;
	bench_rig_open(&rig, NULL);
	fill(&rig, 10000, false);
	bench_pages(&rig, "DescribeGameSessions", "DescribeGameSessions, 100 of 10 000", json_pack("{s:s, s:i}", "FleetId", "fleet-1", "Limit", 100), 100);
	bench_pages(&rig, "DescribeGameSessions", "the same with StatusFilter", json_pack("{s:s, s:i, s:s}", "FleetId", "fleet-1", "Limit", 100, "StatusFilter", "ACTIVE"),
		    100);
	line("DescribeGameSessions, Location that none of 10 000 has", cpu_ms_of(&rig, "DescribeGameSessions", json_pack("{s:s, s:s}", "FleetId", "fleet-1", "Location", "custom-no")),
	     "CPU ms", "1");
	bench_pages(&rig, "SearchGameSessions", "SearchGameSessions, 20 of 10 000 by name", json_pack("{s:s, s:s}", "FleetId", "fleet-1", "SortExpression", "gameSessionName DESC"),
		    500);
	bench_pages(&rig, "SearchGameSessions", "the same with room and a property",
		    json_pack("{s:s, s:s, s:s}", "FleetId", "fleet-1", "FilterExpression", "hasAvailablePlayerSessions = true AND gameSessionProperties.mode = 'ctf'",
			      "SortExpression", "gameSessionName DESC"),
		    250);
	bench_pages(&rig, "SearchGameSessions", "SearchGameSessions, 20 of 10 000 by property", json_pack("{s:s, s:s}", "FleetId", "fleet-1", "SortExpression", "gameSessionProperties.map ASC"),
		    500);
	bench_rig_close(&rig);
}

static void bench_search(void)
{
	struct bench_rig rig;
	char last[256];
	bench_rig_open(&rig, NULL);
	fill(&rig, 100000, true);
	bench_create(&rig, 100000, last);
	line("100 000 ended: the ended ones, first 100",
	     cpu_ms_of(&rig, "DescribeGameSessions", json_pack("{s:s, s:i, s:s}", "FleetId", "fleet-1", "Limit", 100, "StatusFilter", "TERMINATED")), "CPU ms",
	     "50");
	line("100 000 ended: the active one",
	     cpu_ms_of(&rig, "DescribeGameSessions", json_pack("{s:s, s:s}", "FleetId", "fleet-1", "StatusFilter", "ACTIVE")), "CPU ms", "50");
	line("100 000 ended: a search",
	     cpu_ms_of(&rig, "SearchGameSessions", json_pack("{s:s, s:s}", "FleetId", "fleet-1", "FilterExpression", "maximumSessions > 1")), "CPU ms", "50");
	line("100 000 ended: one of them by its id", cpu_ms_of(&rig, "DescribeGameSessions", json_pack("{s:s}", "GameSessionId", last)), "CPU ms", "50");
	bench_rig_close(&rig);
}

/* Memory */

static double heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();
	return (double)(info.uordblks + info.hblkhd);
}

static void bench_memory(void)
{
	enum { COUNT = 20000 };
	struct bench_rig rig;
	bench_rig_open(&rig, NULL);
	double before = heap_bytes();
	fill(&rig, COUNT, false);
	double live = heap_bytes();
	line("memory of a live session, a name and two properties", (live - before) / COUNT, "bytes", "2 048");
	char id[256];
	bench_create(&rig, COUNT, id);
	before = heap_bytes();
	for (int i = 0; i < FULL_SESSION; i++)
		bench_free(bench_ask(&rig, "CreatePlayerSession", json_pack("{s:s, s:s+}", "GameSessionId", id, "PlayerId", "player-", bench_number(i))));
	line("memory of a player session", (heap_bytes() - before) / FULL_SESSION, "bytes", "-");
	bench_rig_close(&rig);
}

/* Durable writes: the loop and the store on their threads, as in the daemon, and so many clients that each waits for its answer. */

static void line_of_paced(const char *what, struct bench_paced paced)
{
	char text[96];
	snprintf(text, sizeof(text), "%s: p99", what);
	line(text, paced.p99_ms, "ms", "5");
	snprintf(text, sizeof(text), "  median %.2f ms, %.0f/s done, processors in use", paced.p50_ms, paced.per_second);
	line(text, paced.cpu_share, "", "-");
}

static void remove_store(const char *path)
{
	for (const char *const *end = (const char *const[]){"", "-wal", "-shm", NULL}; *end != NULL; end++) {
		char name[80];
		snprintf(name, sizeof(name), "%s%s", path, *end);
		unlink(name);
	}
}

static void bench_durable(void)
{
	enum { COUNT = 20000, CLIENTS = 256 };
	static const struct bench_pace pace = {BENCH_RECORDS, "CreateAlias", 2500, 3};
	char folder[] = "service-bench-XXXXXX", path[64];
	struct bench_rig rig;
	if (mkdtemp(folder) == NULL) {
		perror("service-bench: no folder here");
		return;
	}
	snprintf(path, sizeof(path), "%s/store.db", folder);
	bench_rig_open(&rig, path);
	struct bench_load load = bench_write(&rig, COUNT, CLIENTS);
	line("accepted durable writes, 256 clients: per second", COUNT / load.wall_s, "/s", "5 000");
	line("accepted durable writes: CPU of all threads", COUNT / load.cpu_s, "/CPU s", "-");
	line_of_paced("2 500 durable writes a second", bench_run_paced(rig.loop, &pace));
	bench_rig_close(&rig);
	remove_store(path);
	rmdir(folder);
}

static void bench_engine(const char *script)
{
	enum { COUNT = 3000, CLIENTS = 32 };
	static const struct bench_pace players = {BENCH_PLAYERS, "CreatePlayerSession", 10000, 5}, sessions = {BENCH_SESSIONS, "CreateGameSession", 3000, 5},
				       scripted = {BENCH_SESSIONS, "CreateGameSession", 1000, 5};
	struct bench_world *world = bench_world_open(NULL);
	line("create and end on a real engine: CPU of all threads", COUNT / bench_end_sessions(world, COUNT, CLIENTS).cpu_s, "/CPU s", "3 000");
	line_of_paced("10 000 CreatePlayerSession a second", bench_run_paced(bench_world_loop(world), &players));
	line_of_paced("1 500 create and end a second", bench_run_paced(bench_world_loop(world), &sessions));
	bench_world_close(&world);
	if (script == NULL)
		return;
	world = bench_world_open(script);
	line("create and end with a Lua script: CPU of all threads", COUNT / bench_end_sessions(world, COUNT, CLIENTS).cpu_s, "/CPU s", "1 000");
	line_of_paced("500 create and end with a Lua script a second", bench_run_paced(bench_world_loop(world), &scripted));
	bench_world_close(&world);
}

/* Matchmaking */

static const char five_on_five[] =
	"{\"ruleLanguageVersion\": \"1.0\", \"playerAttributes\": [{\"name\": \"skill\", \"type\": \"number\"}], "
	"\"teams\": [{\"name\": \"side\", \"minPlayers\": 5, \"maxPlayers\": 5, \"quantity\": 2}], "
	"\"rules\": [{\"name\": \"near\", \"type\": \"batchDistance\", \"batchAttribute\": \"skill\", \"maxDistance\": 100}]}";

static void start_tickets(struct bench_rig *rig, int first, int count)
{
	for (int i = first; i < first + count; i++)
		bench_free(bench_ask(rig, "StartMatchmaking",
				     json_pack("{s:s, s:[{s:s+, s:{s:{s:i}}}]}", "ConfigurationName", "m", "Players", "PlayerId", "player-", bench_number(i), "PlayerAttributes",
					       "skill", "N", i * 37 % 1000)));
}

/* Tickets come as fast as they are taken, and are followed until as good as all are COMPLETED. All of it is the loop's thread, and so are the records' writes. */
static void bench_matches(void)
{
	enum { COUNT = 40000, STEP = 1000, LEFT_OVER = 100 };
	struct bench_rig rig;
	bench_rig_open(&rig, NULL);
	bench_free(bench_ask(&rig, "CreateMatchmakingRuleSet", json_pack("{s:s, s:s}", "Name", "r", "RuleSetBody", five_on_five)));
	bench_free(bench_ask(&rig, "CreateMatchmakingConfiguration",
			     json_pack("{s:s, s:s, s:i, s:b, s:s}", "Name", "m", "RuleSetName", "r", "RequestTimeoutSeconds", 600, "AcceptanceRequired", false, "FlexMatchMode",
				       "STANDALONE")));
	double begin_s = bench_thread_cpu_s();
	for (int i = 0; i < COUNT; i += STEP)
		start_tickets(&rig, i, STEP);
	while (ringcast_loop_match_counts(rig.loop).tickets_completed < COUNT - LEFT_OVER)
		if (!ringcast_loop_turn(rig.loop) && !ringcast_loop_write(rig.loop))
			usleep(1000);
	line("StartMatchmaking to COMPLETED, five on five", COUNT / (bench_thread_cpu_s() - begin_s), "/CPU s", "2 000");
	bench_rig_close(&rig);
}

static bool is_wished(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc <= 1;
}

int main(int argc, char **argv)
{
	static void (*const benches[])(void) = {bench_players, bench_sessions, bench_describe, bench_search, bench_matches, bench_durable, bench_memory};
	static const char *const names[] = {"players", "sessions", "describe", "search", "matches", "durable", "memory"};
	const char *script = NULL;
	if (argc > 2 && strcmp(argv[1], "--script") == 0) {
		script = argv[2];
		argv += 2;
		argc -= 2;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_wished(argc, argv, names[i]))
			benches[i]();
	if (is_wished(argc, argv, "engine"))
		bench_engine(script);
	return 0;
}
