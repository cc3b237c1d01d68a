/* Fleets of custom game servers: which ones they are, and whether what their hosts shall run can be run. */
#ifndef RINGCAST_SERVICE_OPERATIONS_RUNTIME_H
#define RINGCAST_SERVICE_OPERATIONS_RUNTIME_H

#include "service/operations/request.h"

/* A fleet whose sessions run in game servers of its owner: made with a build, or of computes that register. */
bool ringcast_fleet_is_custom(const json_t *fleet);
bool ringcast_fleet_has_build(const json_t *fleet);
/* What a fleet with a build runs; false: refused. configuration: NULL for none. */
bool ringcast_runtime_is_right(struct request *request, const json_t *configuration);
/* The path inside the build's folder: without "/local/game/", which is where the vendor puts builds. NULL: it would lead out of the folder. */
const char *ringcast_runtime_launch_path(const char *path);

#endif
