/* The public header alone must be enough, for the oldest C we promise, without a warning. */
#include "proto/clients/c/ringcast_client.h"

int main(void)
{
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	return options.size == sizeof(options) ? 0 : 1;
}
