#include "io/egress_reason.h"

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
