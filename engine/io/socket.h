/*
 * Sockets as both real backends need them: opened, bound and tuned; and the two notations of an address: sockaddr and text.
 *
 * Descriptors returned are the caller's. Nothing here keeps state. Sockets are blocking and close-on-exec: io_uring parks a request on a
 * blocking socket but fails it with EAGAIN on a non-blocking one.
 */
#ifndef RINGCAST_IO_SOCKET_H
#define RINGCAST_IO_SOCKET_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/types.h"
#include "io/local.h"

/* "[" 39 digits and colons "]:65535" and the terminator, rounded up. */
#define SOCKET_ADDRESS_TEXT_BYTES 64

/* A sockaddr of either family, as small as it can be. */
union socket_name {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Room for the control messages of a datagram: the address it leaves from or came to, and segmentation. */
union socket_control {
	struct cmsghdr align;
	uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(uint16_t))];
};

/* Whether the port could be listened on by somebody who does not share it: 0, or a negative errno. Nothing stays open. */
int ringcast_socket_try_listener(const struct address *address, bool is_v4);
/*
 * A TCP listener with SO_REUSEPORT; accepted sockets inherit TCP_NODELAY and, unless it is 0, send_buffer_bytes (SO_SNDBUF) from it. 0 or -errno.
 * Port 0: *ret_bound tells the choice.
 */
int ringcast_socket_open_listener(const struct address *address, bool is_v4, uint32_t send_buffer_bytes, struct address *ret_bound, int *ret_fd);
/* An unconnected UDP socket, bound; to all addresses, it tells which one a datagram came to. Buffer sizes of 0 leave the system default. 0 or -errno. */
int ringcast_socket_open_udp(const struct address *address, bool is_v4, uint32_t send_buffer_bytes, uint32_t recv_buffer_bytes,
			     struct address *ret_bound, int *ret_fd);
/* The same with SO_REUSEPORT. is_first: nobody may have the port yet, not even one who shares it. */
int ringcast_socket_open_shared_udp(const struct address *address, bool is_v4, uint32_t send_buffer_bytes, uint32_t recv_buffer_bytes, bool is_first,
				    struct address *ret_bound, int *ret_fd);
int ringcast_socket_set_blocking(int fd, bool is_blocking);     /* 0 or -errno */
/*
 * What close() leaves behind in a TCP socket's send queue stays in the kernel. After bound_close that ends when the peer takes none of it for
 * SOCKET_CLOSE_STALL_MS (Linux would try for minutes); after abort_at_close there is nothing left: the peer sees a reset.
 */
enum { SOCKET_CLOSE_STALL_MS = 5000 };
void ringcast_socket_bound_close(int fd);
void ringcast_socket_abort_at_close(int fd);
int ringcast_socket_get_peer(int fd, struct address *ret_peer); /* 0 or -errno */

/* The size of *ret_name, or 0 when an IPv4 socket cannot name this address. The unspecified address (all zero) fits both families. */
socklen_t ringcast_socket_encode_address(const struct address *address, bool is_v4, union socket_name *ret_name);
/* False for families other than AF_INET and AF_INET6, or when size is too small. */
bool ringcast_socket_decode_address(const void *name, size_t size, struct address *ret_address);

/*
 * What goes with a datagram: local, the address to send from (NULL: the route's choice); segment_bytes, a GSO send that the kernel cuts into
 * datagrams of that size (0: none). control must live as long as the message.
 */
void ringcast_socket_set_control(struct msghdr *message, union socket_control *control, const struct local *local, uint16_t segment_bytes);
/* Which address a received datagram came to; all zero when the message does not say. */
void ringcast_socket_get_local(const struct msghdr *message, struct local *ret_local);
/*
 * May a refused GSO send do better in pieces? The kernel has said EIO (no checksum offload), EINVAL (driver, tunnel, segment above the MTU) and
 * EMSGSIZE (the same, since Linux 6.14), so anything counts but what pieces would meet just as well: no memory, no route, a firewall.
 */
bool ringcast_socket_is_segment_refusal(int result);
/* Of accept and recvmsg: an error (-errno) of one connection or datagram. All others (EMFILE, ENOMEM...) would come again at once. */
bool ringcast_socket_is_transient(int result);

/* "127.0.0.1:7777" or "[::1]:7777". False when text is anything else; host names are never looked up. */
bool ringcast_socket_parse_address(const char *text, struct address *ret_address);
/* Writes the same notation, always terminated; returns out. */
char *ringcast_socket_format_address(const struct address *address, char out[SOCKET_ADDRESS_TEXT_BYTES]);

#endif
