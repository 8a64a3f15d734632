#!/bin/bash
# A dongle that drops off and returns every second by itself, faster than most runs can look at it, is left alone.
. /bench/lib.sh
start_emulator
plug dongle capture
check 'it is recovered' healed dongle
settled
mark
emu set dongle flap=1000,1000
check 'held, and said' happens_in_journal 'left alone until' 60
check 'at most three resets' between "$(saw 'dongle reset')" 0 3
mark
thrice() { local mark=$mark; for _ in 1 2 3; do happens 'dongle returned' >/dev/null && mark || return; done; }
check 'it goes on' thrice
check 'no reset after that' saw_times 0 'dongle reset'
check 'said once' equal "$(journal -t replug | grep -c 'left alone until')" 1
emu set dongle flap=0
emu unplug dongle
check 'pulled out, it is gone' becomes "${at[dongle]}" gone
finish
