/* The webhooks of the service: a file of lines "form url secret", form being sns or cloudevents. Lines that begin with # are notes. */
#ifndef RINGCAST_CONTROL_SERVICE_WEBHOOKS_H
#define RINGCAST_CONTROL_SERVICE_WEBHOOKS_H

#include "control/config.h"
#include "service/service.h"

struct service_webhooks {
	struct webhook hooks[WEBHOOKS_MAX];
	size_t count;
};

/* None where service.webhooks is not set. False: reterr names file and line, and never shows a secret. Wipe what was read after use. */
bool ringcast_service_webhooks_load(const struct config *config, struct service_webhooks *ret_webhooks, struct config_error *reterr);

#endif
