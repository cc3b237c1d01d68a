#include "crypto/random.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>

#include "base/assert.h"

enum { POOL_BYTES = 4096 };

static _Thread_local struct {
	crypto_random_fn *source;
	void *source_context;
	size_t left;
	uint8_t bytes[POOL_BYTES];
} pool;

static void fill_from_system(uint8_t *out, size_t size)
{
	while (size > 0) {
		ssize_t got = getrandom(out, size, 0);
		ringcast_assert(got > 0 || errno == EINTR);
		if (got < 0)
			continue;
		out += got;
		size -= (size_t)got;
	}
}

/* A child must not hand out what its parent does. Only the thread that forks goes on in it. */
static void forget_pool(void)
{
	pool.left = 0;
}

static void arrange_for_forks(void)
{
	int error = pthread_atfork(NULL, NULL, forget_pool);
	ringcast_assert(error == 0);
}

static void refill(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, arrange_for_forks);
	fill_from_system(pool.bytes, POOL_BYTES);
	pool.left = POOL_BYTES;
}

void ringcast_random_source(crypto_random_fn *source, void *context)
{
	pool.source = source;
	pool.source_context = context;
}

/* What was handed out is wiped here: a later look into this memory must not tell yesterday's keys. */
static void take_from_pool(uint8_t *out, size_t size)
{
	if (pool.left < size)
		refill();
	uint8_t *from = pool.bytes + POOL_BYTES - pool.left;
	memcpy(out, from, size);
	explicit_bzero(from, size);
	pool.left -= size;
}

void ringcast_random_fill(void *out, size_t size)
{
	if (pool.source != NULL)
		pool.source(pool.source_context, out, size);
	else if (size > POOL_BYTES)
		fill_from_system(out, size);
	else
		take_from_pool(out, size);
}
