/* The access keys of the service: a file of lines "role id secret", role being reader, backend or operator. Lines that begin with # are notes. */
#ifndef RINGCAST_CONTROL_SERVICE_KEYS_H
#define RINGCAST_CONTROL_SERVICE_KEYS_H

#include "control/config.h"

struct service;

/* service NULL: only checks; else they are its keys from now on, and no others. True where service.keys is not set. False: reterr names file and line, and never shows a secret. */
bool ringcast_service_keys_load(const struct config *config, struct service *service, struct config_error *reterr);

#endif
