#include "io/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_unspecified(const struct address *address)
{
	static const uint8_t zero[16];
	return memcmp(address->ip, zero, sizeof(zero)) == 0;
}

socklen_t ringcast_socket_encode_address(const struct address *address, bool is_v4, union socket_name *ret_name)
{
	if (!is_v4) {
		ret_name->v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
		memcpy(&ret_name->v6.sin6_addr, address->ip, sizeof(address->ip));
		return sizeof(ret_name->v6);
	}
	if (!ringcast_address_is_v4(address) && !is_unspecified(address))
		return 0;
	ret_name->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(address->port)};
	memcpy(&ret_name->v4.sin_addr, address->ip + 12, 4);
	return sizeof(ret_name->v4);
}

static void address_from_v4(const struct in_addr *ip, uint16_t port, struct address *ret_address)
{
	*ret_address = (struct address){.ip = {[10] = 0xff, [11] = 0xff}, .port = port};
	memcpy(ret_address->ip + 12, ip, 4);
}

bool ringcast_socket_decode_address(const void *name, size_t size, struct address *ret_address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	sa_family_t family;
	if (size < sizeof(family))
		return false;
	memcpy(&family, name, sizeof(family));
	if (family == AF_INET && size >= sizeof(v4)) {
		memcpy(&v4, name, sizeof(v4));
		address_from_v4(&v4.sin_addr, ntohs(v4.sin_port), ret_address);
		return true;
	}
	if (family == AF_INET6 && size >= sizeof(v6)) {
		memcpy(&v6, name, sizeof(v6));
		memcpy(ret_address->ip, &v6.sin6_addr, sizeof(ret_address->ip));
		ret_address->port = ntohs(v6.sin6_port);
		return true;
	}
	return false;
}

static int get_bound(int fd, struct address *ret_bound)
{
	union socket_name name;
	socklen_t size = sizeof(name);
	if (getsockname(fd, &name.any, &size) != 0)
		return -errno;
	return ringcast_socket_decode_address(&name, size, ret_bound) ? 0 : -EAFNOSUPPORT;
}

int ringcast_socket_get_peer(int fd, struct address *ret_peer)
{
	union socket_name name;
	socklen_t size = sizeof(name);
	if (getpeername(fd, &name.any, &size) != 0)
		return -errno;
	return ringcast_socket_decode_address(&name, size, ret_peer) ? 0 : -EAFNOSUPPORT;
}

int ringcast_socket_set_blocking(int fd, bool is_blocking)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -errno;
	int wanted = is_blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
	if (wanted != flags && fcntl(fd, F_SETFL, wanted) != 0)
		return -errno;
	return 0;
}

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/* With CAP_NET_ADMIN the FORCE variant goes past net.core.[rw]mem_max; without it the kernel clips silently, which is acceptable. */
static int set_buffer_bytes(int fd, int forced_option, int option, uint32_t bytes)
{
	if (bytes == 0 || set_int(fd, SOL_SOCKET, forced_option, (int)bytes) == 0)
		return 0;
	return set_int(fd, SOL_SOCKET, option, (int)bytes);
}

/* Bound to all addresses, a socket is asked to tell which of them a datagram came to. */
static int ask_for_local(int fd, const struct address *address, bool is_v4)
{
	union socket_name name = {0}; /* gcc 12 at -O3 does not see that the next line fills it */
	ringcast_socket_encode_address(address, is_v4, &name);
	if (is_v4)
		return name.v4.sin_addr.s_addr == htonl(INADDR_ANY) ? set_int(fd, IPPROTO_IP, IP_PKTINFO, 1) : 0;
	return is_unspecified(address) ? set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) : 0;
}

static int bind_socket(int fd, const struct address *address, bool is_v4, struct address *ret_bound)
{
	union socket_name name;
	socklen_t size = ringcast_socket_encode_address(address, is_v4, &name);
	int result;
	if (size == 0)
		return -EAFNOSUPPORT;
	/* One family per socket, so that a peer has exactly one notation. */
	if (!is_v4 && (result = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1)) != 0)
		return result;
	if (bind(fd, &name.any, size) != 0)
		return -errno;
	return get_bound(fd, ret_bound);
}

/* What is set here, accepted sockets have from birth. */
static int prepare_listener(int fd, const struct address *address, bool is_v4, struct address *ret_bound)
{
	int result = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (result == 0)
		result = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (result == 0)
		result = set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (result == 0)
		result = bind_socket(fd, address, is_v4, ret_bound);
	if (result == 0 && listen(fd, SOMAXCONN) != 0)
		result = -errno;
	return result;
}

int ringcast_socket_try_listener(const struct address *address, bool is_v4)
{
	struct address bound;
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int result = set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1); /* past connections of a predecessor; a listener still counts */
	if (result == 0)
		result = bind_socket(fd, address, is_v4, &bound);
	if (result == 0 && listen(fd, 1) != 0)
		result = -errno;
	close(fd);
	return result;
}

int ringcast_socket_open_listener(const struct address *address, bool is_v4, uint32_t send_buffer_bytes, struct address *ret_bound, int *ret_fd)
{
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int result = set_buffer_bytes(fd, SO_SNDBUFFORCE, SO_SNDBUF, send_buffer_bytes);
	if (result == 0)
		result = prepare_listener(fd, address, is_v4, ret_bound);
	if (result != 0) {
		close(fd);
		return result;
	}
	*ret_fd = fd;
	return 0;
}

static int open_udp(const struct address *address, bool is_v4, uint32_t send_buffer_bytes, uint32_t recv_buffer_bytes, bool is_shared,
		    struct address *ret_bound, int *ret_fd)
{
	int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int result = set_buffer_bytes(fd, SO_SNDBUFFORCE, SO_SNDBUF, send_buffer_bytes);
	if (result == 0 && is_shared)
		result = set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (result == 0)
		result = set_buffer_bytes(fd, SO_RCVBUFFORCE, SO_RCVBUF, recv_buffer_bytes);
	if (result == 0)
		result = bind_socket(fd, address, is_v4, ret_bound);
	if (result == 0)
		result = ask_for_local(fd, address, is_v4);
	if (result != 0) {
		close(fd);
		return result;
	}
	*ret_fd = fd;
	return 0;
}

int ringcast_socket_open_udp(const struct address *address, bool is_v4, uint32_t send_buffer_bytes, uint32_t recv_buffer_bytes,
			     struct address *ret_bound, int *ret_fd)
{
	return open_udp(address, is_v4, send_buffer_bytes, recv_buffer_bytes, false, ret_bound, ret_fd);
}

int ringcast_socket_open_shared_udp(const struct address *address, bool is_v4, uint32_t send_buffer_bytes, uint32_t recv_buffer_bytes, bool is_first,
				    struct address *ret_bound, int *ret_fd)
{
	struct address bound;
	int fd = -1, result = 0;
	if (is_first && address->port != 0)
		result = open_udp(address, is_v4, 0, 0, false, &bound, &fd);
	if (result != 0)
		return result;
	if (is_first && address->port != 0)
		close(fd);
	return open_udp(address, is_v4, send_buffer_bytes, recv_buffer_bytes, true, ret_bound, ret_fd);
}

void ringcast_socket_bound_close(int fd)
{
	set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, SOCKET_CLOSE_STALL_MS);
}

void ringcast_socket_abort_at_close(int fd)
{
	struct linger none = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

static void add_control(struct msghdr *message, union socket_control *control, int level, int type, const void *value, size_t size)
{
	struct cmsghdr *header = (struct cmsghdr *)(control->bytes + message->msg_controllen);
	header->cmsg_level = level;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), value, size);
	message->msg_controllen += CMSG_SPACE(size);
}

static void add_local(struct msghdr *message, union socket_control *control, const struct local *local)
{
	struct address address = {0};
	memcpy(address.ip, local->ip, sizeof(address.ip));
	if (ringcast_address_is_v4(&address)) {
		struct in_pktinfo v4 = {0};
		memcpy(&v4.ipi_spec_dst, local->ip + 12, sizeof(v4.ipi_spec_dst));
		add_control(message, control, IPPROTO_IP, IP_PKTINFO, &v4, sizeof(v4));
	} else {
		struct in6_pktinfo v6 = {.ipi6_ifindex = local->interface};
		memcpy(&v6.ipi6_addr, local->ip, sizeof(v6.ipi6_addr));
		add_control(message, control, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof(v6));
	}
}

void ringcast_socket_set_control(struct msghdr *message, union socket_control *control, const struct local *local, uint16_t segment_bytes)
{
	memset(control, 0, sizeof(*control));
	message->msg_control = control;
	message->msg_controllen = 0;
	if (local != NULL)
		add_local(message, control, local);
	if (segment_bytes != 0)
		add_control(message, control, SOL_UDP, UDP_SEGMENT, &segment_bytes, sizeof(segment_bytes));
}

static void local_from_v4(const struct in_pktinfo *info, struct local *ret_local)
{
	*ret_local = (struct local){.ip = {[10] = 0xff, [11] = 0xff}};
	memcpy(ret_local->ip + 12, &info->ipi_spec_dst, 4);
}

/* A link-local address means something on its interface only. */
static void local_from_v6(const struct in6_pktinfo *info, struct local *ret_local)
{
	*ret_local = (struct local){.interface = IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr) ? (uint32_t)info->ipi6_ifindex : 0};
	memcpy(ret_local->ip, &info->ipi6_addr, sizeof(ret_local->ip));
}

void ringcast_socket_get_local(const struct msghdr *message, struct local *ret_local)
{
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
	*ret_local = (struct local){0};
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR((struct msghdr *)(uintptr_t)message, header)) {
		if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
			memcpy(&v4, CMSG_DATA(header), sizeof(v4));
			local_from_v4(&v4, ret_local);
		} else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
			memcpy(&v6, CMSG_DATA(header), sizeof(v6));
			local_from_v6(&v6, ret_local);
		}
	}
}

bool ringcast_socket_is_segment_refusal(int result)
{
	switch (-result) {
	case EAGAIN:
	case ENOBUFS:
	case ENOMEM:
	case ECANCELED:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EPERM:
	case EACCES:
		return false;
	default:
		return result < 0;
	}
}

bool ringcast_socket_is_transient(int result)
{
	switch (-result) {
	case ECONNABORTED:
	case ECONNREFUSED:
	case ECONNRESET:
	case ETIMEDOUT:
	case EINTR:
	case EAGAIN:
	case EPROTO:
	case EPERM:
	case ENETDOWN: /* from here on: pending errors of the network, which accept(2) says to take as EAGAIN */
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENONET:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
		return true;
	default:
		return result >= 0;
	}
}

static bool parse_port(const char *text, uint16_t *ret_port)
{
	unsigned long port = 0;
	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		port = port * 10 + (unsigned long)(*text - '0');
		if (port > UINT16_MAX)
			return false;
	}
	*ret_port = (uint16_t)port;
	return true;
}

static bool parse_host(const char *host, bool is_bracketed, struct address *ret_address)
{
	struct in_addr v4;
	if (is_bracketed)
		return inet_pton(AF_INET6, host, ret_address->ip) == 1;
	if (inet_pton(AF_INET, host, &v4) != 1)
		return false;
	address_from_v4(&v4, 0, ret_address);
	return true;
}

bool ringcast_socket_parse_address(const char *text, struct address *ret_address)
{
	char host[SOCKET_ADDRESS_TEXT_BYTES];
	bool is_bracketed = text[0] == '[';
	const char *begin = text + is_bracketed;
	const char *end = strrchr(text, ':');
	struct address address = {0};
	if (end == NULL || (is_bracketed && (end == text || end[-1] != ']')))
		return false;
	size_t size = (size_t)(end - begin) - is_bracketed;
	if (end - begin < is_bracketed || size >= sizeof(host))
		return false;
	memcpy(host, begin, size);
	host[size] = '\0';
	if (!parse_host(host, is_bracketed, &address) || !parse_port(end + 1, &address.port))
		return false;
	*ret_address = address;
	return true;
}

char *ringcast_socket_format_address(const struct address *address, char out[SOCKET_ADDRESS_TEXT_BYTES])
{
	char host[INET6_ADDRSTRLEN] = "?";
	if (ringcast_address_is_v4(address)) {
		inet_ntop(AF_INET, address->ip + 12, host, sizeof(host));
		snprintf(out, SOCKET_ADDRESS_TEXT_BYTES, "%s:%u", host, (unsigned)address->port);
	} else {
		inet_ntop(AF_INET6, address->ip, host, sizeof(host));
		snprintf(out, SOCKET_ADDRESS_TEXT_BYTES, "[%s]:%u", host, (unsigned)address->port);
	}
	return out;
}
