#include "service/api/fault.h"

#include "base/assert.h"

static const struct {
	const char *type;
	unsigned status;
} faults[] = {
	[FAULT_NONE] = {"", 200},
#define FAULT(NAME, type, status) [FAULT_##NAME] = {type, status},
#include "service/api/fault.def"
#undef FAULT
};

const char *ringcast_fault_type(enum fault fault)
{
	ringcast_assert(fault < FAULT_COUNT);
	return faults[fault].type;
}

unsigned ringcast_fault_status(enum fault fault)
{
	ringcast_assert(fault < FAULT_COUNT);
	return faults[fault].status;
}
