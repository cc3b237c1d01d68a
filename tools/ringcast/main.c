/* ringcast: talk in a session, look at a server, operate it. */
#include "tools/ringcast/commands.h"

static const struct cli_command commands[] = {
	{"chat", NULL, "<session>", "talk in a session; creates it when there is none of this name",
	 "ringcast chat demo --as alice",
	 CLI_ADMIN | CLI_BIT(AS) | CLI_BIT(SERVER) | CLI_BIT(TOKEN) | CLI_BIT(TCP) | CLI_BIT(GROUP) | CLI_BIT(TO) | CLI_BIT(LINGER) | CLI_BIT(SECURE) |
		 CLI_BIT(CA) | CLI_BIT(HOST_NAME) | CLI_BIT(INSECURE),
	 ringcast_command_chat},
	{"session", "list", "", "list sessions", "ringcast session list --name demo -o json", CLI_ADMIN_OUTPUT | CLI_BIT(NAME),
	 ringcast_command_session_list},
	{"session", "create", "<name>", "create a session", "ringcast session create demo --players-max 8",
	 CLI_ADMIN_OUTPUT | CLI_BIT(PLAYERS_MAX) | CLI_BIT(PING_INTERVAL) | CLI_BIT(EMPTY_TIMEOUT) | CLI_BIT(PROPERTIES) |
		 CLI_BIT(SCRIPT),
	 ringcast_command_session_create},
	{"session", "show", "<session>", "describe a session, by id or name", "ringcast session show demo", CLI_ADMIN_OUTPUT,
	 ringcast_command_session_show},
	{"session", "end", "<session>", "end a session and disconnect its players", "ringcast session end demo", CLI_ADMIN_OUTPUT,
	 ringcast_command_session_end},
	{"player", "list", "<session>", "list the players and reservations of a session", "ringcast player list demo", CLI_ADMIN_OUTPUT,
	 ringcast_command_player_list},
	{"player", "reserve", "<session>", "reserve a place and print the token to log in with", "ringcast player reserve demo --player-id bob",
	 CLI_ADMIN_OUTPUT | CLI_BIT(PLAYER_ID) | CLI_BIT(PLAYER_DATA), ringcast_command_player_reserve},
	{"player", "kick", "<session> <peer>", "disconnect a player", "ringcast player kick demo 2 --reason 'be nice'",
	 CLI_ADMIN_OUTPUT | CLI_BIT(REASON), ringcast_command_player_kick},
	{"top", NULL, "", "watch sessions and rates", "ringcast top --interval 2", CLI_ADMIN | CLI_BIT(ONCE) | CLI_BIT(INTERVAL),
	 ringcast_command_top},
	{"health", NULL, "", "exit 0 when the server is well", "ringcast health --ready", CLI_ADMIN | CLI_BIT(READY), ringcast_command_health},
	{"info", NULL, "", "version, ports and shards of the server", "ringcast info -o json", CLI_ADMIN_OUTPUT, ringcast_command_info},
	{"drain", NULL, "", "take no new sessions or players", "ringcast drain --exit", CLI_ADMIN_OUTPUT | CLI_BIT(EXIT),
	 ringcast_command_drain},
	{"reload", NULL, "", "read the configuration and the certificates again, without disconnecting anyone", "ringcast reload", CLI_ADMIN_OUTPUT,
	 ringcast_command_reload},
	{"cert", "ca", "", "make a CA for a test deployment: ca.pem and ca.key", "ringcast cert ca --dir certs",
	 CLI_COMMON | CLI_BIT(DIR) | CLI_BIT(DAYS) | CLI_BIT(NAME) | CLI_BIT(FORCE), ringcast_command_cert_ca},
	{"cert", "server", "<names>", "make a server's certificate, signed by the CA in the same directory",
	 "ringcast cert server game.example.com,localhost,127.0.0.1 --dir certs", CLI_COMMON | CLI_BIT(DIR) | CLI_BIT(DAYS) | CLI_BIT(FORCE),
	 ringcast_command_cert_server},
	{"cert", "show", "<file>", "say what a certificate is for and how long it lasts", "ringcast cert show certs/server.pem", CLI_COMMON,
	 ringcast_command_cert_show},
	{"script", "push", "<name> <path>", "push a folder or zip; it becomes the current version", "ringcast script push arena ./arena", CLI_ADMIN_OUTPUT | CLI_BIT(MAIN),
	 ringcast_command_script_push},
	{"script", "list", "", "list scripts", "ringcast script list", CLI_ADMIN_OUTPUT, ringcast_command_script_list},
	{"script", "versions", "<name>", "list the versions of a script", "ringcast script versions arena", CLI_ADMIN_OUTPUT,
	 ringcast_command_script_versions},
	{"script", "rollback", "<name> [version]", "go back to the version before, or to this one", "ringcast script rollback arena 3f9c21",
	 CLI_ADMIN_OUTPUT, ringcast_command_script_rollback},
	{"script", "remove", "<name>", "remove a script that no session runs", "ringcast script remove arena", CLI_ADMIN_OUTPUT,
	 ringcast_command_script_remove},
	{"script", "logs", "<session>", "what a session's script said, also after its end", "ringcast script logs demo", CLI_ADMIN_OUTPUT | CLI_BIT(FOLLOW),
	 ringcast_command_script_logs},
	{"script", "test", "<path> [scenario]", "run a script's scenarios against simulated players, without a server",
	 "ringcast script test ./arena", CLI_COMMON | CLI_BIT(VERBOSE) | CLI_BIT(MAIN), ringcast_command_script_test},
	{"doctor", NULL, "", "check this machine's kernel and limits", "ringcast doctor", CLI_COMMON | CLI_BIT(OUTPUT) | CLI_BIT(STRICT),
	 ringcast_command_doctor},
	{"version", NULL, "", "print the version", "ringcast version", CLI_COMMON, ringcast_command_version},
	{NULL},
};

int main(int argc, char **argv)
{
	return (int)ringcast_cli_main(commands, argc, argv);
}
