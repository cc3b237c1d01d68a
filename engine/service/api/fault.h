/* The refusals of the API, as data: fault.def. Pure. */
#ifndef RINGCAST_SERVICE_API_FAULT_H
#define RINGCAST_SERVICE_API_FAULT_H

enum fault {
	FAULT_NONE,
#define FAULT(NAME, type, status) FAULT_##NAME,
#include "service/api/fault.def"
#undef FAULT
	FAULT_COUNT
};

const char *ringcast_fault_type(enum fault fault);
unsigned ringcast_fault_status(enum fault fault);

#endif
