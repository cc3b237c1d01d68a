/* The service from the configuration: what stands between config.h and service/service.h. */
#ifndef RINGCAST_CONTROL_SERVICE_H
#define RINGCAST_CONTROL_SERVICE_H

#include "control/config.h"
#include "service/service.h"

/* What a start would refuse of the service's keys, without starting anything. */
bool ringcast_control_service_check(const struct config *config, bool is_dev, struct config_error *reterr);
bool ringcast_control_service_is_on(const struct config *config);
struct control_service_options {
	ringcast_engine *engine;
	bool is_dev;
	struct audit_sink audit;
	const char *script;	      /* what dev mode's fleets run; NULL: nothing */
	const struct host_scripts *scripts; /* NULL: nothing can be pushed */
};

/* *ret_service NULL with true: service.address is off. */
bool ringcast_control_service_start(const struct config *config, const struct control_service_options *options, struct service **ret_service,
				    struct config_error *reterr);

/*
 * Keys, webhooks and certificate are read again, and how often keys may ask, what webhooks may queue and try, and the scaling hook. False: reterr says what
 * is wrong, and the keys stay as they were.
 */
bool ringcast_control_service_reload(const struct config *config, struct service *service, struct config_error *reterr);

void ringcast_control_service_print_doc(FILE *out); /* the reference of the API, as Markdown */

#endif
