/*
 * The relay that one would write in an afternoon on libwebsockets: the first message of a connection names its group, every other one goes to
 * all others in it. One copy of a message for all who get it, as many writes a turn as the socket takes. usage: peers-lws PORT
 */
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS_MAX = 4096, QUEUE_MAX = 4096 };

struct message {
	size_t references, size;
	unsigned char bytes[]; /* LWS_PRE, then the payload */
};

struct peer {
	struct lws *wsi;
	struct peer *next; /* in its group */
	size_t group;      /* 0: not said yet */
	struct message **queue;
	size_t first, count;
};

static struct peer *groups[GROUPS_MAX];

static void drop(struct message *message)
{
	if (--message->references == 0)
		free(message);
}

static struct message *make(const void *bytes, size_t size)
{
	struct message *message = malloc(sizeof(*message) + LWS_PRE + size);
	if (message) {
		*message = (struct message){.references = 1, .size = size};
		memcpy(message->bytes + LWS_PRE, bytes, size);
	}
	return message;
}

static void queue(struct peer *peer, struct message *message)
{
	if (peer->count == QUEUE_MAX)
		return; /* a reader too slow: as others do */
	peer->queue[(peer->first + peer->count++) % QUEUE_MAX] = message;
	message->references++;
	lws_callback_on_writable(peer->wsi);
}

static void join(struct peer *peer, const char *name, size_t size)
{
	char text[16] = "";
	memcpy(text, name, size < sizeof(text) - 1 ? size : sizeof(text) - 1);
	peer->group = 1 + strtoul(text, NULL, 10) % (GROUPS_MAX - 1);
	peer->next = groups[peer->group];
	groups[peer->group] = peer;
	struct message *joined = make("joined", 6);
	if (joined) {
		queue(peer, joined);
		drop(joined);
	}
}

static void relay(struct peer *from, const void *bytes, size_t size)
{
	struct message *message = make(bytes, size);
	if (!message)
		return;
	for (struct peer *peer = groups[from->group]; peer; peer = peer->next) {
		if (peer != from)
			queue(peer, message);
	}
	drop(message);
}

static int flush(struct peer *peer)
{
	while (peer->count > 0) {
		struct message *message = peer->queue[peer->first];
		if (lws_write(peer->wsi, message->bytes + LWS_PRE, message->size, LWS_WRITE_BINARY) < 0)
			return -1;
		drop(message);
		peer->first = (peer->first + 1) % QUEUE_MAX;
		peer->count--;
		if (peer->count > 0 && lws_send_pipe_choked(peer->wsi))
			break;
	}
	if (peer->count > 0)
		lws_callback_on_writable(peer->wsi);
	return 0;
}

static void leave(struct peer *peer)
{
	for (struct peer **at = &groups[peer->group]; *at; at = &(*at)->next) {
		if (*at == peer) {
			*at = peer->next;
			break;
		}
	}
	for (; peer->count > 0; peer->count--, peer->first = (peer->first + 1) % QUEUE_MAX)
		drop(peer->queue[peer->first]);
	free(peer->queue);
}

static int serve(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t size)
{
	struct peer *peer = user;
	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		*peer = (struct peer){.wsi = wsi, .queue = calloc(QUEUE_MAX, sizeof(struct message *))};
		return peer->queue ? 0 : -1;
	case LWS_CALLBACK_RECEIVE:
		if (peer->group == 0)
			join(peer, in, size);
		else
			relay(peer, in, size);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return flush(peer);
	case LWS_CALLBACK_CLOSED:
		leave(peer);
		return 0;
	default:
		return 0;
	}
}

int main(int argc, char **argv)
{
	static const struct lws_protocols protocols[] = {{.name = "relay", .callback = serve, .per_session_data_size = sizeof(struct peer), .rx_buffer_size = 65536}, {0}};
	if (argc != 2) {
		fprintf(stderr, "usage: peers-lws PORT\n");
		return 2;
	}
	lws_set_log_level(LLL_ERR, NULL);
	const struct lws_context_creation_info info = {
		.port = atoi(argv[1]), .iface = "127.0.0.1", .protocols = protocols, .pt_serv_buf_size = 65536, .fd_limit_per_thread = 20000};
	struct lws_context *context = lws_create_context(&info);
	if (!context)
		return 1;
	printf("ready\n");
	fflush(stdout);
	while (lws_service(context, 0) >= 0)
		;
	lws_context_destroy(context);
	return 0;
}
