#!/bin/bash
# Strings out of a device are strange: nothing of them reaches a terminal, the journal or JSON as it is.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[device evil]
	match = product="*pwn*"
	expect = video4linux
END
clean() { # COMMAND…: what it prints is UTF-8 and has no control character (C0, DEL, C1) and no bidirectional override
	"$@" >/run/out 2>&1
	! LC_ALL=C grep -anP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]' /run/out | cat -v | grep . &&
		iconv -f UTF-8 -t UTF-8 /run/out >/dev/null
}
lines() { equal "$("$@" | wc -l)" "${n_lines:-2}"; }

i=0
for text in $'pwn\e[2J\e]0;title\a' $'pwn\nreplug: all is well' $'pwn"quote\'s\\back' $'pwn\r\x08\x7fx\ty' \
	$'pwn\u009b31m\u202egnp' $'%s%n pwn ${HOME} $(reboot) `id`' $'pwn <b>&amp; \xff\xfe'; do
	i=$((i + 1))
	plug "evil$i" capture product="$text" serial="$text" manufacturer="$text"
	check "$i: it is recovered by its product" healed "evil$i"
	settled
	check "$i: list is clean" clean replug list
	check "$i: list has two lines" lines replug list
	check "$i: status is clean" clean replug status "usb=${at[evil$i]}"
	check "$i: status has two lines" lines replug status "usb=${at[evil$i]}"
	check "$i: check is clean" clean replug check
	check "$i: list --json is JSON, and clean" clean replug list --json
	check "$i: jq agrees" exits 0 eval 'replug list --json | jq -e ".[0].section == \"evil\"" >/dev/null'
	check "$i: status --json is JSON, and clean" clean replug status --json
	check "$i: jq agrees" exits 0 eval 'replug status --json | jq -e ".[0].state" >/dev/null'
	check "$i: the record is clean" clean cat "/run/replug/${at[evil$i]}.json"
	check "$i: the journal is clean" clean journal -t replug -t replug-match
	check "$i: a run by hand is clean" clean replug recover "usb=${at[evil$i]}"
	check "$i: so is a dry run" clean replug recover --dry-run evil
	emu unplug "evil$i"
	becomes "${at[evil$i]}" gone >/dev/null
done
check 'status of what is gone is clean' clean replug status
check 'a hostile selector is quoted clean' clean replug list $'usb=\e[2J'
check 'a hostile verb, too' clean replug $'\e[2J'
check 'a hostile ID, too' clean replug list $'12\e[2J:zz'
check 'no journal line pretends to be ours' equal "$(journal -t replug | grep -c '^replug: all is well')" 0
finish
