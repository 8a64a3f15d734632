#!/bin/bash
# Strings out of a device are strange, all of them at once: nothing of them reaches a terminal, the journal, JSON, metrics,
# a record or a name as it is, and each is told as what it is.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[device evil]
	match = product="*pwn*"
	expect = video4linux
	symlink = evil
	[relay board]
	match = 16c0:05df
END
is_clean() { # what is in /run/out is UTF-8 without control characters (C0, DEL, C1) and bidirectional overrides
	! LC_ALL=C grep -anP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]' /run/out | cat -v | grep . &&
		iconv -f UTF-8 -t UTF-8 /run/out >/dev/null
}
clean() { # COMMAND…: what it prints is something, and clean
	"$@" >/run/out 2>&1
	[[ -s /run/out ]] && is_clean
}
lines() { equal "$("${@:2}" 2>/dev/null | wc -l)" "$1"; } # N COMMAND…
json() { # FILTER COMMAND…: clean and JSON, and the filter says true
	"${@:2}" >/run/out 2>/dev/null
	is_clean && jq -es "length > 0 and all(.[]; $1)" /run/out >/dev/null || { head -c 2000 /run/out; return 1; }
}
# Text as Prometheus takes it (its "text-based format", version 0.0.4), strictly: each family in one piece behind its HELP
# and TYPE, labels quoted and escaped, a number, nothing twice.
cat >/run/prometheus.py <<-'END'
	import re, sys
	data = sys.stdin.buffer.read().decode("utf-8")
	assert data.endswith("\n") and data.count("\n") > 1, "no last line end"
	name, label = "[a-zA-Z_:][a-zA-Z0-9_:]*", r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
	sample = re.compile(r"(%s)(?:\{(%s(?:,%s)*)\})? (-?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?|NaN|[-+]Inf)" % (name, label, label))
	seen, ended, now, typed = set(), set(), None, False
	for line in data[:-1].split("\n"):
	    m = re.fullmatch("# (HELP|TYPE) (%s) (.+)" % name, line)
	    if m and m[1] == "HELP":
	        assert m[2] not in ended and m[2] != now, line
	        ended.add(now)
	        now, typed = m[2], False
	    elif m:
	        assert m[2] == now and not typed and m[3] in ("counter", "gauge"), line
	        typed = True
	    else:
	        m = sample.fullmatch(line)
	        assert m and m[1] == now and typed and m[2] and (m[1], m[2]) not in seen, line
	        seen.add((m[1], m[2]))
	        float(m[3])
	print(len(seen))
END
metrics() { replug health --metrics >/run/out && is_clean && between "$(python3 /run/prometheus.py </run/out)" 24 100; }

replug watch >/run/watch.txt 2>&1 &
watches=$!
replug watch --json >/run/watch.json 2>&1 &
watches+=" $!"

repeat() { local s; printf -v s "%$2s" ''; printf '%s' "${s// /"$1"}"; } # TEXT N
text=($'pwn\e[2J\e]0;title\a' $'pwn\nreplug: all is well' $'pwn"quote\'s\\back' $'pwn\r\x08\x7fx\ty' $'pwn\u009b31m\u202egnp'
	'%s%n pwn ${HOME} $(reboot) `id`' $'pwn <b>&amp; \xff\xfe' "pwnx$(repeat $'\U1F4A9' 61)" "pwn$(repeat $'\xed\xa0\xbd' 123)" 'pwn; same' 'pwn; same')
# What is to be shown. 126 units of UTF-16 are cut at a whole character; half a pair is none, and the kernel leaves it out.
shown=('pwn\x1b[2J\x1b]0;title\x07' 'pwn\x0areplug: all is well' 'pwn"quote'\''s\back' 'pwn\x0d\x08\x7fx\x09y'
	'pwn\xc2\x9b31m\xe2\x80\xaegnp' "${text[5]}" 'pwn <b>&amp; ÿþ' "pwnx$(repeat $'\U1F4A9' 30)" pwn 'pwn; same' 'pwn; same')
all=(${text[@]+"${!text[@]}"} 11)
text+=('pwn ') shown+=('pwn ')
for i in "${all[@]}"; do
	serial=${text[i]}
	((i < 11)) || serial='' # has none
	plug "evil$i" capture product="${text[i]}" serial="$serial" manufacturer="${text[i]}"
done
for i in "${all[@]}"; do check "$i: it is recovered by its product" healed "evil$i" 60; done
settled
for i in "${all[@]}"; do
	replug list --json "usb=${at[evil$i]}" >/run/one.json
	check "$i: product and maker are told as what they are" equal "$(jq -r '.[0] | .product, .manufacturer' /run/one.json)" "${shown[i]}"$'\n'"${shown[i]}"
	[[ $i == 11 ]] && want=null || want=${shown[i]}
	check "$i: and its serial number" equal "$(jq -r '.[0].serial' /run/one.json)" "$want"
	check "$i: the record has it, too" equal "$(jq -r .product "/run/replug/${at[evil$i]}.json")" "${shown[i]}"
done
n_all=${#all[@]}
check 'an equal serial number is that of both' json 'length == 2' replug list --json 'serial="pwn; same"'
for verb in list status health 'health usb=1-1' check 'check --json' 'recover --dry-run evil' refresh\ --dry-run; do
	# shellcheck disable=SC2086 # several words
	check "$verb is clean" clean replug $verb
done
check 'list has a line for each' lines $((n_all + 1)) replug list
check 'so has status' lines $((n_all + 1)) replug status
check 'and health' lines $((n_all + 1)) replug health
for verb in list status health check; do
	check "$verb --json is JSON, clean, and has each" json "length == $n_all and all(.[]; .section == \"evil\")" replug "$verb" --json
done
check 'health --metrics is what Prometheus takes' metrics
check 'runs by hand are clean' clean replug recover evil
check 'and a reset' clean replug reset "usb=${at[evil1]}"
check 'status of one is clean' clean replug status "usb=${at[evil1]}"
settled
check 'the records are clean' clean cat /run/replug/*.json
check 'and JSON' json '.section == "evil" and .state == "recovered"' cat /run/replug/*.json
check 'the folder holds records and locks of ports, no other name' equal "$(find /run/replug -maxdepth 1 -type f -printf '%f\n' | grep -vE '^[0-9]+-[0-9.]+\.(json|lock)$')" ''
check 'the journal is clean' clean journal -t replug -t replug-match
check 'each line is text to it' equal "$(journalctl -b -o json -t replug -t replug-match | jq -r '.MESSAGE | type' | sort -u)" string
check 'no line pretends to be ours' equal "$(journal -t replug | grep -c '^replug: all is well')" 0
check 'units are called by their ports' equal "$(journalctl -b -F _SYSTEMD_UNIT | grep replug@ | grep -vE '^replug@sys-devices-[A-Za-z0-9:_.\\-]+\.service$')" ''
check 'and there was one for each' equal "$(journalctl -b -F UNIT | grep -c '^replug@sys')" "$n_all"
properties() { udevadm info -q property "/sys/bus/usb/devices/${at[$1]}" | grep -E '^(REPLUG|SYSTEMD_WANTS)' | sort | tr '\n' ' '; }
for i in "${all[@]}"; do
	check "$i: udev has three properties of ours" equal "$(properties "evil$i")" 'REPLUG_DEVICE=evil REPLUG_LINK_VIDEO=evil SYSTEMD_WANTS=replug@.service '
done
check 'nobody has the name that all would have' not test -e /dev/evil

# Relay boards: their names are as strange.
for i in 0 1 5 7; do
	board "board$i" relay-hid product="${text[i]/pwn/USBRelay2}" serial="${text[i]}" manufacturer="${text[i]}"
done
check 'relay list is clean' clean replug-relay list
check 'as JSON, too, and has each' json 'length == 4 and all(.[]; .name == "board" and .id == "16c0:05df")' replug-relay list --json
for i in 0 1 5 7; do
	for verb in get on off; do check "board $i: $verb is clean" clean replug-relay "$verb" "usb=${at[board$i]}" --channel=1; done
done
check 'of several boards for one name it says so, clean' clean replug-relay on board
check 'list of both is clean' clean replug list
check 'and check' clean replug check
check 'what is on record of them is clean' equal "$(find /run/replug/relay -type f -printf '%f\n' | grep -vE '^[0-9]+-[0-9.]+(\.[a-z]+)?$')" ''

emu unplug-all
for i in "${all[@]}"; do becomes "${at[evil$i]}" gone >/dev/null; done
check 'status of what is gone is clean' clean replug status
check 'its metrics, too' metrics
settled
# shellcheck disable=SC2086 # several
kill $watches
# shellcheck disable=SC2086
wait $watches
check 'what watch wrote is clean' clean cat /run/watch.txt
check 'each is in it, plugged, recovered and gone' equal "$(grep -oE ' evil (plugged|recovered|gone)' /run/watch.txt | sort | uniq -c | awk -v n="$n_all" '$1 < n')" ''
check 'its lines begin with a time and a port' equal "$(grep -vE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z [0-9]+-[0-9.]+ ' /run/watch.txt)" ''
check 'its JSON is clean, an object a line' json '.port and .event' cat /run/watch.json
check 'as many as lines' equal "$(jq -c . /run/watch.json | wc -l)" "$(wc -l </run/watch.json)"
check 'a hostile selector is quoted clean' clean replug list $'usb=\e[2J'
check 'a hostile verb, too' clean replug $'\e[2J'
check 'a hostile ID, too' clean replug list $'12\e[2J:zz'
finish
