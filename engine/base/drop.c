#include "base/drop.h"

#include "base/assert.h"

const char *const ringcast_drop_labels[DROP_REASON_COUNT] = {
#define DROP(name, label, text) [DROP_##name] = label,
#include "base/drop.def"
#undef DROP
};

static const char *const texts[DROP_REASON_COUNT] = {
#define DROP(name, label, text) [DROP_##name] = text,
#include "base/drop.def"
#undef DROP
};

const char *ringcast_drop_label(enum drop_reason reason)
{
	ringcast_assert((unsigned)reason < DROP_REASON_COUNT);
	return ringcast_drop_labels[reason];
}

const char *ringcast_drop_text(enum drop_reason reason)
{
	ringcast_assert((unsigned)reason < DROP_REASON_COUNT);
	return texts[reason];
}
