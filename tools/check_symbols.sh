#!/bin/sh
# check_symbols.sh libringcast.so static.a...: the shared library exports the public names only; in the static ones every global name has our prefix;
# what the headers declare is what the Debian packages say that their libraries have.
set -eu
header=$(dirname "$0")/../engine/include/ringcast/ringcast.h
shared=$1
shift
status=0
for name in $(nm -D --defined-only "$shared" | awk '$2 ~ /[TDBR]/ {print $3}'); do
	grep -q "\b$name(" "$header" || { echo "$shared exports $name, which the public header does not declare"; status=1; }
done
for name in $(sed -n 's/^RINGCAST_API .*\b\(ringcast_[a-z_]*\)(.*/\1/p' "$header"); do
	nm -D --defined-only "$shared" | grep -q " T $name\$" || { echo "$shared lacks $name"; status=1; }
done
for library; do
	foreign=$(nm --defined-only "$library" | awk '$2 ~ /[TDBRC]/ && $3 !~ /^(ringcast_|_?_?asan|__odr_asan|_sub_)/ {print $3}')
	[ -z "$foreign" ] || { echo "$library defines names without the ringcast_ prefix:" $foreign; status=1; }
done
deploy=$(dirname "$0")/deploy/debian
clients=$(dirname "$0")/../proto/clients/c/ringcast_client.h
for pair in "$header libringcast0" "$clients libringcast-client0"; do
	declared=$(sed -n 's/^RINGCAST_\(CLIENT_\)*API [^(]*\b\(ringcast_[a-z_]*\)(.*/\2/p' "${pair% *}" | LC_ALL=C sort)
	listed=$(sed -n 's/^ \(.*\)@Base .*/\1/p' "$deploy/${pair##* }.symbols")
	[ -n "$declared" ] && [ "$declared" = "$listed" ] || { echo "${pair##* }.symbols is not the sorted list of what ${pair% *} declares"; status=1; }
done
exit $status
