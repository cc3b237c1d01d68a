/* The reference page of the API, from the table of operations. */
#ifndef RINGCAST_SERVICE_OPERATIONS_REFERENCE_H
#define RINGCAST_SERVICE_OPERATIONS_REFERENCE_H

#include <stdio.h>

void ringcast_reference_print(FILE *out); /* Markdown */

#endif
