#!/bin/sh
# client_library.sh libringcast-client.so TLS: what goes to players, inside games, has nothing of wolfSSL in it, which is under the GPL, unless it was asked for.
set -eu
[ "$2" != wolfssl ] || { echo "built with wolfSSL, as asked"; exit 77; }
nm "$1" | grep -q ' T ringcast_client_connect' || { echo "$1: no client library, or its names are gone"; exit 1; }
found=$(nm "$1" | grep -i 'wolfssl\|wolfcrypt\|wc_' || true)
[ -z "$found" ] || { echo "$1 has wolfSSL in it:"; echo "$found"; exit 1; }
