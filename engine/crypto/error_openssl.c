/* What the library has to say about a failure. */
#include <openssl/err.h>

#include "crypto/backend_openssl.h"

const char *ringcast_openssl_reason(void)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
	ERR_clear_error();
	return reason != NULL ? reason : "unknown reason";
}
