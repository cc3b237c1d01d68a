/*
 * ringcast-load: thousands of bots in one loop. One bot is one player: a client core and its two sockets.
 *
 * Reading order: options.def, payload.h, tracker.h, bot.c (sockets), traffic.c (schedule, accounting), run.c (phases, loop), world.c (one run),
 * outcome.h (what it found), report.c. Single thread; everything hangs off struct world, of which each run has one.
 */
#ifndef RINGCAST_BENCH_LOAD_H
#define RINGCAST_BENCH_LOAD_H

#include <signal.h>
#include <sys/socket.h>

#include "base/prng.h"
#include "bench/histogram.h"
#include "bench/load/options.h"
#include "bench/load/outcome.h"
#include "bench/load/payload.h"
#include "bench/load/series.h"
#include "bench/load/tracker.h"
#include "proto/clients/c/secure.h"

enum {
	LOAD_OPCODE = 7,
	LOAD_NAME_BYTES = 64,
	LOAD_LABEL_BYTES_MAX = 60,
	LOAD_SCRATCH_BYTES = 256 * 1024,
	LOAD_DATAGRAM_BATCH = 8,
	LOAD_DATAGRAM_BYTES = 65536, /* what the kernel merges into one read */
	LOAD_CA_BYTES_MAX = 1024 * 1024,
	LOAD_STREAM_COUNT = PAYLOAD_TARGET_COUNT * 2, /* target kind, intent */
	LOAD_CONNECTING_MAX = 128,   /* handshakes under way at once */
	LOAD_PLAYERS_PER_ADDRESS = 500,
	LOAD_PLAYERS_MAX = 1000000,
	LOAD_GRID_SIDE_MAX = 32,
	LOAD_PROCESSES_MAX = 64,
};

enum bot_state {
	BOT_IDLE = 0,
	BOT_CONNECTING,
	BOT_READY,
	BOT_LEAVING, /* our close frame is sent */
};

struct world;

/* core comes first, so that its ops find the bot. Owns both descriptors, the queue and the token. */
struct bot {
	struct client_core core;
	struct world *world;
	int tcp_fd, udp_fd;
	enum bot_state state;
	bool is_tcp_connected, is_write_armed, is_ended, is_slow, is_stopped;
	bool is_cut;              /* the server disconnected it: what it does not get, and cannot send, is lost */
	uint16_t end_code;
	uint32_t session, player; /* indices */
	uint32_t direct_next;     /* whom the next message to one player goes to */
	uint32_t visit;           /* times it has come, for tokens */
	uint16_t column, row;     /* with --grid: where it is */
	uint64_t connect_due_ns;  /* when the schedule wanted it to connect */
	uint32_t outq_offset, outq_bytes, outq_capacity;
	uint8_t *outq;
	struct client_secure *secure;     /* owned; NULL without --secure */
	char *token;              /* NULL: made from the prefix */
	uint32_t sent[LOAD_STREAM_COUNT]; /* next sequence numbers; those to one player are in world.direct_sent */
	char end_reason[64];
};

/* What bots report to whoever drives them. */
struct bot_events {
	void (*ready)(struct bot *bot); /* it has logged in */
	void (*ended)(struct bot *bot); /* its sockets are closed; it may be connected again from within */
};

struct load_session {
	char name[LOAD_NAME_BYTES];
	char id[LOAD_NAME_BYTES]; /* "" without admin API */
};

/* What the process answers with. */
enum load_exit {
	LOAD_EXIT_KEPT = 0,
	LOAD_EXIT_BROKEN = 1,    /* the server broke a promise */
	LOAD_EXIT_NOT_RUN = 2,   /* usage, or something outside the server under test: nothing is said about it */
	LOAD_EXIT_INVALID = 3,   /* the generator was too slow: what was measured is this program */
};

enum load_phase { LOAD_CONNECT = 0, LOAD_SETTLE, LOAD_WAIT, LOAD_WARMUP, LOAD_MEASURE, LOAD_TAIL, LOAD_CLOSE, LOAD_DONE };

/* This process's part of a run that several share. */
struct load_part {
	int fd;                 /* to the coordinator */
	uint32_t index, count;  /* which process, of how many */
	uint32_t session_first; /* sessions of those before it: source addresses must differ */
};

struct world {
	struct load_options options;
	const struct load_part *part;   /* NULL: alone */
	uint64_t go_ns;                 /* when all begin; 0: not told yet */
	struct sockaddr_storage server;
	socklen_t server_bytes;
	char host_and_port[80];
	struct client_trust trust;      /* with --secure: of all bots */
	char fast_failure[CRYPTO_ERROR_BYTES]; /* the first one's reason */
	uint32_t run;
	struct prng prng;
	struct load_session *sessions;
	struct bot *bots;               /* session-major */
	const struct bot_events *bot_events;
	uint32_t bot_count;
	uint32_t sender_count;          /* in each session */
	uint32_t *senders;              /* bot indices in schedule order */
	uint32_t schedule_count;
	struct tracker *trackers;       /* [bot][sender in its session][slot] */
	uint32_t *direct_sent;          /* [bot as sender][player][intent], NULL without direct messages */
	int8_t slots[LOAD_STREAM_COUNT]; /* where a stream's tracker is; -1: this run has no such stream */
	uint32_t slot_count;
	int epoll_fd;
	uint64_t now_ns;                /* of the last clock reading; reads of sockets take a fresh one */
	enum load_phase phase;
	uint64_t phase_start_ns, phase_end_ns;
	uint64_t traffic_start_ns, measure_start_ns, measure_end_ns;
	uint64_t schedule_index;        /* messages the schedule has asked for */
	double schedule_step_ns;
	uint32_t connect_next, connecting_count, ready_count;
	uint64_t connect_start_ns, connect_end_ns;
	uint64_t *seen_until_ns;        /* with --grid: [bot][cell], UINT64_MAX: it sees the cell, 0: it never did */
	uint64_t move_next_ns;
	uint64_t churn_next_ns, tick_next_ns, last_arrival_ns;
	uint32_t tick_cursor;
	volatile sig_atomic_t *is_stopping; /* a signal came */
	bool is_called_off;             /* the coordinator has gone, or says so */
	bool is_interrupted;            /* before the books were closed */
	char failure[256];              /* why the run cannot go on; "" */
	struct load_counts counts;      /* since the traffic began */
	uint64_t arrived[2], arrived_bytes; /* in the measured time, by channel; what the server's CPU time is divided by */
	struct histogram *latency;      /* [2] by channel: tcp, udp */
	struct histogram *lateness, *connect_time;
	struct series series;
	struct server_sample before, after; /* around the measured time */
	uint64_t own_cpu_before_ns, own_cpu_after_ns;
	uint8_t *scratch;
	uint8_t *sealed;                /* what came on a stream, before TLS opened it */
	uint8_t *datagrams;
};

/* clock.c: monotonic */
uint64_t ringcast_load_clock_ns(void);

/* bot.c */
void ringcast_bot_connect(struct bot *bot, uint64_t due_ns);
void ringcast_bot_leave(struct bot *bot);
/* Closes the sockets at once. */
void ringcast_bot_drop(struct bot *bot);
/* Serves one event; data is what bot.c put into epoll. */
void ringcast_bot_serve(struct world *world, uint64_t data, uint32_t events);
void ringcast_bot_tick(struct bot *bot);
extern const struct client_core_ops ringcast_bot_ops;

/* traffic.c */
bool ringcast_traffic_create(struct world *world); /* false: no memory */
void ringcast_traffic_destroy(struct world *world);
void ringcast_traffic_start(struct world *world, uint64_t start_ns);
void ringcast_traffic_send_due(struct world *world);
uint64_t ringcast_traffic_next_due_ns(const struct world *world);
void ringcast_traffic_receive(struct bot *bot, const struct packet *packet, bool is_fast);
/* A receiver goes: its losses so far are booked, its trackers wait for whatever comes first. What is under way to one whom the server
 * disconnected is lost; to one who left by itself it is not. */
void ringcast_traffic_reset(struct bot *bot);
void ringcast_traffic_finish(struct world *world); /* books the losses of all */

/* area.c: --grid; everything is nothing without it */
bool ringcast_area_create(struct world *world); /* false: no memory */
void ringcast_area_enter(struct bot *bot);      /* it has logged in */
void ringcast_area_step(struct world *world);   /* moves those whose time has come */
uint32_t ringcast_area_group(const struct bot *bot); /* of the cell it is in */
bool ringcast_area_may_see(const struct bot *bot, uint32_t group, uint64_t intended_ns);

/* worker.c: what one of several processes tells the coordinator and hears from it; false: it is gone, or calls the run off */
bool ringcast_part_ready(const struct load_part *part);
bool ringcast_part_hear(const struct load_part *part, uint64_t now_ns, uint64_t *ret_go_ns); /* does not wait; 0: nothing yet */

/* run.c */
bool ringcast_run(struct world *world);

/* setup.c */
bool ringcast_setup(struct world *world);
void ringcast_setup_undo(struct world *world); /* ends the sessions */
const char *ringcast_setup_token(struct bot *bot, char out[PROTO_TOKEN_BYTES_MAX + 1]);

/* server.c */
struct server_sample ringcast_server_sample(uint64_t pid);
uint64_t ringcast_server_own_cpu_ns(void);

/* world.c: one run from the first session to the last close. The exit code says whether there was one; what was found is taken from it. */
enum load_exit ringcast_world_run(const struct load_options *options, const struct load_part *part, volatile sig_atomic_t *is_stopping,
				  struct outcome *ret_outcome);

/* pin.c: to one of the CPUs in a list such as "0,2"; says why not */
bool ringcast_load_pin(const char *list, uint32_t index);

/* drive.c: all that the options ask for; the exit code of the process */
int ringcast_drive(const struct load_options *options, const char *command_line, volatile sig_atomic_t *is_stopping);

/* report.c */
void ringcast_report_progress(const struct world *world);
void ringcast_report_print(const struct outcome *outcome);
/* Says what broke; the exit code. */
int ringcast_report_judge(const struct outcome *outcome);
/* The files that the options ask for; json: what goes into the reports. Says what cannot be written. */
bool ringcast_report_write(const struct outcome *outcome, const json_t *json);
/* All three, for one run. */
int ringcast_report(const struct outcome *outcome);
/* Before the run: whether the files can be written; says why not. */
bool ringcast_report_is_writable(const struct load_options *options);

/* compare.c: "ringcast-load compare A B"; the exit code */
int ringcast_compare_main(int argc, char **argv);

/* slo.c: lists of promises such as "p99<5ms,p99.95<20ms,loss<0.1%" */
struct slo_values {
	const struct histogram *latency; /* all channels */
	double loss_ratio, duplicates, deliveries_per_second, disconnects;
};
/* Says on err which promise cannot be read, and why. */
bool ringcast_slo_is_understood(const char *list, FILE *err);
/* Prints each promise that does not hold; how many. The list must be understood. */
int ringcast_slo_check(const char *list, const struct slo_values *values, FILE *err);

#endif
