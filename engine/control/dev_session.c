#include "control/dev_session.h"

enum { PLAYERS_MAX = 1000 };

bool ringcast_dev_session_start(struct dev_session *session)
{
	ringcast_session_options options = RINGCAST_SESSION_OPTIONS_INIT;
	options.name = "demo";
	options.empty_timeout_ms = UINT32_MAX;
	options.script = session->script;
	if (!session->script)
		options.players_max = session->players_max < PLAYERS_MAX ? session->players_max : PLAYERS_MAX;
	int error = ringcast_session_create(session->engine, &options, session->id);
	if (error)
		ringcast_logs_event(session->logs, RINGCAST_LOG_ERROR, "cannot create the session demo", "err=\"%s\"", ringcast_error_text(error));
	else
		ringcast_logs_event(session->logs, RINGCAST_LOG_WARN, "dev mode: anyone who can connect may join", "session=%s name=demo", session->id);
	return error == RINGCAST_OK;
}

void ringcast_dev_session_renew(struct dev_session *session)
{
	ringcast_session_info info;
	if (!session->is_renewed_always && ringcast_session_describe(session->engine, session->id, &info) == RINGCAST_OK)
		return;
	ringcast_session_end(session->engine, session->id); /* not found is as good */
	ringcast_dev_session_start(session);
}
