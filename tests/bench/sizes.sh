#!/bin/bash
# The size of each program, without what only a debugger reads, and all lines of src.
set -euo pipefail
cd "$(dirname "$0")/../.."
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for program in replug replug-match replug-relay; do
	strip -o "$tmp/$program" "build/$program"
	printf 'figure\tsize.%s\t0\t%d\n' "$program" $(($(stat -c %s "$tmp/$program")))
done
printf 'figure\tlines.src\t0\t%d\n' "$(cat src/*.[ch] | wc -l)"
