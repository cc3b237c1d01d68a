#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>

#include <stdlib.h>

#include "bench/micro/raw.h"

enum { KEY_BYTES = 16, FRAME_BYTES = 13, PLAIN_BYTES_MAX = 2048 };

void raw_seal_wolfssl(size_t plain_bytes, uint64_t count)
{
	static byte bytes[PLAIN_BYTES_MAX];
	byte key[KEY_BYTES] = {1}, nonce[GCM_NONCE_MID_SZ] = {0}, frame[FRAME_BYTES] = {0}, tag[WC_AES_BLOCK_SIZE];
	Aes aes;
	int result = wc_AesInit(&aes, NULL, INVALID_DEVID);
	if (result == 0)
		result = wc_AesGcmSetKey(&aes, key, KEY_BYTES);
	for (uint64_t index = 0; result == 0 && index < count; index++) {
		nonce[0]++;
		result = wc_AesGcmEncrypt(&aes, bytes, bytes, (word32)plain_bytes, nonce, sizeof(nonce), tag, sizeof(tag), frame,
					  sizeof(frame));
	}
	wc_AesFree(&aes);
	if (result != 0)
		abort();
}
