#!/bin/sh
# The whole daemon under ThreadSanitizer: two shards, load on both with hand-offs, groups and players who come and go, metrics read and limits
# reloaded meanwhile, then a drain. Fails on any report. About a minute. BUILD and LOAD_BUILD name the build folders.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$top/build-tsan}
load_build=${LOAD_BUILD:-$top/build}
[ -f "$build/build.ninja" ] || meson setup "$build" "$top" --buildtype=debugoptimized -Dtests=false -Db_sanitize=thread -Db_lundef=false
[ -f "$load_build/build.ninja" ] || meson setup "$load_build" "$top" --buildtype=release -Dtests=false
ninja -C "$build" --quiet engine/ringcastd
ninja -C "$load_build" --quiet bench/ringcast-load
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

TSAN_OPTIONS="log_path=$work/report exitcode=66 suppressions=$top/tests/checks/tsan.supp" "$build/engine/ringcastd" --dev --service 127.0.0.1:0 --shards 2 --tcp-port 0 --udp-port 0 \
	--admin 127.0.0.1:0 --log-format json --set limits.connections_per_address_max=5000 >"$work/log" 2>&1 &
daemon=$!
admin=
for i in $(seq 300); do
	admin=$(sed -n 's/.*"msg":"ready".*"admin":"\([^"]*\)".*/\1/p' "$work/log")
	[ -z "$admin" ] || break
	sleep 0.1
done
[ -n "$admin" ] || { cat "$work/log"; exit 1; }
(while curl -sf "http://$admin/metrics" >"$work/metrics"; do curl -sf -X POST -H 'Content-Type: application/json' "http://$admin/v1/reload" >"$work/reload"; sleep 0.2; done) &
watcher=$!
# Exit 3 says that the generator was late on a crowded machine; that is no matter here.
load=0
"$load_build/bench/ringcast-load" --admin "http://$admin" --sessions 40 --players 8 --rate 10 --duration 15 --churn 10 --groups 2 --to-group 30 \
	--to-player 20 --reliable 30 || load=$?
kill -TERM $daemon
status=0
wait $daemon || status=$?
wait $watcher || true
cat "$work"/report* 2>/dev/null && status=66
[ $load -eq 0 ] || [ $load -eq 3 ] || status=$load
[ $status -eq 0 ] && echo "no report"
exit $status
