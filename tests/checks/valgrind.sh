#!/bin/sh
# The end-to-end tests of the relay with ringcastd under valgrind: every invalid access, every use of what was not set and every lost block is an
# error. On epoll, because valgrind does not follow io_uring's shared rings. About two minutes. BUILD names the build folder.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$top/build-valgrind}
[ -f "$build/build.ninja" ] || meson setup "$build" "$top" --buildtype=debugoptimized -Dtests=false
ninja -C "$build" --quiet engine/ringcastd
cd "$top/tests/e2e"
RINGCAST_IO=epoll RINGCASTD=$build/engine/ringcastd \
	RINGCAST_WRAPPER="valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,possible" \
	/usr/bin/python3 relay_test.py "$@"
