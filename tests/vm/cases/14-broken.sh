#!/bin/bash
# A broken configuration: udev works on, nothing is reset, one line says so for each plug.
# shellcheck source=tests/vm/lib.sh
. /bench/lib.sh
start_emulator
plug dongle capture
check 'it is recovered' healed dongle
settled
complaints() { journal -t replug-match | grep -c . || :; }
checked() { # PATTERN: what check says, with exit status 2
	local said status=0
	said=$(replug check 2>&1 >/dev/null) || status=$?
	if [[ $status != 2 ]] || ! grep -qE -e "$1" <<<"$said"; then printf 'status %s: %s\n' "$status" "$said"; return 1; fi
}
recorded() { equal "$(jq -r .state "/run/replug/${at[dongle]}.json")" "$1"; } # status needs the configuration
broken() { # DESCRIPTION PATTERN
	local before
	emu unplug dongle
	until_ 10 recorded gone
	before=$(complaints)
	mark
	emu plug dongle
	check "$1: the device's node appears" until_ 10 test -c /dev/video0
	settled
	check "$1: nothing is reset" saw_times 0 'dongle reset'
	check "$1: no outcome is put on record" recorded gone
	check "$1: status says that nobody has looked at it" equal "$(replug status --json 2>/dev/null | jq -r --arg port "${at[dongle]}" '.[] | select(.port == $port) | .state')" none
	heard
	check "$1: one line in the journal" equal "$(($(complaints) - before))" 1
	check "$1: which names the place" grep -qE -e "${at[dongle]}: .*$2" <(journal -t replug-match | tail -n 1)
	check "$1: check names the place and the word" checked "$2"
	check "$1: list shows what is plugged all the same" grep -q 534d:2109 <(replug list 2>/dev/null)
	for verb in list status 'recover capture' 'ch9329 info'; do
		# shellcheck disable=SC2086 # two words
		check "$1: $verb is exit status 2" exits 2 replug $verb
	done
}
configure <<<$'[device capture]\ntimout = 3s'
broken 'unknown key' '/etc/replug.conf:2: .*timout.*did you mean .timeout.'
configure <<<$'# one\n[device capture]\n\nmatch = 534d'
broken 'bad selector' '/etc/replug.conf:4: .*534d'
configure <<<$'[devise capture]\nmatch = 534d:2109'
broken 'unknown section' '/etc/replug.conf:1: .*devise.*did you mean \[device NAME\]'
configure <<<$'[guard]\nwindow = 60s\n[guard]\nforgive = 3s'
broken 'duplicate section' '/etc/replug.conf:3: .*\[guard\].*line 1'
rm /etc/replug.conf
mkdir /etc/replug.conf # root may read everything that can be read
broken 'unreadable' '/etc/replug.conf: .*cannot be read'
rmdir /etc/replug.conf
mkdir -p /etc/replug.conf.d
echo 'expect = vidio4linux' | cat <(echo '[device capture]') - >/etc/replug.conf.d/50-mine.conf
broken 'a drop-in' '/etc/replug.conf.d/50-mine.conf:2: .*vidio4linux.*did you mean "video4linux"'
rm /etc/replug.conf.d/50-mine.conf

emu unplug dongle
mark
emu plug dongle
check 'repaired: the next plug is recovered' healed dongle
check 'check is content' exits 0 replug check
finish
