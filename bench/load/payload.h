/*
 * What a generated message carries, so that its receiver can prove where it belongs, that it is whole, and how long it took.
 * Little endian, PAYLOAD_BYTES_MIN bytes, then filling; the checksum covers everything else, filling included.
 */
#ifndef RINGCAST_BENCH_LOAD_PAYLOAD_H
#define RINGCAST_BENCH_LOAD_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAYLOAD_BYTES_MIN = 32, PAYLOAD_BYTES_MAX = 4096 };

enum payload_target { PAYLOAD_TO_ALL = 0, PAYLOAD_TO_GROUP, PAYLOAD_TO_PLAYER, PAYLOAD_TARGET_COUNT };

struct payload {
	uint32_t run;         /* drawn once per run: a stranger's message is told from ours */
	uint32_t session;     /* index */
	uint16_t sender;      /* index in the session */
	uint8_t target;       /* enum payload_target */
	uint8_t is_reliable;  /* as wanted by the sender */
	uint32_t sequence;    /* per sender, target kind and intent; for TO_PLAYER per receiver too */
	uint64_t intended_ns; /* when the schedule wanted it sent */
	uint32_t receiver;    /* TO_PLAYER: index in the session; TO_GROUP: the group; else 0 */
};

void ringcast_payload_encode(const struct payload *payload, uint8_t *out, size_t size);
/* False: too short or damaged. */
bool ringcast_payload_decode(const uint8_t *bytes, size_t size, struct payload *ret_payload);

#endif
