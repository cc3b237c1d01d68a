/* Planted faults: what is said at the end must be enough to know where to look. */
#include "tests/unit/last_words.h"
#include "stage.h"

enum { OPCODE_GAME = 4242 };

static struct stage stage;
static struct client client;

static void say_something(void)
{
	stage_init(&stage, SHARD_PLAIN, NULL);
	client_join(&client, &stage, 10, false);
	client_send(&client, &(struct packet){.opcode = OPCODE_GAME, .target_group = PROTO_GROUP_ALL, .payload = ringcast_view_of("x", 1)});
	stage_run_ms(&stage, 5);
}

static struct conn *its_conn(void)
{
	handle self;
	struct conn *conn = ringcast_slab_at(&stage.shard->conns, 0, &self);
	ringcast_assert(conn != NULL && conn->player != NULL);
	return conn;
}

static void spoil_conn(void)
{
	say_something();
	its_conn()->magic = 0;
	stage_fini(&stage);
}

static void spoil_player(void)
{
	say_something();
	its_conn()->player->magic ^= 1;
	client_send(&client, &(struct packet){.opcode = OPCODE_GAME, .target_group = PROTO_GROUP_ALL});
	stage_run_ms(&stage, 5);
}

static void spoil_session(void)
{
	say_something();
	its_conn()->player->session->magic = CONN_MAGIC;
	client_send(&client, &(struct packet){.opcode = OPCODE_GAME, .target_group = PROTO_GROUP_ALL});
	stage_run_ms(&stage, 5);
}

Test(crash, an_object_that_is_not_what_it_should_be_is_found_at_the_door)
{
	assert_dies_of(spoil_conn, "assertion failed: (conn)->magic == CONN_MAGIC");
	assert_dies_of(spoil_player, "assertion failed: (player)->magic == PLAYER_MAGIC");
	assert_dies_of(spoil_session, "assertion failed: (player->session)->magic == SESSION_MAGIC");
}

static void fault(void)
{
	ringcast_panic_install("test", "");
	signal(SIGALRM, SIG_DFL);
	say_something();
	raise(SIGFPE);
}

static void check_dump(const char *text)
{
	static const char *const wanted[] = {
		"  last message: opcode 4242 of peer 1 in session gsess-", " (room)\n", " messages_received_reliable=1", " connections=1",
		" route session=", " opcode=4242\n", " login session=", " accept stream=", " deliver session=", " recipients=1 opcode=4242\n",
		"ringcast: end of dump\n",
	};
	for (size_t i = 0; i < ARRAY_COUNT(wanted); i++)
		cr_assert(strstr(text, wanted[i]) != NULL, "\"%s\" is not in the dump: %s", wanted[i], text);
}

Test(crash, a_failed_assertion_names_the_session_the_opcode_and_what_came_before)
{
	int status;
	char *text = last_words(spoil_conn, &status);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	check_dump(text);
	free(text);
}

Test(crash, so_does_a_fatal_signal_and_the_process_dies_of_it)
{
	int status;
	char *text = last_words(fault, &status);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGFPE, "%d: %s", status, text);
	cr_assert(strstr(text, "ringcast: ended by SIGFPE") != NULL, "%s", text);
	cr_assert(strstr(text, "  program test build ") != NULL, "%s", text);
	check_dump(text);
	free(text);
}

static void fill_the_ring(void)
{
	stage_init(&stage, SHARD_PLAIN, NULL);
	for (uint32_t i = 1; i <= 10 * RECORDER_PROBES; i++)
		ringcast_recorder_note(&stage.shard->recorder, PROBE_TICK, i, i, 0, 0);
	ringcast_assert(stage.shard == NULL);
}

/* The ring is bounded, and what is in it is the newest. */
Test(crash, the_recorder_keeps_the_last_ones_only)
{
	char first[64], last[64];
	int status;
	char *text = last_words(fill_the_ring, &status);
	snprintf(first, sizeof(first), " tick number=%d ", 9 * RECORDER_PROBES);
	snprintf(last, sizeof(last), " tick number=%d ", 10 * RECORDER_PROBES);
	cr_assert(strstr(text, first) == NULL && strstr(text, last) != NULL, "%s", text);
	snprintf(first, sizeof(first), " tick number=%d ", 9 * RECORDER_PROBES + 1);
	cr_assert(strstr(text, first) != NULL, "%s", text);
	free(text);
}

static void end_twice(void)
{
	stage_init(&stage, SHARD_PLAIN, NULL);
	stage_fini(&stage);
	ringcast_assert(stage.shard != NULL);
}

/* A shard that is gone must not be looked at. */
Test(crash, a_destroyed_shard_says_nothing)
{
	int status;
	char *text = last_words(end_twice, &status);
	cr_assert(strstr(text, "stage.shard != NULL") != NULL && strstr(text, "\nshard ") == NULL, "%s", text);
	free(text);
}
