/* What a player who is sent away reads in the close frame, whatever words came from outside. */
#include "base/close.h"
#include "base/utf8.h"
#include "session/player.h"
#include "stage.h"

static struct client *join(void)
{
	static struct stage stage;
	static struct client client;
	stage_init(&stage, SHARD_PLAIN, NULL);
	client_join(&client, &stage, 10, false);
	return &client;
}

static struct session *session_of(struct client *client)
{
	return ringcast_session_find_name(&client->stage->shard->store, "room");
}

static void expect_text(struct client *client, const char *text)
{
	client_send_raw(client, WEBSOCKET_PING, NULL, 0); /* an event, after which the shard closes those who were sent away */
	stage_run_ms(client->stage, 5);
	size_t bytes = strlen(client->close_text);
	cr_expect_eq(client->close_code, ringcast_close_code(CLOSE_KICKED));
	cr_expect_eq(ringcast_utf8_fit(client->close_text, bytes), bytes, "not UTF-8: '%s'", client->close_text);
	cr_expect_str_eq(client->close_text, text);
	stage_fini(client->stage);
}

/* 41 characters of three bytes are 123: every start of the text puts another byte of a character on the bound. */
Test(close_text, a_long_one_ends_with_a_whole_character)
{
	for (size_t start = 0; start < 3; start++) {
		char text[256] = "ab", expected[CLOSE_TEXT_BYTES_MAX + 1] = "";
		text[start] = '\0';
		while (strlen(text) < 200)
			strcat(text, "\xe2\x82\xac");
		memcpy(expected, text, start + 3 * ((CLOSE_TEXT_BYTES_MAX - start) / 3));
		struct client *client = join();
		struct player *player = ringcast_session_find_player(session_of(client), client->peer_id);
		ringcast_player_expel(player, CLOSE_KICKED, text);
		expect_text(client, expected);
	}
}

Test(close_text, a_kick_says_only_what_is_utf8)
{
	struct client *client = join();
	cr_assert_eq(ringcast_command_kick(session_of(client), client->peer_id, "cheating \xff\xfe"), DROP_NONE);
	expect_text(client, "cheating ");
}

Test(close_text, nothing_that_can_be_said_leaves_the_reasons_own_text)
{
	struct client *client = join();
	cr_assert_eq(ringcast_command_kick(session_of(client), client->peer_id, "\xff"), DROP_NONE);
	expect_text(client, ringcast_close_text(CLOSE_KICKED));
}
