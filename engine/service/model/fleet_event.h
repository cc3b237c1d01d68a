/*
 * What happened to fleets, for DescribeFleetEvents: records of their own, so that they survive with the fleets, of each fleet the newest ones.
 * Filed as "fleet/moment", so that they lie in the order in which they happened.
 */
#ifndef RINGCAST_SERVICE_MODEL_FLEET_EVENT_H
#define RINGCAST_SERVICE_MODEL_FLEET_EVENT_H

#include "base/attr.h"
#include "service/model/model.h"

enum { FLEET_EVENT_MESSAGE_BYTES = 512 };

/*
 * code: of the API's EventCode. The same code and message as the newest one's counts that up. Events of fleets
 * that have no record (in dev mode) are not kept. What memory was short for is counted.
 */
void ringcast_fleet_event_note(struct model *model, const char *fleet_id, const char *code, const char *format, ...) PRINTF_LIKE(4, 5);
/* The same for every fleet that runs the script. */
void ringcast_fleet_event_note_script(struct model *model, const char *script_id, const char *code, const char *text);
void ringcast_fleet_events_remove(struct model *model, const char *fleet_id);
bool ringcast_fleet_event_is_of(const struct record *event, const char *fleet_id);

#endif
