/*
 * Datagrams out. Every send is MSG_DONTWAIT, so it is over when the submit returns: its record and the caller's bytes are needed no longer.
 * Successes post no completion. Failures are looked for right after the submit, while the bytes are still there: a GSO send that the
 * kernel refused is sent again in pieces.
 */
#include <errno.h>

#include "base/assert.h"
#include "io/io_uring_impl.h"

#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)
#define SEQUENCE_MASK ((UINT64_C(1) << 56) - 1)

static uint32_t segment_count(const struct io_datagram *datagram)
{
	if (datagram->segment_bytes == 0 || datagram->size == 0)
		return 1;
	return (datagram->size + datagram->segment_bytes - 1) / datagram->segment_bytes;
}

static void report_failure(struct uring *u, io_id id, const struct io_datagram *datagram, int32_t result)
{
	u->stats.datagram_send_errors += segment_count(datagram);
	if (u->failure_count == URING_FAILURE_COUNT_MAX)
		return; /* counted; the engine is told of a sample anyway */
	uint32_t tail = (u->failure_head + u->failure_count++) % URING_FAILURE_COUNT_MAX;
	u->failures[tail] = (struct uring_failure){.id = id, .user = datagram->user, .result = result};
}

bool ringcast_uring_datagram_next_failure(struct uring *u, struct io_event *event)
{
	if (u->failure_count == 0)
		return false;
	const struct uring_failure *failure = &u->failures[u->failure_head];
	*event = (struct io_event){.kind = IO_EVENT_SEND_ERROR, .result = failure->result, .id = failure->id, .user = failure->user};
	u->failure_head = (u->failure_head + 1) % URING_FAILURE_COUNT_MAX;
	u->failure_count--;
	return true;
}

static void prepare_message(struct uring *u, struct uring_datagram *record, socklen_t name_size)
{
	record->iov = (struct iovec){.iov_base = (void *)(uintptr_t)record->datagram.data, .iov_len = record->datagram.size};
	record->message = (struct msghdr){
		.msg_name = &record->name,
		.msg_namelen = name_size,
		.msg_iov = &record->iov,
		.msg_iovlen = 1,
	};
	ringcast_socket_set_control(&record->message, &record->control, ringcast_local_of(&u->locals, record->datagram.local),
				    record->datagram.segment_bytes);
}

/*
 * Each batch begins with the same records again, so that a tick's few stay in the cache. Two sets take turns: what an overflown completion queue held
 * back is of the batch before. A number that counts on, not the place, names the record in completions: an old one is recognized.
 */
static struct uring_datagram *take_record(struct uring *u, io_id id, const struct io_datagram *datagram)
{
	uint32_t slot = u->datagram_set + u->datagram_record_count++;
	ringcast_assert(u->datagram_record_count <= URING_BATCH_COUNT_MAX);
	uint64_t sequence = (u->datagram_sequence++ * URING_DATAGRAM_COUNT + slot) & SEQUENCE_MASK;
	struct uring_datagram *record = &u->datagrams[slot];
	record->datagram = *datagram;
	record->sequence = sequence;
	record->round = u->round;
	record->id = id;
	return record;
}

static void send_record(struct uring *u, const struct uring_endpoint *endpoint, io_id id, const struct io_datagram *datagram)
{
	struct io_uring_sqe *sqe = ringcast_uring_sqe(u); /* first: it may flush, after which the record is of the new batch */
	struct uring_datagram *record = take_record(u, id, datagram);
	socklen_t name_size = ringcast_socket_encode_address(&datagram->address, endpoint->is_v4, &record->name);
	ringcast_assert(name_size > 0);
	if (datagram->segment_bytes != 0 || datagram->local != 0) {
		prepare_message(u, record, name_size);
		io_uring_prep_sendmsg(sqe, endpoint->fd, &record->message, SEND_FLAGS);
		u->stats.gso_sends += datagram->segment_bytes != 0;
	} else {
		ringcast_uring_prep_sendto(sqe, endpoint->fd, datagram->data, datagram->size, SEND_FLAGS, &record->name.any, name_size);
	}
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	sqe->user_data = (uint64_t)URING_DATAGRAM << 56 | record->sequence;
	u->datagram_batch_count += segment_count(datagram);
	u->is_batch_with_datagrams = true;
}

static void send_in_pieces(struct uring *u, const struct uring_endpoint *endpoint, io_id id, const struct io_datagram *datagram)
{
	struct io_datagram piece = *datagram;
	piece.segment_bytes = 0;
	for (uint32_t offset = 0; offset < datagram->size; offset += piece.size) {
		piece.data = datagram->data + offset;
		piece.size = datagram->size - offset;
		if (piece.size > datagram->segment_bytes)
			piece.size = datagram->segment_bytes;
		send_record(u, endpoint, id, &piece);
	}
}

static void send_one(struct uring *u, const struct uring_endpoint *endpoint, io_id id, const struct io_datagram *datagram)
{
	struct io_datagram plain = *datagram;
	bool is_gso = datagram->segment_bytes != 0 && datagram->size > datagram->segment_bytes;
	ringcast_assert(!is_gso || segment_count(datagram) <= IO_GSO_SEGMENT_COUNT_MAX);
	ringcast_assert(!is_gso || datagram->size <= IO_GSO_BYTES_MAX);
	plain.segment_bytes = 0;
	if (endpoint->is_v4 && !ringcast_address_is_v4(&datagram->address))
		report_failure(u, id, datagram, -EAFNOSUPPORT);
	else if (!is_gso)
		send_record(u, endpoint, id, &plain);
	else if (ringcast_refusal_holds(&u->refusals, &datagram->address, u->now_ns))
		send_in_pieces(u, endpoint, id, datagram);
	else
		send_record(u, endpoint, id, datagram);
}

static bool leaves_past_socket(struct uring *u, const struct uring_endpoint *endpoint, const struct io_datagram *datagram)
{
	return endpoint->is_v4 == ringcast_address_is_v4(&datagram->address) &&
	       ringcast_egress_add(u->egress, &endpoint->source, ringcast_local_of(&u->locals, datagram->local), datagram, u->now_ns);
}

void ringcast_uring_udp_send(struct io *io, io_id id, const struct io_datagram *datagrams, unsigned count)
{
	struct uring *u = (struct uring *)io;
	const struct uring_endpoint *endpoint = ringcast_uring_endpoint_of(u, id);
	ringcast_assert(!endpoint->is_listener);
	for (unsigned i = 0; i < count; i++)
		if (u->egress == NULL || !leaves_past_socket(u, endpoint, &datagrams[i]))
			send_one(u, endpoint, id, &datagrams[i]);
}

static bool is_gso_refused(const struct uring *u, const struct uring_datagram *record, int32_t result)
{
	return record->datagram.segment_bytes != 0 && record->round == u->round && !u->is_retrying &&
	       ringcast_socket_is_segment_refusal(result);
}

static void on_failed(struct uring *u, const struct io_uring_cqe *cqe)
{
	uint64_t sequence = cqe->user_data & SEQUENCE_MASK;
	const struct uring_datagram *record = &u->datagrams[sequence % URING_DATAGRAM_COUNT];
	if (cqe->res >= 0)
		return;
	if (record->sequence != sequence) { /* came through an overflown completion queue, too late to know whose it was */
		u->stats.datagram_send_errors++;
		return;
	}
	u->datagram_batch_failed_count += segment_count(&record->datagram);
	if (is_gso_refused(u, record, cqe->res)) {
		ringcast_assert(u->retry_count < URING_BATCH_COUNT_MAX);
		u->retries[u->retry_count++] = *record;
		ringcast_refusal_note(&u->refusals, &record->datagram.address, u->now_ns);
		return;
	}
	report_failure(u, record->id, &record->datagram, cqe->res);
}

void ringcast_uring_datagram_scan(struct uring *u)
{
	const struct io_uring_cq *cq = &u->ring.cq;
	uint32_t tail = io_uring_smp_load_acquire(cq->ktail);
	if (u->is_batch_with_datagrams || u->stats.cq_overflows > 0)
		for (; u->scanned != tail; u->scanned++) {
			const struct io_uring_cqe *cqe = &cq->cqes[u->scanned & cq->ring_mask];
			if (ringcast_uring_name_operation(cqe->user_data) == URING_DATAGRAM)
				on_failed(u, cqe);
		}
	u->scanned = tail;
	/* Failures beyond the batch are late ones, already counted as sent. */
	if (u->datagram_batch_failed_count < u->datagram_batch_count)
		u->stats.datagrams_sent += u->datagram_batch_count - u->datagram_batch_failed_count;
	u->datagram_batch_count = u->datagram_batch_failed_count = 0;
	if (u->datagram_record_count > 0)
		u->datagram_set ^= URING_BATCH_COUNT_MAX;
	u->datagram_record_count = 0;
	u->is_batch_with_datagrams = false;
}

void ringcast_uring_datagram_retry(struct uring *u)
{
	u->is_retrying = true;
	for (uint32_t i = 0; i < u->retry_count; i++) {
		const struct uring_datagram *record = &u->retries[i];
		send_in_pieces(u, ringcast_uring_endpoint_of(u, record->id), record->id, &record->datagram);
	}
	u->retry_count = 0;
	u->is_retrying = false;
}
