#include "proto/clients/c/addresses.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { SERVICE_BYTES = 8 };

/* The client's and its thread's. Whoever lets go last frees it. */
struct client_lookup {
	atomic_uint holders;
	atomic_bool is_done; /* then found is the client's to take */
	int done_fd;         /* readable from then on */
	struct addrinfo *found;
	char service[SERVICE_BYTES];
	char host[];
};

static struct addrinfo *ask_resolver(const char *host, const char *service)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found;
	return getaddrinfo(host, service, &hints, &found) == 0 ? found : NULL;
}

static void free_list(struct addrinfo *list)
{
	if (list)
		freeaddrinfo(list);
}

/* Looking up */

static void let_go(struct client_lookup *lookup)
{
	if (atomic_fetch_sub_explicit(&lookup->holders, 1, memory_order_acq_rel) > 1)
		return;
	free_list(lookup->found);
	close(lookup->done_fd);
	free(lookup);
}

static void *run_lookup(void *argument)
{
	struct client_lookup *lookup = argument;
	lookup->found = ask_resolver(lookup->host, lookup->service);
	atomic_store_explicit(&lookup->is_done, true, memory_order_release);
	eventfd_write(lookup->done_fd, 1);
	let_go(lookup);
	return NULL;
}

static struct client_lookup *make_lookup(const char *host, uint16_t port)
{
	size_t host_bytes = strlen(host) + 1;
	struct client_lookup *lookup = calloc(1, sizeof(*lookup) + host_bytes);
	if (!lookup)
		return NULL;
	lookup->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (lookup->done_fd < 0) {
		free(lookup);
		return NULL;
	}
	atomic_init(&lookup->holders, 2);
	memcpy(lookup->host, host, host_bytes);
	snprintf(lookup->service, sizeof(lookup->service), "%u", port);
	return lookup;
}

/* The game's signals are not for a thread that it does not know. */
static bool start_thread(struct client_lookup *lookup)
{
	sigset_t all, before;
	pthread_t thread;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&thread, NULL, run_lookup, lookup);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		pthread_detach(thread);
	errno = error;
	return error == 0;
}

bool ringcast_client_addresses_look_up(struct client_addresses *addresses, const char *host, uint16_t port)
{
	if (addresses->lookup)
		return true;
	addresses->is_late = false;
	struct client_lookup *lookup = make_lookup(host, port);
	if (!lookup)
		return false;
	if (start_thread(lookup)) {
		addresses->lookup = lookup;
		return true;
	}
	close(lookup->done_fd);
	free(lookup);
	return false;
}

int ringcast_client_addresses_lookup_fd(const struct client_addresses *addresses)
{
	return addresses->lookup->done_fd;
}

/* Taking turns */

static void replace(struct client_addresses *addresses, struct addrinfo *list)
{
	free_list(addresses->list);
	addresses->list = list;
	addresses->current = NULL;
	addresses->is_good = false;
}

/* Behind one name there may be several servers, and the player is on one of them. */
static const struct addrinfo *find_same(const struct addrinfo *list, const struct addrinfo *sought)
{
	while (list && (list->ai_addrlen != sought->ai_addrlen || memcmp(list->ai_addr, sought->ai_addr, sought->ai_addrlen) != 0))
		list = list->ai_next;
	return list;
}

static void take_fresh(struct client_addresses *addresses, struct addrinfo *fresh)
{
	const struct addrinfo *same = addresses->current ? find_same(fresh, addresses->current) : NULL;
	bool is_good = addresses->is_good && same;
	replace(addresses, fresh);
	addresses->current = same;
	addresses->is_good = is_good;
}

static void take_lookup(struct client_addresses *addresses)
{
	struct client_lookup *lookup = addresses->lookup;
	if (!lookup || !atomic_load_explicit(&lookup->is_done, memory_order_acquire))
		return;
	if (lookup->found && !addresses->is_late) {
		take_fresh(addresses, lookup->found);
		lookup->found = NULL;
	}
	let_go(lookup);
	addresses->lookup = NULL;
}

static const struct addrinfo *after(const struct client_addresses *addresses, const struct addrinfo *address)
{
	return address && address->ai_next ? address->ai_next : addresses->list;
}

void ringcast_client_addresses_begin(struct client_addresses *addresses)
{
	take_lookup(addresses);
	addresses->upcoming = addresses->is_good ? addresses->current : after(addresses, addresses->current);
	addresses->is_good = false;
	addresses->left_count = 0;
	for (const struct addrinfo *address = addresses->list; address; address = address->ai_next)
		addresses->left_count++;
}

const struct addrinfo *ringcast_client_addresses_next(struct client_addresses *addresses)
{
	if (addresses->left_count == 0)
		return NULL;
	addresses->left_count--;
	addresses->current = addresses->upcoming;
	addresses->upcoming = after(addresses, addresses->upcoming);
	return addresses->current;
}

/* What is still being looked up was for this: when the next break comes it would be old, and may be of another network. */
void ringcast_client_addresses_praise(struct client_addresses *addresses)
{
	addresses->is_good = true;
	addresses->is_late = true;
}

bool ringcast_client_addresses_resolve(struct client_addresses *addresses, const char *host, uint16_t port)
{
	char service[SERVICE_BYTES];
	snprintf(service, sizeof(service), "%u", port);
	replace(addresses, ask_resolver(host, service));
	return addresses->list != NULL;
}

void ringcast_client_addresses_forget(struct client_addresses *addresses)
{
	free_list(addresses->list);
	if (addresses->lookup)
		let_go(addresses->lookup);
	*addresses = (struct client_addresses){0};
}
