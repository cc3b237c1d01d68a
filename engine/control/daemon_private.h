/* The daemon's own, between daemon.c (its life) and daemon_host.c (what HTTP may ask of it). */
#ifndef RINGCAST_CONTROL_DAEMON_PRIVATE_H
#define RINGCAST_CONTROL_DAEMON_PRIVATE_H

#include <pthread.h>

#include "control/audit.h"
#include "control/daemon.h"
#include "control/dev_script.h"
#include "control/dev_session.h"
#include "control/http_clients.h"
#include "control/http_server.h"
#include "control/script_store.h"
#include "control/service.h"
#include "control/service_scripts.h"

struct daemon {
	const struct flags *flags;
	char *const *environment;
	struct logs *logs;
	ringcast_engine *engine;
	struct http *http, *health; /* of admin.address and admin.health_address; NULL: off */
	struct audit *audit;        /* what was changed by either, and by the service */
	struct http_cuts cuts;      /* of both */
	struct service *service;    /* NULL: off */
	pthread_rwlock_t service_lock; /* shards read service, the main thread changes it */
	struct script_store *scripts; /* NULL: nothing can be pushed */
	struct service_scripts service_scripts; /* the same for the service */
	struct dev_script dev_script;
	struct dev_session demo; /* dev mode */
	pthread_mutex_t mutex; /* guards config and reloads */
	struct config config;
	int signal_fd;
	int wake_fd;                  /* the HTTP thread asked for a stop */
	int stopped_fd;               /* the engine has stopped */
	_Atomic bool is_stop_asked, is_resume_asked; /* by HTTP */
	bool is_stopping, is_stopped; /* main thread only: a drain that ends in a stop; leave the loop now */
	uint64_t drain_deadline_ns, drain_turn_ns; /* drain_turn_ns: when it was last looked at */
	uint64_t notified_ns;
	uint64_t certificate_look_ns, tickets_renewed_ns;
};

/* daemon_host.c */
struct http_host ringcast_daemon_host(struct daemon *daemon); /* what the HTTP servers are given; lives no longer than the daemon */
/* A new reference: what has changed; NULL with reterr: the configuration stays. Any thread. */
json_t *ringcast_daemon_reload(struct daemon *daemon, struct config_error *reterr);
void ringcast_daemon_config(struct daemon *daemon, struct config *ret_config); /* a copy of the running one; any thread */

#endif
