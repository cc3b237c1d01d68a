/*
 * Changes of records: puts a document, or removes one, and answers; or refuses because memory was short. The answer goes out when the store
 * has the change.
 */
#ifndef RINGCAST_SERVICE_OPERATIONS_CHANGE_H
#define RINGCAST_SERVICE_OPERATIONS_CHANGE_H

#include "service/operations/request.h"

/* A copy of the document in which the members of the input that are named (NULL at the end) replace its own. NULL: out of memory. */
json_t *ringcast_change_merge(const json_t *document, const struct request *request, const char *const *names);
/* Takes the document and the answer. */
void ringcast_change_put(struct model *model, struct request *request, enum record_kind kind, const char *id, json_t *document, json_t *output);
/* Its tags go with it. */
void ringcast_change_remove(struct model *model, struct request *request, enum record_kind kind, const char *id);
/* Tags that a resource was made with. False: refused. */
bool ringcast_change_tags(struct model *model, struct request *request, const char *arn);

/* The ARN of a record, under which its tags are kept. False: records of this kind have none. */
bool ringcast_change_arn(const struct model *model, enum record_kind kind, const char *id, char ret_arn[MODEL_ARN_BYTES]);
/* What an ARN of any region names. False: nothing that is there. ret_arn: as ringcast_change_arn gives it. */
bool ringcast_change_resource(const struct model *model, const char *arn, char ret_arn[MODEL_ARN_BYTES]);

#endif
