#include "io/xdp.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xdp/xsk.h>

#include "base/assert.h"

#define MEMORY_BYTES ((size_t)XDP_FRAME_BYTES * XDP_FRAME_COUNT)
#define SEND_BUFFER_BYTES (16 << 20) /* what is on its way in the device counts against it, more than once its size */

struct xdp_socket {
	struct xsk_umem *umem;
	struct xsk_socket *socket;
	struct xsk_ring_prod fill, tx; /* nothing is received: fill stays empty */
	struct xsk_ring_cons completed;
	uint8_t *memory;
	uint64_t free[XDP_FRAME_COUNT]; /* places in memory */
	uint32_t free_count;
	uint32_t untold_count; /* put, but not yet told to the kernel */
	uint64_t put_count;
};

int ringcast_xdp_probe(char *reterr, size_t reterr_bytes)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	int error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	else if (error == EPERM)
		snprintf(reterr, reterr_bytes, "AF_XDP needs the capability CAP_NET_RAW: AmbientCapabilities=CAP_NET_RAW in the unit, or --cap-add NET_RAW of a container");
	else
		snprintf(reterr, reterr_bytes, "this kernel has no AF_XDP (%s)", strerror(error));
	return -error;
}

static void free_socket(struct xdp_socket *self)
{
	if (self->socket != NULL)
		xsk_socket__delete(self->socket);
	if (self->umem != NULL)
		xsk_umem__delete(self->umem);
	if (self->memory != NULL)
		munmap(self->memory, MEMORY_BYTES);
	free(self);
}

static int create_memory(struct xdp_socket *self)
{
	const struct xsk_umem_config config = {
		.fill_size = XDP_FRAME_COUNT, .comp_size = XDP_FRAME_COUNT, .frame_size = XDP_FRAME_BYTES};
	void *memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -ENOMEM;
	self->memory = memory;
	for (uint32_t i = 0; i < XDP_FRAME_COUNT; i++)
		self->free[i] = (uint64_t)(XDP_FRAME_COUNT - 1 - i) * XDP_FRAME_BYTES;
	self->free_count = XDP_FRAME_COUNT;
	return xsk_umem__create(&self->umem, memory, MEMORY_BYTES, &self->fill, &self->completed, &config);
}

static int create_socket(struct xdp_socket *self, const char *device, uint32_t queue)
{
	const struct xsk_socket_config config = {
		.tx_size = XDP_FRAME_COUNT, .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD, .bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP};
	const int send_buffer_bytes = SEND_BUFFER_BYTES;
	int result = xsk_socket__create(&self->socket, device, queue, self->umem, NULL, &self->tx, &config);
	if (result != 0)
		return result;
	int fd = xsk_socket__fd(self->socket);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_buffer_bytes, sizeof(send_buffer_bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer_bytes, sizeof(send_buffer_bytes)); /* clipped, which only means smaller bursts */
	return 0;
}

int ringcast_xdp_open(const char *device, uint32_t queue, struct xdp_socket **ret_socket)
{
	struct xdp_socket *self = calloc(1, sizeof(*self));
	if (self == NULL)
		return -ENOMEM;
	int result = create_memory(self);
	if (result == 0)
		result = create_socket(self, device, queue);
	if (result != 0) {
		free_socket(self);
		return result;
	}
	*ret_socket = self;
	return 0;
}

void ringcast_xdp_close(struct xdp_socket **socket)
{
	if (*socket != NULL)
		free_socket(*socket);
	*socket = NULL;
}

static void reap(struct xdp_socket *self)
{
	uint32_t at;
	uint32_t count = xsk_ring_cons__peek(&self->completed, XDP_FRAME_COUNT, &at);
	ringcast_assert(self->free_count + count <= XDP_FRAME_COUNT);
	for (uint32_t i = 0; i < count; i++)
		self->free[self->free_count++] = *xsk_ring_cons__comp_addr(&self->completed, at++);
	if (count > 0)
		xsk_ring_cons__release(&self->completed, count);
}

/* The ring has a place for each frame there is, so a free frame is all that is needed. */
bool ringcast_xdp_has_room(struct xdp_socket *self, uint32_t frame_count)
{
	if (self->free_count < frame_count)
		reap(self);
	return self->free_count >= frame_count;
}

uint8_t *ringcast_xdp_frame(struct xdp_socket *self)
{
	ringcast_assert(self->free_count > 0);
	return self->memory + self->free[self->free_count - 1];
}

void ringcast_xdp_put(struct xdp_socket *self, uint32_t size)
{
	uint32_t at;
	ringcast_assert(size > 0 && size <= XDP_FRAME_BYTES);
	uint32_t reserved = xsk_ring_prod__reserve(&self->tx, 1, &at);
	ringcast_assert(reserved == 1);
	*xsk_ring_prod__tx_desc(&self->tx, at) = (struct xdp_desc){.addr = self->free[--self->free_count], .len = size};
	self->untold_count++;
	self->put_count++;
}

static uint32_t waiting_count(struct xdp_socket *self)
{
	return self->tx.size - xsk_prod_nb_free(&self->tx, self->tx.size);
}

uint64_t ringcast_xdp_put_count(const struct xdp_socket *self)
{
	return self->put_count;
}

uint64_t ringcast_xdp_taken_count(struct xdp_socket *self)
{
	return self->put_count - waiting_count(self);
}

/* 0: sent, or to be tried again. */
static int push(struct xdp_socket *self)
{
	if (sendto(xsk_socket__fd(self->socket), NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0 || errno == EAGAIN || errno == EINTR)
		return 0;
	return -errno;
}

/* In copy mode one call sends some dozens, and says EAGAIN when there are more. It stops where a call has moved nothing. */
uint32_t ringcast_xdp_kick(struct xdp_socket *self, int *ret_error)
{
	*ret_error = 0;
	if (self->untold_count > 0)
		xsk_ring_prod__submit(&self->tx, self->untold_count);
	self->untold_count = 0;
	uint32_t before = UINT32_MAX, waiting = waiting_count(self);
	while (waiting > 0 && waiting < before) {
		int error = push(self);
		before = waiting;
		waiting = waiting_count(self);
		*ret_error = error != 0 ? error : *ret_error;
	}
	reap(self);
	return waiting;
}

uint64_t ringcast_xdp_memory_bytes(void)
{
	const uint64_t ring_bytes = XDP_FRAME_COUNT * (sizeof(struct xdp_desc) + 2 * sizeof(uint64_t)); /* to send; to fill and completed */
	return sizeof(struct xdp_socket) + MEMORY_BYTES + ring_bytes;
}
