/*
 * DTLS as the Realtime C# client does it, on the same library: mbedTLS, default settings, the server's certificate and name verified, and ONE pending
 * datagram: what arrives before the last one was read replaces it. Then identity is proven with the connect token (-14, -15).
 *
 *   mbedtls_client HOST-NAME ADDRESS CA-FILE <lines "port peer-id token"
 *
 * One handshake per line. Prints "ok MILLISECONDS OVERWRITTEN VERSION SUITE" or "failed WHY" for each; exits 0 when all were ok.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/timing.h>
#include <mbedtls/version.h>
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

enum { DATAGRAM_BYTES = 2048, TOKEN_BYTES = 128, ANSWER_WAIT_MS = 10000 };

/* The one place where a datagram waits. */
struct slot {
	int fd;
	uint8_t bytes[DATAGRAM_BYTES];
	size_t size;
	int overwritten_count;
};

static struct {
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context random;
	mbedtls_x509_crt ca;
	mbedtls_ssl_config config;
} common;

static uint64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int send_datagram(void *context, const unsigned char *bytes, size_t size)
{
	struct slot *slot = context;
	ssize_t sent = send(slot->fd, bytes, size, 0);
	return sent < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)sent;
}

/* A game's loop is slow: by the time it looks, everything that the server sent in one go is here, and all but the last is gone. */
static int receive_datagram(void *context, unsigned char *out, size_t capacity, uint32_t timeout_ms)
{
	struct slot *slot = context;
	struct pollfd poll_fd = {.fd = slot->fd, .events = POLLIN};
	ssize_t got;
	if (poll(&poll_fd, 1, timeout_ms > 0 ? (int)timeout_ms : -1) <= 0)
		return MBEDTLS_ERR_SSL_TIMEOUT;
	usleep(2000);
	slot->size = 0;
	while ((got = recv(slot->fd, slot->bytes, sizeof(slot->bytes), MSG_DONTWAIT)) > 0) {
		slot->overwritten_count += slot->size > 0;
		slot->size = (size_t)got;
	}
	if (slot->size == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	size_t size = slot->size < capacity ? slot->size : capacity;
	memcpy(out, slot->bytes, size);
	return (int)size;
}

static void fail(const char *what, int error)
{
	char text[160] = "";
	mbedtls_strerror(error, text, sizeof(text));
	printf("failed %s: %s (-0x%x)\n", what, text, (unsigned)-error);
}

/* the packets, by hand: opCode -14 is zigzag 27, -15 is 29 */

static size_t put_varint(uint8_t *out, uint32_t value)
{
	size_t size = 0;
	for (; value > 127; value >>= 7)
		out[size++] = (uint8_t)(value | 128);
	out[size++] = (uint8_t)value;
	return size;
}

static size_t encode_proof(uint32_t peer_id, const char *token, uint8_t *out)
{
	uint8_t command[TOKEN_BYTES + 16], body[TOKEN_BYTES + 32];
	size_t command_size = 0, size = 0;
	command[command_size++] = 0x08;
	command_size += put_varint(command + command_size, peer_id);
	command[command_size++] = 0x12;
	command_size += put_varint(command + command_size, (uint32_t)strlen(token));
	memcpy(command + command_size, token, strlen(token));
	command_size += strlen(token);
	body[size++] = 0x08;
	body[size++] = 0x1b;
	body[size++] = 0x28;
	size += put_varint(body + size, peer_id);
	body[size++] = 0xaa;
	body[size++] = 0x02;
	size += put_varint(body + size, (uint32_t)command_size);
	memcpy(body + size, command, command_size);
	size += command_size;
	size_t prefix = put_varint(out, (uint32_t)size);
	memcpy(out + prefix, body, size);
	return prefix + size;
}

/* opCode -15 first, and a VerifyIdentityResult {success: true, ...} somewhere. */
static bool is_proven(const uint8_t *bytes, size_t size)
{
	static const uint8_t result[] = {0xb2, 0x02};
	if (size < 3 || bytes[0] != size - 1 || bytes[1] != 0x08 || bytes[2] != 0x1d)
		return false;
	const uint8_t *found = memmem(bytes, size, result, sizeof(result));
	return found && (size_t)(found - bytes) + 5 <= size && found[3] == 0x08 && found[4] == 0x01;
}

static bool prove(mbedtls_ssl_context *ssl, uint32_t peer_id, const char *token)
{
	uint8_t bytes[DATAGRAM_BYTES];
	int result = mbedtls_ssl_write(ssl, bytes, encode_proof(peer_id, token, bytes));
	if (result <= 0) {
		fail("sending the proof", result);
		return false;
	}
	do
		result = mbedtls_ssl_read(ssl, bytes, sizeof(bytes));
	while (result == MBEDTLS_ERR_SSL_WANT_READ);
	if (result <= 0)
		fail("reading the answer", result);
	else if (!is_proven(bytes, (size_t)result))
		printf("failed identity: the answer is not a success\n");
	return result > 0 && is_proven(bytes, (size_t)result);
}

static bool handshake(struct slot *slot, const char *host, uint32_t peer_id, const char *token)
{
	mbedtls_ssl_context ssl;
	mbedtls_timing_delay_context timer;
	bool is_good = false;
	mbedtls_ssl_init(&ssl);
	int result = mbedtls_ssl_setup(&ssl, &common.config);
	if (result == 0)
		result = mbedtls_ssl_set_hostname(&ssl, host);
	mbedtls_ssl_set_timer_cb(&ssl, &timer, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
	mbedtls_ssl_set_bio(&ssl, slot, send_datagram, NULL, receive_datagram);
	uint64_t start_us = now_us();
	while (result == 0 && (result = mbedtls_ssl_handshake(&ssl)) == MBEDTLS_ERR_SSL_WANT_READ)
		result = 0;
	uint64_t end_us = now_us();
	if (result != 0) {
		fail("handshake", result);
	} else if (prove(&ssl, peer_id, token)) {
		is_good = true;
		printf("ok %.3f %d %s %s\n", (double)(end_us - start_us) / 1000, slot->overwritten_count, mbedtls_ssl_get_version(&ssl),
		       mbedtls_ssl_get_ciphersuite(&ssl));
	}
	mbedtls_ssl_close_notify(&ssl);
	mbedtls_ssl_free(&ssl);
	return is_good;
}

static bool connect_once(const char *host, const char *address, uint16_t port, uint32_t peer_id, const char *token)
{
	struct slot slot = {.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	bool is_good = false;
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || connect(slot.fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		printf("failed %s: not an IPv4 address\n", address);
	else
		is_good = handshake(&slot, host, peer_id, token);
	close(slot.fd);
	return is_good;
}

static int set_up(const char *ca_file)
{
	mbedtls_entropy_init(&common.entropy);
	mbedtls_ctr_drbg_init(&common.random);
	mbedtls_x509_crt_init(&common.ca);
	mbedtls_ssl_config_init(&common.config);
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	psa_crypto_init();
#endif
	int result = mbedtls_ctr_drbg_seed(&common.random, mbedtls_entropy_func, &common.entropy, NULL, 0);
	if (result == 0)
		result = mbedtls_x509_crt_parse_file(&common.ca, ca_file);
	if (result == 0)
		result = mbedtls_ssl_config_defaults(&common.config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT);
	mbedtls_ssl_conf_authmode(&common.config, MBEDTLS_SSL_VERIFY_REQUIRED);
	mbedtls_ssl_conf_ca_chain(&common.config, &common.ca, NULL);
	mbedtls_ssl_conf_rng(&common.config, mbedtls_ctr_drbg_random, &common.random);
	mbedtls_ssl_conf_read_timeout(&common.config, ANSWER_WAIT_MS);
	return result;
}

static void tear_down(void)
{
	mbedtls_ssl_config_free(&common.config);
	mbedtls_x509_crt_free(&common.ca);
	mbedtls_ctr_drbg_free(&common.random);
	mbedtls_entropy_free(&common.entropy);
}

int main(int argc, char **argv)
{
	unsigned port, peer_id;
	char token[TOKEN_BYTES + 1];
	bool is_good = true;
	if (argc != 4) {
		fprintf(stderr, "usage: mbedtls_client HOST-NAME ADDRESS CA-FILE <lines\n");
		return 2;
	}
	int result = set_up(argv[3]);
	if (result != 0) {
		fail(argv[3], result);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	while (scanf("%u %u %128s", &port, &peer_id, token) == 3)
		is_good &= connect_once(argv[1], argv[2], (uint16_t)port, peer_id, token);
	tear_down();
	return is_good ? 0 : 1;
}
