/*
 * What the calls of a Ringcast engine and its callbacks speak of: bounds of texts, errors, messages. Included by ringcast.h.
 */
#ifndef RINGCAST_TYPES_H
#define RINGCAST_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
/* What the INIT macros are in C++: all zero but for the size, without a warning about the rest. */
template <typename Options> inline Options ringcast_sized_()
{
	Options options = Options();
	options.size = sizeof(Options);
	return options;
}
#define RINGCAST_SIZED(type) ringcast_sized_<type>()
#else
#define RINGCAST_SIZED(type) { .size = sizeof(type) }
#endif

#define RINGCAST_API __attribute__((visibility("default")))

#define RINGCAST_ID_BYTES 64       /* a session id or player token with its NUL */
#define RINGCAST_NAME_BYTES 128    /* session name, with NUL */
#define RINGCAST_PLAYER_ID_BYTES 1025 /* with NUL */
#define RINGCAST_DATA_BYTES 2049   /* player data, with NUL */
#define RINGCAST_SESSION_DATA_BYTES 2097153 /* session properties, with NUL: 262 144 characters as JSON, whatever has to be escaped in them */
#define RINGCAST_MATCHMAKER_DATA_BYTES 1560001 /* with NUL: 390 000 characters of UTF-8, however long */
#define RINGCAST_ADDRESS_BYTES 64
#define RINGCAST_SCRIPT_NAME_BYTES 64
#define RINGCAST_SCRIPT_VERSION_BYTES 33
#define RINGCAST_PEER_SERVER (-1)
#define RINGCAST_GROUP_ALL (-1)

typedef struct ringcast_engine ringcast_engine;
typedef struct ringcast_session ringcast_session; /* only inside callbacks; never keep the pointer after session_ended */

typedef enum ringcast_error {
	RINGCAST_OK = 0,
	RINGCAST_ERROR_ARGUMENT = -1,
	RINGCAST_ERROR_MEMORY = -2,
	RINGCAST_ERROR_NOT_FOUND = -3,  /* no such session or player */
	RINGCAST_ERROR_FULL = -4,       /* a configured bound is reached */
	RINGCAST_ERROR_STATE = -5,      /* not possible in this state (ended, draining, stopped) */
	RINGCAST_ERROR_SYSTEM = -6,     /* the operating system refused; see the engine's error text */
	RINGCAST_ERROR_TIMEOUT = -7,    /* a shard did not answer in time */
	RINGCAST_ERROR_EXISTS = -8,     /* the player id already holds a place in the session */
	RINGCAST_ERROR_SCRIPT = -9,     /* the script cannot be loaded or has failed; the error text or the log says why, with file and line */
	RINGCAST_ERROR_UNHEARD = -10,   /* nobody listens: the session's game has no callback for it, or nobody takes what it emits */
} ringcast_error;

typedef enum ringcast_intent { RINGCAST_FAST = 0, RINGCAST_RELIABLE = 1 } ringcast_intent;
/* LATER: take a ticket inside the callback (ringcast_session_ticket) and answer with it when the answer is there. */
typedef enum ringcast_verdict { RINGCAST_ALLOW = 0, RINGCAST_DENY = 1, RINGCAST_LATER = 2 } ringcast_verdict;

/* A message on its way. payload is borrowed for the call. */
typedef struct ringcast_message {
	int32_t opcode;
	int32_t sender;        /* peer id, proven by the engine; RINGCAST_PEER_SERVER for the server's own */
	int32_t target_player; /* 0: none */
	int32_t target_group;  /* 0: none, RINGCAST_GROUP_ALL: everyone */
	ringcast_intent intent;
	const uint8_t *payload;
	size_t payload_bytes;
} ringcast_message;

#endif
