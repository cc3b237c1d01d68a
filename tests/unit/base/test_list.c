#include "base/list.h"
#include "tests/unit/base/check.h"

struct member {
	int value;
	struct list_node node;
};

Test(list, keeps_order_and_lets_go_anywhere)
{
	for (int removed = 0; removed < 4; removed++) {
		struct list_node head;
		struct member members[4] = {0};
		ringcast_list_init(&head);
		cr_assert(ringcast_list_is_empty(&head));
		for (int i = 0; i < 4; i++) {
			members[i].value = i;
			cr_assert_not(ringcast_list_has(&members[i].node));
			ringcast_list_add_tail(&head, &members[i].node);
			cr_assert(ringcast_list_has(&members[i].node));
		}
		ringcast_list_remove(&members[removed].node);
		cr_assert_not(ringcast_list_has(&members[removed].node));
		int expected = 0;
		for (struct list_node *node = head.next; node != &head; node = node->next, expected++) {
			expected += expected == removed;
			cr_assert_eq(CONTAINER_OF(node, struct member, node)->value, expected);
		}
		cr_assert_eq(expected, removed == 3 ? 3 : 4);
		for (int i = 0; i < 4; i++)
			if (i != removed)
				ringcast_list_remove(&members[i].node);
		cr_assert(ringcast_list_is_empty(&head));
	}
}
