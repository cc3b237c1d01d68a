/*
 * Drives a fuzz target without libFuzzer: every corpus file once, then seeded mutations of them. Where it stopped is said with seed
 * and run, and the input is written to crash-<target>, so that a failure can be shown again: replay crash-<target>.
 *
 *   usage: fuzz-<target> [-runs=N] [-seed=N] FILE_OR_FOLDER...
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/prng.h"
#include "fuzz_target.h"

enum { INPUT_BYTES_MAX = 24 * 1024, CORPUS_FILES_MAX = 1024, MUTATIONS_MAX = 6 };

struct input {
	size_t size;
	uint8_t *bytes;
};

static struct {
	struct input corpus[CORPUS_FILES_MAX];
	size_t corpus_count;
	uint8_t current[INPUT_BYTES_MAX];
	size_t current_bytes;
	unsigned long seed, run;
	const char *name;
} replay;

static void save_current(void)
{
	char path[256];
	snprintf(path, sizeof(path), "crash-%s", replay.name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	bool is_saved = fd >= 0 && write(fd, replay.current, replay.current_bytes) == (ssize_t)replay.current_bytes;
	fprintf(stderr, "seed %lu run %lu: input of %zu bytes %s %s\n", replay.seed, replay.run, replay.current_bytes,
		is_saved ? "saved to" : "could not be saved to", path);
}

/* Called by the address sanitizer when it is linked; a plain function otherwise. */
void __asan_on_error(void);
void __asan_on_error(void)
{
	save_current();
}

static void on_signal(int signal_number)
{
	save_current();
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static void fail(const char *what, const char *path)
{
	fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
	exit(2);
}

/* The input lies at the end of a block of its own size, so that a sanitizer sees any read beyond. */
static void run_current(void)
{
	uint8_t *bytes = malloc(replay.current_bytes + (replay.current_bytes == 0));
	ringcast_assert(bytes != NULL);
	memcpy(bytes, replay.current, replay.current_bytes);
	LLVMFuzzerTestOneInput(bytes, replay.current_bytes);
	free(bytes);
}

static void load_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		fail("open", path);
	ssize_t size = read(fd, replay.current, sizeof(replay.current));
	if (size < 0)
		fail("read", path);
	close(fd);
	ringcast_assert(replay.corpus_count < CORPUS_FILES_MAX);
	replay.current_bytes = (size_t)size;
	struct input *input = &replay.corpus[replay.corpus_count++];
	input->size = (size_t)size;
	input->bytes = malloc((size_t)size + 1);
	ringcast_assert(input->bytes != NULL);
	memcpy(input->bytes, replay.current, (size_t)size);
}

static int is_visible_entry(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* A folder's files in the order of their names, so that runs do not depend on the file system. */
static void load(const char *path)
{
	struct stat status;
	if (stat(path, &status) != 0)
		fail("stat", path);
	if (!S_ISDIR(status.st_mode)) {
		load_file(path);
		return;
	}
	struct dirent **entries;
	int count = scandir(path, &entries, is_visible_entry, alphasort);
	if (count < 0)
		fail("scandir", path);
	for (int index = 0; index < count; index++) {
		char file[4096];
		snprintf(file, sizeof(file), "%s/%s", path, entries[index]->d_name);
		load_file(file);
		free(entries[index]);
	}
	free(entries);
}

static void insert_bytes(struct prng *prng, size_t at, const uint8_t *bytes, size_t size)
{
	if (size > sizeof(replay.current) - replay.current_bytes)
		return;
	memmove(replay.current + at + size, replay.current + at, replay.current_bytes - at);
	if (bytes != NULL)
		memcpy(replay.current + at, bytes, size);
	else
		ringcast_prng_fill(prng, replay.current + at, size);
	replay.current_bytes += size;
}

static void erase_bytes(size_t at, size_t size)
{
	memmove(replay.current + at, replay.current + at + size, replay.current_bytes - at - size);
	replay.current_bytes -= size;
}

/* One change: a bit, a byte, an edge value, bytes taken out, put in, doubled, or borrowed from another corpus file. */
static void mutate(struct prng *prng)
{
	static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x7e, 0xfe, '\r', '\n', ' ', ',', ':'};
	size_t at = ringcast_prng_below(prng, replay.current_bytes + 1);
	size_t left = replay.current_bytes - at;
	size_t size = 1 + ringcast_prng_below(prng, ringcast_prng_chance(prng, 1, 8) ? 200 : 8);
	size_t inside = size < left ? size : left;
	const struct input *other = &replay.corpus[ringcast_prng_below(prng, replay.corpus_count)];
	switch (ringcast_prng_below(prng, 7)) {
	case 0:
		if (left != 0)
			replay.current[at] ^= (uint8_t)(1u << ringcast_prng_below(prng, 8));
		break;
	case 1:
		if (left != 0)
			replay.current[at] = (uint8_t)ringcast_prng_next(prng);
		break;
	case 2:
		if (left != 0)
			replay.current[at] = edges[ringcast_prng_below(prng, sizeof(edges))];
		break;
	case 3:
		erase_bytes(at, inside);
		break;
	case 4:
		insert_bytes(prng, at, NULL, size);
		break;
	case 5: {
		uint8_t piece[256];
		memcpy(piece, replay.current + at, inside);
		insert_bytes(prng, at, piece, inside);
		break;
	}
	case 6: {
		size_t from = ringcast_prng_below(prng, other->size + 1);
		insert_bytes(prng, at, other->bytes + from, ringcast_prng_below(prng, other->size - from + 1));
		break;
	}
	}
}

static void run_mutation(struct prng *prng)
{
	const struct input *base = &replay.corpus[ringcast_prng_below(prng, replay.corpus_count)];
	memcpy(replay.current, base->bytes, base->size);
	replay.current_bytes = base->size;
	for (uint64_t left = 1 + ringcast_prng_below(prng, MUTATIONS_MAX); left > 0; left--)
		mutate(prng);
	run_current();
}

int main(int argc, char **argv)
{
	unsigned long run_count = 0;
	replay.name = strrchr(argv[0], '/') != NULL ? strrchr(argv[0], '/') + 1 : argv[0];
	signal(SIGABRT, on_signal);
	signal(SIGSEGV, on_signal);
	for (int index = 1; index < argc; index++) {
		if (strncmp(argv[index], "-runs=", 6) == 0)
			run_count = strtoul(argv[index] + 6, NULL, 10);
		else if (strncmp(argv[index], "-seed=", 6) == 0)
			replay.seed = strtoul(argv[index] + 6, NULL, 10);
		else
			load(argv[index]);
	}
	if (replay.corpus_count == 0) {
		fprintf(stderr, "usage: %s [-runs=N] [-seed=N] FILE_OR_FOLDER...\n", argv[0]);
		return 2;
	}
	for (size_t index = 0; index < replay.corpus_count; index++) {
		memcpy(replay.current, replay.corpus[index].bytes, replay.corpus[index].size);
		replay.current_bytes = replay.corpus[index].size;
		run_current();
	}
	struct prng prng;
	ringcast_prng_init(&prng, replay.seed);
	for (replay.run = 1; replay.run <= run_count; replay.run++)
		run_mutation(&prng);
	for (size_t index = 0; index < replay.corpus_count; index++)
		free(replay.corpus[index].bytes);
	printf("%zu corpus files, %lu mutations, seed %lu\n", replay.corpus_count, run_count, replay.seed);
	return 0;
}
