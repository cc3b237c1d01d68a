/* The BIO between OpenSSL and a session's memory. It keeps datagrams apart, which the library's own memory BIO does not. */
#include "crypto/backend_openssl.h"

static BIO_METHOD *method;

static int bio_read(BIO *bio, char *out, int capacity)
{
	struct openssl_session *session = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	size_t size = ringcast_crypto_take(&session->base, out, capacity > 0 ? (size_t)capacity : 0);
	if (size == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	return (int)size;
}

static int bio_write(BIO *bio, const char *bytes, int size)
{
	struct openssl_session *session = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	return ringcast_crypto_give(&session->base, bytes, (size_t)size) ? size : -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	return command == BIO_CTRL_FLUSH;
}

bool ringcast_openssl_bio_init(void)
{
	int type = BIO_get_new_index();
	method = type < 0 ? NULL : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "ringcast");
	return method != NULL && BIO_meth_set_read(method, bio_read) == 1 && BIO_meth_set_write(method, bio_write) == 1 &&
	       BIO_meth_set_ctrl(method, bio_ctrl) == 1;
}

BIO *ringcast_openssl_bio(struct openssl_session *session)
{
	BIO *bio = BIO_new(method);
	if (bio != NULL) {
		BIO_set_data(bio, session);
		BIO_set_init(bio, 1);
	}
	return bio;
}
