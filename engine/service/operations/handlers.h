/* The functions behind operation.def; each file of this folder holds those of one noun. */
#ifndef RINGCAST_SERVICE_OPERATIONS_HANDLERS_H
#define RINGCAST_SERVICE_OPERATIONS_HANDLERS_H

#include "service/operations/request.h"

#define OPERATION(name, role, text) operation_fn ringcast_operation_##name;
#define INSTEAD(name, text)
#include "service/operations/operation.def"
#undef OPERATION
#undef INSTEAD

#endif
