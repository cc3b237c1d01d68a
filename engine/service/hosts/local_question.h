/* What games of this process's engine ask of the service: JSON in, a host's question, JSON back. */
#ifndef RINGCAST_SERVICE_HOSTS_LOCAL_QUESTION_H
#define RINGCAST_SERVICE_HOSTS_LOCAL_QUESTION_H

#include "ringcast/ringcast.h"
#include "service/hosts/host.h"

struct local_asking {
	ringcast_engine *engine; /* borrowed; outlives the answer */
	bool (*ask)(void *context, struct host_question *question); /* false: it is not taken */
	void *context;
};

/* Answers it once, now or later, by ringcast_question_answer_post. [any thread] */
void ringcast_local_question_ask(const ringcast_question *given, const struct local_asking *asking);

#endif
