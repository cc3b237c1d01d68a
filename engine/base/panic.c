#include "base/panic.h"

#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BUILD_ID_BYTES_MAX = 20, STACK_BYTES = 65536, OTHER_DUMP_S = 2 };

struct subject {
	panic_dump_fn *dump;
	const void *subject; /* atomic; NULL: free */
};

static struct {
	struct subject subjects[PANIC_SUBJECTS_MAX];
	char program[64], path[PANIC_FOLDER_BYTES + 32], build_id[2 * BUILD_ID_BYTES_MAX + 1];
	bool has_begun; /* atomic */
	long thread;    /* atomic: which one dumps */
	struct panic_writer writer;
	char stack[STACK_BYTES]; /* of the signal handler on the thread that installed it: the first one's may be what overflowed */
} panic;

/* writing */

static void flush(struct panic_writer *writer)
{
	for (int i = 0; i < 2; i++) {
		size_t at = 0;
		while (writer->fds[i] >= 0 && at < writer->size) {
			ssize_t written = write(writer->fds[i], writer->bytes + at, writer->size - at);
			if (written <= 0)
				break; /* nobody is listening: the other one, or the core file, has to do */
			at += (size_t)written;
		}
	}
	writer->size = 0;
}

void ringcast_panic_bytes(struct panic_writer *writer, const char *bytes, size_t size_max)
{
	for (size_t i = 0; i < size_max && bytes[i] != '\0'; i++) {
		if (writer->size == sizeof(writer->bytes))
			flush(writer);
		char c = bytes[i];
		writer->bytes[writer->size++] = (c >= ' ' && c < 127) || c == '\n' ? c : '?';
	}
}

void ringcast_panic_text(struct panic_writer *writer, const char *text)
{
	ringcast_panic_bytes(writer, text, SIZE_MAX);
}

static void write_digits(struct panic_writer *writer, uint64_t number, unsigned base)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;
	digits[at] = '\0';
	do {
		digits[--at] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number > 0);
	ringcast_panic_text(writer, digits + at);
}

void ringcast_panic_unsigned(struct panic_writer *writer, uint64_t number)
{
	write_digits(writer, number, 10);
}

void ringcast_panic_signed(struct panic_writer *writer, int64_t number)
{
	if (number < 0)
		ringcast_panic_text(writer, "-");
	write_digits(writer, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, 10);
}

void ringcast_panic_hex(struct panic_writer *writer, uint64_t number)
{
	ringcast_panic_text(writer, "0x");
	write_digits(writer, number, 16);
}

void ringcast_panic_pair(struct panic_writer *writer, const char *name, uint64_t number)
{
	if (number == 0)
		return;
	ringcast_panic_text(writer, " ");
	ringcast_panic_text(writer, name);
	ringcast_panic_text(writer, "=");
	ringcast_panic_unsigned(writer, number);
}

/* subjects */

bool ringcast_panic_add(panic_dump_fn *dump, const void *subject)
{
	for (unsigned i = 0; i < PANIC_SUBJECTS_MAX; i++) {
		const void *none = NULL;
		struct subject *place = &panic.subjects[i];
		if (!__atomic_compare_exchange_n(&place->subject, &none, subject, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		__atomic_store_n(&place->dump, dump, __ATOMIC_RELEASE);
		return true;
	}
	return false;
}

void ringcast_panic_remove(const void *subject)
{
	for (unsigned i = 0; i < PANIC_SUBJECTS_MAX; i++) {
		struct subject *place = &panic.subjects[i];
		if (__atomic_load_n(&place->subject, __ATOMIC_ACQUIRE) != subject)
			continue;
		__atomic_store_n(&place->dump, NULL, __ATOMIC_RELEASE);
		__atomic_store_n(&place->subject, NULL, __ATOMIC_RELEASE);
	}
}

/* the dump */

struct cause {
	const char *what, *file; /* file NULL: a signal */
	int line;
};

/* The first line is one write, so that lines of two threads that fail at once do not mix. */
static void write_head(struct panic_writer *writer, const struct cause *cause)
{
	ringcast_panic_text(writer, cause->file != NULL ? "ringcast: assertion failed: " : "ringcast: ended by ");
	ringcast_panic_text(writer, cause->what);
	if (cause->file != NULL) {
		ringcast_panic_text(writer, " (");
		ringcast_panic_text(writer, cause->file);
		ringcast_panic_text(writer, ":");
		ringcast_panic_unsigned(writer, (uint64_t)cause->line);
		ringcast_panic_text(writer, ")");
	}
	ringcast_panic_text(writer, "\n");
	flush(writer);
	ringcast_panic_text(writer, "  program ");
	ringcast_panic_text(writer, panic.program[0] != '\0' ? panic.program : "unknown");
	ringcast_panic_text(writer, " build ");
	ringcast_panic_text(writer, panic.build_id[0] != '\0' ? panic.build_id : "unknown");
	ringcast_panic_text(writer, " pid ");
	ringcast_panic_unsigned(writer, (uint64_t)getpid());
	ringcast_panic_text(writer, " thread ");
	ringcast_panic_unsigned(writer, (uint64_t)syscall(SYS_gettid));
	ringcast_panic_text(writer, "\n");
}

/* Each is written out before the next begins: one whose memory is damaged takes only itself along. */
static void write_subjects(struct panic_writer *writer)
{
	for (unsigned i = 0; i < PANIC_SUBJECTS_MAX; i++) {
		const void *subject = __atomic_load_n(&panic.subjects[i].subject, __ATOMIC_ACQUIRE);
		panic_dump_fn *dump = __atomic_load_n(&panic.subjects[i].dump, __ATOMIC_ACQUIRE);
		if (subject == NULL || dump == NULL)
			continue;
		dump(writer, subject);
		flush(writer);
	}
}

/* Another thread is dumping: it gets a moment to finish, and then ends the process. A fault of the dump itself comes back here on the same thread. */
static void wait_for_other(const struct cause *cause)
{
	struct panic_writer own = {.fds = {STDERR_FILENO, -1}};
	if (__atomic_load_n(&panic.thread, __ATOMIC_ACQUIRE) == syscall(SYS_gettid))
		return;
	write_head(&own, cause);
	flush(&own);
	sleep(OTHER_DUMP_S);
}

static void dump(const struct cause *cause)
{
	struct panic_writer *writer = &panic.writer;
	if (__atomic_exchange_n(&panic.has_begun, true, __ATOMIC_ACQ_REL)) {
		wait_for_other(cause);
		return;
	}
	__atomic_store_n(&panic.thread, syscall(SYS_gettid), __ATOMIC_RELEASE);
	writer->fds[0] = STDERR_FILENO;
	writer->fds[1] = panic.path[0] != '\0' ? open(panic.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
	write_head(writer, cause);
	flush(writer);
	write_subjects(writer);
	ringcast_panic_text(writer, "ringcast: end of dump\n");
	flush(writer);
	if (writer->fds[1] >= 0)
		close(writer->fds[1]);
}

void ringcast_panic_assertion(const char *what, const char *file, int line)
{
	dump(&(struct cause){.what = what, .file = file, .line = line});
}

/* fatal signals */

static const char *name_of(int number)
{
	switch (number) {
	case SIGSEGV:
		return "SIGSEGV: memory that is not there";
	case SIGBUS:
		return "SIGBUS: memory that cannot be read";
	case SIGFPE:
		return "SIGFPE: arithmetic";
	case SIGILL:
		return "SIGILL: an instruction that does not exist";
	default:
		return "SIGABRT";
	}
}

/* A second fault, also one inside the dump, ends the process at once: the handler is the system's again by then. */
static void on_fatal(int number, siginfo_t *info, void *context)
{
	(void)info, (void)context;
	dump(&(struct cause){.what = name_of(number)});
	raise(number);
}

static int read_build_id(struct dl_phdr_info *info, size_t size, void *context)
{
	(void)size, (void)context;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		const char *at = (const char *)info->dlpi_addr + header->p_vaddr, *end = at + header->p_memsz;
		while (header->p_type == PT_NOTE && at + sizeof(ElfW(Nhdr)) <= end) {
			const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
			const uint8_t *id = (const uint8_t *)at + sizeof(*note) + ((note->n_namesz + 3u) & ~3u);
			for (uint32_t b = 0; note->n_type == NT_GNU_BUILD_ID && b < note->n_descsz && b < BUILD_ID_BYTES_MAX; b++)
				snprintf(panic.build_id + 2 * b, 3, "%02x", id[b]);
			at = (const char *)id + ((note->n_descsz + 3u) & ~3u);
		}
	}
	return 1; /* the program itself is the first of them */
}

void ringcast_panic_install(const char *program, const char *folder)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND | SA_NODEFER};
	stack_t stack = {.ss_sp = panic.stack, .ss_size = sizeof(panic.stack)};
	snprintf(panic.program, sizeof(panic.program), "%s", program);
	if (folder[0] != '\0')
		snprintf(panic.path, sizeof(panic.path), "%s/crash-%d.txt", folder, (int)getpid());
	dl_iterate_phdr(read_build_id, NULL);
	sigaltstack(&stack, NULL);
	sigemptyset(&action.sa_mask);
	for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}
