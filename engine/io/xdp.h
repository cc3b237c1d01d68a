/*
 * One AF_XDP socket that only sends: a queue of one device, in copy mode. Frames are written into memory shared with the kernel, then handed over
 * by one system call for many. Receiving stays where it was: no XDP program is loaded.
 */
#ifndef RINGCAST_IO_XDP_H
#define RINGCAST_IO_XDP_H

#include "base/types.h"

enum { XDP_FRAME_BYTES = 2048, XDP_FRAME_COUNT = 2048 };

struct xdp_socket;

/* May this process open such sockets? 0, or -errno with one clear line (what is missing, how to allow it) in reterr. */
int ringcast_xdp_probe(char *reterr, size_t reterr_bytes);
/* 0, or -errno: -EBUSY, somebody has the queue; -ENOBUFS or -ENOMEM, no locked memory is left (RLIMIT_MEMLOCK). */
int ringcast_xdp_open(const char *device, uint32_t queue, struct xdp_socket **ret_socket);
void ringcast_xdp_close(struct xdp_socket **socket);
bool ringcast_xdp_has_room(struct xdp_socket *socket, uint32_t frame_count);
/* The next frame, XDP_FRAME_BYTES, to be written and then put. There must be room. */
uint8_t *ringcast_xdp_frame(struct xdp_socket *socket);
void ringcast_xdp_put(struct xdp_socket *socket, uint32_t size);
/* Frames put since it was opened, and how many of them the kernel has taken: it takes them in order. */
uint64_t ringcast_xdp_put_count(const struct xdp_socket *socket);
uint64_t ringcast_xdp_taken_count(struct xdp_socket *socket);
/*
 * Has the kernel send what was put, as far as it can now. Returns how many frames it has not taken yet. *ret_error: 0, or -errno of what went wrong beside being busy;
 * -EBUSY, the device has thrown a frame away.
 */
uint32_t ringcast_xdp_kick(struct xdp_socket *socket, int *ret_error);
uint64_t ringcast_xdp_memory_bytes(void); /* of one socket, with the kernel's part */

#endif
