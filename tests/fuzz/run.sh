#!/bin/sh
# Runs every libFuzzer target: run.sh [seconds per target, 60]. Needs clang. BUILD names the build folder (default: a temporary one that
# stays, so that the next run goes on with what this one found under $BUILD/found/<target>).
set -eu
source_folder=$(cd "$(dirname "$0")/../.." && pwd)
seconds=${1:-60}
build=${BUILD:-${TMPDIR:-/tmp}/ringcast-fuzz}
[ -d "$build/meson-info" ] || CC=${CC:-clang} meson setup "$build" "$source_folder" -Dfuzz=true -Dbuildtype=debugoptimized
status=0
for target in packet websocket http_upgrade; do
	ninja -C "$build" "tests/fuzz/libfuzzer-$target"
	found=$build/found/$target
	mkdir -p "$found"
	echo "== $target: $seconds s"
	"$build/tests/fuzz/libfuzzer-$target" -max_total_time="$seconds" -max_len=17000 -timeout=10 -print_final_stats=1 \
		-artifact_prefix="$build/found/$target-" "$found" "$source_folder/tests/fuzz/corpus/$target" || status=1
done
exit $status
