/* Why a datagram did not leave by AF_XDP: one list (egress.def) gives the enum, the metric labels and the operators' documentation. */
#ifndef RINGCAST_IO_EGRESS_REASON_H
#define RINGCAST_IO_EGRESS_REASON_H

enum egress_reason {
#define EGRESS(name, label, text) EGRESS_##name,
#include "io/egress.def"
#undef EGRESS
	EGRESS_REASON_COUNT
};

const char *ringcast_egress_label(enum egress_reason reason);
const char *ringcast_egress_text(enum egress_reason reason);
const char *ringcast_egress_remedy(int error); /* why a device has no AF_XDP socket (-errno), and what to do, for the log */

#endif
