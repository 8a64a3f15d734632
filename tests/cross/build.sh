#!/bin/bash
# The build for another processor, as tests/cross/check sets it up: without a warning, with all the tests, and as a package. TAP.
cd "$(dirname "$0")/../.." || exit 1
STAGE=${STAGE:?is set by tests/cross/check}
rm -rf "$STAGE" && mkdir -p "$STAGE/usr/bin" && : >>"$STAGE/usr/bin/replug" && chmod +x "$STAGE/usr/bin/replug" # until it is built
. tests/unit/tap.bash
silent() { # a command that must succeed without a word
	local out
	out=$("$@" 2>&1) && [[ -z $out ]] || { echo "$out"; return 1; }
}
# The address sanitizer wants a map of memory that QEMU's user emulation does not leave free. The other one stays: it finds
# the unaligned access that QEMU, other than some processors, lets pass.
flags='-O1 -fsanitize=undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -static-libubsan'

check 'it builds without a warning' silent make -s -j"$(nproc)" all
check 'so do its tests' silent make -s -j"$(nproc)" SANFLAGS="$flags" unit-programs
check 'it is installed' silent make -s STAGE="$STAGE" stage
# The scripts run the programs as if they were this machine's.
for program in usr/bin/replug usr/bin/replug-relay usr/lib/udev/replug-match; do
	mv "$STAGE/$program" "$B/${program##*/}.staged"
	printf '#!/bin/sh\nexec %s -0 "$0" %s "$@"\n' "$EMULATOR" "$PWD/$B/${program##*/}.staged" >"$STAGE/$program"
	chmod 755 "$STAGE/$program"
	check "$program runs" holds "$("$STAGE/$program" --version 2>&1)" "${program##*/} 0."
done
check 'its package builds' silent make -s DEBFLAGS="-a$ARCH" deb
finish
