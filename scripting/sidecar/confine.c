/*
 * ringcast-confine: takes away what a script does not need, then becomes the program it is told to run.
 *
 *     ringcast-confine [options] -- PROGRAM ARGUMENTS...
 *     ringcast-confine --report [options]     says in one line what holds on this machine, and what does not
 *
 *     --user NAME       become this user, when we are root
 *     --read PATH       the program may read what lies there (may be repeated), besides itself and the system's libraries
 *     --write PATH      and write what lies there
 *     --connect PORT    and connect to this TCP port; without any, to none ("any": to all; "udp": UDP too, to all)
 *     --bind PORT       and listen on this one
 *     --memory BYTES    its private memory
 *
 * A program of its own, because what it does to itself cannot be done to one thread of a server, and because it may then take its time and memory. What
 * the kernel does not know is left out; whoever starts it has asked --report before. Nothing here trusts the program: it has not begun yet.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

enum { PATHS_MAX = 64, PORTS_MAX = 64, EXIT_CONFINE = 126, FILE_BYTES_MAX = 256 << 20 };

/* The kernel's Landlock interface, for headers older than the kernel (Debian 12 builds, and runs on newer ones). */
struct ruleset_attr {
	uint64_t handled_access_fs, handled_access_net, scoped;
};
struct path_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));
struct port_attr {
	uint64_t allowed_access, port;
};
enum { RULE_PATH = 1, RULE_PORT = 2, SYS_CREATE_RULESET = 444, SYS_ADD_RULE = 445, SYS_RESTRICT_SELF = 446 };
enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_ALL_1 = (1 << 13) - 1, /* of the first version: read, write, make, remove */
	FS_REFER = 1 << 13,       /* 2 */
	FS_TRUNCATE = 1 << 14,    /* 3 */
	FS_IOCTL_DEV = 1 << 15,   /* 5 */
	NET_BIND = 1 << 0,        /* 4 */
	NET_CONNECT = 1 << 1,
	SCOPE_ABSTRACT = 1 << 0, /* 6 */
	SCOPE_SIGNAL = 1 << 1,
};

struct confine {
	const char *user;
	const char *reads[PATHS_MAX], *writes[PATHS_MAX], *connects[PORTS_MAX], *binds[PORTS_MAX];
	unsigned read_count, write_count, connect_count, bind_count;
	uint64_t memory_bytes;
	int is_report, abi;
	char **program;
};

static void die(const char *what)
{
	fprintf(stderr, "ringcast-confine: %s: %s\n", what, strerror(errno));
	exit(EXIT_CONFINE);
}

/* Landlock */

static uint64_t handled_fs(int abi)
{
	uint64_t access = FS_ALL_1;
	if (abi >= 2)
		access |= FS_REFER;
	if (abi >= 3)
		access |= FS_TRUNCATE;
	if (abi >= 5)
		access |= FS_IOCTL_DEV;
	return access;
}

/* A path that is not there needs no rule. */
static void allow_path(int ruleset, const char *path, uint64_t access)
{
	struct stat status;
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0 && !S_ISDIR(status.st_mode))
		access &= FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV;
	struct path_attr rule = {.allowed_access = access, .parent_fd = fd};
	if (syscall(SYS_ADD_RULE, ruleset, RULE_PATH, &rule, 0) != 0)
		die(path);
	close(fd);
}

/* What any program needs to come up, resolve names and check certificates; nothing that is somebody's. */
static void allow_system(int ruleset)
{
	static const char *const reads[] = {
		"/usr/lib", "/usr/lib64", "/usr/share", "/usr/local/lib", "/lib", "/lib64", "/etc/ssl", "/etc/ca-certificates", "/etc/pki",
		"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/localtime", "/etc/timezone",
		"/etc/ld.so.cache", "/run/systemd/resolve", "/proc/self", "/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/loadavg", "/proc/version",
		"/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu", "/sys/fs/cgroup", "/dev/urandom", "/dev/random"};
	static const char *const loaders[] = {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1"};
	for (unsigned i = 0; i < sizeof(reads) / sizeof(*reads); i++)
		allow_path(ruleset, reads[i], FS_READ_FILE | FS_READ_DIR);
	for (unsigned i = 0; i < sizeof(loaders) / sizeof(*loaders); i++)
		allow_path(ruleset, loaders[i], FS_READ_FILE | FS_EXECUTE);
	allow_path(ruleset, "/dev/null", FS_READ_FILE | FS_WRITE_FILE);
}

static void allow_ports(int ruleset, const char *const *ports, unsigned count, uint64_t access)
{
	for (unsigned i = 0; i < count; i++) {
		struct port_attr rule = {.allowed_access = access, .port = strtoull(ports[i], NULL, 10)};
		if (rule.port > 0 && rule.port < 65536 && syscall(SYS_ADD_RULE, ruleset, RULE_PORT, &rule, 0) != 0)
			die(ports[i]);
	}
}

static int has_word(const struct confine *confine, const char *word)
{
	for (unsigned i = 0; i < confine->connect_count; i++)
		if (strcmp(confine->connects[i], word) == 0)
			return 1;
	return 0;
}

static int is_any_port(const struct confine *confine)
{
	return has_word(confine, "any");
}

static int is_udp_open(const struct confine *confine)
{
	return is_any_port(confine) || has_word(confine, "udp");
}

static int has_seccomp(void)
{
#ifdef ARCHITECTURE
	return prctl(PR_GET_SECCOMP) >= 0;
#else
	return 0;
#endif
}

/* Who may connect somewhere needs names. UDP, by which they are resolved, could be sent to anybody: so the resolver is told to use TCP. */
static int is_name_by_tcp(const struct confine *confine)
{
	return has_seccomp() && confine->connect_count > 0 && !has_word(confine, "none") && !is_udp_open(confine);
}

/* program: an absolute path. */
static int make_ruleset(const struct confine *confine, const char *program)
{
	int abi = confine->abi;
	struct ruleset_attr attr = {.handled_access_fs = handled_fs(abi)};
	if (abi >= 4)
		attr.handled_access_net = is_any_port(confine) ? NET_BIND : NET_BIND | NET_CONNECT;
	if (abi >= 6)
		attr.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
	size_t size = abi >= 6 ? sizeof(attr) : abi >= 4 ? offsetof(struct ruleset_attr, scoped) : offsetof(struct ruleset_attr, handled_access_net);
	int ruleset = (int)syscall(SYS_CREATE_RULESET, &attr, size, 0);
	if (ruleset < 0)
		die("landlock");
	allow_system(ruleset);
	allow_path(ruleset, program, FS_READ_FILE | FS_EXECUTE);
	for (unsigned i = 0; i < confine->read_count; i++)
		allow_path(ruleset, confine->reads[i], FS_READ_FILE | FS_READ_DIR);
	for (unsigned i = 0; i < confine->write_count; i++)
		allow_path(ruleset, confine->writes[i], attr.handled_access_fs & ~(uint64_t)FS_EXECUTE);
	if (abi >= 4)
		allow_ports(ruleset, confine->binds, confine->bind_count, NET_BIND);
	if (attr.handled_access_net & NET_CONNECT) {
		allow_ports(ruleset, confine->connects, confine->connect_count, NET_CONNECT);
		if (is_name_by_tcp(confine))
			allow_ports(ruleset, &(const char *){"53"}, 1, NET_CONNECT);
	}
	return ruleset;
}

/* seccomp: what no script needs and what reaches other processes; a signal may go to itself only */

#ifdef ARCHITECTURE
static const uint16_t denied[] = {
	SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_kcmp, SYS_tkill,
	SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_mount, SYS_umount2,
	SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_open_by_handle_at, SYS_init_module,
	SYS_finit_module, SYS_kexec_load, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_setpriority, SYS_process_madvise,
	SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo};
enum { DENIED_COUNT = sizeof(denied) / sizeof(*denied) };


/* A filter as it grows. What is refused is refused with a word that says why. */
struct filter {
	struct sock_filter steps[2 * DENIED_COUNT + 64];
	unsigned short count;
};
enum { NUMBER = offsetof(struct seccomp_data, nr), REFUSED = SECCOMP_RET_ERRNO | EPERM, REFUSED_SOCKET = SECCOMP_RET_ERRNO | EACCES };
#define ARGUMENT(i) ((uint32_t)offsetof(struct seccomp_data, args[i])) /* its lower half, on both architectures */

static void add(struct filter *filter, uint16_t code, uint32_t k, unsigned char if_true, unsigned char if_false)
{
	filter->steps[filter->count++] = (struct sock_filter){code, if_true, if_false, k};
}

static void load(struct filter *filter, uint32_t offset)
{
	add(filter, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

static void skip_unless(struct filter *filter, uint32_t value, unsigned char steps)
{
	add(filter, BPF_JMP | BPF_JEQ | BPF_K, value, 0, steps);
}

static void end(struct filter *filter, uint32_t verdict)
{
	add(filter, BPF_RET | BPF_K, verdict, 0, 0);
}

static void allow_if(struct filter *filter, uint32_t value)
{
	skip_unless(filter, value, 1);
	end(filter, SECCOMP_RET_ALLOW);
}

/*
 * Landlock bounds where TCP goes, and nothing else: UDP, TCP by other names (MPTCP, SCTP) and sockets of files would go past it. What is left is TCP, and
 * the kernel's own list of addresses, without which names are not resolved. is_open: UDP too.
 */
static void add_socket_rules(struct filter *filter, int is_open)
{
	enum { TYPE_MASK = 0xf, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
	unsigned short first = filter->count;
	skip_unless(filter, SYS_socket, 0); /* how far is known at the end */
	load(filter, ARGUMENT(0));
	skip_unless(filter, AF_NETLINK, 4);
	load(filter, ARGUMENT(2));
	allow_if(filter, 0); /* NETLINK_ROUTE */
	end(filter, REFUSED_SOCKET);
	add(filter, BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0);
	add(filter, BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0);
	end(filter, REFUSED_SOCKET);
	load(filter, ARGUMENT(1));
	add(filter, BPF_ALU | BPF_AND | BPF_K, TYPE_MASK, 0, 0);
	skip_unless(filter, SOCK_STREAM, 6);
	load(filter, ARGUMENT(2));
	allow_if(filter, 0);
	allow_if(filter, PROTOCOL_TCP);
	end(filter, REFUSED_SOCKET);
	if (is_open) {
		skip_unless(filter, SOCK_DGRAM, 5);
		load(filter, ARGUMENT(2));
		allow_if(filter, 0);
		allow_if(filter, PROTOCOL_UDP);
	}
	end(filter, REFUSED_SOCKET);
	filter->steps[first].jf = (unsigned char)(filter->count - first - 1);
}

/* Data with the first packet of a TCP connection connects too, and nobody asks Landlock. */
static void refuse_fast_open(struct filter *filter, uint32_t number, unsigned flags_index)
{
	skip_unless(filter, number, 4);
	load(filter, ARGUMENT(flags_index));
	add(filter, BPF_JMP | BPF_JSET | BPF_K, MSG_FASTOPEN, 0, 1);
	end(filter, REFUSED_SOCKET);
	end(filter, SECCOMP_RET_ALLOW);
}

static void add_signal_rules(struct filter *filter)
{
	add(filter, BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 1, 0);
	skip_unless(filter, SYS_tgkill, 4);
	load(filter, ARGUMENT(0));
	allow_if(filter, (uint32_t)getpid()); /* which the program keeps */
	end(filter, REFUSED);
}

static void install_filter(const struct confine *confine)
{
	struct filter filter = {.count = 0};
	load(&filter, offsetof(struct seccomp_data, arch));
	add(&filter, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	end(&filter, SECCOMP_RET_KILL_PROCESS);
	load(&filter, NUMBER);
#if defined(__x86_64__)
	add(&filter, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1); /* x32 numbers */
	end(&filter, REFUSED);
#endif
	for (unsigned i = 0; i < DENIED_COUNT; i++) {
		skip_unless(&filter, denied[i], 1);
		end(&filter, REFUSED);
	}
	add_socket_rules(&filter, is_udp_open(confine));
	refuse_fast_open(&filter, SYS_sendto, 3);
	refuse_fast_open(&filter, SYS_sendmsg, 2);
	refuse_fast_open(&filter, SYS_sendmmsg, 3);
	add_signal_rules(&filter);
	end(&filter, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {.len = filter.count, .filter = filter.steps};
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		die("seccomp");
}
#endif

/* Who */

/* The first path that the user could not read; NULL: all can be read. */
static const char *find_unreadable(const struct confine *confine, const struct passwd *user)
{
	const char *found = NULL;
	if (setegid(user->pw_gid) != 0 || seteuid(user->pw_uid) != 0)
		die(confine->user);
	for (unsigned i = 0; i < confine->read_count && found == NULL; i++)
		if (faccessat(AT_FDCWD, confine->reads[i], R_OK, AT_EACCESS) != 0 && errno == EACCES)
			found = confine->reads[i];
	if (seteuid(0) != 0 || setegid(0) != 0)
		die("root");
	return found;
}

/* Still root, but without what makes root mighty: files of others, signals to others, devices, the network's set-up. */
static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	if (syscall(SYS_capset, &header, data) != 0)
		die("capset");
}

static void become(const struct confine *confine)
{
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (geteuid() != 0 || confine->user == NULL)
		return;
	errno = 0;
	const struct passwd *user = getpwnam(confine->user);
	if (user == NULL || find_unreadable(confine, user) != NULL) {
		drop_capabilities();
		return;
	}
	if (setgroups(0, NULL) != 0 || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
		die(confine->user);
}

static void limit(int what, uint64_t value)
{
	struct rlimit rlimit;
	if (value == 0 || getrlimit(what, &rlimit) != 0)
		return;
	rlimit.rlim_max = rlimit.rlim_max == RLIM_INFINITY || rlimit.rlim_max > value ? value : rlimit.rlim_max;
	rlimit.rlim_cur = rlimit.rlim_max;
	setrlimit(what, &rlimit);
}

/* As execvp finds it. */
static void find_program(const char *name, char *ret_path, size_t path_bytes)
{
	const char *at = getenv("PATH");
	char found[4096];
	snprintf(found, sizeof(found), "%s", name);
	while (strchr(name, '/') == NULL && at != NULL && *at != '\0') {
		size_t size = strcspn(at, ":");
		snprintf(found, sizeof(found), "%.*s/%s", (int)size, at, name);
		if (access(found, X_OK) == 0)
			break;
		at += size + (at[size] == ':');
	}
	char *real = realpath(found, NULL);
	if (real == NULL || strlen(real) >= path_bytes)
		die(name);
	memcpy(ret_path, real, strlen(real) + 1);
	free(real);
}

static int report(const struct confine *confine)
{
	const struct passwd *user = confine->user != NULL ? getpwnam(confine->user) : NULL;
	const char *unreadable = geteuid() == 0 && user != NULL ? find_unreadable(confine, user) : NULL;
	char who[512];
	if (geteuid() != 0)
		snprintf(who, sizeof(who), "the server's (which is not root)");
	else if (user == NULL)
		snprintf(who, sizeof(who), "root without capabilities (NOT %s: there is no such user)", confine->user != NULL ? confine->user : "another");
	else if (unreadable != NULL)
		snprintf(who, sizeof(who), "root without capabilities (NOT %s, who cannot read %s)", confine->user, unreadable);
	else
		snprintf(who, sizeof(who), "%s", confine->user);
	printf("user=%s files=%s tcp=%s udp=%s signals=%s syscalls=%s memory=%s\n",
	       who,
	       confine->abi >= 1 ? "confined" : "NOT confined (no Landlock in this kernel)",
	       confine->abi >= 4 ? (is_any_port(confine) ? "any port" : "confined") : "NOT confined (Landlock 4, Linux 6.7)",
	       !has_seccomp() ? "NOT confined" : is_udp_open(confine) ? "any port" : "confined",
	       confine->abi >= 6 || has_seccomp() ? "confined" : "NOT confined", has_seccomp() ? "confined" : "NOT confined",
	       confine->memory_bytes != 0 ? "bounded" : "not bounded");
	return 0;
}

static void parse(struct confine *confine, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;
		if (strcmp(argv[i], "--") == 0) {
			confine->program = &argv[i + 1];
			return;
		}
		if (strcmp(argv[i], "--report") == 0) {
			confine->is_report = 1;
			continue;
		}
		if (strcmp(argv[i], "--user") == 0 && value != NULL)
			confine->user = value;
		else if (strcmp(argv[i], "--read") == 0 && value != NULL && confine->read_count < PATHS_MAX)
			confine->reads[confine->read_count++] = value;
		else if (strcmp(argv[i], "--write") == 0 && value != NULL && confine->write_count < PATHS_MAX)
			confine->writes[confine->write_count++] = value;
		else if (strcmp(argv[i], "--connect") == 0 && value != NULL && confine->connect_count < PORTS_MAX)
			confine->connects[confine->connect_count++] = value;
		else if (strcmp(argv[i], "--bind") == 0 && value != NULL && confine->bind_count < PORTS_MAX)
			confine->binds[confine->bind_count++] = value;
		else if (strcmp(argv[i], "--memory") == 0 && value != NULL)
			confine->memory_bytes = strtoull(value, NULL, 10);
		else {
			fprintf(stderr, "ringcast-confine: unknown or incomplete: %s\n", argv[i]);
			exit(EXIT_CONFINE);
		}
		i++;
	}
}

int main(int argc, char **argv)
{
	struct confine confine = {.program = NULL};
	char program[4096];
	parse(&confine, argc, argv);
	confine.abi = (int)syscall(SYS_CREATE_RULESET, NULL, 0, 1);
	if (confine.is_report)
		return report(&confine);
	if (confine.program == NULL || confine.program[0] == NULL) {
		fprintf(stderr, "usage: ringcast-confine [options] -- PROGRAM ARGUMENTS...\n");
		return EXIT_CONFINE;
	}
	find_program(confine.program[0], program, sizeof(program));
	int ruleset = confine.abi >= 1 ? make_ruleset(&confine, program) : -1; /* paths are opened with the rights that we still have */
	limit(RLIMIT_DATA, confine.memory_bytes);
	limit(RLIMIT_CORE, 1);
	limit(RLIMIT_FSIZE, FILE_BYTES_MAX); /* of one file in the temporary folder */
	become(&confine);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		die("no_new_privs");
	if (ruleset >= 0 && syscall(SYS_RESTRICT_SELF, ruleset, 0) != 0)
		die("landlock");
	if (ruleset >= 0)
		close(ruleset);
	if (is_name_by_tcp(&confine) && setenv("RES_OPTIONS", "use-vc", 1) != 0)
		die("RES_OPTIONS");
#ifdef ARCHITECTURE
	if (has_seccomp())
		install_filter(&confine);
#endif
	execv(program, confine.program);
	die(program);
	return EXIT_CONFINE;
}
