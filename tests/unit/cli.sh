#!/bin/bash
# shellcheck disable=SC2317 # check is the caller
# The command line of replug: help, wrong usage, and a broken configuration. Needs no device.
. "$(dirname "$0")/tap.bash"
replug=$stage/usr/bin/replug program=$stage/usr/bin/replug
verbs=(list status watch check recover reset ch9329 health refresh settle lost gone)

configure </dev/null
check 'without a verb the usage is wrong, and shown' says 2 err 'usage: replug VERB' 'Exit status: 0 done' --
check '--help is shown on stdout' says 0 out 'usage: replug VERB' 'A SELECTOR names USB devices' "${verbs[@]}" -- --help
check '-h and help as well' says 0 out 'usage: replug VERB' -- -h
check 'help too' says 0 out 'usage: replug VERB' -- help
check '--version has a number' says 0 out 'replug 0.' -- --version
for verb in "${verbs[@]}"; do
	check "replug $verb --help explains it" says 0 out "usage: replug $verb" '--help' -- "$verb" --help
	check "replug $verb refuses an option that nobody knows" says 2 err '--frob' "usage: replug $verb" -- "$verb" --frob
done
help_of() { "$replug" "$1" --help; }
check 'list offers --json' holds "$(help_of list)" --json
check 'recover offers --dry-run' holds "$(help_of recover)" --dry-run
check 'health offers --json' holds "$(help_of health)" --json
check 'health offers --metrics' holds "$(help_of health)" --metrics
check 'but not with --json' says 2 err 'either --json or --metrics' 'usage: replug health' -- health --json --metrics
check 'health offers --heal' holds "$(help_of health)" --heal
check 'refresh offers --dry-run' holds "$(help_of refresh)" --dry-run
check 'ch9329 offers --baud' holds "$(help_of ch9329)" --baud

check 'an unknown verb names the nearest' says 2 err 'unknown verb "recoer"' 'did you mean "recover"?' -- recoer
check 'one that is near to none points to the help' says 2 err 'unknown verb "frobnicate"' 'replug --help' -- frobnicate
check 'a verb in capitals is unknown' says 2 err 'unknown verb "LIST"' -- LIST
check 'control characters of an unknown verb are not echoed' says 2 err 'unknown verb "\x1b[2J"' -- $'\e[2J'
check 'an option in the place of the verb is wrong' says 2 err 'unknown verb "--json"' -- --json

for verb in recover reset; do
	check "$verb needs to be told which device" says 2 err "$verb needs to be told which device" 'replug list' -- "$verb"
	check "$verb refuses --json" says 2 err "$verb does not have that option" -- "$verb" --json usb=1-1
done
check 'list refuses --heal' says 2 err 'list does not have that option' -- list --heal
check 'health refuses --dry-run' says 2 err 'health does not have that option' -- health --dry-run
check 'gone needs a port' says 2 err 'usage: replug gone' -- gone
check 'gone takes one only' says 2 err 'fewer arguments' -- gone 1-1 1-2
# No record of it comes to be: somebody else's folder, or none.
nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$replug" gone 9-9 2>"$tmp/err" && return 1; holds "$(<"$tmp/err")" '9-9: cannot lock it in /run/replug: '; }
check 'gone that may not write says why' nobody
check 'gone takes ports only' says 2 err 'port such as 1-1.4' -- gone ../x
check 'check takes no arguments' says 2 err 'no arguments' -- check capture
check 'list refuses --event' says 2 err 'list does not have that option' -- list --event
check 'ch9329 needs info or reset' says 2 err 'usage: replug ch9329' -- ch9329
check 'ch9329 names the nearest' says 2 err 'ch9329 has no "rest"' 'did you mean "reset"?' -- ch9329 rest
check 'ch9329 names both otherwise' says 2 err 'no "frobnicate"' 'info and reset' -- ch9329 frobnicate
cannot_print() { # ARGUMENT…: its answer has no room, and it says so
	local status=0
	"$program" "$@" >/dev/full 2>"$tmp/err" || status=$?
	equal "$status" 1 && holds "$(<"$tmp/err")" 'No space left on device'
}
check 'a table that cannot be printed is told of' cannot_print list
check 'so is what is for a program' cannot_print status --json
check 'so is a configuration' cannot_print check
check 'and a plan' cannot_print refresh --dry-run
unsure() { # ARGUMENT…: likewise, of what is asked how others are
	local status=0
	"$program" "$@" >/dev/full 2>"$tmp/err" || status=$?
	equal "$status" 5 && holds "$(<"$tmp/err")" 'No space left on device'
}
check 'health that cannot be told is not known' unsure health
check 'nor as metrics' unsure health --metrics
check 'nor as JSON' unsure health --json
check 'settle wants ports' says 2 err 'settle takes ports' -- settle 1-1 nonsense
configure <<-END
	[device chip]
	match = ffff:ffff
	init = ch9329
END
check 'a chip that is not plugged is no device' says 3 err 'no plugged device belongs to a section with `init = ch9329`' -- ch9329 info
configure </dev/null
check '--baud wants a number' says 2 err '--baud' 'auto' -- ch9329 info --baud=fast
check '--baud wants one in range' says 2 err '--baud' -- ch9329 info --baud=115201
check '--baud wants a rate that there is' says 2 err '--baud' -- ch9329 info --baud=12345
check '--baud wants an argument' says 2 err 'baud' -- ch9329 info --baud

check 'a section that is not there names the nearest' \
	says 2 err 'no [device captur]' 'did you mean "capture"?' -- list captur
check 'one that is near to none points to check' says 2 err 'no [device frobnicate]' 'replug check' -- list frobnicate
for verb in list status health refresh 'recover --dry-run' 'reset --dry-run' 'ch9329 info'; do
	# shellcheck disable=SC2086 # two words
	check "replug $verb refuses a bad selector and quotes it" \
		says 2 err '"usb=x" is not a port' 'usb=1-1.4' -- $verb usb=x
done
check 'a bad ID is quoted' says 2 err '"534d:210" is not an ID' -- list 534d:210
check 'the second of two selectors is looked at too' says 2 err '"53:4"' -- list usb=1-1 53:4
check 'a device that is not there is status 3' says 3 err 'no device matches "usb=99-9"' 'replug list' -- recover usb=99-9
check 'for a dry run too' says 3 err 'no device matches "534d:0000"' -- reset --dry-run 534d:0000
check 'of two that are not there both are named' \
	says 3 err 'no device matches "usb=99-9"' 'no device matches "usb=99-8"' -- recover usb=99-9 usb=99-8
check 'check shows the merged configuration and where it is from' \
	says 0 out '[device capture]' '[guard]' "$stage/usr/lib/replug/replug.conf" -- check

configure <<'END'
[device mine]
match = usb=1-1.4
tmeout = 3s

[gaurd]
END
check 'a broken configuration is status 2, every error with file, line and the nearest word' \
	says 2 err "$stage/etc/replug.conf:3: \"tmeout\"" 'did you mean `timeout`?' "$stage/etc/replug.conf:5: unknown section [gaurd]" -- check
check 'nothing is recovered with it' says 2 err "$stage/etc/replug.conf:3:" -- recover usb=99-9
listed() { "$replug" list >"$tmp/out" 2>"$tmp/err"; equal $? 2 && holds "$(<"$tmp/err")" "$stage/etc/replug.conf:3:" && holds "$(<"$tmp/out")" PORT; }
check 'but what is plugged is listed, for the repair' listed
check 'and no name is said to be missing from it' says 2 err 'while the configuration is broken, "capture" is nobody' -- status capture
configure <<<$'[guard]\n[device captrue]\nsymlink = kvmd-video'
check 'a misspelt name of a section is an error, too' \
	says 2 err "$stage/etc/replug.conf:2: [device captrue] has no \`match\`" 'did you mean [device capture]?' -- check
configure <<'END'
[device a]
match = usb=99-1
expect = tty
symlink = null
[device b]
match = usb=99-2
expect = tty
symlink = stdin
END
warns() { # TEXT…: check says so, and is content
	local text
	"$replug" check >"$tmp/out" 2>"$tmp/err" || return
	for text; do holds "$(<"$tmp/err")" "$text" || return 1; done
}
check 'a name that is a node already is warned of' warns \
	"warning: /dev/null of [device a] ($stage/etc/replug.conf:4) can never be: there is a device node of the kernel's"
check 'and a link that is not of udev'\''s making' warns \
	"warning: /dev/stdin of [device b] ($stage/etc/replug.conf:8) is there already, leads to /proc/self/fd/0, and is none of udev's"
configure <<'END'
[device chip]
match = 1a86:7523 usb=99-1, 1a86:7523 usb=99-3
[relay far]
match = 16c0:05df, 1a86:7523 usb=99-3
[relay odd]
match = 1234:5678
[relay told]
match = 1a86:7523 usb=99-4
protocol = lcus
[relay known]
match = 0519:2018 usb=99-1
[relay any]
match = usb=99-1
END
check 'a relay whose protocol nobody can know is warned of' warns \
	'warning: [relay far] has no `protocol`, and 1a86:7523 does not tell what the board understands; write one of: lcus, diustou, kmtronic, custom'
check 'and one that is no known board' warns 'warning: [relay odd] has no `protocol`, and 1234:5678 is not known as a relay board; write one of: dcttech,'
check 'and one that is a device, too, in the same port' warns \
	'warning: [relay far] and [device chip] both name port 99-3: ' 'take usb=99-3 out of the other'
check 'one that asks for the port only takes whatever is in it' warns '[relay any] and [device chip] both name port 99-1:'
check 'not of those that are told apart by the port, the ID or `protocol`' equal "$(grep -c '^warning: \[relay' "$tmp/err")" 4
configure <<'END'
[device comma]
match = 1111:7523, usb=99-5
every = 6
then = off
[device off]
match =
init = ch9329
[device blank]
match = 1111:7524 usb=99-6, 1111:7525
every = 6h
[relay one]
match = 16c0:05df
[device first]
match = 1a86:7523 usb=99-3, ffff:0002
[device last]
match = 1a86:7523 usb=99-3, ffff:0002
[relay two]
match = 16c0:05df
[relay three]
match = 16c0:05df
channel = 2
END
check 'an ID or a port, where one device may be meant, is warned of' warns '[device comma] takes an ID in any port, or whatever is in a port: a comma means'
check 'a device that is due at every round' warns '[device comma] is due again 6s after each time'
check 'a `then` that does nothing' warns '`then` of [device comma] names [device off], whose `match` is empty'
check 'two names of one contact' warns '[relay one] and [relay two] are one contact, channel 1 of one board'
check 'a section that never takes anything' warns '[device first] never takes anything: [device last] has the same `match`'
check 'and of nothing else in these' equal "$(grep -c '^warning: .*\(comma\|off\|blank\|three\|two\|last\)\]' "$tmp/err")" 5
check 'what is warned of comes last' holds "$("$replug" check 2>&1 | tail -1)" 'warning: '
rm "$stage/etc/replug.conf"
mkdir "$stage/etc/replug.conf"
check 'one that cannot be read has no line' says 2 err "$stage/etc/replug.conf: cannot be read" -- check
rmdir "$stage/etc/replug.conf"
finish
