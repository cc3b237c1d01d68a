#include "session/alarm.h"

#include "base/assert.h"
#include "session/command.h"
#include "session/session_impl.h"

#define ALARM_DELAY_NS_MAX (UINT64_C(1) << 51) /* 26 days; the wheel turns in 49 */

struct alarm {
	struct timer timer;
	struct list_node node; /* session->alarms */
	struct session *session;
	struct buf *home;
	uint32_t name;
};
static_assert(offsetof(struct buf, data) % _Alignof(struct alarm) == 0, "an alarm may lie at the start of a buf");

static struct alarm *alarm_find(const struct session *session, uint32_t name)
{
	for (struct list_node *node = session->alarms.next; node != &session->alarms; node = node->next) {
		struct alarm *alarm = CONTAINER_OF(node, struct alarm, node);
		if (alarm->name == name)
			return alarm;
	}
	return NULL;
}

static struct alarm *alarm_create(struct session *session, uint32_t name)
{
	struct buf *home = ringcast_buf_alloc(session->store->options.pool, sizeof(struct alarm));
	if (home == NULL)
		return NULL;
	struct alarm *alarm = (struct alarm *)home->data;
	*alarm = (struct alarm){.timer.kind = SESSION_TIMER_ALARM, .session = session, .home = home, .name = name};
	home->size = sizeof(*alarm);
	ringcast_list_add_tail(&session->alarms, &alarm->node);
	session->alarm_count++;
	return alarm;
}

static void alarm_destroy(struct alarm *alarm)
{
	struct session *session = alarm->session;
	ringcast_assert(session->alarm_count > 0);
	ringcast_timer_cancel(session->store->options.wheel, &alarm->timer);
	ringcast_list_remove(&alarm->node);
	session->alarm_count--;
	ringcast_buf_unref(alarm->home);
}

enum drop_reason ringcast_command_timer(struct session *session, uint32_t name, uint64_t delay_ns)
{
	struct store *store = session->store;
	if (session->state == SESSION_ENDED)
		return DROP_SESSION_ENDED;
	struct alarm *alarm = alarm_find(session, name);
	if (alarm == NULL && session->alarm_count >= store->options.limits->timers_per_session_max)
		return DROP_TIMER_LIMIT;
	if (alarm == NULL)
		alarm = alarm_create(session, name);
	if (alarm == NULL)
		return DROP_NO_BUFFER;
	ringcast_timer_arm(store->options.wheel, &alarm->timer, store->now_ns + (delay_ns < ALARM_DELAY_NS_MAX ? delay_ns : ALARM_DELAY_NS_MAX));
	return DROP_NONE;
}

bool ringcast_command_cancel_timer(struct session *session, uint32_t name)
{
	struct alarm *alarm = alarm_find(session, name);
	if (alarm == NULL)
		return false;
	alarm_destroy(alarm);
	return true;
}

void ringcast_alarm_expire(struct timer *timer, uint64_t now_ns)
{
	struct alarm *alarm = CONTAINER_OF(timer, struct alarm, timer);
	struct session *session = alarm->session;
	uint32_t name = alarm->name;
	uint64_t wait_ns = ringcast_session_wait_ns(session);
	if (wait_ns != 0) {
		ringcast_timer_arm(session->store->options.wheel, &alarm->timer, now_ns + wait_ns);
		return;
	}
	alarm_destroy(alarm);
	if (session->hooks->timer == NULL)
		return;
	ringcast_session_enter_hook(session);
	session->hooks->timer(session->hooks_context, session, name, now_ns);
	ringcast_session_leave_hook(session);
	ringcast_command_apply(session);
}

void ringcast_alarm_discard_all(struct session *session)
{
	while (!ringcast_list_is_empty(&session->alarms))
		alarm_destroy(CONTAINER_OF(session->alarms.next, struct alarm, node));
	ringcast_assert(session->alarm_count == 0);
}
