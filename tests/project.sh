#!/bin/bash
# The project as a whole: builds without a warning with both compilers, installs and uninstalls what it should, and
# its scripts are clean. TAP.
. "$(dirname "$0")/unit/tap.bash"
cd "$here" || exit 1
same() { diff <(echo "$1") <(echo "$2"); }
not() { ! "$@"; }
silent() { # a command that must succeed without a word
	local out
	out=$("$@" 2>&1) && [[ -z $out ]] || { echo "$out"; return 1; }
}
build() { silent make -s B="$tmp/$1" CC="$1" all; }
installed() { (cd "$tmp/box" && find . \( -type f -o -type l \) -printf '%m %P\n' | LC_ALL=C sort -k2); }
top() { find . -mindepth 1 -maxdepth 1 ! -name '.*' ! -name build -printf '%P\n' | LC_ALL=C sort | tr '\n' ' '; }

check 'gcc builds it without a warning' build gcc
check 'clang builds it without a warning' build clang
for cc in gcc clang; do
	check "$cc builds the emulator without a warning" silent make -s B="$tmp/$cc" CC="$cc" "$tmp/$cc/emu"
done
check 'make install puts everything where it belongs' make -s B="$tmp/gcc" CC=gcc install DESTDIR="$tmp/box"
check 'and nothing else' same "$(installed)" '755 usr/bin/replug
755 usr/bin/replug-relay
644 usr/lib/replug/replug.conf
644 usr/lib/systemd/system/kvmd.service.d/replug.conf
777 usr/lib/systemd/system/paths.target.wants/replug-lost.path
644 usr/lib/systemd/system/replug-health.service
644 usr/lib/systemd/system/replug-health.timer
644 usr/lib/systemd/system/replug-lost.path
644 usr/lib/systemd/system/replug-lost.service
644 usr/lib/systemd/system/replug-refresh.service
644 usr/lib/systemd/system/replug-refresh.timer
644 usr/lib/systemd/system/replug-settle@.service
644 usr/lib/systemd/system/replug@.service
777 usr/lib/systemd/system/timers.target.wants/replug-health.timer
777 usr/lib/systemd/system/timers.target.wants/replug-refresh.timer
644 usr/lib/sysusers.d/replug.conf
644 usr/lib/tmpfiles.d/replug.conf
755 usr/lib/udev/replug-match
644 usr/lib/udev/rules.d/60-replug.rules
644 usr/lib/udev/rules.d/61-replug-systemd.rules
644 usr/share/bash-completion/completions/replug
777 usr/share/bash-completion/completions/replug-relay
644 usr/share/fish/vendor_completions.d/replug-relay.fish
644 usr/share/fish/vendor_completions.d/replug.fish
644 usr/share/man/man1/replug-relay.1
644 usr/share/man/man5/replug.conf.5
644 usr/share/man/man8/replug-match.8
644 usr/share/man/man8/replug.8
644 usr/share/replug/replug-gpio.yaml
644 usr/share/zsh/vendor-completions/_replug
644 usr/share/zsh/vendor-completions/_replug-relay'
list=$(installed)
check 'make install SYSTEMD=no, over that' make -s B="$tmp/gcc" CC=gcc install DESTDIR="$tmp/box" SYSTEMD=no
check 'has udev start the runs, and leaves no unit' same "$(installed)" "$({ grep -v systemd <<<"$list"
	echo '755 usr/lib/udev/replug-run'
	echo '644 usr/lib/udev/rules.d/61-replug-run.rules'
} | LC_ALL=C sort -k2)"
check 'no placeholder is left in that' same "$(grep -rlE '@[A-Z]+@' "$tmp/box")" ''
check 'make install, over that' make -s B="$tmp/gcc" CC=gcc install DESTDIR="$tmp/box"
check 'has systemd start them' same "$(installed)" "$list"
check 'SYSTEMD is yes or no' not make -s SYSTEMD=0 install DESTDIR="$tmp/box"
check 'no placeholder is left in what was installed' same "$(grep -rlE '@[A-Z]+@' "$tmp/box")" ''
make -s B="$tmp/gcc" CC=gcc install DESTDIR="$tmp/box" SYSTEMD=no
touch "$tmp/box/usr/lib/udev/rules.d/61-replug-systemd.rules" # from another time
check 'make uninstall' make -s B="$tmp/gcc" uninstall DESTDIR="$tmp/box"
check 'leaves no file' same "$(installed)" ''
# Of these only the text differs: nothing is compiled again.
generated=()
for f in udev-rules/*.in packaging/{systemd,kvmd,man}/*.in; do f=${f##*/} && generated+=("$tmp/prefix/${f%.in}"); done
check 'another PREFIX reaches the rules and the unit' make -s B="$tmp/prefix" PREFIX=/opt/x "${generated[@]}"
check 'the rules name it' grep -q '"/opt/x/lib/udev/replug-match"' "$tmp/prefix/60-replug.rules"
check 'kvmd is told of it' grep -q '/opt/x/bin/replug-relay' "$tmp/prefix/kvmd.service.conf" "$tmp/prefix/replug-gpio.yaml"
check 'each manual names it' equal "$(grep -L '^\.It Pa /opt/x/lib/replug/replug.conf' "$tmp/prefix"/replug*.[158])" ''
for unit in replug@ replug-settle@ replug-health replug-refresh; do
	check "$unit.service names it" grep -q '^ExecStart=/opt/x/bin/replug ' "$tmp/prefix/$unit.service"
done
check 'so do other places, of what is there already' make -s B="$tmp/prefix" PREFIX=/opt/x UDEVDIR=/lib/udev BINDIR=/sbin "$tmp/prefix/60-replug.rules" "$tmp/prefix/replug@.service"
check 'one by one' grep -q '"/lib/udev/replug-match"' "$tmp/prefix/60-replug.rules"
check 'and the other' grep -q '^ExecStart=/sbin/replug ' "$tmp/prefix/replug@.service"
# While it ends, systemd takes the port's next plug for one that it has started a run for.
check 'nothing holds up the end of a run' equal "$(sed -n '/^ExecStop/p' "$tmp/prefix/replug@.service")" ''
check 'one that failed is followed by its settling' grep -qxF 'OnFailure=replug-settle@%i.service' "$tmp/prefix/replug@.service"
check 'the top level is as agreed' same "$(top)" 'LICENSE Makefile README.md packaging src tests udev-rules '
# "[[7]]" and "[text][name]" want a line "[7]: target"; a target within the project has to be there.
referred() { sed -nE '/^ {4}/!{s/`[^`]*`//g;p}' README.md | grep -oE '\[\[[0-9]+\]\]|\]\[[a-z0-9-]+\]' | tr -d '[]' | sort -u; }
defined() { sed -nE 's/^\[([a-z0-9-]+)\]: .*/\1/p' README.md | sort; }
targets() { { sed -nE 's/^\[[a-z0-9-]+\]: //p' README.md; grep -oE '\]\([^)]+\)' README.md | tr -d ']()'; } | grep -v '^https://'; }
headings() { sed -nE 's/^##+ //p' README.md | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9\n-'; } # as GitHub names them
there() { local t; for t in $(targets); do if [[ $t == \#* ]]; then headings | grep -qxF "${t#?}"; else [[ -e $t ]]; fi || { echo "no $t"; return 1; }; done; }
check 'the README has a target for each reference, and no other' same "$(referred)" "$(defined)"
check 'those within the project are there' there
mapfile -t scripts < <(grep -rlE '^#!/bin/(ba)?sh|^# shellcheck shell' tests packaging udev-rules .ci)
check 'shellcheck has nothing to say' silent shellcheck "${scripts[@]}"
check 'the mutations fit the sources' silent env UNTIL=fit tests/mutation/run
check 'zsh and fish understand their completions' silent bash -c \
	'zsh -n packaging/completion/_replug && zsh -n packaging/completion/_replug-relay && fish -n packaging/completion/*.fish'
finish
