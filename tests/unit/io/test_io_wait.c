/* Waiting and waking, clock, entropy, probe; and the notation of addresses. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/entropy.h"
#include "io/io_uring_impl.h"
#include "io/socket.h"
#include "io_harness.h"

static void *wake_once(void *argument)
{
	struct io *io = argument;
	io->ops->wake(io);
	return NULL;
}

IO_CASE(wake_from_another_thread)
{
	struct harness h;
	ringcast_harness_init(&h, backend, NULL);
	for (int round = 0; round < 200; round++) {
		pthread_t thread;
		cr_assert_eq(pthread_create(&thread, NULL, wake_once, h.io), 0);
		cr_assert_eq(ringcast_harness_next(&h).kind, IO_EVENT_WAKE);
		cr_assert_eq(pthread_join(thread, NULL), 0);
	}
	ringcast_harness_settle(&h);
	cr_assert_eq(h.event_count, 0, "one event per wake here");
	cr_assert_eq(h.io->ops->stats(h.io)->wakes, 200);
	ringcast_harness_fini(&h);
}

IO_CASE(wakes_before_the_run_are_one)
{
	struct harness h;
	ringcast_harness_init(&h, backend, NULL);
	for (int i = 0; i < 10; i++)
		h.io->ops->wake(h.io);
	cr_assert_eq(ringcast_harness_next(&h).kind, IO_EVENT_WAKE);
	ringcast_harness_settle(&h);
	cr_assert_eq(h.event_count, 0);
	ringcast_harness_fini(&h);
}

struct waker {
	struct io *io;
	_Atomic unsigned seen, asked;
	bool is_lost;
};

/* Asks, and waits until it was heard, again and again: a lost wake hangs the test. */
static void *wake_repeatedly(void *argument)
{
	struct waker *waker = argument;
	for (unsigned i = 1; i <= 2000; i++) {
		waker->asked = i;
		waker->io->ops->wake(waker->io);
		while (waker->seen < i)
			sched_yield();
	}
	return NULL;
}

IO_CASE(no_wake_is_lost)
{
	struct harness h;
	pthread_t thread;
	ringcast_harness_init(&h, backend, NULL);
	struct waker waker = {.io = h.io};
	cr_assert_eq(pthread_create(&thread, NULL, wake_repeatedly, &waker), 0);
	while (waker.seen < 2000) {
		cr_assert_eq(ringcast_harness_next(&h).kind, IO_EVENT_WAKE);
		waker.seen = waker.asked;
	}
	cr_assert_eq(pthread_join(thread, NULL), 0);
	ringcast_harness_fini(&h);
}

static void no_event_until(struct harness *h, uint64_t delay_ns)
{
	uint64_t deadline_ns = ringcast_io_now_ns(h->io) + delay_ns;
	struct io_event event;
	cr_assert_eq(h->io->ops->run(h->io, deadline_ns, &event, 1), 0);
	cr_assert_geq(ringcast_io_now_ns(h->io), deadline_ns, "came back with nothing before the deadline");
}

IO_CASE(deadline_ends_the_wait)
{
	struct harness h;
	struct io_event event;
	ringcast_harness_init(&h, backend, NULL);
	no_event_until(&h, NS_PER_MS);
	cr_assert_eq(h.io->ops->run(h.io, 1, &event, 1), 0, "a deadline long past does not wait");
	ringcast_harness_fini(&h);
}

static struct io_options gathering(uint64_t gather_ns)
{
	struct io_options options = ringcast_harness_options;
	options.gather_ns = gather_ns;
	return options;
}

struct late_writer {
	int fd;
	pid_t reader; /* thread */
};

struct sleeper {
	struct io *io;
	pid_t thread;
};

static bool is_asleep(pid_t thread)
{
	char path[64], line[256];
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)thread);
	FILE *file = fopen(path, "re");
	cr_assert_not_null(file);
	cr_assert_not_null(fgets(line, sizeof(line), file));
	fclose(file);
	return strstr(line, ") S ") != NULL;
}

static void *write_to_a_sleeper(void *argument)
{
	const struct late_writer *writer = argument;
	while (!is_asleep(writer->reader))
		sched_yield();
	ringcast_peer_write(writer->fd, "x", 1);
	return NULL;
}

static void *wake_a_sleeper(void *argument)
{
	const struct sleeper *sleeper = argument;
	while (!is_asleep(sleeper->thread))
		sched_yield();
	sleeper->io->ops->wake(sleeper->io);
	return NULL;
}

/* As it does where completions overflow. Were the doorbell not armed again, nothing would end the wait. */
Test(io_uring, a_doorbell_that_the_kernel_has_given_up_rings_again, .timeout = 60)
{
	struct harness h;
	ringcast_harness_need_io_uring();
	ringcast_harness_init(&h, &ringcast_harness_io_uring, NULL);
	struct sleeper sleeper = {.io = h.io, .thread = gettid()};
	for (int i = 0; i < 10; i++) {
		pthread_t thread;
		ringcast_uring_cancel((struct uring *)h.io, ringcast_uring_name(URING_WAKE, 0, 0));
		ringcast_harness_settle(&h);
		cr_assert_eq(h.event_count, 0);
		cr_assert_eq(pthread_create(&thread, NULL, wake_a_sleeper, &sleeper), 0);
		cr_assert_eq(ringcast_harness_next(&h).kind, IO_EVENT_WAKE);
		cr_assert_eq(pthread_join(thread, NULL), 0);
	}
	ringcast_harness_fini(&h);
}

/* What comes is served when the time is over: it does not wake the thread. */
IO_CASE(gathering_sleeps_through_the_first)
{
	struct harness h;
	struct address bound;
	struct io_event event;
	int peer;
	struct io_options options = gathering(20 * NS_PER_MS);
	ringcast_harness_init(&h, backend, &options);
	ringcast_harness_listen(&h, true, &bound);
	ringcast_harness_connect(&h, &bound, true, 7, &peer);
	ringcast_harness_settle(&h);
	uint64_t begun_ns = ringcast_clock_now_ns();
	pthread_t thread;
	struct late_writer writer = {.fd = peer, .reader = gettid()};
	cr_assert_eq(pthread_create(&thread, NULL, write_to_a_sleeper, &writer), 0);
	cr_assert_eq(h.io->ops->run(h.io, begun_ns + 30 * NS_PER_S, &event, 1), 1);
	cr_assert_geq(ringcast_io_now_ns(h.io), begun_ns + 20 * NS_PER_MS, "served before the time was over");
	cr_assert_eq(event.kind, IO_EVENT_RECV);
	h.io->ops->release(h.io, &event);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	close(peer);
	ringcast_harness_fini(&h);
}

IO_CASE(gathering_lasts_no_longer_than_the_deadline)
{
	struct harness h;
	struct io_options options = gathering(3600 * NS_PER_S);
	ringcast_harness_init(&h, backend, &options);
	no_event_until(&h, NS_PER_MS); /* an hour would end the test */
	ringcast_harness_fini(&h);
}

IO_CASE(gathering_with_nothing_to_gather_waits_on)
{
	struct harness h;
	struct io_options options = gathering(NS_PER_MS);
	ringcast_harness_init(&h, backend, &options);
	no_event_until(&h, 20 * NS_PER_MS);
	ringcast_harness_fini(&h);
}

IO_CASE(gathering_loses_no_wake)
{
	struct harness h;
	pthread_t thread;
	struct io_options options = gathering(100 * NS_PER_US);
	ringcast_harness_init(&h, backend, &options);
	struct waker waker = {.io = h.io};
	cr_assert_eq(pthread_create(&thread, NULL, wake_repeatedly, &waker), 0);
	while (waker.seen < 2000) {
		cr_assert_eq(ringcast_harness_next(&h).kind, IO_EVENT_WAKE);
		waker.seen = waker.asked;
	}
	cr_assert_eq(pthread_join(thread, NULL), 0);
	ringcast_harness_fini(&h);
}

/* What comes is there for the run that follows. */
IO_CASE(a_nap_sleeps_through_what_comes)
{
	struct harness h;
	struct address bound;
	struct io_event event;
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	ringcast_harness_connect(&h, &bound, true, 7, &peer);
	ringcast_harness_settle(&h);
	pthread_t thread;
	struct late_writer writer = {.fd = peer, .reader = gettid()};
	uint64_t begun_ns = h.io->ops->submit(h.io);
	cr_assert_leq(h.io->ops->stats(h.io)->entered_ns, begun_ns);
	cr_assert_eq(pthread_create(&thread, NULL, write_to_a_sleeper, &writer), 0);
	uint64_t napped_ns = h.io->ops->nap(h.io, 20 * NS_PER_MS);
	cr_assert_geq(napped_ns, 20 * NS_PER_MS, "woken by what came");
	cr_assert_eq(ringcast_io_now_ns(h.io), begun_ns + napped_ns);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert_eq(h.io->ops->run(h.io, begun_ns + 30 * NS_PER_S, &event, 1), 1);
	cr_assert_eq(event.kind, IO_EVENT_RECV);
	h.io->ops->release(h.io, &event);
	close(peer);
	ringcast_harness_fini(&h);
}

/* The io does not say that it sleeps, until run(): a waker spares itself the bell. */
IO_CASE(a_wake_in_a_nap_is_heard_after_it)
{
	struct harness h;
	pthread_t thread;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_settle(&h);
	struct sleeper sleeper = {.io = h.io, .thread = gettid()};
	for (int i = 0; i < 20; i++) {
		h.io->ops->submit(h.io);
		cr_assert_eq(pthread_create(&thread, NULL, wake_a_sleeper, &sleeper), 0);
		cr_assert_geq(h.io->ops->nap(h.io, 20 * NS_PER_MS), 20 * NS_PER_MS);
		cr_assert_eq(ringcast_harness_next(&h).kind, IO_EVENT_WAKE);
		cr_assert_eq(pthread_join(thread, NULL), 0);
	}
	ringcast_harness_fini(&h);
}

IO_CASE(submit_sends_what_is_queued)
{
	struct harness h;
	struct address bound;
	struct iovec iov = {.iov_base = "hello", .iov_len = 5};
	char got[5];
	int peer;
	ringcast_harness_init(&h, backend, NULL);
	ringcast_harness_listen(&h, true, &bound);
	io_id stream = ringcast_harness_connect(&h, &bound, true, 7, &peer);
	ringcast_harness_settle(&h);
	h.io->ops->stream_send(h.io, stream, &iov, 1);
	h.io->ops->submit(h.io);
	cr_assert_eq(recv(peer, got, sizeof(got), MSG_WAITALL), 5); /* or it waits for ever */
	cr_assert_arr_eq(got, "hello", 5);
	ringcast_harness_take(&h, IO_EVENT_SENT);
	close(peer);
	ringcast_harness_fini(&h);
}

static void on_signal(int number)
{
	(void)number;
}

IO_CASE(signals_do_not_harm_the_wait)
{
	struct harness h;
	struct sigaction action = {.sa_handler = on_signal};
	struct itimerval often = {.it_interval.tv_usec = 300, .it_value.tv_usec = 300}, never = {0};
	pthread_t thread;
	ringcast_harness_init(&h, backend, NULL);
	cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
	cr_assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	for (int i = 0; i < 20; i++)
		no_event_until(&h, 2 * NS_PER_MS);
	cr_assert_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	cr_assert_eq(pthread_create(&thread, NULL, wake_once, h.io), 0);
	cr_assert_eq(ringcast_harness_next(&h).kind, IO_EVENT_WAKE);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	ringcast_harness_fini(&h);
}

IO_CASE(random_comes_from_the_system)
{
	struct harness h;
	uint8_t a[32] = {0}, b[32] = {0}, zero[32] = {0};
	ringcast_harness_init(&h, backend, NULL);
	h.io->ops->random(h.io, a, sizeof(a));
	h.io->ops->random(h.io, b, sizeof(b));
	cr_assert_arr_neq(a, b, sizeof(a));
	cr_assert_arr_neq(a, zero, sizeof(a));
	ringcast_harness_fini(&h);
}

Test(clock, never_goes_back)
{
	uint64_t last = ringcast_clock_now_ns();
	cr_assert_gt(last, 0);
	for (int i = 0; i < 1000; i++) {
		uint64_t now = ringcast_clock_now_ns();
		cr_assert_geq(now, last);
		last = now;
	}
}

Test(entropy, fills_all_of_it_and_no_more)
{
	uint8_t bytes[600];
	bool is_touched[598] = {false};
	/* In ten fills each byte is other than zero at least once; wrong once in 256^10 / 600 runs. */
	for (int round = 0; round < 10; round++) {
		memset(bytes, 0, sizeof(bytes));
		ringcast_entropy_fill(bytes + 1, sizeof(is_touched));
		cr_assert_eq(bytes[0], 0);
		cr_assert_eq(bytes[sizeof(bytes) - 1], 0);
		for (unsigned i = 0; i < sizeof(is_touched); i++)
			is_touched[i] |= bytes[i + 1] != 0;
	}
	for (unsigned i = 0; i < sizeof(is_touched); i++)
		cr_assert(is_touched[i]);
}

Test(probe, says_why_or_nothing)
{
	char why[256] = "untouched";
	if (ringcast_io_uring_probe(why, sizeof(why)) == 0) {
		cr_assert_str_eq(why, "untouched");
	} else {
		cr_assert_str_neq(why, "untouched");
		cr_assert_null(strchr(why, '\n'));
	}
}

/* From here on the system call fails in this process (each test is one), as a container's profile makes it. */
static void forbid(unsigned system_call, unsigned error)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, system_call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = ARRAY_COUNT(filter), .filter = filter};
	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	cr_assert_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void expect_refusal(int error, const char *word)
{
	char why[256] = "", why_created[256] = "";
	cr_assert_eq(ringcast_io_uring_probe(why, sizeof(why)), -error);
	cr_assert_not_null(strstr(why, word), "%s", why);
	cr_assert_null(strchr(why, '\n'));
	cr_assert_null(ringcast_io_uring_create(&ringcast_harness_options, why_created, sizeof(why_created)));
	cr_assert_str_eq(why, why_created);
}

Test(probe, forbidden_by_seccomp)
{
	ringcast_harness_need_io_uring();
	forbid(SYS_io_uring_setup, EPERM);
	expect_refusal(EPERM, "seccomp");
}

Test(probe, hidden_by_seccomp)
{
	ringcast_harness_need_io_uring();
	forbid(SYS_io_uring_setup, ENOSYS);
	expect_refusal(ENOSYS, "CONFIG_IO_URING");
}

Test(probe, half_forbidden_by_seccomp)
{
	ringcast_harness_need_io_uring();
	forbid(SYS_io_uring_register, EPERM);
	expect_refusal(EPERM, "part of io_uring");
}

Test(probe, made_but_not_to_be_entered)
{
	ringcast_harness_need_io_uring();
	forbid(SYS_io_uring_enter, EPERM);
	expect_refusal(EPERM, "io_uring_enter");
}

Test(probe, old_kernel)
{
	ringcast_harness_need_io_uring();
	forbid(SYS_io_uring_setup, EINVAL);
	expect_refusal(EINVAL, "Linux 6.1");
}

Test(probe, no_locked_memory)
{
	const struct rlimit none = {0};
	ringcast_harness_need_io_uring();
	cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	if (geteuid() == 0) /* who may lock memory without limit; the user id is this process's only */
		cr_assert_eq(setresuid(65534, 65534, 65534), 0);
	char why[256];
	if (ringcast_io_uring_probe(why, sizeof(why)) == 0)
		cr_skip_test("this process may lock memory without limit (CAP_IPC_LOCK)");
	expect_refusal(ENOMEM, "LimitMEMLOCK");
}

Test(io_epoll, works_where_io_uring_is_forbidden)
{
	struct harness h;
	struct io_event event;
	forbid(SYS_io_uring_setup, EPERM);
	ringcast_harness_init(&h, &ringcast_harness_epoll, NULL);
	cr_assert_eq(h.io->ops->run(h.io, ringcast_io_now_ns(h.io) + NS_PER_MS, &event, 1), 0);
	ringcast_harness_fini(&h);
}

Test(io_epoll, works_without_epoll_pwait2)
{
	struct harness h;
	forbid(SYS_epoll_pwait2, EPERM);
	ringcast_harness_init(&h, &ringcast_harness_epoll, NULL);
	no_event_until(&h, NS_PER_MS / 2);
	h.io->ops->wake(h.io);
	cr_assert_eq(ringcast_harness_next(&h).kind, IO_EVENT_WAKE);
	ringcast_harness_fini(&h);
}

Test(socket, address_text_round_trip)
{
	static const char *const texts[] = {"127.0.0.1:7777", "0.0.0.0:0", "[::1]:65535", "[2001:db8::42]:1", "[::]:80"};
	struct address address;
	char out[SOCKET_ADDRESS_TEXT_BYTES];
	for (unsigned i = 0; i < ARRAY_COUNT(texts); i++) {
		cr_assert(ringcast_socket_parse_address(texts[i], &address), "%s", texts[i]);
		cr_assert_str_eq(ringcast_socket_format_address(&address, out), texts[i]);
	}
	cr_assert(ringcast_socket_parse_address("[::ffff:10.0.0.1]:5", &address));
	cr_assert_str_eq(ringcast_socket_format_address(&address, out), "10.0.0.1:5", "one notation per address");
}

Test(socket, address_text_refused)
{
	static const char *const texts[] = {
		"",
		":",
		"127.0.0.1",
		"127.0.0.1:",
		"127.0.0.1:65536",
		"127.0.0.1:-1",
		"127.0.0.1:+1",
		"127.0.0.1: 1",
		"127.0.0.1:1x",
		"127.0.0:1",
		"localhost:1",
		"::1:1",
		"[::1]",
		"[::1]1",
		"[::1:1",
		"[]:1",
		"[127.0.0.1]:1",
		"[:1",
		"]:1",
		":7777",
		"[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff:0000]:1",
		"127.0.0.1:99999999999999999999999",
	};
	struct address address = {.port = 42};
	for (unsigned i = 0; i < ARRAY_COUNT(texts); i++)
		cr_assert_not(ringcast_socket_parse_address(texts[i], &address), "%s", texts[i]);
	cr_assert_eq(address.port, 42, "untouched on failure");
}

Test(socket, names_of_both_families)
{
	struct address v4 = ringcast_harness_loopback(true, 5), v6 = ringcast_harness_loopback(false, 6), any = {.port = 7}, back;
	union socket_name name;
	cr_assert_eq(ringcast_socket_encode_address(&v4, true, &name), sizeof(struct sockaddr_in));
	cr_assert(ringcast_socket_decode_address(&name, sizeof(struct sockaddr_in), &back));
	cr_assert(ringcast_address_is_equal(&v4, &back));
	cr_assert_not(ringcast_socket_decode_address(&name, sizeof(struct sockaddr_in) - 1, &back));
	cr_assert_eq(ringcast_socket_encode_address(&v6, false, &name), sizeof(struct sockaddr_in6));
	cr_assert(ringcast_socket_decode_address(&name, sizeof(struct sockaddr_in6), &back));
	cr_assert(ringcast_address_is_equal(&v6, &back));
	cr_assert_eq(ringcast_socket_encode_address(&v6, true, &name), 0);
	cr_assert_eq(ringcast_socket_encode_address(&any, true, &name), sizeof(struct sockaddr_in));
	cr_assert_eq(name.v4.sin_addr.s_addr, INADDR_ANY);
	name.any.sa_family = AF_UNIX;
	cr_assert_not(ringcast_socket_decode_address(&name, sizeof(name), &back));
}

Test(socket, open_says_why_not)
{
	struct address v6 = ringcast_harness_loopback(false, 0), foreign, bound;
	int fd = -7;
	cr_assert_lt(ringcast_socket_open_listener(&v6, true, 0, &bound, &fd), 0);
	cr_assert(ringcast_socket_parse_address("192.0.2.1:9", &foreign)); /* nobody's address */
	cr_assert_lt(ringcast_socket_open_udp(&foreign, true, 0, 0, &bound, &fd), 0);
	cr_assert_eq(fd, -7);
}

Test(socket, udp_port_is_not_shared)
{
	struct address address = ringcast_harness_loopback(true, 0), bound, again;
	int fd, other;
	cr_assert_eq(ringcast_socket_open_udp(&address, true, 65536, 65536, &bound, &fd), 0);
	cr_assert_lt(ringcast_socket_open_udp(&bound, true, 0, 0, &again, &other), 0, "two shards on one port would each miss packets");
	close(fd);
}
