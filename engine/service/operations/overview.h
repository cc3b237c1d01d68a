/* What a console lists: fleets, queues, tickets and what keeps each waiting, and what happened last. For the admin API, so not in operation.def. */
#ifndef RINGCAST_SERVICE_OPERATIONS_OVERVIEW_H
#define RINGCAST_SERVICE_OPERATIONS_OVERVIEW_H

struct operation;

enum overview { OVERVIEW_FLEETS, OVERVIEW_QUEUES, OVERVIEW_TICKETS, OVERVIEW_EVENTS, OVERVIEW_COUNT };

/*
 * {"After": ...} -> {NAME: [...]}, with "next" where there are more; NAME is that of the list, in small letters. Fleets, queues and tickets come by id, a page at a time,
 * each with waiting_because: in words, or null where nothing keeps it. Events are those of all fleets, the newest ones first.
 */
const struct operation *ringcast_operation_overview(enum overview what);

#endif
