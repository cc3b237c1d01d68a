/* Listeners and UDP sockets: what is opened by address, and received from by one multishot request each. */
#include <errno.h>
#include <unistd.h>

#include "base/assert.h"
#include "io/io_uring_impl.h"
#include "io/steering.h"

#define DATAGRAM_HEADER_BYTES (sizeof(struct io_uring_recvmsg_out) + URING_NAME_BYTES + URING_CONTROL_BYTES)

static io_id id_of(const struct uring *u, const struct uring_endpoint *endpoint)
{
	return ringcast_handle_of(URING_ENDPOINT_BIT | (uint32_t)(endpoint - u->endpoints), endpoint->generation);
}

static uint64_t name_of(const struct uring *u, const struct uring_endpoint *endpoint)
{
	uint32_t slot = URING_ENDPOINT_BIT | (uint32_t)(endpoint - u->endpoints);
	return ringcast_uring_name(endpoint->is_listener ? URING_ACCEPT : URING_RECVMSG, slot, endpoint->generation);
}

static struct uring_endpoint *find(struct uring *u, uint32_t slot, uint32_t generation)
{
	uint32_t index = slot & ~URING_ENDPOINT_BIT;
	if (!(slot & URING_ENDPOINT_BIT) || index >= u->endpoint_count)
		return NULL;
	struct uring_endpoint *endpoint = &u->endpoints[index];
	return endpoint->is_used && endpoint->generation == generation ? endpoint : NULL;
}

struct uring_endpoint *ringcast_uring_endpoint_of(struct uring *u, io_id id)
{
	struct uring_endpoint *endpoint = find(u, ringcast_handle_index(id), ringcast_handle_generation(id));
	ringcast_assert(endpoint != NULL);
	return endpoint;
}

static void arm(struct uring *u, struct uring_endpoint *endpoint)
{
	struct io_uring_sqe *sqe = ringcast_uring_sqe(u);
	ringcast_assert(!endpoint->is_armed);
	if (endpoint->is_listener) {
		io_uring_prep_multishot_accept(sqe, endpoint->fd, NULL, NULL, SOCK_CLOEXEC);
	} else {
		io_uring_prep_recvmsg_multishot(sqe, endpoint->fd, &endpoint->message, 0);
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->buf_group = URING_GROUP_DATAGRAM;
	}
	sqe->user_data = name_of(u, endpoint);
	endpoint->is_armed = true;
	endpoint->resume_ns = 0;
}

static struct uring_endpoint *take_slot(struct uring *u)
{
	for (uint32_t i = 0; i < u->endpoint_count; i++)
		if (!u->endpoints[i].is_used)
			return &u->endpoints[i];
	return u->endpoint_count < URING_ENDPOINT_COUNT_MAX ? &u->endpoints[u->endpoint_count++] : NULL;
}

/* Takes fd. HANDLE_NONE, and fd closed, when there are too many. */
static io_id open_endpoint(struct uring *u, int fd, bool is_listener, bool is_v4, uint64_t user)
{
	struct uring_endpoint *endpoint = take_slot(u);
	if (endpoint == NULL) {
		close(fd);
		return HANDLE_NONE;
	}
	*endpoint = (struct uring_endpoint){
		.user = user,
		.fd = fd,
		.generation = ringcast_uring_next_generation(endpoint->generation),
		.message = {.msg_namelen = URING_NAME_BYTES, .msg_controllen = URING_CONTROL_BYTES},
		.is_used = true,
		.is_listener = is_listener,
		.is_v4 = is_v4,
	};
	arm(u, endpoint);
	return id_of(u, endpoint);
}

static void close_endpoint(struct uring_endpoint *endpoint)
{
	close(endpoint->fd);
	endpoint->is_used = false;
}

int ringcast_uring_listen(struct io *io, const struct address *address, bool is_v4, struct address *ret_bound, io_id *ret_id)
{
	struct uring *u = (struct uring *)io;
	int fd;
	int result = ringcast_socket_open_listener(address, is_v4, u->options.stream_send_buffer_bytes, ret_bound, &fd);
	if (result < 0)
		return result;
	*ret_id = open_endpoint(u, fd, true, is_v4, 0);
	return *ret_id == HANDLE_NONE ? -ENFILE : 0;
}

void ringcast_uring_listen_stop(struct io *io, io_id id)
{
	struct uring *u = (struct uring *)io;
	struct uring_endpoint *endpoint = ringcast_uring_endpoint_of(u, id);
	ringcast_assert(endpoint->is_listener);
	ringcast_assert(!endpoint->is_stopping);
	endpoint->is_stopping = true;
	if (endpoint->is_armed)
		ringcast_uring_cancel(u, name_of(u, endpoint));
	else
		close_endpoint(endpoint);
}

int ringcast_uring_udp_open(struct io *io, const struct address *address, bool is_v4, uint64_t user, struct address *ret_bound,
			    io_id *ret_id)
{
	struct uring *u = (struct uring *)io;
	int fd;
	ringcast_assert(u->groups[URING_GROUP_DATAGRAM].count > 0);
	int result = ringcast_steering_open_udp(&u->options, address, is_v4, user, ret_bound, &fd);
	if (result < 0)
		return result;
	*ret_id = open_endpoint(u, fd, false, is_v4, user);
	if (*ret_id == HANDLE_NONE)
		return -ENFILE;
	ringcast_uring_endpoint_of(u, *ret_id)->source = ringcast_egress_source_of(ret_bound);
	return 0;
}

static void resume_starved(struct uring *u)
{
	struct uring_group *group = &u->groups[URING_GROUP_DATAGRAM];
	ringcast_uring_group_adapt(group, u->now_ns);
	uint32_t count = ringcast_uring_group_available(group);
	for (; count > 0 && !ringcast_list_is_empty(&group->starved); count--) {
		struct uring_endpoint *endpoint = CONTAINER_OF(group->starved.next, struct uring_endpoint, node);
		ringcast_list_remove(&endpoint->node);
		arm(u, endpoint);
		u->stats.rearms++;
	}
}

static void resume_paused(struct uring *u)
{
	u->resume_ns = 0;
	for (uint32_t i = 0; i < u->endpoint_count; i++) {
		struct uring_endpoint *endpoint = &u->endpoints[i];
		if (!endpoint->is_used || endpoint->resume_ns == 0)
			continue;
		if (endpoint->resume_ns <= u->now_ns) {
			arm(u, endpoint);
			u->stats.rearms++;
		} else if (u->resume_ns == 0 || endpoint->resume_ns < u->resume_ns) {
			u->resume_ns = endpoint->resume_ns;
		}
	}
}

void ringcast_uring_endpoint_resume(struct uring *u)
{
	resume_starved(u);
	if (u->resume_ns != 0 && u->resume_ns <= u->now_ns)
		resume_paused(u);
}

static void pause_endpoint(struct uring *u, struct uring_endpoint *endpoint)
{
	endpoint->resume_ns = u->now_ns + URING_PAUSE_NS;
	if (u->resume_ns == 0 || endpoint->resume_ns < u->resume_ns)
		u->resume_ns = endpoint->resume_ns;
}

static void on_over(struct uring *u, struct uring_endpoint *endpoint, int32_t result)
{
	endpoint->is_armed = false;
	if (endpoint->is_stopping) {
		close_endpoint(endpoint);
	} else if (result == -ENOBUFS && !endpoint->is_listener) {
		ringcast_uring_group_starve(u, URING_GROUP_DATAGRAM);
		ringcast_list_add_tail(&u->groups[URING_GROUP_DATAGRAM].starved, &endpoint->node);
	} else if (ringcast_socket_is_transient(result)) {
		arm(u, endpoint);
		u->stats.rearms++;
	} else {
		pause_endpoint(u, endpoint);
	}
}

/* Takes fd. A multishot accept has one place for all peers' names, so each is asked for singly. */
static bool accept_stream(struct uring *u, const struct uring_endpoint *endpoint, int fd, struct io_event *event)
{
	struct address peer;
	io_id stream = HANDLE_NONE;
	if (ringcast_socket_get_peer(fd, &peer) == 0)
		stream = ringcast_uring_stream_open(u, fd);
	if (stream == HANDLE_NONE) { /* already reset by its peer, or one too many */
		u->stats.accept_errors++;
		close(fd);
		return false;
	}
	u->stats.accepts++;
	*event = (struct io_event){.kind = IO_EVENT_ACCEPT, .id = id_of(u, endpoint), .stream = stream, .address = peer};
	return true;
}

bool ringcast_uring_endpoint_on_accept(struct uring *u, const struct io_uring_cqe *cqe, struct io_event *event)
{
	struct uring_endpoint *endpoint = find(u, ringcast_uring_name_slot(cqe->user_data), ringcast_uring_name_generation(cqe->user_data));
	bool is_filled = false;
	ringcast_assert(endpoint != NULL);
	if (cqe->res >= 0)
		is_filled = accept_stream(u, endpoint, cqe->res, event);
	else if (cqe->res != -ECANCELED)
		u->stats.accept_errors++;
	if (!(cqe->flags & IORING_CQE_F_MORE))
		on_over(u, endpoint, cqe->res);
	return is_filled;
}

static io_local local_of(struct uring *u, uint8_t *control, const struct io_uring_recvmsg_out *out)
{
	struct msghdr message = {.msg_control = control, .msg_controllen = out->controllen};
	struct local local;
	if (out->controllen == 0)
		return 0;
	ringcast_socket_get_local(&message, &local);
	return ringcast_local_number(&u->locals, &local);
}

static void fill_datagram(struct uring *u, const struct uring_endpoint *endpoint, const struct io_uring_cqe *cqe, struct io_event *event)
{
	uint32_t index = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
	uint8_t *buffer = ringcast_uring_group_take(&u->groups[URING_GROUP_DATAGRAM], index);
	struct io_uring_recvmsg_out *out = (struct io_uring_recvmsg_out *)buffer;
	ringcast_assert((uint32_t)cqe->res >= DATAGRAM_HEADER_BYTES);
	*event = (struct io_event){
		.kind = IO_EVENT_DATAGRAM,
		.is_truncated = (out->flags & MSG_TRUNC) != 0,
		.id = id_of(u, endpoint),
		.user = endpoint->user,
		.data = buffer + DATAGRAM_HEADER_BYTES,
		.size = (uint32_t)cqe->res - (uint32_t)DATAGRAM_HEADER_BYTES,
		.buffer = index,
	};
	bool is_named = ringcast_socket_decode_address(buffer + sizeof(*out), out->namelen, &event->address);
	ringcast_assert(is_named); /* written by the kernel, not by the peer */
	event->local = local_of(u, buffer + sizeof(*out) + URING_NAME_BYTES, out);
	u->stats.datagrams_received++;
}

bool ringcast_uring_endpoint_on_recvmsg(struct uring *u, const struct io_uring_cqe *cqe, struct io_event *event)
{
	struct uring_endpoint *endpoint = find(u, ringcast_uring_name_slot(cqe->user_data), ringcast_uring_name_generation(cqe->user_data));
	bool is_filled = cqe->res > 0 && (cqe->flags & IORING_CQE_F_BUFFER);
	ringcast_assert(endpoint != NULL);
	if (is_filled)
		fill_datagram(u, endpoint, cqe, event);
	if (!(cqe->flags & IORING_CQE_F_MORE))
		on_over(u, endpoint, cqe->res);
	return is_filled;
}
