/*
 * What is posted for an event. Pure. Two forms: the one in which AWS delivers events by SNS (an EventBridge event as the message of an SNS notification),
 * and CloudEvents 1.0 in structured mode.
 */
#ifndef RINGCAST_SERVICE_EVENTS_ENVELOPE_H
#define RINGCAST_SERVICE_EVENTS_ENVELOPE_H

#include <stddef.h>

#include "service/events/event.h"

enum envelope_form { ENVELOPE_SNS, ENVELOPE_CLOUDEVENTS };
enum { ENVELOPE_ID_BYTES = 80, ENVELOPE_SIGNATURE_BYTES = 96 };

/* start: names this start of the service, so that ids of two starts differ; region: of ARNs. */
struct envelope_facts {
	const char *start, *region;
};

void ringcast_envelope_id(const struct service_event *event, const struct envelope_facts *facts, char ret_id[ENVELOPE_ID_BYTES]);
char *ringcast_envelope_body(enum envelope_form form, const struct service_event *event, const struct envelope_facts *facts); /* caller frees; NULL: no memory */
const char *ringcast_envelope_type(enum envelope_form form); /* the Content-Type */
/* "t=SECONDS,v1=HEX": HMAC-SHA256 of "SECONDS.BODY" under the secret. */
void ringcast_envelope_sign(const char *secret, const char *body, int64_t now_s, char ret_signature[ENVELOPE_SIGNATURE_BYTES]);

#endif
