/* What a program says before it dies: run in a child, its stderr read to the end. For tests of assertions, where any death would not do. */
#ifndef RINGCAST_TESTS_UNIT_LAST_WORDS_H
#define RINGCAST_TESTS_UNIT_LAST_WORDS_H

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LAST_WORDS_BYTES = 65536 };

/* Heap text, the caller's; *ret_status as of waitpid. The child does not come back from act, or exits with 0. */
static inline char *last_words(void (*act)(void), int *ret_status)
{
	int ends[2];
	char *text = calloc(1, LAST_WORDS_BYTES);
	size_t size = 0;
	cr_assert(text != NULL && pipe(ends) == 0);
	pid_t child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		dup2(ends[1], STDERR_FILENO);
		act();
		_exit(0);
	}
	close(ends[1]);
	for (ssize_t n; size < LAST_WORDS_BYTES - 1 && (n = read(ends[0], text + size, LAST_WORDS_BYTES - 1 - size)) > 0;)
		size += (size_t)n;
	close(ends[0]);
	cr_assert_eq(waitpid(child, ret_status, 0), child);
	return text;
}

/* It must abort, and say that it was this condition. */
static inline void assert_dies_of(void (*act)(void), const char *condition)
{
	int status;
	char *text = last_words(act, &status);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "ended with status %d: %s", status, text);
	cr_assert(strstr(text, condition) != NULL, "\"%s\" is not among its last words: %s", condition, text);
	free(text);
}

#endif
