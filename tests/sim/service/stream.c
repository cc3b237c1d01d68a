#include "stream.h"

#include <inttypes.h>
#include <string.h>

#include "world.h"

void sim_stream_begin(struct world *world)
{
	world->stream_number = world->game_events_heard = 0;
	world->host.emitted_count = 0;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text != NULL ? text : "";
}

/* An answer may come late, but whoever emits while it is under way is not taken for a stranger. */
static void check_owner(struct world *world, struct sim_session *session, const json_t *detail)
{
	const char *arn = text_of(detail, "gameSessionArn");
	const struct game_sessions *sessions = &ringcast_loop_model(world->loop)->sessions;
	const struct game_session *owner = ringcast_game_session_resolve(sessions, arn);
	if (*arn == '\0')
		session->was_stranger = true;
	else if (session->was_stranger)
		sim_world_fail(world, "an event of %s was told as a stranger's, a later one as that of %s", session->name, arn);
	else if (owner == NULL || strcmp(owner->host_session, session->name) != 0)
		sim_world_fail(world, "an event of %s is told as that of %s", session->name, arn);
}

static void hear_game(struct world *world, const json_t *detail)
{
	struct sim_session *session = sim_host_find(&world->host, text_of(detail, "sessionId"));
	uint64_t number = (uint64_t)json_integer_value(json_object_get(detail, "eventData"));
	world->game_events_heard++;
	if (session == NULL) {
		sim_world_fail(world, "an event is told of the session %s, which never was", text_of(detail, "sessionId"));
		return;
	}
	if (strcmp(text_of(detail, "eventName"), "count") != 0 || number <= session->heard_event || number > session->emitted_event)
		sim_world_fail(world, "event %" PRIu64 " of %s comes after %" PRIu64 ", and there were %" PRIu64, number, session->name, session->heard_event,
			       session->emitted_event);
	session->heard_event = number;
	if (!session->is_lied_about)
		check_owner(world, session, detail);
}

void sim_stream_hear(void *context, struct service_event *event)
{
	struct world *world = context;
	if (event->number != ++world->stream_number)
		sim_world_fail(world, "event %" PRIu64 " is told where %" PRIu64 " is due", event->number, world->stream_number);
	if (strcmp(event->type, "GameSessionEvent") == 0) {
		json_t *detail = json_loads(event->detail, 0, NULL);
		hear_game(world, detail);
		json_decref(detail);
	}
	sim_place_tell(world, event);
	sim_match_tell(world, event);
	ringcast_event_destroy(&event);
}

void sim_stream_check(struct world *world)
{
	uint64_t lost = ringcast_loop_lost_game_count(world->loop);
	if (world->game_events_heard + lost != world->host.emitted_count)
		sim_world_fail(world, "games emitted %" PRIu64 " events; %" PRIu64 " were told and %" PRIu64 " lost", world->host.emitted_count,
			       world->game_events_heard, lost);
}
