/* Session tickets sealed with keys from the shared secret: any shard opens what another gave out, and nobody keeps a table. */
#include "crypto/backend_wolfssl.h"

#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/hmac.h>

#include "crypto/random.h"

/*
 * The iv has room behind the nonce for the ticket's generation: how many resumptions lie between it and its full handshake. TLS 1.3 of the
 * library counts tickets in one byte along that line and fails the handshake when the byte is used up; a full handshake now and then begins
 * a new line.
 */
enum {
	TICKET_NONCE_BYTES = GCM_NONCE_MID_SZ,
	TICKET_GENERATION_OFFSET = TICKET_NONCE_BYTES,
	TICKET_GENERATION_MAX = 200,
	TICKET_TAG_BYTES = WC_AES_BLOCK_SIZE,
	TICKET_FRAME_BYTES = WOLFSSL_TICKET_NAME_SZ + WOLFSSL_TICKET_IV_SZ,
	TICKET_LIFE_S = 2 * 60 * 60,
};

/* The label tells the things apart that are made of one secret. */
static bool derive(const uint8_t *secret, const char *label, uint8_t ret_digest[WC_SHA256_DIGEST_SIZE])
{
	Hmac hmac;
	if (wc_HmacInit(&hmac, NULL, INVALID_DEVID) != 0)
		return false;
	bool is_derived = wc_HmacSetKey(&hmac, WC_SHA256, secret, CRYPTO_TICKET_SECRET_BYTES) == 0 &&
			  wc_HmacUpdate(&hmac, (const byte *)label, (word32)strlen(label)) == 0 && wc_HmacFinal(&hmac, ret_digest) == 0;
	wc_HmacFree(&hmac);
	return is_derived;
}

/* In place; name and iv are authenticated with it. */
static bool apply_key(const struct wolfssl_context *context, const byte *iv, byte *mac, bool is_sealing, byte *ticket, word32 size)
{
	Aes aes;
	byte frame[TICKET_FRAME_BYTES];
	memcpy(frame, context->ticket_name, WOLFSSL_TICKET_NAME_SZ);
	memcpy(frame + WOLFSSL_TICKET_NAME_SZ, iv, WOLFSSL_TICKET_IV_SZ);
	if (wc_AesInit(&aes, NULL, INVALID_DEVID) != 0)
		return false;
	int result = wc_AesGcmSetKey(&aes, context->ticket_key, WOLFSSL_TICKET_KEY_BYTES);
	if (result == 0 && is_sealing)
		result = wc_AesGcmEncrypt(&aes, ticket, ticket, size, iv, TICKET_NONCE_BYTES, mac, TICKET_TAG_BYTES, frame,
					  TICKET_FRAME_BYTES);
	else if (result == 0)
		result = wc_AesGcmDecrypt(&aes, ticket, ticket, size, iv, TICKET_NONCE_BYTES, mac, TICKET_TAG_BYTES, frame,
					  TICKET_FRAME_BYTES);
	wc_AesFree(&aes);
	return result == 0;
}

/* A ticket that cannot be opened only means a full handshake. */
static int on_ticket(WOLFSSL *ssl, unsigned char name[WOLFSSL_TICKET_NAME_SZ], unsigned char iv[WOLFSSL_TICKET_IV_SZ],
		     unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int is_sealing, unsigned char *ticket, int size, int *ret_size, void *user)
{
	const struct wolfssl_context *context = user;
	struct wolfssl_session *session = wolfSSL_GetIOReadCtx(ssl);
	if (is_sealing) {
		memcpy(name, context->ticket_name, WOLFSSL_TICKET_NAME_SZ);
		memset(mac, 0, WOLFSSL_TICKET_MAC_SZ);
		ringcast_random_fill(iv, WOLFSSL_TICKET_IV_SZ);
		iv[TICKET_GENERATION_OFFSET] = session->ticket_generation;
	} else if (memcmp(name, context->ticket_name, WOLFSSL_TICKET_NAME_SZ) != 0 ||
		   iv[TICKET_GENERATION_OFFSET] >= TICKET_GENERATION_MAX) {
		return WOLFSSL_TICKET_RET_REJECT;
	}
	*ret_size = size;
	if (size < 0 || !apply_key(context, iv, mac, is_sealing != 0, ticket, (word32)size))
		return WOLFSSL_TICKET_RET_REJECT;
	if (!is_sealing)
		session->ticket_generation = (uint8_t)(iv[TICKET_GENERATION_OFFSET] + 1);
	return WOLFSSL_TICKET_RET_OK;
}

bool ringcast_wolfssl_use_tickets(struct wolfssl_context *context, const uint8_t *secret)
{
	uint8_t name[WC_SHA256_DIGEST_SIZE];
	if (!derive(secret, "ringcast ticket name", name) || !derive(secret, "ringcast ticket key", context->ticket_key))
		return false;
	memcpy(context->ticket_name, name, sizeof(context->ticket_name));
	return wolfSSL_CTX_set_TicketEncCb(context->ctx, on_ticket) == WOLFSSL_SUCCESS &&
	       wolfSSL_CTX_set_TicketEncCtx(context->ctx, context) == WOLFSSL_SUCCESS &&
	       wolfSSL_CTX_set_TicketHint(context->ctx, TICKET_LIFE_S) == WOLFSSL_SUCCESS;
}
