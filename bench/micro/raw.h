/* The cipher by itself, as each library has it: what sealing a record cannot be cheaper than. AES-128-GCM with the frame of a DTLS record.
 */
#ifndef RINGCAST_BENCH_MICRO_RAW_H
#define RINGCAST_BENCH_MICRO_RAW_H

#include <stddef.h>
#include <stdint.h>

/* Seals count times; NULL when not in this build. */
typedef void raw_seal_fn(size_t plain_bytes, uint64_t count);
void raw_seal_wolfssl(size_t plain_bytes, uint64_t count);
void raw_seal_openssl(size_t plain_bytes, uint64_t count);

#endif
