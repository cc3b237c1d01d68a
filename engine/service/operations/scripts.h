/* Which version of a script sessions run. */
#ifndef RINGCAST_SERVICE_OPERATIONS_SCRIPTS_H
#define RINGCAST_SERVICE_OPERATIONS_SCRIPTS_H

#include "service/operations/request.h"

enum { SCRIPT_REFERENCE_BYTES = 160 };

/*
 * "name@version" for a new session of the fleet; fleet NULL: one of dev mode's. "": it runs no script. False: refused (request NULL: nobody is told), because the
 * fleet's script is not there.
 */
bool ringcast_script_of_fleet(const struct model *model, struct request *request, const json_t *fleet, char ret_script[SCRIPT_REFERENCE_BYTES]);
/* After a start: asks the hosts to have the versions that the records name. */
void ringcast_scripts_select(struct model *model);

#endif
