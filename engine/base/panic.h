/*
 * The last words of a program that cannot go on: why, which build, and what every shard was doing. Written to stderr, and to a file where a folder for
 * it is known. Everything here is safe inside a signal handler: no allocation, no lock, no stdio.
 *
 * A failed assertion dumps by itself. Fatal signals do so in a program that asked for it; a library must not take its embedder's handlers.
 */
#ifndef RINGCAST_BASE_PANIC_H
#define RINGCAST_BASE_PANIC_H

#include "base/attr.h"
#include "base/types.h"

enum { PANIC_SUBJECTS_MAX = 128, PANIC_BUFFER_BYTES = 4096, PANIC_FOLDER_BYTES = 512 };

struct panic_writer {
	int fds[2]; /* -1: none */
	size_t size;
	char bytes[PANIC_BUFFER_BYTES];
};

/* Whoever has something to say: called at most once, on the thread that failed, while other threads may go on. */
typedef void panic_dump_fn(struct panic_writer *writer, const void *subject);

bool ringcast_panic_add(panic_dump_fn *dump, const void *subject); /* any thread; false: no place, the dump will be without it */
void ringcast_panic_remove(const void *subject);                   /* before its memory goes; any thread */

/* For programs, once, before threads: fatal signals dump too, then do what they would have done. folder "": no file; else "<folder>/crash-<pid>.txt". */
void ringcast_panic_install(const char *program, const char *folder);
/* Dumps, once in the life of a process; what comes second returns at once. The caller ends the process. */
void ringcast_panic_assertion(const char *what, const char *file, int line);

/* For dumps */
void ringcast_panic_text(struct panic_writer *writer, const char *text);
void ringcast_panic_bytes(struct panic_writer *writer, const char *bytes, size_t size_max); /* up to the first NUL; what does not print becomes '?' */
void ringcast_panic_unsigned(struct panic_writer *writer, uint64_t number);
void ringcast_panic_signed(struct panic_writer *writer, int64_t number);
void ringcast_panic_hex(struct panic_writer *writer, uint64_t number);
void ringcast_panic_pair(struct panic_writer *writer, const char *name, uint64_t number); /* " name=number", nothing when 0 */

#endif
