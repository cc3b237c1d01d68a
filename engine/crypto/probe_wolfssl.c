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

static struct crypto_features features;

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

const char *ringcast_wolfssl_default_ciphers(void)
{
	return "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
	       "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305";
}

void ringcast_wolfssl_features(struct crypto_features *ret_features)
{
	*ret_features = features;
}

bool ringcast_wolfssl_global_init(char *reterr, size_t reterr_bytes)
{
	if (wolfSSL_Init() != WOLFSSL_SUCCESS || wc_CryptoCb_RegisterDevice(WOLFSSL_RANDOM_DEVICE, serve_random, NULL) != 0)
		return ringcast_crypto_complain(reterr, reterr_bytes, "wolfSSL does not start");
	features = (struct crypto_features){.library = "wolfSSL " LIBWOLFSSL_VERSION_STRING, .has_tls = true, .has_tls13 = true, .has_dtls = true};
	return true;
}
