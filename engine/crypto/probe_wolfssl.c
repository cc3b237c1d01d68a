/* What the wolfSSL at hand can do, found out rather than assumed. */
#include "crypto/backend_wolfssl.h"

#include <stdio.h>
#include <time.h>

#include <wolfssl/version.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>
#include <wolfssl/wolfcrypt/cryptocb.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "crypto/random.h"
#include "crypto/selftest.h"

/* What a game sends most: a small record with the DTLS header as its authenticated frame. */
enum { SAMPLE_BYTES = 128, SAMPLE_FRAME_BYTES = 13, SAMPLES_PER_LOOK = 16, MEASURE_NS = 500000, KEY_128_BYTES = 16 };

static const char aes_first[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
				"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305";
static const char chacha_first[] = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
				   "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384";

static struct crypto_features features;
static const char *default_ciphers = aes_first;

/* The library's own generator hashes for every record it seals in TLS 1.2 and throws the result away; ours is a copy from a pool. */
static int serve_random(int device, wc_CryptoInfo *info, void *context)
{
	if (info->algo_type == WC_ALGO_TYPE_RNG)
		ringcast_random_fill(info->rng.out, info->rng.sz);
	else if (info->algo_type == WC_ALGO_TYPE_SEED)
		ringcast_random_fill(info->seed.seed, info->seed.sz);
	else
		return WC_NO_ERR_TRACE(CRYPTOCB_UNAVAILABLE);
	return 0;
}

struct sample {
	uint8_t key[CHACHA20_POLY1305_AEAD_KEYSIZE], nonce[GCM_NONCE_MID_SZ], frame[SAMPLE_FRAME_BYTES], bytes[SAMPLE_BYTES],
		tag[WC_AES_BLOCK_SIZE];
	Aes aes;
};

static bool seal_with_aes(struct sample *sample)
{
	return wc_AesGcmEncrypt(&sample->aes, sample->bytes, sample->bytes, SAMPLE_BYTES, sample->nonce, sizeof(sample->nonce), sample->tag,
				sizeof(sample->tag), sample->frame, SAMPLE_FRAME_BYTES) == 0;
}

static bool seal_with_chacha(struct sample *sample)
{
	return wc_ChaCha20Poly1305_Encrypt(sample->key, sample->nonce, sample->frame, SAMPLE_FRAME_BYTES, sample->bytes, SAMPLE_BYTES,
					   sample->bytes, sample->tag) == 0;
}

/* The processor's own count, as this decides an order and nothing that must be repeatable; a wrong one costs time, not safety. */
static uint64_t count_seals(struct sample *sample, bool (*seal)(struct sample *sample))
{
	clock_t until = clock() + (clock_t)((uint64_t)MEASURE_NS * CLOCKS_PER_SEC / 1000000000u);
	uint64_t count = 0;
	do {
		for (int index = 0; index < SAMPLES_PER_LOOK; index++)
			if (!seal(sample))
				return 0;
		count += SAMPLES_PER_LOOK;
	} while (clock() < until);
	return count;
}

/* Both are as safe. Which is faster depends on how the library was built as much as on the processor. False: one of them does not work at
 * all. */
static bool measure_ciphers(void)
{
	struct sample sample = {.key = {1}};
	if (wc_AesInit(&sample.aes, NULL, INVALID_DEVID) != 0)
		return false;
	uint64_t aes_count = 0, chacha_count = 0;
	if (wc_AesGcmSetKey(&sample.aes, sample.key, KEY_128_BYTES) == 0) {
		aes_count = count_seals(&sample, seal_with_aes);
		chacha_count = count_seals(&sample, seal_with_chacha);
	}
	wc_AesFree(&sample.aes);
	default_ciphers = chacha_count > aes_count ? chacha_first : aes_first;
	return aes_count > 0 && chacha_count > 0;
}

const char *ringcast_wolfssl_default_ciphers(void)
{
	return default_ciphers;
}

static bool has_aes_instructions(void)
{
#if defined(WOLFSSL_AESNI) && defined(__x86_64__)
	return __builtin_cpu_supports("aes");
#elif defined(WOLFSSL_ARMASM) && !defined(WOLFSSL_ARMASM_NO_HW_CRYPTO)
	return true;
#else
	return false;
#endif
}

void ringcast_wolfssl_features(struct crypto_features *ret_features)
{
	*ret_features = features;
}

bool ringcast_wolfssl_global_init(char *reterr, size_t reterr_bytes)
{
	if (wolfSSL_Init() != WOLFSSL_SUCCESS || wc_CryptoCb_RegisterDevice(WOLFSSL_RANDOM_DEVICE, serve_random, NULL) != 0)
		return ringcast_crypto_complain(reterr, reterr_bytes, "wolfSSL does not start");
	if (!measure_ciphers())
		return ringcast_crypto_complain(reterr, reterr_bytes, "wolfSSL: AES-GCM or ChaCha20-Poly1305 does not work");
	static char name[64];
	snprintf(name, sizeof(name), "wolfSSL %s", wolfSSL_lib_version());
	features = (struct crypto_features){.library = name, .has_tls = true, .has_tls13 = true, .has_aes_ni = has_aes_instructions()};
	features.has_dtls = ringcast_crypto_selftest_dtls(&ringcast_crypto_wolfssl, features.refused_dtls, sizeof(features.refused_dtls));
	return true;
}
