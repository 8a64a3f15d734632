#!/bin/bash
# The Debian package that `make deb` has left in build/deb: lintian is content with it, and it holds what `make install`
# installs. TAP.
. "$(dirname "$0")/unit/tap.bash"
cd "$here" || exit 1
dir=${B:-build}/deb
changes=("$dir"/replug_*.changes) deb=("$dir"/replug_*.deb)
[[ -e ${changes[0]} ]] || { echo "Bail out! there is no package in $dir; run \`make deb'"; exit 1; }
lint() { # without what lintian says of itself
	local out
	out=$(lintian --allow-root --pedantic --fail-on error,warning,pedantic --show-overrides "${changes[@]}" 2>&1) && [[ -z $out ]] ||
		{ echo "$out"; return 1; }
}
version() { sed -n 's/^VERSION *:= //p' Makefile; }
# As Debian has it: units and udev's helpers below /lib, manuals compressed, and the links of `systemctl enable` made when it is
# installed.
as_in_debian() { sed -E 's#^(.* )usr/(lib/(systemd|udev)/)#\1\2#; s#/man/.*#&.gz#; /\.target\.wants/d'; }
as_packed() {
	dpkg-deb --fsys-tarfile "${deb[0]}" | tar -C "$tmp" --one-top-level=deb -x
	(cd "$tmp/deb" && find . \( -type f -o -type l \) ! -path './usr/share/doc/*' -printf '%m %P\n')
}
as_installed() {
	make -s install DESTDIR="$tmp/root" >/dev/null
	(cd "$tmp/root" && find . \( -type f -o -type l \) -printf '%m %P\n') | as_in_debian
}
check 'there is one package' equal "${#deb[@]} ${#changes[@]}" '1 1'
check 'lintian has nothing to say' lint
check 'its version is that of the program' equal "$(dpkg-deb -f "${deb[0]}" Version)" "$(version)"
check 'it holds what make install installs' diff <(as_installed | LC_ALL=C sort -k2) <(as_packed | LC_ALL=C sort -k2)
check 'its rules name the program where it is' grep -q 'IMPORT{program}="/lib/udev/replug-match"' "$tmp/deb/lib/udev/rules.d/60-replug.rules"
check 'no placeholder is left' equal "$(grep -rlIE '@[A-Z]+@' "$tmp/deb")" ''
dpkg-deb -e "${deb[0]}" "$tmp/control"
check 'each script of it is one' bash -c 'cd "$1" && for s in postinst prerm postrm; do sh -n $s && ! grep "#DEBHELPER#" $s || exit; done' - "$tmp/control"
finish
