#!/usr/bin/env bash
# Builds ringcastd against the fake engine, without the rest of the tree: tests/unit/control/build.sh OUTPUT [compiler flags]
set -euo pipefail
top=$(cd "$(dirname "$0")/../../.." && pwd)
output=${1:?usage: build.sh OUTPUT [compiler flags]}
shift
exec "${CC:-gcc}" -std=gnu11 -D_GNU_SOURCE -DHAVE_SYSTEMD -g -O1 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wno-missing-field-initializers "$@" -I"$top" -I"$top/engine" -I"$top/engine/include" -o "$output" \
	"$top/engine/main.c" "$top"/engine/control/*.c "$top"/engine/metrics/*.c "$top/engine/base/assert.c" "$top/engine/base/panic.c" \
	"$top/tests/unit/control/fake_engine.c" -pthread -lm \
	$(pkg-config --cflags --libs jansson libmicrohttpd yaml-0.1 libsystemd)
