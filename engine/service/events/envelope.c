#include "service/events/envelope.h"

#include <inttypes.h>
#include <nettle/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Events that the vendor has too go under its words, so that what listens for them need not change; by how their types begin. */
static const struct {
	const char *type, *detail_type, *source;
} words[] = {
	{"Placement", "GameLift Queue Placement Event", "aws.gamelift"},
	{"Matchmaking", "GameLift Matchmaking Event", "aws.gamelift"},
	{"PotentialMatch", "GameLift Matchmaking Event", "aws.gamelift"},
	{"AcceptMatch", "GameLift Matchmaking Event", "aws.gamelift"},
	{"", "Ringcast Event", "ringcast"},
};

static size_t words_for(const char *type)
{
	size_t i = 0;
	while (strncmp(type, words[i].type, strlen(words[i].type)) != 0)
		i++;
	return i;
}

void ringcast_envelope_id(const struct service_event *event, const struct envelope_facts *facts, char ret_id[ENVELOPE_ID_BYTES])
{
	snprintf(ret_id, ENVELOPE_ID_BYTES, "%.40s-%" PRIu64, facts->start, event->number);
}

/* {"type": ..., "sequence": ..., and what it is about} */
static json_t *detail_of(const struct service_event *event)
{
	json_t *detail = json_loads(event->detail, 0, NULL);
	json_object_set_new(detail, "type", json_string(event->type));
	json_object_set_new(detail, "sequence", json_integer((json_int_t)event->number));
	return detail;
}

static json_t *bridge_event(const struct service_event *event, const struct envelope_facts *facts, const char *id, const char *at)
{
	size_t i = words_for(event->type);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:o}", "version", "0", "id", id, "detail-type", words[i].detail_type, "source", words[i].source,
			 "account", "", "time", at, "region", facts->region, "resources", event->resource, "detail", detail_of(event));
}

static json_t *notification(const struct service_event *event, const struct envelope_facts *facts, const char *id, const char *at)
{
	char topic[160];
	json_t *inner = bridge_event(event, facts, id, at);
	char *message = json_dumps(inner, JSON_COMPACT);
	json_decref(inner);
	snprintf(topic, sizeof(topic), "arn:aws:sns:%.64s::ringcast-events", facts->region);
	json_t *outer = json_pack("{s:s, s:s, s:s, s:s, s:s}", "Type", "Notification", "MessageId", id, "TopicArn", topic, "Message",
				  message != NULL ? message : "{}", "Timestamp", at);
	free(message);
	return outer;
}

static json_t *cloud_event(const struct service_event *event, const struct envelope_facts *facts, const char *id, const char *at)
{
	char type[EVENT_TYPE_BYTES + 16];
	snprintf(type, sizeof(type), "ringcast.%s", event->type);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "specversion", "1.0", "id", id, "source", "ringcast", "type", type, "subject",
			 event->resource, "time", at, "datacontenttype", "application/json", "data", detail_of(event));
}

char *ringcast_envelope_body(enum envelope_form form, const struct service_event *event, const struct envelope_facts *facts)
{
	char id[ENVELOPE_ID_BYTES], at[EVENT_TIME_BYTES];
	ringcast_envelope_id(event, facts, id);
	ringcast_event_time(event->at_ms, at);
	json_t *json = form == ENVELOPE_SNS ? notification(event, facts, id, at) : cloud_event(event, facts, id, at);
	char *body = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return body;
}

const char *ringcast_envelope_type(enum envelope_form form)
{
	return form == ENVELOPE_SNS ? "text/plain; charset=UTF-8" : "application/cloudevents+json; charset=UTF-8";
}

void ringcast_envelope_sign(const char *secret, const char *body, int64_t now_s, char ret_signature[ENVELOPE_SIGNATURE_BYTES])
{
	struct hmac_sha256_ctx context;
	uint8_t digest[SHA256_DIGEST_SIZE];
	char seconds[32];
	int size = snprintf(seconds, sizeof(seconds), "%" PRId64 ".", now_s);
	hmac_sha256_set_key(&context, strlen(secret), (const uint8_t *)secret);
	hmac_sha256_update(&context, (size_t)size, (const uint8_t *)seconds);
	hmac_sha256_update(&context, strlen(body), (const uint8_t *)body);
	hmac_sha256_digest(&context, sizeof(digest), digest);
	int used = snprintf(ret_signature, ENVELOPE_SIGNATURE_BYTES, "t=%" PRId64 ",v1=", now_s);
	for (size_t i = 0; i < sizeof(digest); i++)
		used += snprintf(ret_signature + used, ENVELOPE_SIGNATURE_BYTES - (size_t)used, "%02x", digest[i]);
}
