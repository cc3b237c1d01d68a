/*
 * liburing as the oldest supported distribution ships it (2.3, headers of Linux 6.1), and what later ones add, under our own names.
 * The only header that includes liburing. What the running kernel can do is found out at run time, see io_uring_probe.c.
 */
#ifndef RINGCAST_IO_IO_URING_COMPAT_H
#define RINGCAST_IO_IO_URING_COMPAT_H

#include <liburing.h>

/* Everything the backend cannot work without; the newest of them, DEFER_TASKRUN, came with Linux 6.1. */
#define URING_SETUP_FLAGS                                                                                                                  \
	(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP)
#define URING_FEATURES (IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_FAST_POLL | IORING_FEAT_EXT_ARG | IORING_FEAT_CQE_SKIP)

/* io_uring_prep_sendto of liburing 2.4. */
static inline void ringcast_uring_prep_sendto(struct io_uring_sqe *sqe, int fd, const void *data, uint32_t size, int flags,
					      const struct sockaddr *name, socklen_t name_size)
{
	io_uring_prep_send(sqe, fd, data, size, flags);
	io_uring_prep_send_set_addr(sqe, name, (__u16)name_size);
}

/*
 * A registered ring descriptor is an index into a table of the thread that registered it. On any other thread it means nothing, or another
 * ring; there the ring is to be used, and closed, by its ordinary descriptor.
 */
static inline void ringcast_uring_forget_registered_fd(struct io_uring *ring)
{
	ring->enter_ring_fd = ring->ring_fd;
	ring->int_flags &= (__u8)~1u; /* INT_FLAG_REG_RING, which liburing keeps to itself: without it, exit leaves the table alone */
}

/* io_uring_setup_buf_ring of liburing 2.4, with the memory given by the caller (page-aligned, entries a power of two). 0 or -errno. */
static inline int ringcast_uring_register_buffers(struct io_uring *ring, struct io_uring_buf_ring *memory, uint32_t entry_count,
						  uint16_t group)
{
	struct io_uring_buf_reg reg = {.ring_addr = (uint64_t)(uintptr_t)memory, .ring_entries = entry_count, .bgid = group};
	io_uring_buf_ring_init(memory);
	return io_uring_register_buf_ring(ring, &reg, 0);
}

#endif
