/* Intrusive doubly-linked list, circular with a head node. A removed node has next == NULL. */
#ifndef RINGCAST_BASE_LIST_H
#define RINGCAST_BASE_LIST_H

#include "base/assert.h"
#include "base/types.h"

struct list_node {
	struct list_node *prev, *next;
};

static inline void ringcast_list_init(struct list_node *head) { head->prev = head->next = head; }
static inline bool ringcast_list_is_empty(const struct list_node *head) { return head->next == head; }
static inline bool ringcast_list_has(const struct list_node *node) { return node->next != NULL; }
static inline void ringcast_list_add_tail(struct list_node *head, struct list_node *node)
{
	ringcast_assert(node->next == NULL); /* else the list it is in would be torn */
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}
static inline void ringcast_list_add_head(struct list_node *head, struct list_node *node)
{
	ringcast_list_add_tail(head->next, node);
}
static inline void ringcast_list_remove(struct list_node *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->prev = node->next = NULL;
}

#endif
