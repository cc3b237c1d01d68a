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
/* Of one version, where nothing else is said: room for some SDK packages in node_modules, each of thousands of files. */
enum { SCRIPT_BYTES_MAX = 100 << 20, SCRIPT_FILES_MAX = 20000 };

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
	X(TICK, "onTick")                            \
	X(SERVICE_MESSAGE, "onServiceMessage")       \
	X(PLAYER_DROPPED, "onPlayerDropped")         \
	X(PLAYER_RESUMED, "onPlayerResumed")         \
	X(SNAPSHOT, "onSnapshot")
enum script_callback {
#define X(name, text) SCRIPT_CALLBACK_##name,
	SCRIPT_CALLBACKS(X)
#undef X
	SCRIPT_CALLBACK_COUNT
};

struct script_file { /* path relative to the script's folder, '/' between parts */
	char *path;
	uint8_t *bytes; /* NULL for JS once it is tried out, which reads the folder itself */
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
	bool is_folder_ours; /* a snapshot, removed with the script */
	char *main;   /* relative path of the script file; NULL: a folder of JS of which Node has not said yet */
	struct script_file *files; /* sorted by path */
	size_t file_count;
	struct script_facts facts;
	uint64_t content[4]; /* hash over paths and bytes */
	uint32_t refs; /* atomic */
};

struct script_source {
	const char *name; /* letters, digits, - _ . */
	const char *path; /* a folder, or one file: then only that file is the script */
	const char *main; /* which file of the folder is the script; NULL: main.lua, else what Node takes for the folder's */
	uint32_t files_max; /* 0: SCRIPT_FILES_MAX, and likewise below */
	uint64_t bytes_max;
};

/*
 * Reads all files of a source into memory and picks the language. No dry run. NULL: one clear line in reterr. Links and special files are refused;
 * what base/dotfile.h names is passed over. Where main is known it is settled; for the other folders of JavaScript the dry run asks Node.
 */
struct script *ringcast_script_read(const struct script_source *source, char *reterr, size_t reterr_bytes);
/* Which file is the script, once: with that the version is known. False: one line in reterr. */
bool ringcast_script_settle(struct script *script, const char *main, char *reterr, size_t reterr_bytes);
void ringcast_script_forget_bytes(struct script *script); /* of JS, once its folder is safe from changes */
struct script *ringcast_script_ref(struct script *script);
void ringcast_script_unref(struct script **script); /* the last one frees; NULLs the caller's; any thread */
const struct script_file *ringcast_script_find(const struct script *script, const char *path); /* NULL: not there */
const char *ringcast_script_callback_name(enum script_callback callback); /* what authors call it: "onMessage" */

#endif
