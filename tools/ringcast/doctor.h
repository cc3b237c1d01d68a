/* What ringcast doctor finds: one finding per check, each with what to do about it. */
#ifndef RINGCAST_TOOLS_DOCTOR_H
#define RINGCAST_TOOLS_DOCTOR_H

enum doctor_level {
	DOCTOR_OK = 0,
	DOCTOR_WARN, /* works, with less */
	DOCTOR_FAIL, /* ringcastd will not start or will refuse players */
};

struct doctor_finding {
	enum doctor_level level;
	char found[160];
	const char *remedy; /* static; NULL when all is well */
};

typedef void doctor_check_fn(struct doctor_finding *ret_finding);

doctor_check_fn ringcast_doctor_uring;       /* may this process use io_uring at all */
doctor_check_fn ringcast_doctor_uring_opcodes; /* does it know every operation and set-up flag that we use */
doctor_check_fn ringcast_doctor_xdp;           /* could datagrams leave by AF_XDP */
doctor_check_fn ringcast_doctor_shared_port;   /* could all shards share a UDP port */

__attribute__((format(printf, 4, 5))) void ringcast_doctor_set(struct doctor_finding *finding, enum doctor_level level, const char *remedy,
							       const char *format, ...);
/* A number from a file under /proc or /sys; false when there is none. */
_Bool ringcast_doctor_read(const char *path, long long *ret_value);

#endif
