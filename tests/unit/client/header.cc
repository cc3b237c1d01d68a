// The public header alone must be enough for C++17, without a warning.
#include "proto/clients/c/ringcast_client.h"

int main()
{
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	ringcast_client_stats stats = RINGCAST_CLIENT_STATS_INIT;
	return options.size == sizeof(options) && stats.size == sizeof(stats) ? 0 : 1;
}
