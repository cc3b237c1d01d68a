#include "scripts/share.h"

enum { PPM = 1000000, STEP_PART = 8, ALMOST_ALL_PERCENT = 90 };
enum { FIRST_NS = 5000000 }; /* who is modest is not known at first: whose first event is a small one passes, and so does one large one */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What elapsed_ns are worth; a minute fills any bucket, and no product overflows. */
static int64_t part_of(uint64_t elapsed_ns, uint64_t ppm)
{
	uint64_t bounded_ns = elapsed_ns < 60 * NS_PER_S ? elapsed_ns : 60 * NS_PER_S;
	return (int64_t)(bounded_ns * ppm / PPM);
}

static uint32_t pot_ppm(const struct share_limits *limits)
{
	return limits->shard_percent * (PPM / SHARE_PERCENT_MAX);
}

static uint32_t active_count(const struct share *share)
{
	uint32_t count = share->active_count > share->active_last ? share->active_count : share->active_last;
	return count > 0 ? count : 1;
}

static uint32_t own_ppm(const struct share *share, const struct share_limits *limits)
{
	uint32_t ppm = limits->session_percent * (PPM / SHARE_PERCENT_MAX);
	if (ppm == 0)
		ppm = PPM; /* unbounded by itself, but it shrinks with the others */
	uint64_t left = ppm * (uint64_t)(PPM - share->shrink_ppm) / PPM;
	return left > 0 ? (uint32_t)left : 1;
}

/* Once a second: how was it? */
static void turn_second(struct share *share, const struct share_limits *limits, uint64_t now_ns)
{
	uint64_t second = now_ns / NS_PER_S;
	if (second == share->second)
		return;
	uint32_t left = PPM - share->shrink_ppm;
	if (share->spent_ns > (uint64_t)part_of(NS_PER_S, pot_ppm(limits)) * ALMOST_ALL_PERCENT / SHARE_PERCENT_MAX)
		left -= left / STEP_PART;
	else
		left += left / STEP_PART + 1;
	if (second != share->second + 1 || left > PPM || limits->shard_percent == 0)
		left = PPM; /* a second without any script shows that there is room */
	share->shrink_ppm = PPM - (left > 0 ? left : 1);
	share->active_last = second == share->second + 1 ? share->active_count : 0;
	share->active_count = 0;
	share->spent_ns = 0;
	share->second = second;
}

static void fill_pot(struct share *share, const struct share_limits *limits, uint64_t now_ns)
{
	int64_t more_ns = share->updated_ns == 0 ? SHARE_BURST_NS : part_of(now_ns - share->updated_ns, pot_ppm(limits));
	share->pot_ns = least(share->pot_ns + more_ns, SHARE_BURST_NS);
	share->updated_ns = now_ns;
	turn_second(share, limits, now_ns);
}

static void fill_account(const struct share *share, struct share_account *account, const struct share_limits *limits, uint64_t now_ns)
{
	uint64_t elapsed_ns = account->updated_ns == 0 ? 0 : now_ns - account->updated_ns;
	int64_t more_ns = account->updated_ns == 0 ? SHARE_BURST_NS : part_of(elapsed_ns, own_ppm(share, limits));
	int64_t count = active_count(share);
	if (account->updated_ns == 0)
		account->equal_ns = FIRST_NS;
	account->own_ns = least(account->own_ns + more_ns, SHARE_BURST_NS);
	account->equal_ns = least(account->equal_ns + part_of(elapsed_ns, pot_ppm(limits)) / count, 2 * SHARE_DEBT_NS / count);
	account->updated_ns = now_ns;
}

static void fill(struct share *share, struct share_account *account, const struct share_limits *limits, uint64_t now_ns)
{
	if (share->updated_ns != now_ns) /* once a tick */
		fill_pot(share, limits, now_ns);
	if (account->updated_ns != now_ns)
		fill_account(share, account, limits, now_ns);
}

/* How long until a debt is paid, at that rate; a second at most, for rates change. */
static uint64_t time_of(int64_t debt_ns, uint64_t ppm)
{
	uint64_t bounded_ns = debt_ns > 0 ? (uint64_t)least(debt_ns, NS_PER_S) : 0, wait_ns = bounded_ns * PPM / ppm;
	return wait_ns < NS_PER_MS ? NS_PER_MS : wait_ns < NS_PER_S ? wait_ns : NS_PER_S;
}

static uint64_t wait_of(const struct share *share, const struct share_account *account, const struct share_limits *limits)
{
	if ((limits->session_percent != 0 || share->shrink_ppm != 0) && account->own_ns <= 0)
		return time_of(-account->own_ns, own_ppm(share, limits));
	if (limits->shard_percent == 0 || share->pot_ns > 0)
		return 0;
	if (account->equal_ns > 0 && account->equal_ns >= account->dearest_ns && share->pot_ns > -SHARE_DEBT_NS)
		return 0;
	return time_of(-share->pot_ns, pot_ppm(limits));
}

static void note_wait(struct share_account *account, uint64_t now_ns)
{
	uint64_t second = now_ns / NS_PER_S;
	account->refused_count++;
	if (account->waited_second == second)
		return;
	account->waited_count = account->waited_second + 1 == second ? account->waited_count + 1 : 1;
	account->waited_second = second;
}

uint64_t ringcast_share_wait_ns(struct share *share, struct share_account *account, const struct share_limits *limits, uint64_t now_ns)
{
	if (limits->session_percent == 0 && limits->shard_percent == 0)
		return 0;
	fill(share, account, limits, now_ns);
	uint64_t wait_ns = wait_of(share, account, limits);
	if (wait_ns > 0)
		note_wait(account, now_ns);
	return wait_ns;
}

void ringcast_share_charge(struct share *share, struct share_account *account, const struct share_limits *limits, uint64_t spent_ns, uint64_t now_ns)
{
	if (limits->session_percent == 0 && limits->shard_percent == 0)
		return;
	fill(share, account, limits, now_ns);
	if (account->active_second != share->second) {
		account->active_second = share->second;
		share->active_count++;
	}
	account->dearest_ns -= account->dearest_ns / STEP_PART;
	if (account->dearest_ns < (int64_t)spent_ns)
		account->dearest_ns = (int64_t)spent_ns;
	account->own_ns -= (int64_t)spent_ns;
	account->equal_ns -= (int64_t)spent_ns;
	share->pot_ns -= least((int64_t)spent_ns, SHARE_DEBT_NS / 2);
	share->spent_ns += spent_ns;
}

bool ringcast_share_is_hopeless(const struct share_account *account, const struct share_limits *limits)
{
	return limits->seconds_max != 0 && account->waited_count > limits->seconds_max;
}
