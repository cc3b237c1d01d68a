#!/bin/sh
# Each public header compiles alone, as C11 and as C++17, with every warning an error.
set -eu
top=$(dirname "$0")/..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for header in "$top/engine/include/ringcast/ringcast.h" "$top/proto/clients/c/ringcast_client.h"; do
	printf '#include "%s"\nint main(void) { return 0; }\n' "$(realpath "$header")" >"$work/t.c"
	cp "$work/t.c" "$work/t.cpp"
	cc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$work/t.c"
	! command -v c++ >/dev/null || c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$work/t.cpp"
	echo "ok $(basename "$header")"
done
