/*
 * TCP streams: one multishot recv and at most one send with the kernel at any time.
 *
 * A second send on a socket that is full would interleave with the first, hence one. MSG_WAITALL makes the kernel park a send until all of
 * it is in the socket buffer, so a short completion only comes with an error or a cancel; the rest is sent again to learn which.
 *
 * A send is first tried quietly: it must not park, and posts a completion only if not all of it fitted. So when the submit has returned
 * and no completion speaks of it, it is over, which costs neither a completion nor a wake-up. What did not fit is sent again, to park.
 */
#include <errno.h>
#include <unistd.h>

#include "base/assert.h"
#include "io/io_uring_impl.h"

#define SEND_FLAGS (MSG_WAITALL | MSG_NOSIGNAL)
#define LAST_FLAGS MSG_MORE /* held back for a moment: the FIN that comes next goes with it, which is one packet and its acknowledgement less */

static uint32_t slot_of(const struct uring *u, const struct uring_stream *stream)
{
	return (uint32_t)(stream - u->streams);
}

static io_id id_of(const struct uring *u, const struct uring_stream *stream)
{
	return ringcast_handle_of(slot_of(u, stream), stream->generation);
}

static uint64_t name_of(const struct uring *u, const struct uring_stream *stream, enum uring_operation operation)
{
	return ringcast_uring_name(operation, slot_of(u, stream), stream->generation);
}

/* NULL when the id has gone stale. */
static struct uring_stream *find(struct uring *u, uint32_t slot, uint32_t generation)
{
	if (slot >= u->stream_touched_count)
		return NULL;
	struct uring_stream *stream = &u->streams[slot];
	return stream->is_used && stream->generation == generation ? stream : NULL;
}

/* For calls of the engine: an id it may still use. */
static struct uring_stream *stream_of(struct uring *u, io_id id)
{
	struct uring_stream *stream = find(u, ringcast_handle_index(id), ringcast_handle_generation(id));
	ringcast_assert(stream != NULL);
	ringcast_assert(!stream->is_closing);
	ringcast_assert(!stream->is_detaching);
	return stream;
}

static void arm_recv(struct uring *u, struct uring_stream *stream)
{
	struct io_uring_sqe *sqe = ringcast_uring_sqe(u);
	ringcast_assert(!stream->is_recv_armed);
	io_uring_prep_recv_multishot(sqe, stream->fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->buf_group = URING_GROUP_STREAM;
	sqe->user_data = name_of(u, stream, URING_RECV);
	stream->is_recv_armed = true;
}

static void starve(struct uring *u, struct uring_stream *stream)
{
	ringcast_list_add_tail(&u->groups[URING_GROUP_STREAM].starved, &stream->node);
}

void ringcast_uring_stream_resume_starved(struct uring *u)
{
	struct uring_group *group = &u->groups[URING_GROUP_STREAM];
	ringcast_uring_group_adapt(group, u->now_ns);
	uint32_t count = ringcast_uring_group_available(group);
	for (; count > 0 && !ringcast_list_is_empty(&group->starved); count--) {
		struct uring_stream *stream = CONTAINER_OF(group->starved.next, struct uring_stream, node);
		ringcast_list_remove(&stream->node);
		arm_recv(u, stream);
		u->stats.rearms++;
	}
}

static uint32_t take_slot(struct uring *u)
{
	uint32_t slot = u->stream_free;
	if (slot != URING_NONE)
		u->stream_free = u->streams[slot].next_free;
	else if (u->stream_touched_count < u->options.stream_count_max)
		slot = u->stream_touched_count++;
	return slot;
}

io_id ringcast_uring_stream_open(struct uring *u, int fd)
{
	uint32_t slot = take_slot(u);
	if (slot == URING_NONE)
		return HANDLE_NONE;
	struct uring_stream *stream = &u->streams[slot];
	uint32_t generation = ringcast_uring_next_generation(stream->generation);
	*stream = (struct uring_stream){.fd = fd, .generation = generation, .vector = URING_NONE, .is_used = true};
	return id_of(u, stream);
}

/* Closing or detaching ends when the kernel holds nothing of the stream any more. */
static void finish_if_idle(struct uring *u, struct uring_stream *stream)
{
	if (!(stream->is_closing || stream->is_detaching) || stream->is_recv_armed || stream->is_send_armed)
		return;
	ringcast_assert(!ringcast_list_has(&stream->node));
	if (stream->is_closing)
		close(stream->fd);
	ringcast_list_add_tail(&u->done, &stream->node);
}

void ringcast_uring_stream_finish(struct uring *u, struct uring_stream *stream, struct io_event *event)
{
	ringcast_list_remove(&stream->node);
	*event = (struct io_event){
		.kind = stream->is_closing ? IO_EVENT_CLOSED : IO_EVENT_DETACHED,
		.result = stream->is_closing ? 0 : stream->fd,
		.id = id_of(u, stream),
		.user = stream->user,
	};
	stream->is_used = false;
	stream->next_free = u->stream_free;
	u->stream_free = slot_of(u, stream);
}

void ringcast_uring_stream_start(struct io *io, io_id id, uint64_t user)
{
	struct uring *u = (struct uring *)io;
	struct uring_stream *stream = stream_of(u, id);
	ringcast_assert(u->groups[URING_GROUP_STREAM].count > 0);
	stream->user = user;
	if (stream->is_started)
		return;
	stream->is_started = true;
	arm_recv(u, stream);
}

int ringcast_uring_stream_adopt(struct io *io, int fd, io_id *ret_id)
{
	struct uring *u = (struct uring *)io;
	int result = ringcast_socket_set_blocking(fd, true);
	io_id id = result < 0 ? HANDLE_NONE : ringcast_uring_stream_open(u, fd);
	if (id == HANDLE_NONE) {
		close(fd);
		return result < 0 ? result : -ENFILE;
	}
	*ret_id = id;
	return 0;
}

static void stop_recv(struct uring *u, struct uring_stream *stream)
{
	if (ringcast_list_has(&stream->node))
		ringcast_list_remove(&stream->node); /* starved */
	if (stream->is_recv_armed)
		ringcast_uring_cancel(u, name_of(u, stream, URING_RECV));
}

void ringcast_uring_stream_pause(struct io *io, io_id id)
{
	struct uring *u = (struct uring *)io;
	struct uring_stream *stream = stream_of(u, id);
	ringcast_assert(stream->is_started && !stream->is_paused);
	stream->is_paused = true;
	stop_recv(u, stream);
}

/* Where the recv's last completion is still to come, that arms it again. */
void ringcast_uring_stream_resume(struct io *io, io_id id)
{
	struct uring *u = (struct uring *)io;
	struct uring_stream *stream = stream_of(u, id);
	ringcast_assert(stream->is_paused);
	stream->is_paused = false;
	if (!stream->is_recv_armed && !stream->is_ended)
		arm_recv(u, stream);
}

void ringcast_uring_stream_detach(struct io *io, io_id id)
{
	struct uring *u = (struct uring *)io;
	struct uring_stream *stream = stream_of(u, id);
	ringcast_assert(!stream->is_send_armed && !stream->is_paused);
	stop_recv(u, stream);
	stream->is_detaching = true;
	finish_if_idle(u, stream);
}

static void close_stream(struct uring *u, struct uring_stream *stream)
{
	stop_recv(u, stream);
	if (stream->is_send_quiet)
		u->is_sent_wanted = true;
	else if (stream->is_send_armed)
		ringcast_uring_cancel(u, name_of(u, stream, URING_SEND));
	stream->is_closing = true;
	finish_if_idle(u, stream);
}

void ringcast_uring_stream_close(struct io *io, io_id id)
{
	struct uring_stream *stream = stream_of((struct uring *)io, id);
	ringcast_socket_bound_close(stream->fd);
	close_stream((struct uring *)io, stream);
}

void ringcast_uring_stream_abort(struct io *io, io_id id)
{
	struct uring_stream *stream = stream_of((struct uring *)io, id);
	ringcast_socket_abort_at_close(stream->fd);
	close_stream((struct uring *)io, stream);
}

/* Fails only when the peer is already gone, which END tells. */
static void shut_down(struct uring_stream *stream)
{
	stream->is_shutdown_wanted = false;
	shutdown(stream->fd, SHUT_WR);
}

void ringcast_uring_stream_last(struct io *io, io_id id)
{
	stream_of((struct uring *)io, id)->is_last = true;
}

void ringcast_uring_stream_shutdown(struct io *io, io_id id)
{
	struct uring *u = (struct uring *)io;
	struct uring_stream *stream = stream_of(u, id);
	u->is_sent_wanted |= stream->is_send_quiet;
	if (stream->is_send_armed)
		stream->is_shutdown_wanted = true;
	else
		shut_down(stream);
}

static uint32_t take_vector(struct uring *u)
{
	uint32_t index = u->vector_free;
	if (index != URING_NONE)
		u->vector_free = u->vectors[index].next_free;
	else
		index = u->vector_touched_count++;
	ringcast_assert(index < u->options.stream_count_max); /* one send per stream */
	return index;
}

static void give_vector(struct uring *u, struct uring_stream *stream)
{
	if (stream->vector == URING_NONE)
		return;
	u->vectors[stream->vector].next_free = u->vector_free;
	u->vector_free = stream->vector;
	stream->vector = URING_NONE;
}

static struct io_uring_sqe *arm_send(struct uring *u, struct uring_stream *stream, int flags)
{
	struct io_uring_sqe *sqe = ringcast_uring_sqe(u);
	if (stream->vector == URING_NONE)
		io_uring_prep_send(sqe, stream->fd, stream->send_data, stream->send_left_bytes, flags);
	else
		io_uring_prep_sendmsg(sqe, stream->fd, &u->vectors[stream->vector].message, (unsigned)flags);
	sqe->user_data = name_of(u, stream, URING_SEND);
	stream->is_send_armed = true;
	return sqe;
}

static void arm_quiet_send(struct uring *u, struct uring_stream *stream)
{
	struct io_uring_sqe *sqe = arm_send(u, stream, SEND_FLAGS | MSG_DONTWAIT | (stream->is_last ? LAST_FLAGS : 0));
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	stream->is_send_quiet = true;
	u->quiet[u->quiet_count++] = slot_of(u, stream);
}

static void copy_iov(struct uring *u, struct uring_stream *stream, const struct iovec *iov, unsigned iov_count)
{
	stream->vector = take_vector(u);
	struct uring_vector *vector = &u->vectors[stream->vector];
	memcpy(vector->iov, iov, iov_count * sizeof(*iov));
	vector->message = (struct msghdr){.msg_iov = vector->iov, .msg_iovlen = iov_count};
}

void ringcast_uring_stream_send(struct io *io, io_id id, const struct iovec *iov, unsigned iov_count)
{
	struct uring *u = (struct uring *)io;
	struct uring_stream *stream = stream_of(u, id);
	uint64_t bytes = 0;
	ringcast_assert(!stream->is_send_armed);
	ringcast_assert(iov_count > 0 && iov_count <= IO_IOV_MAX);
	for (unsigned i = 0; i < iov_count; i++)
		bytes += iov[i].iov_len;
	ringcast_assert(bytes > 0 && bytes <= INT32_MAX); /* SENT reports it as a result */
	stream->send_bytes = stream->send_left_bytes = (uint32_t)bytes;
	stream->send_data = iov[0].iov_base;
	if (iov_count > 1)
		copy_iov(u, stream, iov, iov_count);
	if (u->can_be_quiet && u->quiet_count < u->options.stream_count_max)
		arm_quiet_send(u, stream);
	else
		arm_send(u, stream, SEND_FLAGS);
}

static void advance_message(struct msghdr *message, size_t bytes)
{
	while (bytes > 0 && bytes >= message->msg_iov->iov_len) {
		bytes -= message->msg_iov->iov_len;
		message->msg_iov++;
		message->msg_iovlen--;
	}
	if (bytes > 0) {
		message->msg_iov->iov_base = (uint8_t *)message->msg_iov->iov_base + bytes;
		message->msg_iov->iov_len -= bytes;
	}
}

static void advance_send(struct uring *u, struct uring_stream *stream, uint32_t bytes)
{
	ringcast_assert(bytes <= stream->send_left_bytes);
	stream->send_left_bytes -= bytes;
	stream->send_data += bytes;
	if (stream->vector != URING_NONE)
		advance_message(&u->vectors[stream->vector].message, bytes);
}

/* The result of a send that is over: all of its bytes, or why not. */
static int32_t send_result(const struct uring_stream *stream, int32_t last_result)
{
	if (stream->send_left_bytes == 0)
		return (int32_t)stream->send_bytes;
	if (last_result < 0)
		return last_result;
	return stream->is_closing ? -ECANCELED : -EIO;
}

/* What is true of every send that is over; after its result was taken. */
static void end_send(struct uring *u, struct uring_stream *stream)
{
	stream->is_send_armed = stream->is_send_quiet = false;
	if (stream->send_left_bytes == 0) {
		u->stats.stream_sends++;
		u->stats.stream_send_bytes += stream->send_bytes;
	}
	give_vector(u, stream);
	if (stream->is_shutdown_wanted)
		shut_down(stream);
	finish_if_idle(u, stream);
}

bool ringcast_uring_stream_on_send(struct uring *u, const struct io_uring_cqe *cqe, struct io_event *event)
{
	struct uring_stream *stream = find(u, ringcast_uring_name_slot(cqe->user_data), ringcast_uring_name_generation(cqe->user_data));
	if (stream == NULL)
		return false;
	bool is_full = stream->is_send_quiet && cqe->res == -EAGAIN;
	int32_t result = is_full ? 0 : cqe->res;
	stream->is_send_armed = stream->is_send_quiet = false;
	if (result > 0)
		advance_send(u, stream, (uint32_t)result);
	if ((is_full || result > 0) && stream->send_left_bytes > 0 && !stream->is_closing) {
		arm_send(u, stream, SEND_FLAGS);
		return false;
	}
	*event = (struct io_event){
		.kind = IO_EVENT_SENT, .result = send_result(stream, result), .id = id_of(u, stream), .user = stream->user};
	end_send(u, stream);
	return true;
}

bool ringcast_uring_stream_tell_quiet(struct uring *u, struct io_event *event)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < u->quiet_count; i++) {
		struct uring_stream *stream = &u->streams[u->quiet[i]];
		if (i + 4 < u->quiet_count)
			__builtin_prefetch(&u->streams[u->quiet[i + 4]]);
		if (!stream->is_send_quiet)
			continue; /* it did not fit, or failed: told, or to be told, by itself */
		u->sents[count++] =
			(struct io_sent){.user = stream->user, .id = id_of(u, stream), .result = (int32_t)stream->send_bytes};
		stream->send_left_bytes = 0;
		end_send(u, stream);
	}
	u->quiet_count = 0;
	*event = (struct io_event){.kind = IO_EVENT_SENTS, .sents = u->sents, .size = count};
	return count > 0;
}

/* Takes the completion's buffer; returns whether it became a RECV. */
static bool take_data(struct uring *u, struct uring_stream *stream, const struct io_uring_cqe *cqe, struct io_event *event)
{
	struct uring_group *group = &u->groups[URING_GROUP_STREAM];
	uint32_t index = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
	if (!(cqe->flags & IORING_CQE_F_BUFFER))
		return false;
	uint8_t *data = ringcast_uring_group_take(group, index);
	if (stream == NULL || stream->is_closing || cqe->res <= 0) {
		ringcast_uring_group_give(group, index);
		return false;
	}
	*event = (struct io_event){
		.kind = IO_EVENT_RECV,
		.id = id_of(u, stream),
		.user = stream->user,
		.data = data,
		.size = (uint32_t)cqe->res,
		.buffer = index,
	};
	u->stats.stream_recvs++;
	return true;
}

static bool end_reading(struct uring *u, struct uring_stream *stream, int32_t result, struct io_event *event)
{
	stream->is_ended = true;
	*event = (struct io_event){.kind = IO_EVENT_END, .result = result, .id = id_of(u, stream), .user = stream->user};
	return true;
}

/* The recv is over. Go on reading, wait for buffers, or report the end. Returns whether *event was filled. */
static bool on_recv_over(struct uring *u, struct uring_stream *stream, int32_t result, struct io_event *event)
{
	stream->is_recv_armed = false;
	if (result == -ENOBUFS)
		ringcast_uring_group_starve(u, URING_GROUP_STREAM);
	if (stream->is_closing || stream->is_detaching) {
		/* An end met while detaching is met again by whoever adopts the socket. */
		finish_if_idle(u, stream);
		return false;
	}
	if (result <= 0 && result != -EINTR && result != -EAGAIN && result != -ENOBUFS && result != -ECANCELED)
		return end_reading(u, stream, result, event);
	if (stream->is_paused)
		return false;
	if (result == -ENOBUFS) {
		starve(u, stream);
		return false;
	}
	arm_recv(u, stream); /* the kernel ended it for reasons of its own, such as a full completion queue; or a pause did that is over */
	u->stats.rearms++;
	return false;
}

bool ringcast_uring_stream_on_recv(struct uring *u, const struct io_uring_cqe *cqe, struct io_event *event)
{
	struct uring_stream *stream = find(u, ringcast_uring_name_slot(cqe->user_data), ringcast_uring_name_generation(cqe->user_data));
	bool is_filled = take_data(u, stream, cqe, event);
	if (stream == NULL || (cqe->flags & IORING_CQE_F_MORE))
		return is_filled;
	return on_recv_over(u, stream, cqe->res, event) || is_filled;
}
