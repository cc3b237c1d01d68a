/*
 * What a login costs a server that does nothing but let the kernel work: accept, read a request, write an answer, read a login, write its result,
 * read a goodbye, write one with the end in the same packet, close. io_uring at its best: one accept and one read armed per life, sends that
 * post no completion, and a whole batch of connections in each step, so that hardly ever a thread wakes up for one of them. Sizes are those of
 * the protocol; nothing is parsed. What a real server takes beyond this is its own.
 */
#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/micro/floor.h"

enum { REQUEST_BYTES = 180, ANSWER_BYTES = 129, LOGIN_BYTES = 48, RESULT_BYTES = 20, GOODBYE_BYTES = 8, GOODBYE_ANSWER_BYTES = 4 };
enum { FD_MAX = 65536, BUFFER_COUNT = 1024, BUFFER_BYTES = 4096, RING_ENTRIES = 4096, ACCEPT = FD_MAX, QUIET };

struct server {
	struct io_uring ring;
	struct io_uring_buf_ring *buffers;
	uint8_t *memory;
	int listener;
	uint8_t steps[FD_MAX]; /* how many messages a connection has sent */
	uint64_t logins;
};

struct client {
	struct sockaddr_in address;
	uint32_t count; /* at once */
	double seconds;
	int *fds;
	volatile bool is_over;
};

static const uint8_t bytes[512];

static void give(struct server *server, unsigned index)
{
	io_uring_buf_ring_add(server->buffers, server->memory + (size_t)index * BUFFER_BYTES, BUFFER_BYTES, (unsigned short)index, BUFFER_COUNT - 1, 0);
	io_uring_buf_ring_advance(server->buffers, 1);
}

static struct io_uring_sqe *sqe_of(struct server *server)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&server->ring);
	while (sqe == NULL) {
		io_uring_submit(&server->ring);
		sqe = io_uring_get_sqe(&server->ring);
	}
	return sqe;
}

static void arm_accept(struct server *server)
{
	struct io_uring_sqe *sqe = sqe_of(server);
	io_uring_prep_multishot_accept(sqe, server->listener, NULL, NULL, SOCK_CLOEXEC);
	sqe->user_data = ACCEPT;
}

static void arm_recv(struct server *server, int fd)
{
	struct io_uring_sqe *sqe = sqe_of(server);
	io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
	sqe->flags |= IOSQE_BUFFER_SELECT;
	sqe->user_data = (uint64_t)fd;
}

static void answer(struct server *server, int fd, size_t size, int flags)
{
	struct io_uring_sqe *sqe = sqe_of(server);
	io_uring_prep_send(sqe, fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL | flags);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	sqe->user_data = QUIET;
}

/* The read ends with it, and the socket with the read. */
static void end(struct server *server, int fd)
{
	struct io_uring_sqe *sqe;
	answer(server, fd, GOODBYE_ANSWER_BYTES, MSG_MORE);
	sqe = sqe_of(server);
	io_uring_prep_cancel64(sqe, (uint64_t)fd, 0);
	sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
	sqe->user_data = QUIET;
}

static void on_recv(struct server *server, const struct io_uring_cqe *cqe)
{
	int fd = (int)cqe->user_data;
	if (cqe->flags & IORING_CQE_F_BUFFER)
		give(server, cqe->flags >> IORING_CQE_BUFFER_SHIFT);
	if (cqe->res <= 0) {
		close(fd);
		return;
	}
	switch (++server->steps[fd]) {
	case 1:
		answer(server, fd, ANSWER_BYTES, 0);
		break;
	case 2:
		answer(server, fd, RESULT_BYTES, 0);
		server->logins++;
		break;
	default:
		end(server, fd);
	}
}

static void on_accept(struct server *server, int fd)
{
	if (fd < 0 || fd >= FD_MAX)
		abort();
	server->steps[fd] = 0;
	arm_recv(server, fd);
}

static void serve(struct server *server, const struct client *client)
{
	struct __kernel_timespec wait = {.tv_nsec = 100000000};
	struct io_uring_cqe *cqe;
	arm_accept(server);
	while (!client->is_over) {
		unsigned head, count = 0;
		io_uring_submit_and_wait_timeout(&server->ring, &cqe, 1, &wait, NULL);
		io_uring_for_each_cqe(&server->ring, head, cqe)
		{
			count++;
			if (cqe->user_data == ACCEPT)
				on_accept(server, cqe->res);
			else if (cqe->user_data < FD_MAX)
				on_recv(server, cqe);
		}
		io_uring_cq_advance(&server->ring, count);
	}
}

/* Everybody takes a step, then everybody takes the next. */

static bool talk(const struct client *client, size_t say_bytes, size_t hear_bytes)
{
	uint8_t heard[512];
	for (uint32_t i = 0; i < client->count; i++)
		if (send(client->fds[i], bytes, say_bytes, MSG_NOSIGNAL) != (ssize_t)say_bytes)
			return false;
	for (uint32_t i = 0; i < client->count; i++)
		if (recv(client->fds[i], heard, hear_bytes, MSG_WAITALL) != (ssize_t)hear_bytes)
			return false;
	return true;
}

static bool visit(const struct client *client)
{
	const int on = 1;
	uint8_t heard;
	for (uint32_t i = 0; i < client->count; i++) {
		client->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (client->fds[i] < 0 || connect(client->fds[i], (const struct sockaddr *)&client->address, sizeof(client->address)) < 0)
			return false;
		setsockopt(client->fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	if (!talk(client, REQUEST_BYTES, ANSWER_BYTES) || !talk(client, LOGIN_BYTES, RESULT_BYTES) || !talk(client, GOODBYE_BYTES, GOODBYE_ANSWER_BYTES))
		return false;
	for (uint32_t i = 0; i < client->count; i++)
		if (recv(client->fds[i], &heard, 1, 0) != 0)
			return false;
	for (uint32_t i = 0; i < client->count; i++)
		close(client->fds[i]);
	return true;
}

static void *be_clients(void *argument)
{
	struct client *client = argument;
	uint64_t ends_ns = ringcast_floor_cpu_ns() + (uint64_t)(client->seconds * 1e9);
	while (ringcast_floor_cpu_ns() < ends_ns && visit(client))
		;
	client->is_over = true;
	return NULL;
}

static bool provide_buffers(struct server *server)
{
	server->buffers = aligned_alloc(4096, BUFFER_COUNT * sizeof(struct io_uring_buf));
	struct io_uring_buf_reg reg = {.ring_addr = (uint64_t)(uintptr_t)server->buffers, .ring_entries = BUFFER_COUNT};
	if (server->buffers == NULL || io_uring_register_buf_ring(&server->ring, &reg, 0) != 0)
		return false;
	io_uring_buf_ring_init(server->buffers);
	for (unsigned i = 0; i < BUFFER_COUNT; i++)
		give(server, i);
	return true;
}

static bool open_server(struct server *server, struct sockaddr_in *ret_address)
{
	struct io_uring_params params = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE, .cq_entries = 4 * RING_ENTRIES};
	socklen_t size = sizeof(*ret_address);
	const int on = 1;
	*ret_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	server->memory = calloc(BUFFER_COUNT, BUFFER_BYTES);
	if (server->memory == NULL || server->listener < 0 || setsockopt(server->listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
	    bind(server->listener, (struct sockaddr *)ret_address, size) != 0 || listen(server->listener, SOMAXCONN) != 0 ||
	    getsockname(server->listener, (struct sockaddr *)ret_address, &size) != 0 || io_uring_queue_init_params(RING_ENTRIES, &server->ring, &params) != 0)
		return false;
	return provide_buffers(server);
}

int main(int argc, char **argv)
{
	static struct server server;
	struct floor_options options;
	struct client client = {0};
	pthread_t thread;
	int code = ringcast_floor_parse(&options, argc, argv, "CPU time of a server per connection that comes, says three things and leaves");
	if (code >= 0)
		return code;
	client.count = options.peer_count;
	client.seconds = options.duration_seconds;
	client.fds = calloc(client.count, sizeof(*client.fds));
	if (client.fds == NULL || !open_server(&server, &client.address) || pthread_create(&thread, NULL, be_clients, &client) != 0) {
		perror("micro-login-floor");
		return 1;
	}
	uint64_t before_ns = ringcast_floor_cpu_ns();
	serve(&server, &client);
	struct floor_row row = {.name = "connect, upgrade, login, leave", .messages = server.logins, .cpu_ns = ringcast_floor_cpu_ns() - before_ns};
	pthread_join(thread, NULL);
	ringcast_floor_print(&options, &row, 1);
	io_uring_queue_exit(&server.ring);
	free(server.buffers);
	free(server.memory);
	free(client.fds);
	return 0;
}
