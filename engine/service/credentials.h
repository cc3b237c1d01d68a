/*
 * The certificate of the endpoint, which may be exchanged while it serves: handshakes from then on have the new one. The HTTP library's callback
 * brings no context, so there is one set of credentials in a process. Any thread.
 */
#ifndef RINGCAST_SERVICE_CREDENTIALS_H
#define RINGCAST_SERVICE_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

/* PEM: the certificate with its chain behind it, and its key. False: problem says why not, and the old ones stay. The same ones again change nothing. */
bool ringcast_credentials_set(const char *certificate, const char *key, char *problem, size_t problem_bytes);
void *ringcast_credentials_callback(void); /* for MHD_OPTION_HTTPS_CERT_CALLBACK */
void ringcast_credentials_forget(void);	   /* nobody serves any more */

#endif
