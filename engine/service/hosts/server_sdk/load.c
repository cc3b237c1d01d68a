#include "service/hosts/server_sdk/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ringcast_sdk_loads_fini(struct sdk_loads *loads)
{
	free(loads->list);
	*loads = (struct sdk_loads){0};
}

void ringcast_sdk_loads_begin(struct sdk_loads *loads)
{
	for (size_t i = 0; i < loads->count; i++)
		loads->list[i].now = (struct host_load){0};
}

static struct sdk_load *find(struct sdk_loads *loads, const char *fleet)
{
	for (size_t i = 0; i < loads->count; i++)
		if (strcmp(loads->list[i].fleet, fleet) == 0)
			return &loads->list[i];
	struct sdk_load *grown = reallocarray(loads->list, loads->count + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	loads->list = grown;
	struct sdk_load *load = &grown[loads->count++];
	*load = (struct sdk_load){0};
	snprintf(load->fleet, sizeof(load->fleet), "%s", fleet);
	return load;
}

bool ringcast_sdk_loads_count(struct sdk_loads *loads, const struct sdk_process *process)
{
	char fleet[HOST_ID_BYTES];
	snprintf(fleet, sizeof(fleet), "%.63s", process->fleet);
	struct sdk_load *load = find(loads, fleet);
	if (load == NULL)
		return false;
	load->now.processes++;
	load->now.ready += process->state == SDK_READY;
	load->now.unhealthy += process->unhealthy_count > 0;
	return true;
}

bool ringcast_sdk_loads_next(struct sdk_loads *loads, size_t *at, bool is_all, struct host_event *event)
{
	while (*at < loads->count) {
		struct sdk_load *load = &loads->list[(*at)++];
		if (!is_all && memcmp(&load->now, &load->told, sizeof(load->now)) == 0)
			continue;
		*event = (struct host_event){.kind = HOST_FLEET_LOAD, .load = load->now};
		snprintf(event->session, sizeof(event->session), "%s", load->fleet);
		load->told = load->now;
		if (load->now.processes == 0) /* told, and of no use any more */
			*load = loads->list[--loads->count], --*at;
		return true;
	}
	return false;
}

static json_int_t total_of(const json_t *processes)
{
	json_int_t total = 0;
	size_t i;
	json_t *process;
	json_array_foreach(processes, i, process)
		total += json_integer_value(json_object_get(process, "ConcurrentExecutions"));
	return total;
}

/* -1: as many as there may be. */
static json_int_t wanted_of(const json_t *fleet)
{
	const json_t *capacity = json_object_get(fleet, "Capacity"), *desired = json_object_get(capacity, "DesiredInstances");
	const json_t *wanted = json_object_get(capacity, "WantedProcesses");
	if (json_is_integer(desired) && json_integer_value(desired) == 0)
		return 0;
	return json_is_integer(wanted) ? json_integer_value(wanted) : -1;
}

json_t *ringcast_sdk_wanted_runtime(const json_t *fleet)
{
	json_t *runtime = json_deep_copy(json_object_get(fleet, "RuntimeConfiguration")), *process;
	const json_t *processes = json_object_get(runtime, "ServerProcesses");
	json_int_t wanted = wanted_of(fleet), total = total_of(processes);
	size_t i;
	if (wanted < 0 || wanted >= total)
		return runtime;
	json_array_foreach(processes, i, process) {
		json_int_t count = json_integer_value(json_object_get(process, "ConcurrentExecutions"));
		json_object_set_new(process, "ConcurrentExecutions", json_integer((count * wanted + total - 1) / total));
	}
	return runtime;
}
