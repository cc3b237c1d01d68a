#!/bin/sh
# Runs libFuzzer targets: run.sh [seconds per target, 60] [target...]. Needs clang. BUILD names the build folder (default: a temporary one that
# stays, so that the next run goes on with what this one found under $BUILD/found/<target>).
set -eu
source_folder=$(cd "$(dirname "$0")/../.." && pwd)
seconds=${1:-60}
[ $# -eq 0 ] || shift
# Without names every target there is: one that is missing from a list would never be run.
[ $# -gt 0 ] || set -- $(cd "$source_folder/tests/fuzz" && ls fuzz_*.c | sed 's/^fuzz_\(.*\)\.c$/\1/')
build=${BUILD:-${TMPDIR:-/tmp}/ringcast-fuzz}
# All of our code is compiled for coverage, the targets alone are linked with libFuzzer's main.
sanitizers=address,undefined
[ -d "$build/meson-info" ] || CC=${CC:-clang} meson setup "$build" "$source_folder" -Dfuzz=true -Dbuildtype=debugoptimized -Db_lundef=false \
	-Dslow_asserts=true "-Dc_args=-fsanitize=fuzzer-no-link,$sanitizers -fno-sanitize-recover=undefined" "-Dc_link_args=-fsanitize=$sanitizers"
status=0
for target; do
	ninja -C "$build" "tests/fuzz/libfuzzer-$target"
	found=$build/found/$target
	mkdir -p "$found"
	dict=$source_folder/tests/fuzz/dict/$target
	echo "== $target: $seconds s"
	"$build/tests/fuzz/libfuzzer-$target" -max_total_time="$seconds" -max_len=17000 -timeout=300 -print_final_stats=1 \
		$([ -f "$dict" ] && echo "-dict=$dict") -artifact_prefix="$build/found/$target-" "$found" "$source_folder/tests/fuzz/corpus/$target" || status=1
done
exit $status
