/* The first bytes of a stream where both kinds are served: whether they are TLS, and what becomes of those that are not but should be. */
#include "shard/shard_private.h"

/* A person or a probe that speaks HTTP gets an answer that it understands; others get the end of the stream. */
static bool refuse_plaintext(struct shard *shard, struct conn *conn, uint8_t first)
{
	enum { ANSWER_BYTES = 512 };
	char answer[ANSWER_BYTES];
	ringcast_shard_drop(shard, DROP_PLAINTEXT, 1);
	ringcast_event_address(shard, EVENT_TLS_FAILED, &conn->address, DROP_PLAINTEXT);
	conn->is_told = true;
	if (first == 'G')
		ringcast_shard_send_bytes(shard, conn, ringcast_view_of(answer, ringcast_http_upgrade_encode_refusal(400, answer)));
	ringcast_shard_conn_close(shard, conn, CLOSE_TLS, NULL);
	return false;
}

/* The first byte has come. False: the connection is closing. */
bool ringcast_shard_tell_apart(struct shard *shard, struct conn *conn, uint8_t first)
{
	if (first == SECURE_STREAM_FIRST_BYTE)
		return ringcast_shard_secure_begin(shard, conn);
	conn->is_secure = false;
	ringcast_conn_enter(conn, CONN_OPENING);
	return shard->options.security != SHARD_SECURE_REQUIRED || refuse_plaintext(shard, conn, first);
}
