/*
 * Several processes that play one run: each has its sessions, all begin at one moment, and what they found is merged. They are forked here,
 * or started elsewhere with --work-for and come over TCP. Lines of JSON: from here {"run": {options}, ...}, {"go_in_ns": n}, {"stop": true};
 * from them {"secret", "version"}, {"ready": true}, {"outcome": {report}} or {"failed": true}.
 */
#ifndef RINGCAST_BENCH_LOAD_CREW_H
#define RINGCAST_BENCH_LOAD_CREW_H

#include <signal.h>
#include <sys/types.h>

#include "bench/load/load.h"
#include "bench/load/wire.h"

struct crew_member {
	struct wire wire;
	pid_t pid;              /* 0: started elsewhere */
	bool is_ready, is_done;
};

struct crew {
	uint32_t count;
	volatile sig_atomic_t *is_stopping;
	struct crew_member members[LOAD_PROCESSES_MAX];
};

/* Forks them, or waits for them; says what is wrong. */
bool ringcast_crew_create(struct crew *crew, const struct load_options *options, volatile sig_atomic_t *is_stopping);
void ringcast_crew_destroy(struct crew *crew);
/* One run by all. LOAD_EXIT_KEPT: there was one, and the outcome has it. */
enum load_exit ringcast_crew_run(struct crew *crew, const struct load_options *options, struct outcome *ret_outcome);

/* worker.c: serves a coordinator until it goes; the exit code */
int ringcast_work(int fd, const struct load_options *own, volatile sig_atomic_t *is_stopping);
/* --work-for */
int ringcast_work_for(const struct load_options *own, volatile sig_atomic_t *is_stopping);
/* The first line of the file; false: said why. */
bool ringcast_crew_read_secret(const char *path, char out[256]);
/* A socket that listens there, or is connected; -1: said why. */
int ringcast_crew_open(const char *host_and_port, bool is_listening);

#endif
