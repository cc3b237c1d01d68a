/* Drop reasons: one list (drop.def) gives the enum, the metric labels and the operators' documentation. */
#ifndef RINGCAST_BASE_DROP_H
#define RINGCAST_BASE_DROP_H

enum drop_reason {
#define DROP(name, label, text) DROP_##name,
#include "base/drop.def"
#undef DROP
	DROP_REASON_COUNT
};

extern const char *const ringcast_drop_labels[DROP_REASON_COUNT]; /* for probes, which may call nothing */
const char *ringcast_drop_label(enum drop_reason reason);
const char *ringcast_drop_text(enum drop_reason reason);

#endif
