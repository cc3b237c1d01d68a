/*
 * What a session begins with and is too long for one frame: it follows its OPEN in pieces, out of the text where it lies, as far as there is room. Pieces use
 * half of the queue, so that who plays elsewhere, and who comes meanwhile, has the other half. They are outside the session's window: events that came
 * meanwhile fill it until the script starts, and it starts after the last piece.
 */
#include "base/assert.h"
#include "scripting/sidecar/sidecar_impl.h"

enum { PIECE_HEAD_BYTES = SIDECAR_FRAME_HEAD_BYTES + 12 };

static struct view text_of(const struct tenant *tenant, enum sidecar_piece piece)
{
	const char *const texts[SIDECAR_PIECE_COUNT] = {
		[SIDECAR_PIECE_PROPERTIES] = ringcast_session_get_properties(tenant->session),
		[SIDECAR_PIECE_MATCHMAKER_DATA] = ringcast_session_get_matchmaker_data(tenant->session),
		[SIDECAR_PIECE_ARGUMENTS] = tenant->program->host->arguments,
	};
	return ringcast_view_of(texts[piece], strlen(texts[piece]));
}

/* The first text from piece on that is long; SIDECAR_PIECE_COUNT: there is none. */
static enum sidecar_piece long_from(const struct tenant *tenant, unsigned piece, struct view *ret_text)
{
	for (; piece < SIDECAR_PIECE_COUNT; piece++) {
		*ret_text = text_of(tenant, (enum sidecar_piece)piece);
		if (ret_text->size > SIDECAR_PIECE_BYTES_MAX)
			break;
	}
	return (enum sidecar_piece)piece;
}

struct view ringcast_pieces_short(const struct tenant *tenant, enum sidecar_piece piece)
{
	struct view text = text_of(tenant, piece);
	return text.size <= SIDECAR_PIECE_BYTES_MAX ? text : ringcast_view_of(NULL, 0);
}

void ringcast_pieces_begin(struct tenant *tenant)
{
	tenant->piece = (uint8_t)long_from(tenant, 0, &tenant->piece_text);
	tenant->piece_offset = 0;
	tenant->state = TENANT_STARTING;
	if (tenant->piece == SIDECAR_PIECE_COUNT)
		return;
	tenant->state = TENANT_OPENING;
	ringcast_list_add_tail(&tenant->channel->opening, &tenant->opening);
}

void ringcast_pieces_stop(struct tenant *tenant)
{
	if (ringcast_list_has(&tenant->opening))
		ringcast_list_remove(&tenant->opening);
}

/* Bytes of text in the next piece. Either all of them fit or none are sent, so that sessions which take turns get the same. */
static size_t piece_bytes(const struct tenant *tenant, size_t half_bytes)
{
	size_t size = tenant->piece_text.size < SIDECAR_PIECE_BYTES_MAX ? tenant->piece_text.size : SIDECAR_PIECE_BYTES_MAX;
	size_t size_max = half_bytes > PIECE_HEAD_BYTES ? half_bytes - PIECE_HEAD_BYTES : 0;
	return size < size_max ? size : size_max;
}

/* Where it goes on behind this many bytes. */
static void advance(struct tenant *tenant, size_t size, enum sidecar_piece next, struct view next_text)
{
	tenant->piece_text = ringcast_view_of(tenant->piece_text.data + size, tenant->piece_text.size - size);
	tenant->piece_offset += (uint32_t)size;
	if (tenant->piece_text.size > 0)
		return;
	tenant->piece = (uint8_t)next;
	tenant->piece_text = next_text;
	tenant->piece_offset = 0;
	if (next != SIDECAR_PIECE_COUNT)
		return;
	tenant->state = TENANT_STARTING;
	ringcast_pieces_stop(tenant);
}

/* False: no room. */
static bool push_one(struct tenant *tenant)
{
	struct sidecar_host *host = tenant->program->host;
	size_t half_bytes = host->environment->limits->outgoing_bytes_max / 2;
	size_t left = tenant->piece_text.size, size = piece_bytes(tenant, half_bytes);
	struct view next_text = {0};
	enum sidecar_piece next = size == left ? long_from(tenant, tenant->piece + 1, &next_text) : (enum sidecar_piece)tenant->piece;
	struct sidecar_frame frame = {
		.kind = SIDECAR_FRAME_PIECE,
		.flags = next != SIDECAR_PIECE_COUNT ? SIDECAR_FLAG_MORE : 0,
		.session = tenant->number,
		.numbers = {tenant->piece, tenant->piece_offset + left, tenant->piece_offset},
		.texts = {ringcast_view_of(tenant->piece_text.data, size)},
	};
	ringcast_assert(left > 0);
	if (size == 0 || !ringcast_channel_push(host, tenant->channel, &frame, half_bytes))
		return false;
	advance(tenant, size, next, next_text);
	return true;
}

static void move_to_end(struct channel *channel, struct tenant *tenant)
{
	ringcast_list_remove(&tenant->opening);
	ringcast_list_add_tail(&channel->opening, &tenant->opening);
}

void ringcast_pieces_pump(struct channel *channel)
{
	while (channel->state == CHANNEL_READY && !ringcast_list_is_empty(&channel->opening)) {
		struct tenant *tenant = CONTAINER_OF(channel->opening.next, struct tenant, opening);
		if (!push_one(tenant))
			break;
		if (ringcast_list_has(&tenant->opening))
			move_to_end(channel, tenant);
	}
}
