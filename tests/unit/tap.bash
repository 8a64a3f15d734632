# shellcheck shell=bash
# shellcheck disable=SC2317
# What the scripts share: TAP output, and the programs as they are installed below build/stage. Sourced by them.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
stage=${STAGE:-$here/build/stage}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
[[ -x $stage/usr/bin/replug ]] || { echo "Bail out! nothing is in $stage; run \`make stage'"; exit 1; }

n=0 failures=0
check() { # DESCRIPTION COMMAND…: one assertion; what the command printed is shown when it fails
	local what=$1 out
	shift
	n=$((n + 1))
	if out=$("$@" 2>&1); then echo "ok $n - $what"; else
		echo "not ok $n - $what"
		sed 's/^/#   /' <<<"$out"
		failures=$((failures + 1))
	fi
}
equal() { [[ $1 == "$2" ]] || { printf "'%s' is not '%s'\n" "$1" "$2"; return 1; }; }
holds() { [[ $1 == *"$2"* ]] || { printf "'%s' is not in '%s'\n" "$2" "$1"; return 1; }; }
# STATUS STREAM TEXT… -- ARGUMENT…: $program exits so, has each text on the stream, and nothing on the other one.
says() {
	local status=0 want=$1 stream=$2 other text
	local -a texts=()
	shift 2
	while [[ $1 != -- ]]; do
		texts+=("$1")
		shift
	done
	shift
	"$program" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
	[[ $stream == out ]] && other=err || other=out
	equal "$status" "$want" || { cat "$tmp/out" "$tmp/err"; return 1; }
	for text in "${texts[@]}"; do holds "$(<"$tmp/$stream")" "$text" || return 1; done
	equal "$(<"$tmp/$other")" ''
}
finish() {
	echo "1..$n"
	exit $((failures > 0))
}

# The person's own configuration, from standard input; nothing: none.
configure() {
	mkdir -p "$stage/etc"
	cat >"$stage/etc/replug.conf"
	[[ -s $stage/etc/replug.conf ]] || rm "$stage/etc/replug.conf"
}
