#!/bin/bash
# The Arch package that `make arch` has left in build/arch: it holds what `make install` installs, and pacman installs it and
# takes all of it away again. TAP.
. "$(dirname "$0")/unit/tap.bash"
cd "$here" || exit 1
package=(build/arch/replug-*.pkg.tar.*)
[[ -e ${package[0]} ]] || { echo 'Bail out! there is no package in build/arch; run `make arch'"'"; exit 1; }
version() { sed -n 's/^VERSION *:= //p' Makefile; }
info() { bsdtar -xOf "${package[0]}" .PKGINFO | sed -n "s/^$1 = //p" | tr '\n' ' '; }
# As Arch has it: manuals compressed, zsh's functions elsewhere, and the licence where MIT is not among the common ones.
as_in_arch() { sed -E 's#/man/.*#&.gz#; s#/vendor-completions/#/site-functions/#'; }
as_installed() {
	make -s install DESTDIR="$tmp/made" >/dev/null
	{
		(cd "$tmp/made" && find . \( -type f -o -type l \) -printf '%m %P\n') | as_in_arch
		echo 644 usr/share/licenses/replug/LICENSE
	} | LC_ALL=C sort -k2
}
# A root of its own, without hooks, and without what the package depends on, which is Arch's.
pacman() {
	fakeroot -s "$tmp/owners" -i "$tmp/owners" pacman --config "$tmp/pacman.conf" --root "$tmp/box" --dbpath "$tmp/db" \
		--cachedir "$tmp/cache" --hookdir "$tmp/hooks" --logfile "$tmp/log" --noconfirm "$@"
}
# pacman's own words, but for what it says of a scriptlet that a root without a shell cannot run.
quiet() {
	local out
	out=$(LC_ALL=C "$@" 2>&1) && ! grep -iE 'warning|error' <<<"$out" || { echo "$out"; return 1; }
}
owned() { (cd "$tmp/box" && fakeroot -i "$tmp/owners" find . \( -type f -o -type l \) -printf '%m %P\n' | LC_ALL=C sort -k2); }
needed() { # what the programs are linked with, by Arch's names; libinih may be in them
	readelf -d "$tmp/box/usr/bin/replug" "$tmp/box/usr/bin/replug-relay" "$tmp/box/usr/lib/udev/replug-match" |
		sed -n 's/.*NEEDED.*\[\(.*\)\.so.*/\1/p' |
		sed 's/^libc$/glibc/; s/^libjson-c$/json-c/; s/^libusb-1\.0$/libusb/; s/^libudev$/systemd-libs/' | sort -u
}
missing() { comm -23 <(needed) <(info depend | tr ' ' '\n' | sort); }
functions() { # of the scriptlet, which are all that it may have
	bsdtar -xOf "${package[0]}" .INSTALL >"$tmp/INSTALL" && sh -n "$tmp/INSTALL" && grep -oE '^[a-z_]+\(\)' "$tmp/INSTALL" | tr '\n' ' '
}
mkdir "$tmp"/{box,db,cache,hooks}
printf '[options]\nSigLevel = Never\nLocalFileSigLevel = Never\n' >"$tmp/pacman.conf"
: >"$tmp/owners"

check 'there is one package' equal "${#package[@]}" 1
check 'makepkg had nothing to say of what is in it' equal "$(sed -n '/^==> Checking for packaging issues/,/^==> Creating/p' build/arch/build.log |
	grep -v '^==> C')$(grep '^==> \(WARNING\|ERROR\)' build/arch/build.log | grep -v 'Skipping dependency checks')" ''
check 'its name' equal "$(info pkgname)" 'replug '
check 'its version is that of the program' equal "$(info pkgver)" "$(version)-1 "
check 'it is for this machine' equal "$(info arch)" "$(uname -m) "
check 'it depends on what Arch calls so' equal "$(info depend)" 'glibc json-c libinih libusb systemd systemd-libs '
check 'no file is a configuration of its own: those in /etc are a person'\''s' equal "$(info backup)" ''
check 'what it is made for' equal "$(sed -n 's/^arch=(\(.*\))$/\1/p' packaging/arch/PKGBUILD)" 'x86_64 aarch64 armv7h'
check 'all of it is root'\''s' equal "$(bsdtar -tvf "${package[0]}" | awk '$3 != "root" || $4 != "root"')" ''
check 'its scriptlet is one' equal "$(functions)" 'post_install() pre_remove() '
check 'pacman installs it' quiet pacman -dd --noscriptlet -U "${package[0]}"
check 'it holds what make install installs' diff <(as_installed) <(owned)
check 'and nothing outside of /usr' equal "$(cd "$tmp/box" && echo *)" usr
check 'pacman finds all of it as it was packed' quiet pacman -Qkk replug
check 'there is a library' test "$(needed | wc -l)" -ge 4
check 'it depends on each library that it needs' equal "$(missing)" ''
check 'no placeholder is left, nor a path of the build' equal "$(grep -rlE '@[A-Z]+@|/packaging/arch' "$tmp/box")" ''
check 'pacman removes it' quiet pacman -dd --noscriptlet -R replug
check 'and nothing is left' equal "$(find "$tmp/box" -mindepth 1)" ''
finish
