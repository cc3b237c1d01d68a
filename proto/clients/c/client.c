/* The public calls of the client library: checks, life cycle, the poll step. */
#include "proto/clients/c/client_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/sized.h"
#include "proto/gate.h"

const char *ringcast_client_error_text(int error)
{
	switch (error) {
	case RINGCAST_CLIENT_OK:
		return "no error";
	case RINGCAST_CLIENT_ERROR_ARGUMENT:
		return "an argument is missing or out of range";
	case RINGCAST_CLIENT_ERROR_MEMORY:
		return "out of memory";
	case RINGCAST_CLIENT_ERROR_STATE:
		return "not possible in this state";
	case RINGCAST_CLIENT_ERROR_FULL:
		return "the send queue is full";
	case RINGCAST_CLIENT_ERROR_SIZE:
		return "too many bytes";
	case RINGCAST_CLIENT_ERROR_RESOLVE:
		return "the host name cannot be resolved";
	case RINGCAST_CLIENT_ERROR_SYSTEM:
		return "a system call failed";
	case RINGCAST_CLIENT_ERROR_SECURITY:
		return "encryption cannot be set up";
	default:
		return "unknown error";
	}
}

static bool parse_local(const char *text, union client_address *ret_address)
{
	union client_address address = {.v6 = {.sin6_family = AF_INET6}};
	if (inet_pton(AF_INET6, text, &address.v6.sin6_addr) != 1) {
		address = (union client_address){.v4 = {.sin_family = AF_INET}};
		if (inet_pton(AF_INET, text, &address.v4.sin_addr) != 1)
			return false;
	}
	*ret_address = address;
	return true;
}

static uint32_t value_or(uint32_t value, uint32_t default_value)
{
	return value != 0 ? value : default_value;
}

static bool take_security(struct ringcast_client *client, const ringcast_client_options *options)
{
	if (!options->is_secure)
		return true;
	struct client_security *security = client->security = calloc(1, sizeof(*security));
	if (!security)
		return false;
	security->is_insecure = options->is_insecure;
	security->ca = options->ca ? strdup(options->ca) : NULL;
	security->host_name = options->host_name ? strdup(options->host_name) : NULL;
	return (!options->ca || security->ca) && (!options->host_name || security->host_name);
}

static void free_security(struct client_security *security)
{
	if (!security)
		return;
	free(security->ca);
	free(security->host_name);
	free(security);
}

static int take_options(struct ringcast_client *client, const ringcast_client_options *options)
{
	const ringcast_client_callbacks *callbacks = options->callbacks;
	if (callbacks && !ringcast_sized_copy(&client->callbacks, sizeof(client->callbacks), callbacks))
		return RINGCAST_CLIENT_ERROR_ARGUMENT;
	if (options->local_address && !parse_local(options->local_address, &client->local))
		return RINGCAST_CLIENT_ERROR_ARGUMENT;
	client->context = options->context;
	client->is_udp_off = options->is_udp_off;
	client->udp_local_port = options->udp_local_port;
	client->connect_timeout_ms = value_or(options->connect_timeout_ms, 10000);
	client->close_timeout_ms = value_or(options->close_timeout_ms, 2000);
	client->ping_interval_ms = value_or(options->ping_interval_ms, 5000);
	client->udp_keepalive_ms = value_or(options->udp_keepalive_ms, 15000);
	client->outq_bytes_max = value_or(options->outq_bytes_max, 262144);
	client->may_resume = options->may_resume;
	client->may_merge = options->may_merge;
	client->no_echo = options->no_echo;
	client->may_use_thread = options->may_use_thread;
	client->kept_bytes_max = value_or(options->kept_bytes_max, 65536);
	if (client->kept_bytes_max > client->outq_bytes_max / 2) /* it has to go out at once when the connection is there again */
		client->kept_bytes_max = client->outq_bytes_max / 2;
	client->path = strdup(options->path ? options->path : "/websocket");
	return client->path && take_security(client, options) ? RINGCAST_CLIENT_OK : RINGCAST_CLIENT_ERROR_MEMORY;
}

static void free_client(struct ringcast_client *client)
{
	ringcast_client_io_close(client);
	ringcast_client_addresses_forget(&client->addresses);
	ringcast_client_core_fini(&client->core);
	if (client->epoll_fd >= 0)
		close(client->epoll_fd);
	free(client->path);
	free(client->host);
	free_security(client->security);
	free(client);
}

int ringcast_client_create(const ringcast_client_options *options, ringcast_client **ret_client)
{
	ringcast_client_options own = RINGCAST_CLIENT_OPTIONS_INIT;
	if (!ret_client || (options && !ringcast_sized_copy(&own, sizeof(own), options)))
		return RINGCAST_CLIENT_ERROR_ARGUMENT;
	struct ringcast_client *client = calloc(1, sizeof(*client));
	if (!client)
		return RINGCAST_CLIENT_ERROR_MEMORY;
	client->tcp_fd = client->udp_fd = -1;
	client->core.phase = CLIENT_CORE_CLOSED;
	client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	int error = client->epoll_fd < 0 ? RINGCAST_CLIENT_ERROR_SYSTEM : take_options(client, &own);
	if (error != RINGCAST_CLIENT_OK) {
		int saved = errno;
		free_client(client);
		errno = saved;
		return error;
	}
	*ret_client = client;
	return RINGCAST_CLIENT_OK;
}

void ringcast_client_destroy(ringcast_client **client)
{
	if (!client || !*client)
		return;
	if ((*client)->is_polling)
		(*client)->is_destroyed = true; /* poll frees it on its way out */
	else
		free_client(*client);
	*client = NULL;
}

static uint64_t interval_ns(uint32_t ms)
{
	return ms == RINGCAST_CLIENT_NEVER ? 0 : ms * NS_PER_MS;
}

enum { HOST_AND_PORT_BYTES = 280 };

static bool format_host(const char *host, uint16_t port, char ret_text[HOST_AND_PORT_BYTES])
{
	bool is_v6_literal = strchr(host, ':') != NULL;
	int size = snprintf(ret_text, HOST_AND_PORT_BYTES, is_v6_literal ? "[%s]:%u" : "%s:%u", host, port);
	return size >= 0 && size < HOST_AND_PORT_BYTES;
}

static bool start_core(struct ringcast_client *client, const char *host, uint16_t port, struct view token, struct view payload)
{
	char host_and_port[HOST_AND_PORT_BYTES];
	uint64_t seed;
	if (!format_host(host, port, host_and_port) || getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return false;
	const struct client_core_options options = {
		.ops = &ringcast_client_io_ops,
		.host_and_port = host_and_port,
		.path = client->path,
		.token = token,
		.login_payload = payload,
		.is_udp_off = client->is_udp_off,
		.is_secure = client->security != NULL,
		.seed = seed,
		.connect_timeout_ns = client->connect_timeout_ms * NS_PER_MS,
		.close_timeout_ns = client->close_timeout_ms * NS_PER_MS,
		.ping_interval_ns = interval_ns(client->ping_interval_ms),
		.keepalive_interval_ns = interval_ns(client->udp_keepalive_ms),
		.may_resume = client->may_resume,
		.may_merge = client->may_merge,
		.no_echo = client->no_echo,
		.kept_bytes_max = client->kept_bytes_max,
	};
	return ringcast_client_core_start(&client->core, &options, ringcast_client_io_now_ns());
}

static bool start_security(struct ringcast_client *client, const char *host)
{
	struct client_security *security = client->security;
	if (!security)
		return true;
	const struct client_trust_options options = {
		.ca = security->ca,
		.host = security->host_name ? security->host_name : host,
		.is_insecure = security->is_insecure,
	};
	security->text[0] = '\0';
	if (!ringcast_client_trust_init(&security->trust, &options, security->text, sizeof(security->text)))
		return false;
	ringcast_client_secure_init(&security->secure, &ringcast_client_io_secure_ops, &client->core, &security->trust);
	return true;
}

static bool keep_host(struct ringcast_client *client, const char *host, uint16_t port)
{
	char *copy = strdup(host);
	free(client->host);
	client->host = copy;
	client->port = port;
	return copy != NULL;
}

/* What was there is closed, and the same server is asked again. Its name may stand for another address by now, but to find that out here would keep the game waiting. */
static void reconnect(struct ringcast_client *client, uint64_t now_ns)
{
	char host_and_port[HOST_AND_PORT_BYTES];
	ringcast_client_addresses_begin(&client->addresses);
	if (client->may_use_thread)
		ringcast_client_addresses_look_up(&client->addresses, client->host, client->port);
	bool is_ready = format_host(client->host, client->port, host_and_port) && start_security(client, client->host) &&
			ringcast_client_core_restart(&client->core, host_and_port, client->path, now_ns);
	if (is_ready && ringcast_client_io_connect_next(client))
		return;
	ringcast_client_core_fail_restart(&client->core, "there is no way to the server", now_ns);
	client->is_dropped = true;
}

static void serve_drop(struct ringcast_client *client, uint64_t now_ns)
{
	if (client->is_dropped)
		ringcast_client_io_close(client);
	client->is_dropped = false;
	if (ringcast_client_core_is_due(&client->core, now_ns))
		reconnect(client, now_ns);
}

static bool is_literal(const char *host)
{
	struct in_addr v4;
	return strchr(host, ':') || inet_pton(AF_INET, host, &v4) == 1;
}

/* A name is waited for here, or with may_use_thread in poll. */
static int find_addresses(struct ringcast_client *client, const char *host, uint16_t port)
{
	ringcast_client_addresses_forget(&client->addresses); /* what is still being looked up was for another connection, and perhaps another host */
	if (client->may_use_thread && !is_literal(host)) {
		bool is_begun = ringcast_client_addresses_look_up(&client->addresses, host, port) && ringcast_client_io_await_lookup(client);
		return is_begun ? RINGCAST_CLIENT_OK : RINGCAST_CLIENT_ERROR_SYSTEM;
	}
	if (!ringcast_client_addresses_resolve(&client->addresses, host, port))
		return RINGCAST_CLIENT_ERROR_RESOLVE;
	ringcast_client_addresses_begin(&client->addresses);
	return RINGCAST_CLIENT_OK;
}

static int start(struct ringcast_client *client, const char *host, uint16_t port, struct view token, struct view login_payload)
{
	if (client->may_resume && !keep_host(client, host, port))
		return RINGCAST_CLIENT_ERROR_MEMORY;
	if (!start_security(client, host))
		return RINGCAST_CLIENT_ERROR_SECURITY;
	if (!start_core(client, host, port, token, login_payload))
		return RINGCAST_CLIENT_ERROR_MEMORY;
	return client->is_looking_up || ringcast_client_io_connect_next(client) ? RINGCAST_CLIENT_OK : RINGCAST_CLIENT_ERROR_SYSTEM;
}

int ringcast_client_connect(ringcast_client *client, const char *host, uint16_t port, const char *token, const void *login_payload,
			    size_t login_payload_bytes)
{
	if (!client || !host || port == 0 || !token || (!login_payload && login_payload_bytes > 0))
		return RINGCAST_CLIENT_ERROR_ARGUMENT;
	if (client->is_active || client->is_destroyed)
		return RINGCAST_CLIENT_ERROR_STATE;
	if (strlen(token) > PROTO_LOGIN_TOKEN_BYTES_MAX || login_payload_bytes > PROTO_PAYLOAD_RELIABLE_BYTES_MAX)
		return RINGCAST_CLIENT_ERROR_SIZE;
	int error = find_addresses(client, host, port);
	if (error == RINGCAST_CLIENT_OK)
		error = start(client, host, port, ringcast_view_of(token, strlen(token)), ringcast_view_of(login_payload, login_payload_bytes));
	if (error != RINGCAST_CLIENT_OK) {
		int saved = errno;
		ringcast_client_core_fini(&client->core);
		ringcast_client_io_close(client);
		ringcast_client_addresses_forget(&client->addresses);
		errno = saved;
		return error;
	}
	client->is_active = true;
	client->is_ended = client->is_dropped = client->is_resuming = false;
	return RINGCAST_CLIENT_OK;
}

int ringcast_client_disconnect(ringcast_client *client)
{
	if (!client)
		return RINGCAST_CLIENT_ERROR_ARGUMENT;
	if (!client->is_active || client->is_ended)
		return RINGCAST_CLIENT_ERROR_STATE;
	ringcast_client_core_close(&client->core, 1000, ringcast_client_io_now_ns());
	return RINGCAST_CLIENT_OK;
}

int ringcast_client_fd(const ringcast_client *client)
{
	return client ? client->epoll_fd : RINGCAST_CLIENT_ERROR_ARGUMENT;
}

int ringcast_client_timeout_ms(const ringcast_client *client)
{
	if (!client || !client->is_active)
		return -1;
	uint64_t deadline_ns = ringcast_client_core_deadline_ns(&client->core), now_ns = ringcast_client_io_now_ns();
	if (client->security && client->core.phase != CLIENT_CORE_DROPPED && ringcast_client_secure_deadline_ns(&client->security->secure) < deadline_ns)
		deadline_ns = ringcast_client_secure_deadline_ns(&client->security->secure);
	if (client->is_ended || deadline_ns <= now_ns)
		return 0;
	if (deadline_ns == CLIENT_CORE_NEVER)
		return -1;
	uint64_t ms = (deadline_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
	return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

/* Everything is let go before the callback, so that it may connect again. */
static void report_end(struct ringcast_client *client)
{
	char reason[CLIENT_REASON_BYTES];
	memcpy(reason, client->end_reason, sizeof(reason));
	if (client->security)
		ringcast_client_secure_describe(&client->security->secure, client->security->text, sizeof(client->security->text));
	ringcast_client_io_close(client);
	ringcast_client_addresses_forget(&client->addresses);
	ringcast_client_core_fini(&client->core);
	client->is_active = client->is_ended = client->is_dropped = client->is_resuming = false;
	if (client->callbacks.disconnected && !client->is_destroyed)
		client->callbacks.disconnected(client->context, client, client->end_code, reason);
}

static int wait_events(struct ringcast_client *client, int timeout_ms, struct epoll_event events[2])
{
	int due_ms = ringcast_client_timeout_ms(client);
	if (due_ms >= 0 && (timeout_ms < 0 || due_ms < timeout_ms))
		timeout_ms = due_ms;
	int count = epoll_wait(client->epoll_fd, events, 2, timeout_ms);
	return count < 0 && errno == EINTR ? 0 : count;
}

static void serve(struct ringcast_client *client, const struct epoll_event *events, int count)
{
	uint64_t now_ns = ringcast_client_io_now_ns();
	for (int i = 0; i < count; i++) {
		if (ringcast_client_is_over(client))
			break;
		if (events[i].data.u32 == CLIENT_IO_LOOKUP)
			ringcast_client_io_serve_lookup(client, now_ns);
		else if (events[i].data.u32 == CLIENT_IO_TCP)
			ringcast_client_io_serve_tcp(client, events[i].events, now_ns);
		else
			ringcast_client_io_serve_udp(client, now_ns);
	}
	if (!ringcast_client_is_over(client))
		ringcast_client_core_tick(&client->core, now_ns);
	if (client->security && !ringcast_client_is_over(client) && client->core.phase != CLIENT_CORE_DROPPED)
		ringcast_client_secure_tick(&client->security->secure, now_ns);
	if (!client->is_ended && !client->is_destroyed)
		serve_drop(client, now_ns);
	if (client->is_ended)
		report_end(client);
	ringcast_client_core_flush(&client->core); /* what the callbacks have sent */
}

int ringcast_client_poll(ringcast_client *client, int timeout_ms)
{
	struct epoll_event events[2];
	if (!client)
		return RINGCAST_CLIENT_ERROR_ARGUMENT;
	if (!client->is_active || client->is_polling)
		return RINGCAST_CLIENT_ERROR_STATE;
	ringcast_client_core_flush(&client->core);
	int count = wait_events(client, timeout_ms, events);
	if (count < 0)
		return RINGCAST_CLIENT_ERROR_SYSTEM;
	client->is_polling = true;
	serve(client, events, count);
	client->is_polling = false;
	if (!client->is_destroyed)
		return count;
	free_client(client);
	return RINGCAST_CLIENT_ERROR_STATE;
}

static int error_of(enum client_core_send_result result)
{
	switch (result) {
	case CLIENT_CORE_SENT_FAST:
	case CLIENT_CORE_SENT_RELIABLE:
		return RINGCAST_CLIENT_OK;
	case CLIENT_CORE_SEND_CLOSED:
		return RINGCAST_CLIENT_ERROR_STATE;
	case CLIENT_CORE_SEND_SIZE:
		return RINGCAST_CLIENT_ERROR_SIZE;
	case CLIENT_CORE_SEND_FULL:
		break;
	}
	return RINGCAST_CLIENT_ERROR_FULL;
}

int ringcast_client_send(ringcast_client *client, int32_t opcode, int32_t target_player, int32_t target_group,
			 ringcast_client_intent intent, const void *payload, size_t payload_bytes)
{
	if (!client || (!payload && payload_bytes > 0) || !ringcast_gate_is_game(opcode) || (target_player == 0 && target_group == 0))
		return RINGCAST_CLIENT_ERROR_ARGUMENT;
	if (!client->is_active)
		return RINGCAST_CLIENT_ERROR_STATE;
	const struct client_core_message message = {
		.opcode = opcode,
		.target_player = target_player,
		.target_group = target_group,
		.is_fast_wanted = intent == RINGCAST_CLIENT_FAST,
		.payload = ringcast_view_of(payload, payload_bytes),
	};
	return error_of(ringcast_client_core_send(&client->core, &message));
}

int ringcast_client_flush(ringcast_client *client)
{
	if (!client)
		return RINGCAST_CLIENT_ERROR_ARGUMENT;
	if (!client->is_active)
		return RINGCAST_CLIENT_ERROR_STATE;
	ringcast_client_core_flush(&client->core);
	return RINGCAST_CLIENT_OK;
}

static int send_group(ringcast_client *client, enum opcode opcode, int32_t group)
{
	if (!client || (group <= 0 && !(group == RINGCAST_CLIENT_GROUP_ALL && opcode == OPCODE_REQUEST_GROUP_MEMBERSHIP)))
		return RINGCAST_CLIENT_ERROR_ARGUMENT;
	if (!client->is_active)
		return RINGCAST_CLIENT_ERROR_STATE;
	return error_of(ringcast_client_core_send_group(&client->core, opcode, group));
}

int ringcast_client_join(ringcast_client *client, int32_t group)
{
	return send_group(client, OPCODE_JOIN_GROUP, group);
}

int ringcast_client_leave(ringcast_client *client, int32_t group)
{
	return send_group(client, OPCODE_LEAVE_GROUP, group);
}

int ringcast_client_request_membership(ringcast_client *client, int32_t group)
{
	return send_group(client, OPCODE_REQUEST_GROUP_MEMBERSHIP, group);
}

int ringcast_client_ping(ringcast_client *client)
{
	if (!client)
		return RINGCAST_CLIENT_ERROR_ARGUMENT;
	return ringcast_client_core_ping(&client->core, ringcast_client_io_now_ns()) ? RINGCAST_CLIENT_OK : RINGCAST_CLIENT_ERROR_STATE;
}

int ringcast_client_describe_security(const ringcast_client *client, char *ret_text, size_t text_bytes)
{
	if (!client || !ret_text || text_bytes == 0)
		return RINGCAST_CLIENT_ERROR_ARGUMENT;
	if (client->security && client->is_active && !client->is_ended)
		ringcast_client_secure_describe(&client->security->secure, ret_text, text_bytes);
	else
		snprintf(ret_text, text_bytes, "%s", client->security ? client->security->text : "");
	return RINGCAST_CLIENT_OK;
}

static ringcast_client_state state_of(const struct ringcast_client *client)
{
	if (!client->is_active)
		return RINGCAST_CLIENT_IDLE;
	if (ringcast_client_core_is_resuming(&client->core))
		return RINGCAST_CLIENT_RESUMING;
	switch (client->core.phase) {
	case CLIENT_CORE_OPEN:
		return RINGCAST_CLIENT_CONNECTED;
	case CLIENT_CORE_CLOSING:
	case CLIENT_CORE_CLOSED:
		return RINGCAST_CLIENT_CLOSING;
	default:
		return RINGCAST_CLIENT_CONNECTING;
	}
}

int ringcast_client_read_stats(const ringcast_client *client, ringcast_client_stats *ret_stats)
{
	if (!client || !ret_stats || ret_stats->size < sizeof(size_t))
		return RINGCAST_CLIENT_ERROR_ARGUMENT;
	const struct client_core_counters *counters = &client->core.counters;
	const struct client_core_resume *resume = client->core.resume;
	const ringcast_client_stats stats = {
		.size = ret_stats->size < sizeof(stats) ? ret_stats->size : sizeof(stats),
		.state = state_of(client),
		.udp = (ringcast_client_udp)client->core.fast,
		.peer_id = client->core.peer_id,
		.rtt_ns = client->core.rtt_ns,
		.rtt_smoothed_ns = client->core.rtt_smoothed_ns,
		.messages_sent_fast = counters->messages_sent_fast,
		.messages_sent_reliable = counters->messages_sent_reliable,
		.messages_received_fast = counters->messages_received_fast,
		.messages_received_reliable = counters->messages_received_reliable,
		.bytes_sent = counters->bytes_sent,
		.bytes_received = counters->bytes_received,
		.fast_fallback = counters->fast_fallback,
		.datagrams_stale = counters->datagrams_stale,
		.datagrams_malformed = counters->datagrams_malformed,
		.datagrams_unsent = counters->datagrams_unsent,
		.outq_bytes = client->outq_bytes - client->outq_offset,
		.pongs_unsent = counters->pongs_unsent,
		.datagrams_jumped = counters->datagrams_jumped,
		.resumes = resume ? resume->resumes : 0,
		.gaps = resume ? resume->gaps : 0,
		.messages_resent = resume ? resume->resent : 0,
		.kept_bytes = resume ? (uint32_t)(resume->kept_bytes - resume->kept_offset) : 0,
		.datagrams_merged = counters->datagrams_merged,
	};
	memcpy(ret_stats, &stats, stats.size);
	return RINGCAST_CLIENT_OK;
}
