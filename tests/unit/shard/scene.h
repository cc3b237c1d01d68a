/* A client in each place that a packet can arrive at, on a stage: the state of what it speaks through, step by step up to there. */
#ifndef RINGCAST_TESTS_UNIT_SHARD_SCENE_H
#define RINGCAST_TESTS_UNIT_SHARD_SCENE_H

#include "proto/gate.h"
#include "stage.h"

enum { SCENE_GROUP = 3 };

struct scene {
	struct stage stage;
	struct client client;
	struct fast fast;
	enum gate_place place;
};

/* Those that have a meaning, and others. */
extern const int32_t scene_opcodes[];
extern const size_t scene_opcode_count;

void scene_enter(struct scene *scene); /* its place is set, the rest zeroed */
/* With the command that its op code has, or to all with a payload. */
struct packet scene_packet(const struct scene *scene, int32_t opcode, struct view payload);
void scene_send(struct scene *scene, const struct packet *packet); /* where the place is */

static inline bool scene_is_stream(enum gate_place place) { return place <= GATE_STREAM_JOINED; }
static inline bool scene_is_association(enum gate_place place) { return place >= GATE_ASSOCIATION_HANDSHAKE; }

#endif
