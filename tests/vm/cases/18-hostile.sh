#!/bin/bash
# timeout: 400
# Strings out of a device are strange: nothing of them reaches a terminal, the journal, JSON, metrics, a record or a name as
# it is, and each is told as what it is.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[device evil]
	match = product="*pwn*"
	[device evilcam]
	match = product="*pwn*" 534d:2109
	expect = video4linux
	symlink = evil
	[relay board]
	match = 16c0:05df
END
is_clean() { # what is in /run/out is UTF-8 without control characters (C0, DEL, C1) and bidirectional overrides
	! LC_ALL=C grep -anP '[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]' /run/out | cat -v | grep . &&
		iconv -f UTF-8 -t UTF-8 /run/out >/dev/null
}
for dirty in 'a\x1b[2Jb' 'a\x7f' 'a\xc2\x9b' 'a\xe2\x80\xae' 'a\xff'; do
	# shellcheck disable=SC2059 # what it stands for
	printf "$dirty\n" >/run/out
	check "$dirty is not clean" not is_clean
done
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
metrics() { replug health --metrics >/run/out && is_clean && between "$(python3 /run/prometheus.py </run/out)" 24 60; }

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
text+=('pwn ') shown+=('pwn ') # and no serial number
n_all=${#text[@]}

properties() { udevadm info -q property "/sys/bus/usb/devices/${at[$1]}" | grep '^REPLUG' | sort | tr '\n' ' '; }
declare -A name
batch() { # NUMBER…: six at once, for that is how many ports there are; the first is a dongle, the others are cheap
	local i k=0 want verb
	for i; do
		name[$i]=evil$k
		[[ $i == 11 ]] && want='' || want=${text[i]}
		mark
		plug "${name[$i]}" "$([[ $k == 0 ]] && echo capture || echo stick)" product="${text[i]}" serial="$want" manufacturer="${text[i]}"
		check "$i: it is recovered by its product" healed "${name[$i]}" 30
		k=$((k + 1))
	done
	settled
	for i; do
		replug list --json "usb=${at[${name[$i]}]}" >/run/one.json
		[[ $i == 11 ]] && want=null || want=${shown[i]}
		check "$i: its strings are told as what they are" equal "$(jq -r '.[0] | .product, .manufacturer, .serial' /run/one.json)" \
			"${shown[i]}"$'\n'"${shown[i]}"$'\n'"$want"
		check "$i: the record has it, too" equal "$(jq -r .product "/run/replug/${at[${name[$i]}]}.json")" "${shown[i]}"
		[[ $i == "$1" ]] && want='REPLUG_DEVICE=evilcam REPLUG_LINK_VIDEO=evil' || want='REPLUG_DEVICE=evil'
		check "$i: udev has no more properties of ours" equal "$(properties "${name[$i]}")" "$want "
	done
	check 'the name that is configured is that of the dongle' equal "$(readlink -f /dev/evil)" "$(picture "${name[$1]}")"
	for verb in list status health check 'recover --dry-run evil'; do
		# shellcheck disable=SC2086 # several words
		check "$verb is clean" clean replug $verb
	done
	for verb in list status health; do check "$verb has a line for each" lines $(($# + 1)) replug "$verb"; done
	for verb in list status health check; do
		check "$verb --json is JSON, clean, and has each" json "length == $# and all(.[]; .section[:4] == \"evil\")" replug "$verb" --json
	done
	check 'health --metrics is what Prometheus takes' metrics
	check 'runs by hand are clean' clean replug recover evil
	settled
	check 'the records are clean' clean cat /run/replug/*.json
	check 'and JSON' json '.section[:4] == "evil" and .state == "recovered"' cat /run/replug/*.json
}
batch 0 1 2 3 4 5
emu unplug-all
for i in 0 1 2 3 4 5; do becomes "${at[${name[$i]}]}" gone >/dev/null; done
check 'status of what is gone is clean' clean replug status
check 'its metrics are what Prometheus takes' metrics
batch 7 6 8 9 10 11
check 'an equal serial number is that of both' json 'length == 2' replug list --json 'serial="pwn; same"'
check 'the folder holds records and locks of ports, no other name' equal "$(find /run/replug -maxdepth 1 -type f -printf '%f\n' | grep -vE '^[0-9]+-[0-9.]+\.(json|lock)$')" ''
check 'the journal is clean' clean journal -t replug -t replug-match
check 'each line is text to it' equal "$(journalctl -b -o json -t replug | jq -r '.MESSAGE | type' | sort -u)" string
check 'no line pretends to be ours' equal "$(journal -t replug | grep -c '^replug: all is well')" 0
check 'units are called by their ports' equal "$(journalctl -b -F UNIT | grep replug@ | grep -vE '^replug@sys-devices-[A-Za-z0-9:_.\\-]+\.service$')" ''
check 'one for each' equal "$(journalctl -b -F UNIT | grep -c '^replug@sys')" 6

# Relay boards: their names are as strange.
emu unplug-all
for i in 0 7; do
	board "board$i" relay-hid product="${text[i]/pwn/USBRelay2}" serial="${text[i]}" manufacturer="${text[i]}"
done
check 'relay list is clean' clean replug-relay list
check 'as JSON, too, and has each' json 'length == 2 and all(.[]; .name == "board" and .id == "16c0:05df")' replug-relay list --json
for i in 0 7; do
	for verb in get on off; do check "board $i: $verb is clean" clean replug-relay "$verb" "usb=${at[board$i]}" --channel=1; done
done
check 'of several boards for one name it says so, clean' clean replug-relay on board
check 'replug list is clean with them' clean replug list
check 'and check' clean replug check
check 'what is on record of them is clean' equal "$(find /run/replug/relay -type f -printf '%f\n' | grep -vE '^[0-9]+-[0-9.]+(\.[a-z]+)?$')" ''

emu unplug-all
for i in 7 6 8 9 10 11; do becomes "${at[${name[$i]}]}" gone >/dev/null; done
settled
# shellcheck disable=SC2086 # several
kill $watches
# shellcheck disable=SC2086
wait $watches
check 'what watch wrote is clean' clean cat /run/watch.txt
for word in plugged recovered gone; do
	check "each was $word" between "$(grep -cE "^[^ ]+ [^ ]+ evil(cam)? $word( |\$)" /run/watch.txt)" "$n_all" 100
done
check 'its lines begin with a time and a port' equal "$(grep -vE '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z [0-9]+-[0-9.]+ ' /run/watch.txt)" ''
check 'its JSON is clean, an object a line' json '.port and .event' cat /run/watch.json
check 'as many as lines' equal "$(jq -c . /run/watch.json | wc -l)" "$(wc -l </run/watch.json)"
check 'a hostile selector is quoted clean' clean replug list $'usb=\e[2J'
check 'a hostile verb, too' clean replug $'\e[2J'
check 'a hostile ID, too' clean replug list $'12\e[2J:zz'
finish
