/*
 * Custom game servers as a host: a thread that owns the core, the connections of the Server SDK, and the agent that runs processes here.
 *
 * Made before the service's loop, since the loop tells it what is configured; started after the endpoint is known; stopped before the HTTP
 * servers, whose connections it borrows.
 */
#ifndef RINGCAST_SERVICE_HOSTS_SERVER_SDK_SERVER_SDK_H
#define RINGCAST_SERVICE_HOSTS_SERVER_SDK_SERVER_SDK_H

#include "service/agent/agent.h"
#include "service/hosts/server_sdk/core.h"

enum { HOST_SDK_PROBLEM_BYTES = 320 };

struct host_sdk;

struct host_sdk_options {
	/* texts are borrowed and outlive the host */
	const char *ip_address, *dns_name, *compute_name;
	const char *endpoint; /* filled in before start */
	const char *builds;   /* the folder of builds; NULL: none */
	const char *servers;  /* the folder for state and output of game servers; NULL: one that goes when the host stops */
	uint16_t port_first;  /* handed to game servers */
	uint32_t port_count;
	bool keeps_processes; /* they go on when this host stops, for the next one to take up */
	int64_t token_lifetime_s, health_timeout_ms, terminate_timeout_ms;
	uint32_t processes_max;
	uint64_t output_bytes_max; /* of a process */
	struct agent_limits limits;
	struct agent_user user; /* of game servers; only root can set one */
	uint64_t build_bytes_max; /* of an archive, unpacked */
	uint32_t build_entries_max;
	/* outside */
	int64_t (*now_ms)(void);
	bool (*random)(void *out, size_t size);
	/* the host's thread */
	void (*give_back)(void *context, struct host_call *call);
	void (*tell)(void *context, const struct host_event *event);
	bool (*ask)(void *context, struct host_question *question); /* false: it is not taken */
	void *context;
};

/* NULL: out of memory, or the folders cannot be made; problem says which. */
struct host_sdk *ringcast_host_sdk_create(const struct host_sdk_options *options, char problem[HOST_SDK_PROBLEM_BYTES]);
struct host *ringcast_host_sdk_base(struct host_sdk *sdk);
bool ringcast_host_sdk_start(struct host_sdk *sdk, const struct compute_token_secret *secret); /* once; false: no thread, or no memory */
/*
 * Connections are closed, and those that still come are closed at once. Calls that wait are given back as FAILED. All questions have been answered.
 * Accepts NULL.
 */
void ringcast_host_sdk_stop(struct host_sdk *sdk);
void ringcast_host_sdk_destroy(struct host_sdk **sdk); /* after stop */

/* [any thread] */
void ringcast_host_sdk_count(const struct host_sdk *sdk, struct sdk_counts *ret_counts);
/* [any thread, from start on] Fills in when the token expires. False: the token is not for these, or is over. */
bool ringcast_host_sdk_check(struct host_sdk *sdk, struct sdk_login *login, const char *token);
/* [any thread] A socket that speaks WebSocket from here on; release gives it back. False: none is taken any more; release was not called. */
struct sdk_socket {
	int fd;
	const void *first; /* what came behind the upgrade */
	size_t first_bytes;
	void (*release)(void *context);
	void *context;
};
bool ringcast_host_sdk_connect(struct host_sdk *sdk, const struct sdk_login *login, const struct sdk_socket *socket);

#endif
