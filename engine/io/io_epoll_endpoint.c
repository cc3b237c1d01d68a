/* Listeners and UDP sockets over readiness. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/assert.h"
#include "io/io_epoll_impl.h"
#include "io/steering.h"

#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)
#define BATCH_COUNT_MAX 64
#define ACCEPT_COUNT_MAX 16 /* per readiness, so that connecting peers cannot keep the others waiting */

static io_id id_of(const struct poller *p, const struct poller_endpoint *endpoint)
{
	return ringcast_handle_of(POLLER_ENDPOINT_BIT | (uint32_t)(endpoint - p->endpoints), endpoint->generation);
}

static struct poller_endpoint *find(struct poller *p, io_id id)
{
	uint32_t index = ringcast_handle_index(id) & ~POLLER_ENDPOINT_BIT;
	if (!(ringcast_handle_index(id) & POLLER_ENDPOINT_BIT) || index >= p->endpoint_count)
		return NULL;
	struct poller_endpoint *endpoint = &p->endpoints[index];
	return endpoint->is_used && endpoint->generation == ringcast_handle_generation(id) ? endpoint : NULL;
}

static struct poller_endpoint *endpoint_of(struct poller *p, io_id id)
{
	struct poller_endpoint *endpoint = find(p, id);
	ringcast_assert(endpoint != NULL);
	return endpoint;
}

static struct poller_endpoint *take_slot(struct poller *p)
{
	for (uint32_t i = 0; i < p->endpoint_count; i++)
		if (!p->endpoints[i].is_used)
			return &p->endpoints[i];
	return p->endpoint_count < POLLER_ENDPOINT_COUNT_MAX ? &p->endpoints[p->endpoint_count++] : NULL;
}

static int watch(struct poller *p, const struct poller_endpoint *endpoint, bool is_wanted)
{
	return ringcast_poller_watch(p, endpoint->fd, id_of(p, endpoint), is_wanted ? 0 : EPOLLIN, is_wanted ? EPOLLIN : 0);
}

/* Takes fd, also on failure. */
static int open_endpoint(struct poller *p, int fd, bool is_listener, bool is_v4, uint64_t user, io_id *ret_id)
{
	struct poller_endpoint *endpoint = take_slot(p);
	if (endpoint == NULL) {
		close(fd);
		return -ENFILE;
	}
	*endpoint = (struct poller_endpoint){
		.user = user,
		.fd = fd,
		.generation = endpoint->generation == UINT32_MAX ? 1 : endpoint->generation + 1,
		.is_listener = is_listener,
		.is_v4 = is_v4,
	};
	int result = watch(p, endpoint, true);
	if (result < 0) {
		close(fd);
		return result;
	}
	endpoint->is_used = true;
	*ret_id = id_of(p, endpoint);
	return 0;
}

int ringcast_poller_listen(struct io *io, const struct address *address, bool is_v4, struct address *ret_bound, io_id *ret_id)
{
	int fd;
	int result = ringcast_socket_open_listener(address, is_v4, ((struct poller *)io)->options.stream_send_buffer_bytes, ret_bound, &fd);
	if (result < 0)
		return result;
	result = ringcast_socket_set_blocking(fd, false); /* accept has no flag that says not to wait */
	if (result < 0) {
		close(fd);
		return result;
	}
	return open_endpoint((struct poller *)io, fd, true, is_v4, 0, ret_id);
}

void ringcast_poller_listen_stop(struct io *io, io_id id)
{
	struct poller_endpoint *endpoint = endpoint_of((struct poller *)io, id);
	ringcast_assert(endpoint->is_listener);
	close(endpoint->fd);
	endpoint->is_used = false;
}

int ringcast_poller_udp_open(struct io *io, const struct address *address, bool is_v4, uint64_t user, struct address *ret_bound,
			     io_id *ret_id)
{
	struct poller *p = (struct poller *)io;
	int fd;
	ringcast_assert(p->datagram_pool.count > 0);
	int result = ringcast_steering_open_udp(&p->options, address, is_v4, user, ret_bound, &fd);
	if (result == 0)
		result = open_endpoint(p, fd, false, is_v4, user, ret_id);
	if (result == 0)
		endpoint_of(p, *ret_id)->source = ringcast_egress_source_of(ret_bound);
	return result;
}

static void pause_endpoint(struct poller *p, struct poller_endpoint *endpoint)
{
	endpoint->resume_ns = p->now_ns + POLLER_PAUSE_NS;
	if (p->resume_ns == 0 || endpoint->resume_ns < p->resume_ns)
		p->resume_ns = endpoint->resume_ns;
}

static void suspend(struct poller *p, struct poller_endpoint *endpoint)
{
	int result = watch(p, endpoint, false);
	ringcast_assert(result == 0); /* taking out of the set needs no memory */
	pause_endpoint(p, endpoint);
}

static void resume(struct poller *p, struct poller_endpoint *endpoint)
{
	endpoint->resume_ns = 0;
	p->stats.rearms++;
	if (watch(p, endpoint, true) < 0)
		pause_endpoint(p, endpoint); /* no memory for it now */
}

static void resume_paused(struct poller *p)
{
	p->resume_ns = 0;
	for (uint32_t i = 0; i < p->endpoint_count; i++) {
		struct poller_endpoint *endpoint = &p->endpoints[i];
		if (!endpoint->is_used || endpoint->resume_ns == 0)
			continue;
		if (endpoint->resume_ns <= p->now_ns)
			resume(p, endpoint);
		else if (p->resume_ns == 0 || endpoint->resume_ns < p->resume_ns)
			p->resume_ns = endpoint->resume_ns;
	}
}

void ringcast_poller_endpoint_resume(struct poller *p)
{
	struct poller_pool *pool = &p->datagram_pool;
	for (uint32_t count = pool->free_count; count > 0 && !ringcast_list_is_empty(&pool->starved); count--) {
		struct poller_endpoint *endpoint = CONTAINER_OF(pool->starved.next, struct poller_endpoint, node);
		ringcast_list_remove(&endpoint->node);
		resume(p, endpoint);
	}
	if (p->resume_ns != 0 && p->resume_ns <= p->now_ns)
		resume_paused(p);
}

/* Takes fd. Returns whether it became an ACCEPT. */
static bool accept_stream(struct poller *p, const struct poller_endpoint *endpoint, int fd, struct io_event *event)
{
	struct address peer;
	io_id stream = HANDLE_NONE;
	if (ringcast_socket_get_peer(fd, &peer) == 0)
		stream = ringcast_poller_stream_open(p, fd);
	if (stream == HANDLE_NONE) { /* already reset by its peer, or one too many */
		p->stats.accept_errors++;
		close(fd);
		return false;
	}
	p->stats.accepts++;
	*event = (struct io_event){.kind = IO_EVENT_ACCEPT, .id = id_of(p, endpoint), .stream = stream, .address = peer};
	return true;
}

static unsigned accept_all(struct poller *p, struct poller_endpoint *endpoint, struct io_event *events, unsigned event_count_max)
{
	unsigned count = 0;
	for (unsigned i = 0; i < ACCEPT_COUNT_MAX && count < event_count_max; i++) {
		int fd = accept4(endpoint->fd, NULL, NULL, SOCK_CLOEXEC);
		int error = errno;
		if (fd >= 0) {
			count += accept_stream(p, endpoint, fd, &events[count]);
			continue;
		}
		if (error == EAGAIN)
			break;
		p->stats.accept_errors++;
		if (!ringcast_socket_is_transient(-error)) {
			suspend(p, endpoint);
			break;
		}
	}
	return count;
}

/* The arguments of recvmmsg or sendmmsg. */
struct batch {
	struct mmsghdr messages[BATCH_COUNT_MAX];
	struct iovec iovs[BATCH_COUNT_MAX];
	union socket_name names[BATCH_COUNT_MAX];
	union socket_control controls[BATCH_COUNT_MAX];
	uint32_t buffers[BATCH_COUNT_MAX];
};

static unsigned prepare_receive(struct poller *p, struct batch *batch, unsigned count_max)
{
	unsigned count = 0;
	if (count_max > BATCH_COUNT_MAX)
		count_max = BATCH_COUNT_MAX;
	for (; count < count_max; count++) {
		uint8_t *data = ringcast_poller_take(&p->datagram_pool, &batch->buffers[count]);
		if (data == NULL)
			break;
		batch->iovs[count] = (struct iovec){.iov_base = data, .iov_len = p->datagram_pool.buffer_bytes};
		batch->messages[count].msg_hdr = (struct msghdr){
			.msg_name = &batch->names[count],
			.msg_namelen = sizeof(batch->names[count]),
			.msg_iov = &batch->iovs[count],
			.msg_iovlen = 1,
			.msg_control = &batch->controls[count],
			.msg_controllen = sizeof(batch->controls[count]),
		};
	}
	return count;
}

static void fill_datagram(struct poller *p, const struct poller_endpoint *endpoint, const struct batch *batch, unsigned index,
			  struct io_event *event)
{
	const struct msghdr *header = &batch->messages[index].msg_hdr;
	struct local local;
	*event = (struct io_event){
		.kind = IO_EVENT_DATAGRAM,
		.is_truncated = (header->msg_flags & MSG_TRUNC) != 0,
		.id = id_of(p, endpoint),
		.user = endpoint->user,
		.data = batch->iovs[index].iov_base,
		.size = batch->messages[index].msg_len,
		.buffer = batch->buffers[index],
	};
	bool is_named = ringcast_socket_decode_address(&batch->names[index], header->msg_namelen, &event->address);
	ringcast_assert(is_named); /* written by the kernel, not by the peer */
	ringcast_socket_get_local(header, &local);
	event->local = ringcast_local_number(&p->locals, &local);
	p->stats.datagrams_received++;
}

static void starve(struct poller *p, struct poller_endpoint *endpoint)
{
	int result = watch(p, endpoint, false);
	ringcast_assert(result == 0);
	p->stats.rx_buffers_empty++;
	ringcast_list_add_tail(&p->datagram_pool.starved, &endpoint->node);
}

static unsigned receive_datagrams(struct poller *p, struct poller_endpoint *endpoint, struct io_event *events, unsigned event_count_max)
{
	struct batch batch;
	unsigned prepared = prepare_receive(p, &batch, event_count_max);
	if (prepared == 0) {
		starve(p, endpoint);
		return 0;
	}
	int got = recvmmsg(endpoint->fd, batch.messages, prepared, MSG_DONTWAIT, NULL);
	int error = errno;
	unsigned count = got < 0 ? 0 : (unsigned)got;
	for (unsigned i = 0; i < count; i++)
		fill_datagram(p, endpoint, &batch, i, &events[i]);
	for (unsigned i = count; i < prepared; i++)
		ringcast_poller_give(&p->datagram_pool, batch.buffers[i]);
	if (got < 0 && !ringcast_socket_is_transient(-error))
		suspend(p, endpoint);
	return count;
}

unsigned ringcast_poller_endpoint_on_ready(struct poller *p, io_id id, struct io_event *events, unsigned event_count_max)
{
	struct poller_endpoint *endpoint = find(p, id);
	if (endpoint == NULL)
		return 0;
	return endpoint->is_listener ? accept_all(p, endpoint, events, event_count_max)
				     : receive_datagrams(p, endpoint, events, event_count_max);
}

static uint32_t segment_count(const struct io_datagram *datagram)
{
	if (datagram->segment_bytes == 0 || datagram->size <= datagram->segment_bytes)
		return 1;
	return (datagram->size + datagram->segment_bytes - 1) / datagram->segment_bytes;
}

static void report_failure(struct poller *p, const struct poller_endpoint *endpoint, const struct io_datagram *datagram, int32_t result)
{
	p->stats.datagram_send_errors += segment_count(datagram);
	if (p->failure_count == POLLER_FAILURE_COUNT_MAX)
		return; /* counted; the engine is told of a sample anyway */
	uint32_t tail = (p->failure_head + p->failure_count++) % POLLER_FAILURE_COUNT_MAX;
	p->failures[tail] = (struct poller_failure){.id = id_of(p, endpoint), .user = datagram->user, .result = result};
}

bool ringcast_poller_next_failure(struct poller *p, struct io_event *event)
{
	if (p->failure_count == 0)
		return false;
	const struct poller_failure *failure = &p->failures[p->failure_head];
	*event = (struct io_event){.kind = IO_EVENT_SEND_ERROR, .result = failure->result, .id = failure->id, .user = failure->user};
	p->failure_head = (p->failure_head + 1) % POLLER_FAILURE_COUNT_MAX;
	p->failure_count--;
	return true;
}

static void prepare_send(struct poller *p, const struct poller_endpoint *endpoint, struct batch *batch, unsigned index,
			 const struct io_datagram *datagram)
{
	struct msghdr *header = &batch->messages[index].msg_hdr;
	batch->iovs[index] = (struct iovec){.iov_base = (void *)(uintptr_t)datagram->data, .iov_len = datagram->size};
	*header = (struct msghdr){.msg_name = &batch->names[index], .msg_iov = &batch->iovs[index], .msg_iovlen = 1};
	header->msg_namelen = ringcast_socket_encode_address(&datagram->address, endpoint->is_v4, &batch->names[index]);
	ringcast_assert(header->msg_namelen > 0);
	bool is_gso = segment_count(datagram) > 1;
	if (is_gso || datagram->local != 0)
		ringcast_socket_set_control(header, &batch->controls[index], ringcast_local_of(&p->locals, datagram->local),
					    is_gso ? datagram->segment_bytes : 0);
	p->stats.gso_sends += is_gso;
}

static void send_in_pieces(struct poller *p, struct poller_endpoint *endpoint, const struct io_datagram *datagram);

static void on_send_failed(struct poller *p, struct poller_endpoint *endpoint, const struct io_datagram *datagram, int32_t result)
{
	if (segment_count(datagram) > 1 && ringcast_socket_is_segment_refusal(result)) {
		ringcast_refusal_note(&p->refusals, &datagram->address, p->now_ns);
		send_in_pieces(p, endpoint, datagram);
	} else {
		report_failure(p, endpoint, datagram, result);
	}
}

/* sendmmsg stops at the first failure and tells its error only when called again with it in front. */
static void send_batch(struct poller *p, struct poller_endpoint *endpoint, const struct io_datagram *datagrams, unsigned count)
{
	struct batch batch;
	unsigned done = 0;
	for (unsigned i = 0; i < count; i++)
		prepare_send(p, endpoint, &batch, i, &datagrams[i]);
	while (done < count) {
		int sent = sendmmsg(endpoint->fd, batch.messages + done, count - done, SEND_FLAGS);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			int error = errno;
			on_send_failed(p, endpoint, &datagrams[done++], -error);
		}
		for (; sent > 0; sent--)
			p->stats.datagrams_sent += segment_count(&datagrams[done++]);
	}
}

static void send_in_pieces(struct poller *p, struct poller_endpoint *endpoint, const struct io_datagram *datagram)
{
	struct io_datagram pieces[IO_GSO_SEGMENT_COUNT_MAX];
	unsigned count = 0;
	_Static_assert(IO_GSO_SEGMENT_COUNT_MAX <= BATCH_COUNT_MAX, "all pieces fit one batch");
	for (uint32_t offset = 0; offset < datagram->size; offset += datagram->segment_bytes) {
		uint32_t left = datagram->size - offset;
		pieces[count] = *datagram;
		pieces[count].data = datagram->data + offset;
		pieces[count].size = left < datagram->segment_bytes ? left : datagram->segment_bytes;
		pieces[count++].segment_bytes = 0;
	}
	send_batch(p, endpoint, pieces, count);
}

static bool is_for_batch(const struct poller *p, const struct poller_endpoint *endpoint, const struct io_datagram *datagram)
{
	bool is_gso = segment_count(datagram) > 1;
	ringcast_assert(segment_count(datagram) <= IO_GSO_SEGMENT_COUNT_MAX);
	ringcast_assert(!is_gso || datagram->size <= IO_GSO_BYTES_MAX);
	return (!endpoint->is_v4 || ringcast_address_is_v4(&datagram->address)) && !(is_gso && ringcast_refusal_holds(&p->refusals, &datagram->address, p->now_ns));
}

static void send_alone(struct poller *p, struct poller_endpoint *endpoint, const struct io_datagram *datagram)
{
	if (endpoint->is_v4 && !ringcast_address_is_v4(&datagram->address))
		report_failure(p, endpoint, datagram, -EAFNOSUPPORT);
	else
		send_in_pieces(p, endpoint, datagram);
}

static void send_by_socket(struct poller *p, struct poller_endpoint *endpoint, const struct io_datagram *datagrams, unsigned count)
{
	unsigned begin = 0;
	while (begin < count) {
		unsigned end = begin;
		while (end < count && end - begin < BATCH_COUNT_MAX && is_for_batch(p, endpoint, &datagrams[end]))
			end++;
		if (end > begin)
			send_batch(p, endpoint, datagrams + begin, end - begin);
		else
			send_alone(p, endpoint, &datagrams[end++]);
		begin = end;
	}
}

static bool leaves_past_socket(struct poller *p, const struct poller_endpoint *endpoint, const struct io_datagram *datagram)
{
	return endpoint->is_v4 == ringcast_address_is_v4(&datagram->address) &&
	       ringcast_egress_add(p->egress, &endpoint->source, ringcast_local_of(&p->locals, datagram->local), datagram, p->now_ns);
}

void ringcast_poller_udp_send(struct io *io, io_id id, const struct io_datagram *datagrams, unsigned count)
{
	struct poller *p = (struct poller *)io;
	struct poller_endpoint *endpoint = endpoint_of(p, id);
	ringcast_assert(!endpoint->is_listener);
	if (p->egress == NULL) {
		send_by_socket(p, endpoint, datagrams, count);
		return;
	}
	for (unsigned i = 0; i < count; i++)
		if (!leaves_past_socket(p, endpoint, &datagrams[i]))
			send_by_socket(p, endpoint, &datagrams[i], 1);
}
