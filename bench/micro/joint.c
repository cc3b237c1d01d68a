#include "bench/micro/joint.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MAIL_BYTES_MAX = 16384, MAIL_COUNT_MAX = 16, ROUNDS_MAX = 32 };

struct mail {
	uint8_t bytes[MAIL_BYTES_MAX];
	size_t sizes[MAIL_COUNT_MAX], count, used;
};

uint64_t joint_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "micro-seal: %s: %s\n", what, why);
	exit(1);
}

static void post(void *context, const uint8_t *bytes, size_t size)
{
	struct mail *mail = context;
	if (mail->count == MAIL_COUNT_MAX || size > MAIL_BYTES_MAX - mail->used)
		die("mail", "a flight larger than this program expects");
	memcpy(mail->bytes + mail->used, bytes, size);
	mail->used += size;
	mail->sizes[mail->count++] = size;
}

static const struct certificate *certificate(void)
{
	static struct certificate made;
	char error[CRYPTO_ERROR_BYTES];
	struct certificate_request request = {.common_name = "bench", .names = "bench.test", .now_s = (uint64_t)time(NULL), .days = 1};
	if (made.key[0] == '\0' && !ringcast_certificate_make(&request, &made, error, sizeof(error)))
		die("certificate", error);
	return &made;
}

static struct crypto_context *create_context(const struct joint_variant *variant, enum crypto_role role)
{
	char error[CRYPTO_ERROR_BYTES];
	struct crypto_options options = {
		.kind = variant->kind,
		.role = role,
		.is_version_1_2_only = variant->is_version_1_2_only,
		.is_insecure = true,
		.cookie_secret = {1},
		.ticket_secret = {1},
		.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256",
	};
	if (role == CRYPTO_SERVER)
		options.credentials = (struct crypto_credentials){.certificate = certificate()->certificate, .key = certificate()->key};
	struct crypto_context *context = ringcast_crypto_context_create(variant->backend, &options, error, sizeof(error));
	if (context == NULL)
		die("context", error);
	return context;
}

struct joint joint_create(const struct joint_variant *variant)
{
	return (struct joint){
		.client = create_context(variant, CRYPTO_CLIENT),
		.server = create_context(variant, CRYPTO_SERVER),
		.is_datagram = variant->kind == CRYPTO_DATAGRAM,
	};
}

void joint_free(struct joint *joint)
{
	ringcast_crypto_context_release(&joint->client);
	ringcast_crypto_context_release(&joint->server);
}

void joint_forget_ticket(struct joint *joint, const struct joint_variant *variant)
{
	ringcast_crypto_context_release(&joint->client);
	joint->client = create_context(variant, CRYPTO_CLIENT);
}

static bool feed(struct crypto_session *session, struct view bytes)
{
	uint8_t data[MAIL_BYTES_MAX];
	size_t size;
	bool has_data = false;
	if (ringcast_crypto_feed(session, bytes) != CRYPTO_OK)
		return false;
	while (ringcast_crypto_read(session, data, sizeof(data), &size) == CRYPTO_OK)
		has_data = true;
	return has_data;
}

/* Delivers all of mail to the server, which may have to be found first. True: data came. */
static bool serve(struct joint *joint, struct crypto_session **session, const struct mail *mail, struct mail *answers)
{
	size_t offset = 0;
	bool has_data = false;
	for (size_t index = 0; index < mail->count; offset += mail->sizes[index++]) {
		struct view bytes = ringcast_view_of(mail->bytes + offset, mail->sizes[index]);
		if (*session == NULL)
			ringcast_crypto_listen(joint->server, ringcast_view_of("bench", 5), bytes, post, answers, session);
		else
			has_data |= feed(*session, bytes);
	}
	return has_data;
}

static void tell_client(struct crypto_session *client, const struct mail *mail)
{
	size_t offset = 0;
	for (size_t index = 0; index < mail->count; offset += mail->sizes[index++])
		feed(client, ringcast_view_of(mail->bytes + offset, mail->sizes[index]));
}

static void say_first(struct crypto_session *client, struct mail *to_server)
{
	uint8_t out[256];
	size_t size = ringcast_crypto_seal(client, ringcast_view_of("first", 5), out, sizeof(out));
	post(to_server, out, size);
}

/* The server's time stands apart from the client's: each call here is one or the other. */
struct dance {
	struct crypto_session *client, *server;
	struct mail to_server, to_client;
	uint64_t server_ns;
	bool is_done, has_said;
};

static void begin(struct joint *joint, struct dance *dance)
{
	uint64_t start_ns = joint_now_ns();
	if (!joint->is_datagram)
		dance->server = ringcast_crypto_open(joint->server, NULL, post, &dance->to_client);
	dance->server_ns += joint_now_ns() - start_ns;
	dance->client = ringcast_crypto_open(joint->client, "bench.test", post, &dance->to_server);
	ringcast_crypto_connect(dance->client);
}

static void step(struct joint *joint, struct dance *dance)
{
	dance->to_client.count = dance->to_client.used = 0;
	uint64_t start_ns = joint_now_ns();
	dance->is_done = serve(joint, &dance->server, &dance->to_server, &dance->to_client);
	dance->server_ns += joint_now_ns() - start_ns;
	dance->to_server.count = dance->to_server.used = 0;
	tell_client(dance->client, &dance->to_client);
	if (!ringcast_crypto_is_established(dance->client) || dance->has_said)
		return;
	say_first(dance->client, &dance->to_server);
	dance->has_said = true;
}

struct crypto_session *joint_shake_hands(struct joint *joint, uint64_t *ret_server_ns, bool *ret_is_resumed)
{
	static struct dance dance;
	char text[128];
	dance.client = dance.server = NULL;
	dance.server_ns = dance.to_server.count = dance.to_server.used = 0;
	dance.is_done = dance.has_said = false;
	begin(joint, &dance);
	for (int round = 0; round < ROUNDS_MAX && !dance.is_done; round++)
		step(joint, &dance);
	if (!dance.is_done)
		die("handshake", ringcast_crypto_error(dance.server != NULL ? dance.server : dance.client));
	ringcast_crypto_describe(dance.server, text, sizeof(text));
	*ret_is_resumed = strstr(text, ", resumed") != NULL;
	*ret_server_ns = dance.server_ns;
	ringcast_crypto_free(&dance.client);
	return dance.server;
}
