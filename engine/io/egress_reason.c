#include "io/egress_reason.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"

static const char *const labels[EGRESS_REASON_COUNT] = {
#define EGRESS(name, label, text) [EGRESS_##name] = label,
#include "io/egress.def"
#undef EGRESS
};

static const char *const texts[EGRESS_REASON_COUNT] = {
#define EGRESS(name, label, text) [EGRESS_##name] = text,
#include "io/egress.def"
#undef EGRESS
};

const char *ringcast_egress_label(enum egress_reason reason)
{
	ringcast_assert((unsigned)reason < EGRESS_REASON_COUNT);
	return labels[reason];
}

const char *ringcast_egress_text(enum egress_reason reason)
{
	ringcast_assert((unsigned)reason < EGRESS_REASON_COUNT);
	return texts[reason];
}

static const struct {
	int error;
	const char *text;
} remedies[] = {
	{ECHRNG, "the device has fewer transmit queues than there are shards: fewer shards, or another device"},
	{EINVAL, "the device has such a transmit queue but does not use it: ethtool -L DEVICE combined N, as many as there are shards"},
	{EBUSY, "another program has the device's queue for AF_XDP"},
	{ENOBUFS, "no locked memory is left: LimitMEMLOCK=infinity in the unit, ulimit -l unlimited in a shell"},
	{ENOMEM, "no memory is left, or no locked memory: LimitMEMLOCK=infinity in the unit, ulimit -l unlimited in a shell"},
	{EPERM, "not allowed: CAP_NET_RAW is missing, or locked memory is short (LimitMEMLOCK=infinity in the unit)"},
	{ENETDOWN, "the device is down: tried again when it is up, and every ten seconds"},
	{ENXIO, "the device has gone: tried again every ten seconds"},
	{ENODEV, "the device has gone: tried again every ten seconds"},
};

const char *ringcast_egress_remedy(int error)
{
	for (unsigned i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
		if (remedies[i].error == -error)
			return remedies[i].text;
	return strerror(-error);
}
