/* A real session and its model, driven with the same events and compared after each. Real players are found by slot, through transport. */
#ifndef TESTS_UNIT_SESSION_TWIN_H
#define TESTS_UNIT_SESSION_TWIN_H

#include "model.h"

struct slot {
	int index;
	struct player *player; /* NULL: not there */
};

struct twin {
	struct world world;
	struct session *session;
	struct model model;
	struct effects real;
	struct slot slots[MODEL_SLOTS];
};

void twin_start(struct twin *twin, const struct world_options *options);
void twin_stop(struct twin *twin);
/* A fresh session and model; limits from the world's. */
void twin_open(struct twin *twin, uint32_t players_max, bool is_late_allowed);
void twin_close(struct twin *twin);                      /* ends the session, on both sides, and collects */

/* Each does one event on both and compares answer and effects. */
void twin_arrive(struct twin *twin, int slot); /* with any answer to its login, also none yet */
void twin_depart(struct twin *twin, int slot);
void twin_join(struct twin *twin, int slot, int32_t group);
void twin_leave(struct twin *twin, int slot, int32_t group);
void twin_request(struct twin *twin, int slot, int32_t group);
void twin_send(struct twin *twin, int slot, int32_t opcode, int32_t target_slot, int32_t target_group, bool is_reliable);

void twin_answer(struct twin *twin, uint64_t ticket, enum verdict verdict); /* also one that nothing waits for */
void twin_wait_ms(struct twin *twin, uint64_t ms);
uint64_t twin_ticket(const struct twin *twin, int slot); /* what the slot's line waits for; 0: nothing */

int32_t twin_peer(const struct twin *twin, int32_t slot); /* as it goes on the wire */
int32_t twin_slot(const struct twin *twin, int32_t peer_id);
/* For scripts: notes a hook's call, an answer that comes later, and gives the command to the session and, if it was taken, to the model. */
struct model_call *twin_note_call(struct twin *twin, const struct hook_call *call);
void twin_note_later(struct twin *twin, struct model_call *call);
void twin_command(struct twin *twin, struct model_call *call, const struct model_command *command);

#endif
