/* What the service counts, under the names that /metrics shows: those of the API's own metrics in snake case where there are such. */
#ifndef RINGCAST_SERVICE_METRICS_H
#define RINGCAST_SERVICE_METRICS_H

#include "ringcast/ringcast.h"
#include "service/http.h"
#include "service/events/webhooks.h"
#include "service/hosts/server_sdk/server_sdk.h"
#include "service/request_counts.h"
#include "service/scaling_hook.h"

struct service_metrics {
	struct throttle *throttle;
	struct store *store;
	struct loop *loop;
	struct service_http *http;
	struct session_logs *logs; /* NULL: none are kept */
	struct webhooks *webhooks;
	struct host_sdk *sdk;
	struct request_counts *counts;
	struct scaling_hook *hook; /* NULL: there is none */
	const json_t *watched;	   /* operations/watch.h; NULL: the loop stops, and nothing of it is shown */
};

void ringcast_service_metrics_tell(const struct service_metrics *metrics, ringcast_metric_fn *each, void *context);

#endif
