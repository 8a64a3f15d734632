#!/bin/bash
# shellcheck disable=SC2317 # check is the caller
# The command line of replug-relay: help, wrong usage, sections that are not right. Needs no device.
. "$(dirname "$0")/tap.bash"
program=$stage/usr/bin/replug-relay
verbs=(list pulse on off toggle get)

configure </dev/null
check 'without a verb the usage is wrong, and shown' says 2 err 'usage: replug-relay VERB' 'Exit status: 0 done' --
check '--help is shown on stdout' says 0 out 'usage: replug-relay VERB' "${verbs[@]}" -- --help
check '--version has a number' says 0 out 'replug-relay 0.' -- --version
for verb in "${verbs[@]}"; do
	check "$verb --help explains it" says 0 out "usage: replug-relay $verb" '--help' -- "$verb" --help
	check "$verb refuses an option that nobody knows" says 2 err '--frob' "usage: replug-relay $verb" -- "$verb" --frob
done
check 'an option of another verb is refused' says 2 err 'get does not have that option' -- get power --for=1s
check 'an unknown verb names the nearest' says 2 err '"pulze"' 'did you mean "pulse"?' -- pulze power
check 'a verb without a target' says 2 err 'needs to be told which contact' -- pulse
check 'two targets' says 2 err 'takes one target' -- pulse a b
check 'list takes none' says 2 err 'takes no arguments' -- list a
for bad in 0 9 x ''; do
	check "--channel=$bad" says 2 err "\"$bad\" is not a channel" -- on usb=1-1 --channel="$bad"
done
for bad in 19ms 61s soon 5 '' 0.1s; do
	check "--for=$bad" says 2 err "\"$bad\" is not a time" -- pulse power --for="$bad"
done
check 'a protocol that nobody speaks' says 2 err '"lcuss" is no protocol' 'there are: dcttech, ' 'did you mean "lcus"?' -- on usb=1-1 --protocol=lcuss
check 'all contacts and one of them' says 2 err '--all and --channel cannot both be meant' -- off usb=1-1 --all --channel=2
check 'a bad selector is quoted' says 2 err '"usb=x"' -- on usb=x --channel=1
check 'a name without a section' says 2 err 'no [relay power]' -- pulse power

configure <<-END
	[relay power]
	match = 16c0:05df
	pulse = 500ms
	[relay empty]
	match =
	pulse = 500ms
END
check 'a name that is nearly one' says 2 err 'did you mean "power"?' -- pulse powr
check 'a section that says not which board' says 2 err 'has no `match`' -- pulse empty
check 'a board that is not there' says 3 err 'power: no such board is plugged' -- pulse power
check 'nor to be asked: 1 would mean open' says 3 err 'power: no such board is plugged' -- get power
check 'it is listed all the same' says 0 out 'power' 'absent' -- list
check 'also as JSON' says 0 out '"name":"power"' '"state":"absent"' '"channel":1' -- list --json
printf '[relay power]\nprotocol = lcuss\n' | configure
check 'and no name is said to be missing from it' says 2 err 'while the configuration is broken, "power" is no contact' 'replug-relay release' -- off power
check 'a broken configuration is exit status 2' says 2 err 'replug.conf:2' '"lcuss"' -- get power
configure </dev/null
check 'setuid it will not run: nothing but a group is needed' equal "$(stat -c %a "$program")" 755
finish
