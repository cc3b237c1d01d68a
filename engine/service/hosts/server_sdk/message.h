/*
 * Messages of the Server SDK's protocol: JSON objects in text frames. A process asks with Action and RequestId, and is answered with both and a
 * StatusCode; what the service tells on its own has an Action and no RequestId. Pure.
 */
#ifndef RINGCAST_SERVICE_HOSTS_SERVER_SDK_MESSAGE_H
#define RINGCAST_SERVICE_HOSTS_SERVER_SDK_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* What processes ask. */
#define SDK_ACTIONS(X)                                                                                                                     \
	X(ActivateServerProcess)                                                                                                           \
	X(HeartbeatServerProcess)                                                                                                          \
	X(TerminateServerProcess)                                                                                                          \
	X(ActivateGameSession)                                                                                                             \
	X(AcceptPlayerSession)                                                                                                             \
	X(RemovePlayerSession)                                                                                                             \
	X(UpdatePlayerSessionCreationPolicy)                                                                                               \
	X(DescribePlayerSessions)                                                                                                          \
	X(StartMatchBackfill)                                                                                                              \
	X(StopMatchBackfill)                                                                                                               \
	X(GetComputeCertificate)                                                                                                           \
	X(GetFleetRoleCredentials)                                                                                                         \
	X(RefreshConnection)

enum sdk_action {
#define X(name) SDK_##name,
	SDK_ACTIONS(X)
#undef X
	SDK_ACTION_COUNT,
	SDK_ACTION_UNKNOWN = SDK_ACTION_COUNT,
};

enum { SDK_MESSAGE_BYTES_MAX = 256 * 1024, SDK_REQUEST_ID_BYTES = 129, SDK_TEXT_BYTES_MAX = 1024, SDK_PROBLEM_BYTES = 200 };

struct sdk_message {
	enum sdk_action action;
	const char *name, *request_id; /* borrowed from body */
	json_t *body;		       /* owned */
};

/* False: not an object with an Action and a RequestId that can be answered; problem says what. Nothing to free then. */
bool ringcast_sdk_message_read(const char *bytes, size_t size, struct sdk_message *ret_message, char problem[SDK_PROBLEM_BYTES]);
void ringcast_sdk_message_free(struct sdk_message *message);

/* Members. A text that is absent, of another type or too long is "". */
const char *ringcast_sdk_message_text(const struct sdk_message *message, const char *name);
json_int_t ringcast_sdk_message_number(const struct sdk_message *message, const char *name, json_int_t otherwise);
bool ringcast_sdk_message_flag(const struct sdk_message *message, const char *name); /* false where it is absent */

/* The answer as text, to be freed; NULL: out of memory. result: its members at the top level, taken; NULL for none. */
char *ringcast_sdk_message_answer(const struct sdk_message *message, json_t *result);
char *ringcast_sdk_message_refuse(const struct sdk_message *message, unsigned status, const char *text);
/* What is told without being asked. members are taken. */
char *ringcast_sdk_message_push(const char *action, json_t *members);

#endif
