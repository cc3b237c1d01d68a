/* TCP streams over readiness. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/assert.h"
#include "io/io_epoll_impl.h"

#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)

static uint32_t slot_of(const struct poller *p, const struct poller_stream *stream)
{
	return (uint32_t)(stream - p->streams);
}

static io_id id_of(const struct poller *p, const struct poller_stream *stream)
{
	return ringcast_handle_of(slot_of(p, stream), stream->generation);
}

/* NULL when the id has gone stale. */
static struct poller_stream *find(struct poller *p, io_id id)
{
	uint32_t slot = ringcast_handle_index(id);
	if (slot >= p->stream_touched_count)
		return NULL;
	struct poller_stream *stream = &p->streams[slot];
	return stream->is_used && stream->generation == ringcast_handle_generation(id) ? stream : NULL;
}

/* For calls of the engine: an id it may still use. */
static struct poller_stream *stream_of(struct poller *p, io_id id)
{
	struct poller_stream *stream = find(p, id);
	ringcast_assert(stream != NULL);
	ringcast_assert(!stream->is_closing);
	ringcast_assert(!stream->is_detaching);
	return stream;
}

static void unstarve(struct poller_stream *stream)
{
	if (stream->is_starved)
		ringcast_list_remove(&stream->node);
	stream->is_starved = false;
}

static void become_due(struct poller *p, struct poller_stream *stream)
{
	unstarve(stream);
	if (!ringcast_list_has(&stream->node))
		ringcast_list_add_tail(&p->due, &stream->node);
}

static void end_reading(struct poller *p, struct poller_stream *stream, int32_t result)
{
	stream->is_ended = true;
	stream->is_end_due = true;
	stream->end_result = result;
	become_due(p, stream);
}

static void finish_send(struct poller *p, struct poller_stream *stream, int32_t result)
{
	stream->is_sending = false;
	stream->is_sent_due = true;
	stream->sent_result = result;
	become_due(p, stream);
	if (result > 0) {
		p->stats.stream_sends++;
		p->stats.stream_send_bytes += stream->send_bytes;
	}
	if (stream->is_shutdown_wanted)
		shutdown(stream->fd, SHUT_WR); /* fails only when the peer is already gone, which END tells */
	stream->is_shutdown_wanted = false;
}

/* Brings the epoll set in line with what the stream waits for. */
static void update_interest(struct poller *p, struct poller_stream *stream)
{
	bool is_reading = stream->is_started && !stream->is_ended && !stream->is_starved && !stream->is_paused;
	uint32_t interest = (is_reading ? EPOLLIN : 0u) | (stream->is_sending ? EPOLLOUT : 0u);
	if (stream->is_closing || stream->is_detaching)
		interest = 0;
	int result = ringcast_poller_watch(p, stream->fd, id_of(p, stream), stream->interest, interest);
	if (result == 0) {
		stream->interest = interest;
		return;
	}
	/* No memory or watches left for this stream: it is told as broken, as it would never hear of anything. */
	if (stream->is_sending)
		finish_send(p, stream, result);
	if (is_reading)
		end_reading(p, stream, result);
}

void ringcast_poller_stream_feed(struct poller *p)
{
	struct poller_pool *pool = &p->stream_pool;
	for (uint32_t count = pool->free_count; count > 0 && !ringcast_list_is_empty(&pool->starved); count--) {
		struct poller_stream *stream = CONTAINER_OF(pool->starved.next, struct poller_stream, node);
		unstarve(stream);
		update_interest(p, stream);
		p->stats.rearms++;
	}
}

static void starve(struct poller *p, struct poller_stream *stream)
{
	p->stats.rx_buffers_empty++;
	if (ringcast_list_has(&stream->node))
		return; /* something is due first; being level-triggered, reading is tried again after that */
	ringcast_list_add_tail(&p->stream_pool.starved, &stream->node);
	stream->is_starved = true;
	update_interest(p, stream);
}

static uint32_t take_slot(struct poller *p)
{
	uint32_t slot = p->stream_free;
	if (slot != POLLER_NONE)
		p->stream_free = p->streams[slot].next_free;
	else if (p->stream_touched_count < p->options.stream_count_max)
		slot = p->stream_touched_count++;
	return slot;
}

io_id ringcast_poller_stream_open(struct poller *p, int fd)
{
	uint32_t slot = take_slot(p);
	if (slot == POLLER_NONE)
		return HANDLE_NONE;
	struct poller_stream *stream = &p->streams[slot];
	uint32_t generation = stream->generation == UINT32_MAX ? 1 : stream->generation + 1;
	*stream = (struct poller_stream){.fd = fd, .generation = generation, .is_used = true};
	return id_of(p, stream);
}

static void free_stream(struct poller *p, struct poller_stream *stream)
{
	stream->is_used = false;
	stream->next_free = p->stream_free;
	p->stream_free = slot_of(p, stream);
}

/* SENT, then END, then the last word. */
bool ringcast_poller_stream_next_due(struct poller *p, struct io_event *event)
{
	if (ringcast_list_is_empty(&p->due))
		return false;
	struct poller_stream *stream = CONTAINER_OF(p->due.next, struct poller_stream, node);
	ringcast_list_remove(&stream->node);
	*event = (struct io_event){.id = id_of(p, stream), .user = stream->user};
	if (stream->is_sent_due) {
		stream->is_sent_due = false;
		event->kind = IO_EVENT_SENT;
		event->result = stream->sent_result;
	} else if (stream->is_end_due) {
		stream->is_end_due = false;
		event->kind = IO_EVENT_END;
		event->result = stream->end_result;
	} else {
		ringcast_assert(stream->is_closing || stream->is_detaching);
		event->kind = stream->is_closing ? IO_EVENT_CLOSED : IO_EVENT_DETACHED;
		event->result = stream->is_closing ? 0 : stream->fd;
		free_stream(p, stream);
		return true;
	}
	if (stream->is_sent_due || stream->is_end_due || stream->is_closing || stream->is_detaching)
		ringcast_list_add_tail(&p->due, &stream->node);
	return true;
}

void ringcast_poller_stream_start(struct io *io, io_id id, uint64_t user)
{
	struct poller *p = (struct poller *)io;
	struct poller_stream *stream = stream_of(p, id);
	ringcast_assert(p->stream_pool.count > 0);
	stream->user = user;
	stream->is_started = true;
	update_interest(p, stream);
}

void ringcast_poller_stream_pause(struct io *io, io_id id)
{
	struct poller *p = (struct poller *)io;
	struct poller_stream *stream = stream_of(p, id);
	ringcast_assert(stream->is_started && !stream->is_paused);
	unstarve(stream);
	stream->is_paused = true;
	update_interest(p, stream);
}

void ringcast_poller_stream_resume(struct io *io, io_id id)
{
	struct poller *p = (struct poller *)io;
	struct poller_stream *stream = stream_of(p, id);
	ringcast_assert(stream->is_paused);
	stream->is_paused = false;
	update_interest(p, stream);
}

int ringcast_poller_stream_adopt(struct io *io, int fd, io_id *ret_id)
{
	io_id id = ringcast_poller_stream_open((struct poller *)io, fd);
	if (id == HANDLE_NONE) {
		close(fd);
		return -ENFILE;
	}
	*ret_id = id;
	return 0;
}

void ringcast_poller_stream_detach(struct io *io, io_id id)
{
	struct poller *p = (struct poller *)io;
	struct poller_stream *stream = stream_of(p, id);
	ringcast_assert(!stream->is_sending);
	ringcast_assert(!stream->is_sent_due && !stream->is_paused);
	stream->is_detaching = true;
	update_interest(p, stream);
	become_due(p, stream);
}

static void close_stream(struct poller *p, struct poller_stream *stream)
{
	stream->is_closing = true;
	stream->is_end_due = false;
	stream->is_shutdown_wanted = false;
	update_interest(p, stream);
	if (stream->is_sending)
		finish_send(p, stream, -ECANCELED);
	become_due(p, stream);
	close(stream->fd);
}

void ringcast_poller_stream_close(struct io *io, io_id id)
{
	struct poller_stream *stream = stream_of((struct poller *)io, id);
	ringcast_socket_bound_close(stream->fd);
	close_stream((struct poller *)io, stream);
}

void ringcast_poller_stream_abort(struct io *io, io_id id)
{
	struct poller_stream *stream = stream_of((struct poller *)io, id);
	ringcast_socket_abort_at_close(stream->fd);
	close_stream((struct poller *)io, stream);
}

void ringcast_poller_stream_last(struct io *io, io_id id)
{
	stream_of((struct poller *)io, id)->is_last = true;
}

void ringcast_poller_stream_shutdown(struct io *io, io_id id)
{
	struct poller_stream *stream = stream_of((struct poller *)io, id);
	if (stream->is_sending)
		stream->is_shutdown_wanted = true;
	else
		shutdown(stream->fd, SHUT_WR);
}

static void skip_sent(struct poller_stream *stream, struct iovec *row, size_t bytes)
{
	stream->send_left_bytes -= (uint32_t)bytes;
	while (bytes > 0) {
		struct iovec *iov = &row[stream->iov_begin];
		size_t part = bytes < iov->iov_len ? bytes : iov->iov_len;
		iov->iov_base = (uint8_t *)iov->iov_base + part;
		iov->iov_len -= part;
		bytes -= part;
		if (iov->iov_len == 0) {
			stream->iov_begin++;
			stream->iov_count--;
		}
	}
}

/* Sends until all is in the socket or the socket is full. */
static void go_on_sending(struct poller *p, struct poller_stream *stream)
{
	struct iovec *row = p->iovs[slot_of(p, stream)];
	while (stream->send_left_bytes > 0) {
		struct msghdr message = {.msg_iov = row + stream->iov_begin, .msg_iovlen = stream->iov_count};
		ssize_t sent = sendmsg(stream->fd, &message, SEND_FLAGS | (stream->is_last ? MSG_MORE : 0)); /* the FIN goes with it */
		if (sent < 0 && errno == EAGAIN)
			break;
		if (sent < 0 && errno != EINTR) {
			finish_send(p, stream, -errno);
			break;
		}
		if (sent > 0)
			skip_sent(stream, row, (size_t)sent);
	}
	if (stream->send_left_bytes == 0)
		finish_send(p, stream, (int32_t)stream->send_bytes);
	update_interest(p, stream);
}

void ringcast_poller_stream_send(struct io *io, io_id id, const struct iovec *iov, unsigned iov_count)
{
	struct poller *p = (struct poller *)io;
	struct poller_stream *stream = stream_of(p, id);
	struct iovec *row = p->iovs[slot_of(p, stream)];
	uint64_t bytes = 0;
	ringcast_assert(!stream->is_sending);
	ringcast_assert(!stream->is_sent_due);
	ringcast_assert(iov_count > 0 && iov_count <= IO_IOV_MAX);
	stream->iov_begin = stream->iov_count = 0;
	for (unsigned i = 0; i < iov_count; i++)
		if (iov[i].iov_len > 0) {
			row[stream->iov_count++] = iov[i];
			bytes += iov[i].iov_len;
		}
	ringcast_assert(bytes > 0 && bytes <= INT32_MAX); /* SENT reports it as a result */
	stream->send_bytes = stream->send_left_bytes = (uint32_t)bytes;
	stream->is_sending = true;
	go_on_sending(p, stream);
}

/* One receive. Returns whether it became a RECV. */
static bool receive(struct poller *p, struct poller_stream *stream, struct io_event *event)
{
	uint32_t index;
	uint8_t *data = ringcast_poller_take(&p->stream_pool, &index);
	if (data == NULL) {
		starve(p, stream);
		return false;
	}
	ssize_t got = recv(stream->fd, data, p->stream_pool.buffer_bytes, MSG_DONTWAIT);
	if (got > 0) {
		*event = (struct io_event){.kind = IO_EVENT_RECV,
					   .id = id_of(p, stream),
					   .user = stream->user,
					   .data = data,
					   .size = (uint32_t)got,
					   .buffer = index};
		p->stats.stream_recvs++;
		return true;
	}
	ringcast_poller_give(&p->stream_pool, index);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	end_reading(p, stream, got == 0 ? 0 : -errno);
	update_interest(p, stream);
	return false;
}

bool ringcast_poller_stream_on_ready(struct poller *p, io_id id, uint32_t readiness, struct io_event *event)
{
	struct poller_stream *stream = find(p, id);
	if (stream == NULL)
		return false;
	if (stream->is_sending && (readiness & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		go_on_sending(p, stream);
	if ((stream->interest & EPOLLIN) && (readiness & (EPOLLIN | EPOLLERR | EPOLLHUP)))
		return receive(p, stream, event);
	return false;
}
