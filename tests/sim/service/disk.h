/*
 * A disk in memory that SQLite writes to, as its default file system: what was synced survives a crash, what was not is there in part or not at
 * all. A crash comes at a chosen write, sync or truncation; from then on everything fails until the disk is started again.
 *
 * One disk at a time, one thread.
 */
#ifndef RINGCAST_TESTS_SIM_SERVICE_DISK_H
#define RINGCAST_TESTS_SIM_SERVICE_DISK_H

#include "base/prng.h"

struct disk {
	struct prng prng;
	uint32_t write_error, torn; /* chances in 1/1000 */
	bool is_full;		    /* nothing grows any more */
	bool is_crashed;
	uint64_t change_count; /* writes, syncs, truncations since the start */
	uint64_t crash_at;     /* the change that ends all; 0: none */
	uint64_t error_count;  /* that were injected */
	struct disk_file *files;
};

void sim_disk_init(struct disk *disk, uint64_t seed); /* registers it with SQLite */
void sim_disk_fini(struct disk *disk);
/* Every file is closed. What was durable is there; all else as well where only the process died, or some of it as torn says. */
void sim_disk_restart(struct disk *disk, bool is_process_only);

#endif
