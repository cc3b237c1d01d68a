#include "tools/ringcast/play_inbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "proto/clients/c/ringcast_client.h"

enum { SHOWN_MAX = 8 };

void ringcast_play_inbox_init(struct play_inbox *inbox)
{
	inbox->count = 0;
	inbox->lost_count = 0;
}

void ringcast_play_inbox_fini(struct play_inbox *inbox)
{
	for (size_t i = 0; i < inbox->count; i++)
		free(inbox->messages[i].bytes);
	inbox->count = 0;
}

static void remove_at(struct play_inbox *inbox, size_t index)
{
	ringcast_assert(index < inbox->count);
	free(inbox->messages[index].bytes);
	inbox->count--;
	memmove(&inbox->messages[index], &inbox->messages[index + 1], (inbox->count - index) * sizeof(inbox->messages[0]));
}

void ringcast_play_inbox_add(struct play_inbox *inbox, struct play_message message, const void *bytes, size_t size)
{
	message.bytes = malloc(size + 1);
	message.size = size;
	if (inbox->count == PLAY_INBOX_MAX || !message.bytes) {
		inbox->lost_count++;
		if (!message.bytes)
			return;
		remove_at(inbox, 0);
	}
	if (size)
		memcpy(message.bytes, bytes, size);
	inbox->messages[inbox->count++] = message;
}

static bool has_bytes(const struct play_message *message, const struct play_step *step)
{
	if (!step->payload.bytes)
		return true;
	if (step->is_contained)
		return step->payload.size == 0 || (message->size > 0 && memmem(message->bytes, message->size, step->payload.bytes, step->payload.size));
	return message->size == step->payload.size && memcmp(message->bytes, step->payload.bytes, message->size) == 0;
}

static bool is_listed(const int32_t *members, size_t count, int32_t peer_id)
{
	for (size_t i = 0; i < count; i++)
		if (members[i] == peer_id)
			return true;
	return false;
}

/* The same peers, in whatever order; neither list names one twice unless it differs. */
static bool has_members(const struct play_message *message, const struct play_step *step)
{
	size_t count = message->size / sizeof(int32_t);
	if (message->group != step->group || count != step->member_count)
		return false;
	for (size_t i = 0; i < count; i++) {
		int32_t peer_id;
		memcpy(&peer_id, message->bytes + i * sizeof(peer_id), sizeof(peer_id));
		if (!is_listed(step->members, step->member_count, peer_id))
			return false;
	}
	return true;
}

static bool is_expected(const struct play_message *message, const struct play_step *step)
{
	if (step->kind == PLAY_EXPECT_MEMBERS)
		return message->is_membership && has_members(message, step);
	return !message->is_membership && message->opcode == step->opcode && (step->peer == 0 || step->peer == message->sender) &&
	       (!step->is_fast || message->is_fast) && has_bytes(message, step);
}

bool ringcast_play_inbox_take(struct play_inbox *inbox, const struct play_step *step)
{
	for (size_t i = 0; i < inbox->count; i++) {
		if (!is_expected(&inbox->messages[i], step))
			continue;
		remove_at(inbox, i);
		return true;
	}
	return false;
}

static void print_members(FILE *out, const struct play_message *message, int32_t peer_id)
{
	fprintf(out, message->group == RINGCAST_CLIENT_GROUP_ALL ? "members of all:" : "members of %d:", message->group);
	for (size_t at = 0; at + sizeof(int32_t) <= message->size; at += sizeof(int32_t)) {
		int32_t member;
		memcpy(&member, message->bytes + at, sizeof(member));
		fprintf(out, "%s %d%s", at ? "," : "", member, member == peer_id ? " (you)" : "");
	}
	if (message->size == 0)
		fprintf(out, " nobody");
}

void ringcast_play_message_print(FILE *out, const struct play_message *message, int32_t peer_id)
{
	char text[PAYLOAD_TEXT_BYTES(RINGCAST_CLIENT_PAYLOAD_BYTES_MAX)];
	if (message->is_membership) {
		print_members(out, message, peer_id);
		return;
	}
	ringcast_payload_text_format(message->bytes, message->size, text, sizeof(text));
	fprintf(out, "%d from ", message->opcode);
	if (message->sender == RINGCAST_CLIENT_PEER_SERVER)
		fprintf(out, "server");
	else
		fprintf(out, "%d%s", message->sender, message->sender == peer_id ? " (you)" : "");
	fprintf(out, " by %s: %s", message->is_fast ? "udp" : "tcp", text);
}

void ringcast_play_inbox_print(FILE *out, const struct play_inbox *inbox, int32_t peer_id)
{
	size_t first = inbox->count > SHOWN_MAX ? inbox->count - SHOWN_MAX : 0;
	if (inbox->count == 0)
		fprintf(out, "  nothing else came\n");
	for (size_t i = first; i < inbox->count; i++) {
		fprintf(out, "  there is: ");
		ringcast_play_message_print(out, &inbox->messages[i], peer_id);
		fputc('\n', out);
	}
	if (inbox->lost_count > 0)
		fprintf(out, "  %llu older ones were not kept\n", (unsigned long long)inbox->lost_count);
}
