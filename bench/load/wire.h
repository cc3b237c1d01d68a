/* Lines of JSON over a stream socket, between the processes that share a run. */
#ifndef RINGCAST_BENCH_LOAD_WIRE_H
#define RINGCAST_BENCH_LOAD_WIRE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	WIRE_HELLO_BYTES_MAX = 4096,           /* of who has not said the secret yet */
	WIRE_ORDER_BYTES_MAX = 256 * 1024,
	WIRE_REPORT_BYTES_MAX = 64 * 1024 * 1024,
};

enum wire_result { WIRE_NOTHING = 0, WIRE_MESSAGE, WIRE_GONE };

/* Does not own the socket. */
struct wire {
	int fd;
	size_t size_max;  /* of one line; whoever sends more is gone */
	size_t size, capacity;
	char *bytes;
};

void ringcast_wire_fini(struct wire *wire);
/* Takes the message over. Waits until it is sent; false: the other is gone. */
bool ringcast_wire_send(int fd, json_t *message);
/* The next message, to free. */
enum wire_result ringcast_wire_read(struct wire *wire, bool is_waiting, json_t **ret_message);

#endif
