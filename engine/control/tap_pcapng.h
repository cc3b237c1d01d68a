/*
 * A tapped message as a block of a pcapng file that Wireshark shows with our dissector (tools/wireshark): an exported PDU for the dissector "ringcast", with what became
 * of the message as the packet's comment. Pure.
 */
#ifndef RINGCAST_CONTROL_TAP_PCAPNG_H
#define RINGCAST_CONTROL_TAP_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#include "ringcast/ringcast.h"

enum { TAP_PCAPNG_BLOCK_BYTES = 512 }; /* of a block, besides the payload */

/* What a file begins with. Returns its bytes. */
size_t ringcast_tap_pcapng_head(uint8_t out[TAP_PCAPNG_BLOCK_BYTES]);
/* at_ns: since 1970. out: TAP_PCAPNG_BLOCK_BYTES and the payload. Returns the bytes of the block. */
size_t ringcast_tap_pcapng_packet(const ringcast_tapped *tapped, uint64_t at_ns, uint8_t *out);

#endif
