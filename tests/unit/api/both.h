/* A test that runs on io_uring, where there is one, and on epoll. */
#ifndef TESTS_UNIT_API_BOTH_H
#define TESTS_UNIT_API_BOTH_H

#define BOTH(suite, name)                                                                                                                      \
	static void suite##_##name(ringcast_io io);                                                                                            \
	Test(suite, name##_auto, .timeout = 120) { suite##_##name(RINGCAST_IO_AUTO); }                                                         \
	Test(suite, name##_epoll, .timeout = 120) { suite##_##name(RINGCAST_IO_EPOLL); }                                                       \
	static void suite##_##name(ringcast_io io)

#endif
