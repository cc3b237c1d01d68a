#include <openssl/evp.h>

#include <stdbool.h>
#include <stdlib.h>

#include "bench/micro/raw.h"

enum { KEY_BYTES = 16, NONCE_BYTES = 12, FRAME_BYTES = 13, TAG_BYTES = 16, PLAIN_BYTES_MAX = 2048 };

static bool seal(EVP_CIPHER_CTX *aes, const unsigned char *nonce, unsigned char *bytes, int size)
{
	static const unsigned char frame[FRAME_BYTES];
	unsigned char tag[TAG_BYTES];
	int done;
	return EVP_EncryptInit_ex(aes, NULL, NULL, NULL, nonce) == 1 && EVP_EncryptUpdate(aes, NULL, &done, frame, FRAME_BYTES) == 1 &&
	       EVP_EncryptUpdate(aes, bytes, &done, bytes, size) == 1 && EVP_EncryptFinal_ex(aes, bytes + size, &done) == 1 &&
	       EVP_CIPHER_CTX_ctrl(aes, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, tag) == 1;
}

void raw_seal_openssl(size_t plain_bytes, uint64_t count)
{
	static unsigned char bytes[PLAIN_BYTES_MAX];
	unsigned char key[KEY_BYTES] = {1}, nonce[NONCE_BYTES] = {0};
	EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();
	bool is_good = aes != NULL && EVP_EncryptInit_ex(aes, EVP_aes_128_gcm(), NULL, key, nonce) == 1;
	for (uint64_t index = 0; is_good && index < count; index++) {
		nonce[0]++;
		is_good = seal(aes, nonce, bytes, (int)plain_bytes);
	}
	EVP_CIPHER_CTX_free(aes);
	if (!is_good)
		abort();
}
