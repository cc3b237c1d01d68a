/*
 * One io and the events it produced, for tests over loopback. Peers are plain sockets in the same thread. Every wait is bounded by a hang
 * guard, never by an expectation about time.
 */
#ifndef RINGCAST_TESTS_IO_HARNESS_H
#define RINGCAST_TESTS_IO_HARNESS_H

#include "base/attr.h"
#include "io/io.h"

#define HARNESS_EVENT_COUNT_MAX 65536

struct backend {
	const char *name;
	struct io *(*create)(const struct io_options *options, char *reterr, size_t reterr_bytes);
};

struct harness {
	struct io *io;
	unsigned batch_count_max; /* events asked of one run */
	struct io_event *events;  /* not taken yet, oldest first */
	unsigned event_count;
};

/* A table of cases, each run on every backend. */
#define IO_CASE(case_name)                                                                                                                 \
	static void case_name##_case(const struct backend *backend);                                                                       \
	Test(io_uring, case_name, .timeout = 120)                                                                                          \
	{                                                                                                                                  \
		ringcast_harness_need_io_uring();                                                                                          \
		case_name##_case(&ringcast_harness_io_uring);                                                                              \
	}                                                                                                                                  \
	Test(io_epoll, case_name, .timeout = 120)                                                                                          \
	{                                                                                                                                  \
		case_name##_case(&ringcast_harness_epoll);                                                                                 \
	}                                                                                                                                  \
	static void case_name##_case(const struct backend *backend)

extern const struct backend ringcast_harness_io_uring, ringcast_harness_epoll;
extern const struct io_options ringcast_harness_options; /* small tables */

void ringcast_harness_need_io_uring(void); /* skips the test, saying why, where io_uring is forbidden */
void ringcast_harness_init(struct harness *h, const struct backend *backend, const struct io_options *options);
void ringcast_harness_fini(struct harness *h);

void ringcast_harness_turn(struct harness *h);            /* one run that does not wait */
void ringcast_harness_settle(struct harness *h);          /* turns enough for everything that needs no peer to happen */
struct io_event ringcast_harness_next(struct harness *h); /* the oldest event, waiting for one */
struct io_event ringcast_harness_take(struct harness *h, enum io_event_kind kind); /* the oldest of this kind, waiting for it */
unsigned ringcast_harness_count(const struct harness *h, enum io_event_kind kind); /* those not taken yet */

/* Takes RECVs of the stream until size bytes came, releasing each; asserts nothing about their division. */
void ringcast_harness_recv(struct harness *h, io_id stream, void *out, size_t size);
void ringcast_harness_send(struct harness *h, io_id stream, const void *data, size_t size); /* and waits for SENT */

struct address ringcast_harness_loopback(bool is_v4, uint16_t port);
io_id ringcast_harness_listen(struct harness *h, bool is_v4, struct address *ret_bound);
io_id ringcast_harness_udp(struct harness *h, bool is_v4, uint64_t user, struct address *ret_bound);
/* A started stream of h and its peer socket. */
io_id ringcast_harness_connect(struct harness *h, const struct address *listener, bool is_v4, uint64_t user, int *ret_peer);

int ringcast_peer_connect(const struct address *address, bool is_v4);
int ringcast_peer_udp(bool is_v4, struct address *ret_bound);
void ringcast_peer_write(int fd, const void *data, size_t size);
void ringcast_peer_read(int fd, void *out, size_t size);
void ringcast_peer_send_to(int fd, const struct address *address, bool is_v4, const void *data, size_t size);
struct address ringcast_peer_address(int fd);
void ringcast_peer_reset(int fd); /* closes with a RST */

/* Bytes that tell their place, so that loss, doubling and reordering show. */
void ringcast_pattern_fill(uint8_t *out, size_t size, uint64_t offset);
bool ringcast_pattern_matches(const uint8_t *data, size_t size, uint64_t offset);
/* The descriptor of this process that is bound to the port, of the given type. */
int ringcast_find_descriptor(uint16_t port, int type);

#endif
