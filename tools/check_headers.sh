#!/bin/sh
# Each public header compiles alone, as C11 and as C++17, with every warning an error.
set -eu
top=$(dirname "$0")/..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for header in "$top/engine/include/ringcast/ringcast.h" "$top/engine/include/ringcast/ringcast_limits.h" "$top/engine/include/ringcast/ringcast_types.h" "$top/proto/clients/c/ringcast_client.h"; do
	printf '#include "%s"\nint main(void) { return 0; }\n' "$(realpath "$header")" >"$work/t.c"
	cp "$work/t.c" "$work/t.cpp"
	cc -std=c11 -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$work/t.c"
	! command -v c++ >/dev/null || c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$work/t.cpp"
	echo "ok $(basename "$header")"
done
# Options begin with their INIT macro, which must not warn either.
cat >"$work/t.c" <<END
#include "$(realpath "$top/engine/include/ringcast/ringcast.h")"
int main(void)
{
	ringcast_engine_options engine = RINGCAST_ENGINE_OPTIONS_INIT;
	ringcast_session_options session = RINGCAST_SESSION_OPTIONS_INIT;
	ringcast_callbacks callbacks = RINGCAST_CALLBACKS_INIT;
	return engine.size != sizeof(engine) || session.size != sizeof(session) || callbacks.size != sizeof(callbacks) || engine.callbacks != 0;
}
END
cp "$work/t.c" "$work/t.cpp"
cc -std=c11 -Wall -Wextra -Wpedantic -Werror "$work/t.c" -o "$work/t" && "$work/t"
for standard in c++11 c++17; do
	! command -v c++ >/dev/null || { c++ -std=$standard -Wall -Wextra -Wpedantic -Werror "$work/t.cpp" -o "$work/t" && "$work/t"; }
done
echo "ok INIT macros"
