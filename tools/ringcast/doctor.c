/* ringcast doctor: reads the kernel, its limits and sysctls, and says what to fix. Changes nothing. */
#include "tools/ringcast/doctor.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/ringcast/commands.h"
#include "tools/ringcast/output.h"

void ringcast_doctor_set(struct doctor_finding *finding, enum doctor_level level, const char *remedy, const char *format, ...)
{
	va_list arguments;
	finding->level = level;
	finding->remedy = remedy;
	va_start(arguments, format);
	vsnprintf(finding->found, sizeof(finding->found), format, arguments);
	va_end(arguments);
}

bool ringcast_doctor_read(const char *path, long long *ret_value)
{
	long long value;
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool is_read = fscanf(file, "%lld", &value) == 1;
	fclose(file);
	if (is_read)
		*ret_value = value;
	return is_read;
}

static void check_kernel(struct doctor_finding *ret_finding)
{
	struct utsname name;
	int major = 0, minor = 0;
	uname(&name);
	sscanf(name.release, "%d.%d", &major, &minor);
	bool is_new = major > 6 || (major == 6 && minor >= 1);
	ringcast_doctor_set(ret_finding, is_new ? DOCTOR_OK : DOCTOR_WARN, is_new ? NULL : "run Linux 6.1 or newer; older kernels lack operations we use",
			    "%.60s", name.release);
}

static void check_cpus(struct doctor_finding *ret_finding)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	ringcast_doctor_set(ret_finding, count > 1 ? DOCTOR_OK : DOCTOR_WARN, count > 1 ? NULL : "one CPU: the relay shares it with the kernel's network work",
			    "%ld online", count);
}

static void check_files(struct doctor_finding *ret_finding)
{
	static const char remedy[] = "LimitNOFILE=1048576 in the unit, or ulimit -n; a player takes one file";
	struct rlimit limit = {0};
	getrlimit(RLIMIT_NOFILE, &limit);
	enum doctor_level level = limit.rlim_max < 1024 ? DOCTOR_FAIL : limit.rlim_max < 16384 ? DOCTOR_WARN : DOCTOR_OK;
	ringcast_doctor_set(ret_finding, level, level == DOCTOR_OK ? NULL : remedy, "soft %llu, hard %llu", (unsigned long long)limit.rlim_cur,
			    (unsigned long long)limit.rlim_max);
}

/* Locked memory is not limited for those with CAP_IPC_LOCK; root in a container may lack it. */
static bool may_lock(void)
{
	enum { CAPABILITY_IPC_LOCK = 14 };
	char line[128];
	unsigned long long effective = 0;
	FILE *file = fopen("/proc/self/status", "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file) && sscanf(line, "CapEff: %llx", &effective) != 1)
		;
	fclose(file);
	return effective >> CAPABILITY_IPC_LOCK & 1;
}

static void check_memlock(struct doctor_finding *ret_finding)
{
	static const char remedy[] = "LimitMEMLOCK=infinity in the unit, or ulimit -l unlimited; rings and their buffers are locked memory";
	struct rlimit limit = {0};
	getrlimit(RLIMIT_MEMLOCK, &limit);
	bool is_enough = may_lock() || limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= 64u << 20;
	if (limit.rlim_cur == RLIM_INFINITY)
		ringcast_doctor_set(ret_finding, DOCTOR_OK, NULL, "unlimited");
	else
		ringcast_doctor_set(ret_finding, is_enough ? DOCTOR_OK : DOCTOR_WARN, is_enough ? NULL : remedy, "%llu KiB%s",
				    (unsigned long long)limit.rlim_cur / 1024, may_lock() ? ", not applied to a process with CAP_IPC_LOCK" : "");
}

static void check_clock(struct doctor_finding *ret_finding)
{
	static const char path[] = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
	char name[32] = "unknown";
	FILE *file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%31s", name) != 1)
			strcpy(name, "unknown");
		fclose(file);
	}
	bool is_slow = strcmp(name, "hpet") == 0 || strcmp(name, "acpi_pm") == 0 || strcmp(name, "jiffies") == 0;
	ringcast_doctor_set(ret_finding, is_slow ? DOCTOR_WARN : DOCTOR_OK, is_slow ? "boot with clocksource=tsc, or ask the host; this one makes each time reading a slow trap" : NULL,
			    "%s", name);
}

static void check_governor(struct doctor_finding *ret_finding)
{
	char name[32] = "";
	FILE *file = fopen("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "re");
	if (file) {
		if (fscanf(file, "%31s", name) != 1)
			name[0] = '\0';
		fclose(file);
	}
	bool is_saving = strcmp(name, "powersave") == 0;
	ringcast_doctor_set(ret_finding, is_saving ? DOCTOR_WARN : DOCTOR_OK,
			    is_saving ? "cpupower frequency-set -g performance: a sleeping clock adds to every message's delay" : NULL, "%s",
			    name[0] ? name : "none (virtual machine, or fixed frequency)");
}

/* sysctls with the least value that serves thousands of players */
static const struct {
	const char *name, *path, *remedy;
	long long min;
} sysctls[] = {
	{"net.core.rmem_max", "/proc/sys/net/core/rmem_max", "sysctl -w net.core.rmem_max=4194304: bursts of datagrams overflow smaller buffers", 1048576},
	{"net.core.wmem_max", "/proc/sys/net/core/wmem_max", "sysctl -w net.core.wmem_max=4194304", 1048576},
	{"net.core.somaxconn", "/proc/sys/net/core/somaxconn", "sysctl -w net.core.somaxconn=4096: joins in a rush are refused above it", 1024},
	{"net.ipv4.tcp_max_syn_backlog", "/proc/sys/net/ipv4/tcp_max_syn_backlog", "sysctl -w net.ipv4.tcp_max_syn_backlog=4096", 256},
	{"net.core.netdev_max_backlog", "/proc/sys/net/core/netdev_max_backlog", "sysctl -w net.core.netdev_max_backlog=4096: loopback and RPS queue here", 1000},
	{"fs.nr_open", "/proc/sys/fs/nr_open", "sysctl -w fs.nr_open=1048576: the ceiling of RLIMIT_NOFILE", 65536},
};
enum { SYSCTL_COUNT = sizeof(sysctls) / sizeof(sysctls[0]) };

static void check_sysctl(size_t index, struct doctor_finding *ret_finding)
{
	long long value = 0;
	if (!ringcast_doctor_read(sysctls[index].path, &value)) {
		ringcast_doctor_set(ret_finding, DOCTOR_OK, NULL, "not visible here (container)");
		return;
	}
	bool is_enough = value >= sysctls[index].min;
	ringcast_doctor_set(ret_finding, is_enough ? DOCTOR_OK : DOCTOR_WARN, is_enough ? NULL : sysctls[index].remedy, "%lld", value);
}

/* Asks the program that confines scripts what it would do here, run as whoever runs this. */
static void check_confinement(struct doctor_finding *ret_finding)
{
	const char *named = getenv("RINGCAST_CONFINE");
	const char *path = named && *named ? named : RINGCAST_CONFINE_INSTALLED;
	char command[512], line[sizeof(ret_finding->found)] = "";
	snprintf(command, sizeof(command), "'%s' --user nobody --memory 1 --connect 443 --report 2>&1", path);
	FILE *pipe = access(path, X_OK) == 0 ? popen(command, "re") : NULL;
	if (pipe) {
		if (!fgets(line, sizeof(line), pipe))
			line[0] = 0;
		pclose(pipe);
	}
	line[strcspn(line, "\n")] = 0;
	bool is_whole = *line && !strstr(line, "NOT");
	ringcast_doctor_set(ret_finding, is_whole ? DOCTOR_OK : DOCTOR_WARN,
			    is_whole ? NULL : "run only JavaScript that you trust, or set scripts.confine to required; Linux 6.7 with Landlock confines all of it", "%s",
			    *line ? line : "ringcast-confine is not there (RINGCAST_CONFINE names another than the installed one)");
}

static const struct {
	const char *name;
	doctor_check_fn *check;
} checks[] = {
	{"kernel", check_kernel},
	{"cpus", check_cpus},
	{"io_uring", ringcast_doctor_uring},
	{"io_uring operations", ringcast_doctor_uring_opcodes},
	{"AF_XDP", ringcast_doctor_xdp},
	{"shared UDP port", ringcast_doctor_shared_port},
	{"RLIMIT_NOFILE", check_files},
	{"RLIMIT_MEMLOCK", check_memlock},
	{"clock source", check_clock},
	{"CPU governor", check_governor},
	{"JavaScript", check_confinement},
};
enum { CHECK_COUNT = sizeof(checks) / sizeof(checks[0]) };

static const char *const level_names[] = {"ok", "warn", "fail"};

static void add_finding(json_t *rows, const char *name, const struct doctor_finding *finding, int counts[3])
{
	counts[finding->level]++;
	json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:s}", "level", level_names[finding->level], "check", name, "found", finding->found,
					      "remedy", finding->remedy ? finding->remedy : ""));
}

enum cli_exit ringcast_command_doctor(const struct cli_invocation *invocation)
{
	static const struct output_column columns[] = {{"level", "LEVEL"}, {"check", "CHECK"}, {"found", "FOUND"}, {"remedy", "REMEDY"}, {NULL, NULL}};
	struct doctor_finding finding;
	int counts[3] = {0, 0, 0};
	json_t *rows = json_array();
	for (size_t i = 0; i < CHECK_COUNT; i++) {
		checks[i].check(&finding);
		add_finding(rows, checks[i].name, &finding, counts);
	}
	for (size_t i = 0; i < SYSCTL_COUNT; i++) {
		check_sysctl(i, &finding);
		add_finding(rows, sysctls[i].name, &finding, counts);
	}
	ringcast_output_rows(invocation, rows, columns);
	json_decref(rows);
	if (!ringcast_cli_is_json(invocation))
		printf("\n%d ok, %d to look at, %d wrong\n", counts[DOCTOR_OK], counts[DOCTOR_WARN], counts[DOCTOR_FAIL]);
	bool is_wrong = counts[DOCTOR_FAIL] > 0 || (ringcast_cli_has(invocation, CLI_OPTION_STRICT) && counts[DOCTOR_WARN] > 0);
	return is_wrong ? CLI_FAILURE : CLI_OK;
}
