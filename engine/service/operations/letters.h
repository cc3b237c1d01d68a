/* Dead letters, for the admin API: no operations of the vendor's, so not in operation.def. */
#ifndef RINGCAST_SERVICE_OPERATIONS_LETTERS_H
#define RINGCAST_SERVICE_OPERATIONS_LETTERS_H

#include "service/operations/request.h"

extern const struct operation ringcast_operation_list_letters;	 /* {"letters": [...]}, oldest first */
extern const struct operation ringcast_operation_resend_letters; /* all of them go out again; {"count": N} */

#endif
