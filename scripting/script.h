/*
 * One version of a script: what is needed to run it, in memory, never changed again. Content-addressed: the same bytes are the same
 * version. Made on control threads, read on shard threads; counted, because sessions pin the version they began with.
 */
#ifndef RINGCAST_SCRIPTING_SCRIPT_H
#define RINGCAST_SCRIPTING_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum script_language { SCRIPT_LUA, SCRIPT_JS };
enum { SCRIPT_VERSION_BYTES = 33, SCRIPT_NAME_BYTES = 64, SCRIPT_ERROR_BYTES = 1024 };
enum { SCRIPT_BYTES_MAX = 5 * 1024 * 1024, SCRIPT_FILES_MAX = 1000 }; /* of one version */

/* Bit of each callback that the script exports; hooks of others stay NULL and cost nothing. X(NAME, Lua and JS name) */
#define SCRIPT_CALLBACKS(X)                          \
	X(INIT, "init")                              \
	X(PROCESS_STARTED, "onProcessStarted")       \
	X(START_GAME_SESSION, "onStartGameSession")  \
	X(HEALTH_CHECK, "onHealthCheck")             \
	X(PLAYER_CONNECT, "onPlayerConnect")         \
	X(PLAYER_ACCEPTED, "onPlayerAccepted")       \
	X(PLAYER_DISCONNECT, "onPlayerDisconnect")   \
	X(MESSAGE, "onMessage")                      \
	X(SEND_TO_PLAYER, "onSendToPlayer")          \
	X(SEND_TO_GROUP, "onSendToGroup")            \
	X(JOIN_GROUP, "onPlayerJoinGroup")           \
	X(LEAVE_GROUP, "onPlayerLeaveGroup")         \
	X(PROCESS_TERMINATE, "onProcessTerminate")   \
	X(TICK, "onTick")
enum script_callback {
#define X(name, text) SCRIPT_CALLBACK_##name,
	SCRIPT_CALLBACKS(X)
#undef X
	SCRIPT_CALLBACK_COUNT
};

struct script_file { /* path relative to the script's folder, '/' between parts */
	char *path;
	uint8_t *bytes; /* NULL for JS, which reads the folder itself */
	size_t size;
};

struct script_facts { /* what the dry run learned */
	uint32_t callbacks; /* 1 << SCRIPT_CALLBACK_... */
	/* configuration.maxPlayers, .pingIntervalTime, .tickInterval; 0: not said */
	uint32_t players_max, ping_interval_ms, tick_interval_ms;
};

struct script {
	char name[SCRIPT_NAME_BYTES], version[SCRIPT_VERSION_BYTES]; /* version: 128 bits in hex over paths and contents */
	enum script_language language;
	char *folder; /* absolute; for JS and for messages */
	char *main;   /* relative path of the script file: main.lua, or what package.json's "main" says, or index.js, or the only .js */
	struct script_file *files; /* sorted by path */
	size_t file_count;
	struct script_facts facts;
	uint32_t refs; /* atomic */
};

/*
 * Reads a folder (or one file: its folder is then not packaged, only the file), picks language and main, hashes. No dry run. NULL: one
 * clear line in reterr. Links and special files are refused, names that begin with a dot passed over. name: letters, digits, - _ . only.
 */
struct script *ringcast_script_read(const char *name, const char *path, char *reterr, size_t reterr_bytes);
struct script *ringcast_script_ref(struct script *script);
void ringcast_script_unref(struct script **script); /* the last one frees; NULLs the caller's; any thread */
const struct script_file *ringcast_script_find(const struct script *script, const char *path); /* NULL: not there */
const char *ringcast_script_callback_name(enum script_callback callback); /* what authors call it: "onMessage" */

#endif
