/* The commands, one function each; the table is in main.c. */
#ifndef RINGCAST_TOOLS_COMMANDS_H
#define RINGCAST_TOOLS_COMMANDS_H

#include "tools/ringcast/cli.h"

typedef enum cli_exit cli_command_fn(const struct cli_invocation *invocation);

cli_command_fn ringcast_command_chat;
cli_command_fn ringcast_command_session_list, ringcast_command_session_create, ringcast_command_session_show, ringcast_command_session_end;
cli_command_fn ringcast_command_player_list, ringcast_command_player_reserve, ringcast_command_player_kick;
cli_command_fn ringcast_command_doctor, ringcast_command_top, ringcast_command_health, ringcast_command_info, ringcast_command_drain;
cli_command_fn ringcast_command_script_push, ringcast_command_script_list, ringcast_command_script_versions, ringcast_command_script_rollback;
cli_command_fn ringcast_command_script_remove, ringcast_command_script_logs, ringcast_command_script_test;
cli_command_fn ringcast_command_version;
cli_command_fn ringcast_command_cert_ca, ringcast_command_cert_server, ringcast_command_cert_show;

#endif
