/*
 * The packet codec behind a line protocol, for tests in other languages. Words are path=value: numbers in decimal, bytes in hex,
 * lists with commas, `login={}` for the presence of a command. Defaults are left out; paths are the names of docs/protocol.md.
 *
 *   packet-codec serve               per input line "decode HEX" or "encode WORDS", one line: the words, the hex, or "error TEXT"
 *   packet-codec vectors             the captured packets as this build encodes them: NAME HEX WORDS
 *   packet-codec random SEED COUNT   drawn packets likewise
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/attr.h"
#include "random_packet.h"
#include "vectors.h"

enum kind { KIND_INT, KIND_BOOL, KIND_BYTES, KIND_LIST };

/* A table of its own: were the codec's shared, a slip in it would cancel itself out. */
static const struct word {
	const char *path;
	enum packet_command command; /* 0: a field of the packet itself */
	enum kind kind;
	size_t offset_bytes;
} words[] = {
	{"opCode", 0, KIND_INT, offsetof(struct packet, opcode)},
	{"sequenceNumber", 0, KIND_INT, offsetof(struct packet, sequence)},
	{"targetPlayer", 0, KIND_INT, offsetof(struct packet, target_player)},
	{"targetGroup", 0, KIND_INT, offsetof(struct packet, target_group)},
	{"sender", 0, KIND_INT, offsetof(struct packet, sender)},
	{"reliable", 0, KIND_BOOL, offsetof(struct packet, is_reliable)},
	{"clientVersion", 0, KIND_INT, offsetof(struct packet, client_version)},
	{"payload", 0, KIND_BYTES, offsetof(struct packet, payload)},
	{"login.playerSessionId", PACKET_COMMAND_LOGIN, KIND_BYTES, offsetof(struct packet, login.player_session_id)},
	{"login.clientVersion", PACKET_COMMAND_LOGIN, KIND_INT, offsetof(struct packet, login.client_version)},
	{"login.mayResume", PACKET_COMMAND_LOGIN, KIND_BOOL, offsetof(struct packet, login.may_resume)},
	{"login.reconnectToken", PACKET_COMMAND_LOGIN, KIND_BYTES, offsetof(struct packet, login.reconnect_token)},
	{"login.received", PACKET_COMMAND_LOGIN, KIND_INT, offsetof(struct packet, login.received)},
	{"login.mayMerge", PACKET_COMMAND_LOGIN, KIND_BOOL, offsetof(struct packet, login.may_merge)},
	{"login.noEcho", PACKET_COMMAND_LOGIN, KIND_BOOL, offsetof(struct packet, login.no_echo)},
	{"loginResult.success", PACKET_COMMAND_LOGIN_RESULT, KIND_BOOL, offsetof(struct packet, login_result.is_success)},
	{"loginResult.reconnectToken", PACKET_COMMAND_LOGIN_RESULT, KIND_BYTES, offsetof(struct packet, login_result.reconnect_token)},
	{"loginResult.peerId", PACKET_COMMAND_LOGIN_RESULT, KIND_INT, offsetof(struct packet, login_result.peer_id)},
	{"loginResult.fastPort", PACKET_COMMAND_LOGIN_RESULT, KIND_INT, offsetof(struct packet, login_result.fast_port)},
	{"loginResult.caCert", PACKET_COMMAND_LOGIN_RESULT, KIND_BYTES, offsetof(struct packet, login_result.ca_cert)},
	{"loginResult.connectToken", PACKET_COMMAND_LOGIN_RESULT, KIND_BYTES, offsetof(struct packet, login_result.connect_token)},
	{"loginResult.isResumed", PACKET_COMMAND_LOGIN_RESULT, KIND_BOOL, offsetof(struct packet, login_result.is_resumed)},
	{"loginResult.resumeWindow", PACKET_COMMAND_LOGIN_RESULT, KIND_INT, offsetof(struct packet, login_result.resume_window_ms)},
	{"loginResult.received", PACKET_COMMAND_LOGIN_RESULT, KIND_INT, offsetof(struct packet, login_result.received)},
	{"loginResult.lost", PACKET_COMMAND_LOGIN_RESULT, KIND_INT, offsetof(struct packet, login_result.lost)},
	{"loginResult.mergeBytes", PACKET_COMMAND_LOGIN_RESULT, KIND_INT, offsetof(struct packet, login_result.merge_bytes)},
	{"loginResult.noEcho", PACKET_COMMAND_LOGIN_RESULT, KIND_BOOL, offsetof(struct packet, login_result.no_echo)},
	{"pingResult.received", PACKET_COMMAND_PING_RESULT, KIND_INT, offsetof(struct packet, received)},
	{"playerConnect.peerId", PACKET_COMMAND_PLAYER_CONNECT, KIND_INT, offsetof(struct packet, peer_id)},
	{"playerDisconnect.peerId", PACKET_COMMAND_PLAYER_DISCONNECT, KIND_INT, offsetof(struct packet, peer_id)},
	{"verifyIdentity.peerId", PACKET_COMMAND_VERIFY_IDENTITY, KIND_INT, offsetof(struct packet, verify_identity.peer_id)},
	{"verifyIdentity.connectToken", PACKET_COMMAND_VERIFY_IDENTITY, KIND_BYTES, offsetof(struct packet, verify_identity.connect_token)},
	{"verifyIdentityResult.success", PACKET_COMMAND_VERIFY_IDENTITY_RESULT, KIND_BOOL,
	 offsetof(struct packet, verify_identity_result.is_success)},
	{"verifyIdentityResult.peerId", PACKET_COMMAND_VERIFY_IDENTITY_RESULT, KIND_INT,
	 offsetof(struct packet, verify_identity_result.peer_id)},
	{"joinGroup.group", PACKET_COMMAND_JOIN_GROUP, KIND_INT, offsetof(struct packet, group)},
	{"leaveGroup.group", PACKET_COMMAND_LEAVE_GROUP, KIND_INT, offsetof(struct packet, group)},
	{"requestGroupMembership.group", PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP, KIND_INT, offsetof(struct packet, group)},
	{"groupMembershipUpdate.group", PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE, KIND_INT, offsetof(struct packet, membership.group)},
	{"groupMembershipUpdate.players", PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE, KIND_LIST, offsetof(struct packet, membership)},
};
static const struct {
	const char *name;
	enum packet_command command;
} command_names[] = {
	{"login", PACKET_COMMAND_LOGIN},
	{"loginResult", PACKET_COMMAND_LOGIN_RESULT},
	{"ping", PACKET_COMMAND_PING},
	{"pingResult", PACKET_COMMAND_PING_RESULT},
	{"udpConnect", PACKET_COMMAND_UDP_CONNECT},
	{"playerConnect", PACKET_COMMAND_PLAYER_CONNECT},
	{"playerDisconnect", PACKET_COMMAND_PLAYER_DISCONNECT},
	{"verifyIdentity", PACKET_COMMAND_VERIFY_IDENTITY},
	{"verifyIdentityResult", PACKET_COMMAND_VERIFY_IDENTITY_RESULT},
	{"joinGroup", PACKET_COMMAND_JOIN_GROUP},
	{"leaveGroup", PACKET_COMMAND_LEAVE_GROUP},
	{"requestGroupMembership", PACKET_COMMAND_REQUEST_GROUP_MEMBERSHIP},
	{"groupMembershipUpdate", PACKET_COMMAND_GROUP_MEMBERSHIP_UPDATE},
};

enum { PLAYERS_MAX = PROTO_PACKET_BYTES_MAX };

static void print_hex(struct view bytes)
{
	for (size_t index = 0; index < bytes.size; index++)
		printf("%02x", bytes.data[index]);
}

static void print_players(const struct packet *packet)
{
	size_t cursor = 0;
	int32_t player;
	for (uint32_t index = 0; index < packet->membership.player_count; index++) {
		if (packet->membership.players != NULL)
			player = packet->membership.players[index];
		else
			ringcast_assert(ringcast_packet_membership_next(packet, &cursor, &player));
		printf("%s%" PRId32, index == 0 ? "" : ",", player);
	}
}

static bool is_default(const struct word *word, const struct packet *packet)
{
	const uint8_t *member = (const uint8_t *)packet + word->offset_bytes;
	switch (word->kind) {
	case KIND_INT:
		return *(const int32_t *)member == 0;
	case KIND_BOOL:
		return !*(const bool *)member;
	case KIND_BYTES:
		return ((const struct view *)member)->size == 0;
	case KIND_LIST:
		return packet->membership.player_count == 0;
	}
	ringcast_unreachable("kind");
}

static void print_word(const struct word *word, const struct packet *packet)
{
	const uint8_t *member = (const uint8_t *)packet + word->offset_bytes;
	if ((word->command != 0 && word->command != packet->command) || is_default(word, packet))
		return;
	printf(" %s=", word->path);
	if (word->kind == KIND_INT)
		printf("%" PRId32, *(const int32_t *)member);
	else if (word->kind == KIND_BOOL)
		printf("1");
	else if (word->kind == KIND_BYTES)
		print_hex(*(const struct view *)member);
	else
		print_players(packet);
}

static void print_packet(const struct packet *packet)
{
	for (size_t index = 0; index < ARRAY_COUNT(command_names); index++) {
		if (command_names[index].command == packet->command)
			printf(" %s={}", command_names[index].name);
	}
	for (size_t index = 0; index < ARRAY_COUNT(words); index++)
		print_word(&words[index], packet);
}

static void print_encoded(const struct packet *packet)
{
	static uint8_t bytes[PROTO_PACKET_BYTES_MAX * 2];
	size_t size = ringcast_packet_encode(packet, bytes, sizeof(bytes));
	ringcast_assert(size > 0);
	print_hex(ringcast_view_of(bytes, size));
}

/* What the words being read point into. */
static uint8_t arena[PROTO_PACKET_BYTES_MAX * 4];
static size_t arena_used;
static int32_t players[PLAYERS_MAX];

static struct view read_bytes(const char *hex)
{
	size_t start = arena_used;
	arena_used += vector_bytes(hex, arena + start, sizeof(arena) - start);
	return ringcast_view_of(arena + start, arena_used - start);
}

static void read_players(char *text, struct packet *packet)
{
	packet->membership.players = players;
	packet->membership.player_count = 0;
	for (char *rest = NULL, *item = strtok_r(text, ",", &rest); item != NULL; item = strtok_r(NULL, ",", &rest)) {
		ringcast_assert(packet->membership.player_count < PLAYERS_MAX);
		players[packet->membership.player_count++] = (int32_t)strtol(item, NULL, 10);
	}
}

static void read_value(const struct word *word, char *value, struct packet *packet)
{
	uint8_t *member = (uint8_t *)packet + word->offset_bytes;
	if (word->kind == KIND_INT)
		*(int32_t *)member = (int32_t)strtol(value, NULL, 10);
	else if (word->kind == KIND_BOOL)
		*(bool *)member = strcmp(value, "1") == 0;
	else if (word->kind == KIND_BYTES)
		*(struct view *)member = read_bytes(value);
	else
		read_players(value, packet);
}

/* False for a word nobody knows. */
static bool read_word(char *text, struct packet *packet)
{
	char *value = strchr(text, '=');
	if (value == NULL)
		return false;
	*value++ = '\0';
	for (size_t index = 0; index < ARRAY_COUNT(command_names); index++) {
		if (strcmp(text, command_names[index].name) == 0) {
			packet->command = command_names[index].command;
			return true;
		}
	}
	for (size_t index = 0; index < ARRAY_COUNT(words); index++) {
		if (strcmp(text, words[index].path) == 0) {
			read_value(&words[index], value, packet);
			return true;
		}
	}
	return false;
}

static void answer_encode(char *text)
{
	struct packet packet;
	memset(&packet, 0, sizeof(packet));
	arena_used = 0;
	for (char *rest = NULL, *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		if (!read_word(word, &packet)) {
			printf("error unknown word %s\n", word);
			return;
		}
	}
	print_encoded(&packet);
	printf("\n");
}

/* The bytes stand at the end of their heap block, so that a sanitizer sees any read beyond. */
static void answer_decode(const char *hex)
{
	struct packet packet;
	size_t size = strlen(hex) / 2;
	uint8_t *bytes = malloc(size + (size == 0));
	ringcast_assert(bytes != NULL);
	vector_bytes(hex, bytes, size);
	enum packet_error error = ringcast_packet_decode(ringcast_view_of(bytes, size), &packet);
	if (error == PACKET_OK)
		print_packet(&packet);
	else
		printf("error %s", ringcast_packet_error_text(error));
	printf("\n");
	free(bytes);
}

static int serve(void)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;
	while ((length = getline(&line, &capacity, stdin)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		if (strncmp(line, "decode ", 7) == 0)
			answer_decode(line + 7);
		else if (strncmp(line, "encode ", 7) == 0)
			answer_encode(line + 7);
		else
			printf("error unknown request\n");
		fflush(stdout);
	}
	free(line);
	return 0;
}

static void print_line(const char *name, const struct packet *packet)
{
	printf("%s ", name);
	print_encoded(packet);
	print_packet(packet);
	printf("\n");
}

static int print_vectors(void)
{
	for (size_t index = 0; index < vector_count; index++)
		print_line(vectors[index].name, &vectors[index].packet);
	return 0;
}

static int print_random(uint64_t seed, uint64_t count)
{
	static struct random_packet random;
	struct prng prng;
	ringcast_prng_init(&prng, seed);
	for (uint64_t index = 0; index < count; index++) {
		random_packet_draw(&prng, &random);
		print_line("random", &random.packet);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		return serve();
	if (argc == 2 && strcmp(argv[1], "vectors") == 0)
		return print_vectors();
	if (argc == 4 && strcmp(argv[1], "random") == 0)
		return print_random(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	fprintf(stderr, "usage: packet-codec serve | vectors | random SEED COUNT\n");
	return 2;
}
