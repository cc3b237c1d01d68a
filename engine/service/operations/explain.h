/* Why a ticket waits, for the admin API: no operation of the vendor's, so not in operation.def. */
#ifndef RINGCAST_SERVICE_OPERATIONS_EXPLAIN_H
#define RINGCAST_SERVICE_OPERATIONS_EXPLAIN_H

#include "service/operations/request.h"

extern const struct operation ringcast_operation_explain_ticket; /* {"TicketId": ...} -> as service/match/explain.h has it, with ticket and configuration */

#endif
