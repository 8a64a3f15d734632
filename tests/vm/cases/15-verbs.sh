#!/bin/bash
# Every verb by hand, with every form of selector; exit statuses, JSON, dry runs, and who may do what.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
configure <<-END
	[device hid]
	symlink = kvmd-hid
	baud = 9600
	ready = 1s
	attempts = 1
	[device capture]
	then = hid
END
plug dongle capture serial=20210623
plug hid bridge silent=50
plug stick stick
check 'the dongle is recovered' healed dongle
check 'the bridge is recovered' healed hid
settled

attr() { cat "/sys/bus/usb/devices/${at[$1]}/$2"; }
video=/dev/$(basename "/sys/bus/usb/devices/${at[dongle]}:1.0/video4linux"/*0)
usbfs() { printf '%03d/%03d' "$(attr "$1" busnum)" "$(attr "$1" devnum)"; }
common() { # NAME ID SECTION PRODUCT
	printf '%s\n' "$2" "usb=${at[$1]}" "product=\"$4\"" "product=${4/ /?}" "product=\"* ${4#* }\"" "bus=$(usbfs "$1")" \
		"/dev/bus/usb/$(usbfs "$1")" "$3" "/sys/bus/usb/devices/${at[$1]}" "$(realpath "/sys/bus/usb/devices/${at[$1]}")/" \
		"$2 usb=${at[$1]}" "$2 product=\"$4\" usb=${at[$1]}" "ffff:ffff, $2" "$2 usb=9-9, usb=${at[$1]}"
}
mapfile -t dongle < <(common dongle 534d:2109 capture "$(attr dongle product)"; printf '%s\n' serial=20210623 "$video" \
	'serial=20210623 534d:2109')
mapfile -t hid < <(common hid 1a86:7523 hid "$(attr hid product)"; printf '%s\n' "/dev/$(node hid)" /dev/kvmd-hid)

names() { # VERB PORT SELECTOR…: the verb's JSON is about this port alone
	local verb=$1 port=$2
	shift 2
	equal "$(replug "$verb" --json "$@" | jq -c 'map(.port)')" "[\"$port\"]"
}
plans() { grep -q "^$1 " <(replug "$2" --dry-run "$3") && equal "$(replug "$2" --dry-run "$3" | grep -c '^[0-9]')" 1; }
mark
for name in dongle hid; do
	declare -n forms=$name
	for form in "${forms[@]}"; do
		check "list $form" names list "${at[$name]}" "$form"
		check "status $form" names status "${at[$name]}" "$form"
		check "reset --dry-run $form" plans "${at[$name]}" reset "$form"
		check "recover --dry-run $form" plans "${at[$name]}" recover "$form"
	done
done
check 'the dry run of recover tells what comes then' grep -q 'then: .*CH9329' <(replug recover --dry-run capture)
check 'no device noticed any of this' saw_times 0 '(reset|frame|open)'
does() { # NAME RESETS COMMAND…: succeeds, with so many resets of this device and none of the stick
	local name=$1 want=$2
	shift 2
	exits 0 "$@" && saw_times "$want" " $name reset" && saw_times 0 'stick reset'
}
for form in "${dongle[@]}"; do
	mark
	check "reset $form" does dongle 1 replug reset "$form"
done
emu set hid wedge=1
mark
check 'a reset alone' does hid 1 replug reset hid
check 'leaves the chip alone' saw_times 0 "$reset_frame"
for form in "${hid[@]}"; do
	mark
	check "ch9329 reset $form" does hid 0 replug ch9329 reset "$form"
	check "it was reset" saw_times 1 "$reset_frame"
	mark
	check "ch9329 info $form" does hid 0 replug ch9329 info "$form"
	check "it was only asked" saw_times 0 "$reset_frame"
done
for form in "${dongle[@]:0:4}" "$video"; do
	mark
	check "recover $form" does dongle 1 replug recover "$form"
done
for form in "${hid[@]:0:4}" /dev/kvmd-hid; do
	mark
	check "recover $form" does hid 1 replug recover "$form"
done
mark
check 'several arguments' does dongle 1 replug reset capture /dev/kvmd-hid
check 'each is meant' saw_times 1 'hid reset'
mark
check 'one device by two names is one device' does dongle 1 replug reset capture 534d:2109 "usb=${at[dongle]}"
check 'ch9329 info without a selector' grep -q 'V1.8 at 9600 baud, target connected' <(replug ch9329 info)
check 'ch9329 reset without a selector' does hid 0 replug ch9329 reset
emu set hid baud=115200
check 'another rate fails' exits 1 replug ch9329 info
check '--baud' exits 0 replug ch9329 info --baud=115200
check '--baud=auto' exits 0 replug ch9329 reset --baud=auto hid
emu set hid baud=9600
mark
check 'a person may reset what no section takes' exits 0 replug recover 1234:5678
check 'which is one of its port' saw_times 1 'stick reset'

contract='type == "array" and length > 0 and all(.[]; has("port") and has("id") and has("section") and has("state")'
outcome='and has("action") and has("error") and (.duration_ms | type == "number") and (.when | fromdate > 0)'
is_json() { # FILTER COMMAND…
	local filter=$1
	shift
	"$@" | jq -e "$filter" || { "$@"; return 1; }
}
check 'list --json' is_json "$contract)" replug list --json
check 'check --json' is_json "$contract and has(\"why\"))" replug check --json
check 'status --json' is_json "$contract $outcome)" replug status --json
check 'JSON comes last or first' equal "$(replug list capture --json)" "$(replug list --json capture)"
check 'list of what is not there is an empty array' equal "$(replug list --json ffff:ffff 2>/dev/null | jq -c .)" '[]'
check 'check shows where a value is from' grep -qE '^baud = 9600 +# /etc/replug.conf:3$' <(replug check)
check 'and a default' grep -qE '^timeout = 10s +# default$' <(replug check)
check 'and who takes the dongle' grep -qE "^${at[dongle]} +534d:2109 +capture +match = 534d:2109" <(replug check)

says() { # STATUS PATTERN COMMAND…
	local want=$1 pattern=$2
	shift 2
	if exits "$want" "$@" >/run/said 2>&1 && grep -qE -e "$pattern" /run/said; then return; fi
	cat /run/said
	return 1
}
mark
check 'no verb' says 2 '^usage: replug VERB' replug
check 'an unknown verb' says 2 'did you mean "recover"' replug recovr
check 'no selector' says 2 'which device' replug recover
check 'an unknown option' says 2 'usage: replug list' replug list --jsn
check 'an option of another verb' says 2 'usage: replug list' replug list --dry-run
check 'an unknown section' says 2 'there is no \[device captur\].*did you mean "capture"' replug recover captur
check 'an unknown key' says 2 'did you mean "serial="' replug recover seral=1
check 'no port' says 2 'usb=1-1.4' replug recover usb=1-
check 'an open quote' says 2 'not closed' replug recover 'product="x'
check 'an unknown word for ch9329' says 2 'did you mean "reset"' replug ch9329 rest
check 'a wrong rate' says 2 'baud' replug ch9329 info --baud=fast
check 'one bad word: the good ones are not tried' exits 2 replug recover capture captur
check 'nothing plugged' says 3 'no device matches "ffff:0001"' replug recover ffff:0001
check 'nor for list' exits 3 replug list ffff:0001
check 'nor on record' exits 3 replug status ffff:0001
check 'one of two not on record' says 3 'nothing is on record for "ffff:0001"' replug status capture ffff:0001
check 'the other is shown' grep -q "^${at[dongle]} .* capture " <(replug status capture ffff:0001 2>/dev/null)
check 'two terms that name different devices' exits 3 replug recover "534d:2109 usb=${at[hid]}"
check 'no device noticed any of this' saw_times 0 '(reset|frame|open)'
check 'a chip where none can be' says 1 'no tty' replug ch9329 info capture
mark
check 'one is missing: the worst counts' exits 3 replug reset ffff:0001 capture
check 'and the other is done all the same' saw_times 1 'dongle reset'
mark
check 'locked by another run' says 4 'another run' flock "/run/replug/${at[dongle]}.lock" replug reset capture
check 'it is not touched' saw_times 0 'dongle reset'
check 'one is locked: the worst counts' exits 4 flock "/run/replug/${at[dongle]}.lock" replug reset capture hid
check 'and the other is done all the same' saw_times 1 'hid reset'
emu set hid dead=1
check 'one fails, one is missing: the worst counts' exits 1 replug recover ffff:0001 hid
emu set hid dead=0

anybody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
mark
for verb in list status check; do
	# All but how hubs switch power, which only root can ask them.
	check "anybody may ask $verb" equal "$(anybody replug $verb --json | sed '/"port_power"/d')" \
		"$(replug $verb --json | sed '/"port_power"/d')"
	check "$verb: without a complaint" equal "$(anybody replug $verb 2>&1 >/dev/null)" ''
done
check 'but not reset' says 1 'needs root' anybody replug reset capture
check 'nor recover' says 1 'needs root' anybody replug recover capture
check 'nor ch9329 reset' says 1 'needs root' anybody replug ch9329 reset
check 'info needs the tty' says 1 'Permission denied' anybody replug ch9329 info
check 'no device noticed any of this' saw_times 0 '(reset|frame|open)'

for verb in list status check recover reset ch9329 health refresh gone; do
	check "$verb --help" says 0 "^usage: replug $verb" replug $verb --help
	check "$verb --help: on stdout" grep -q "^usage: replug $verb" <(replug $verb --help 2>/dev/null)
	check "--help tells of $verb" grep -qE "^  $verb " <(replug --help)
done
check '--version' says 0 '^replug [0-9]+\.[0-9]+\.[0-9]+$' replug --version
check 'of replug-match, too' says 0 '^replug-match [0-9]+\.[0-9]+\.[0-9]+$' /usr/lib/udev/replug-match --version
finish
