#!/bin/bash
# A device that comes and goes faster than anybody can look is left alone too, and told of once.
. /bench/lib.sh
start_emulator
said() { journal -t replug -p info | wc -l; }

plug dongle capture
check 'it is recovered' healed dongle
settled
mark
emu set dongle flap=300,300
check 'it is left alone' happens_in_journal 'left alone until' 60
happens 'dongle returned' >/dev/null && settled
before=$(said)
for _ in 1 2 3 4 5; do mark && happens 'dongle returned' >/dev/null; done
check 'nothing more is said of it' equal "$(said)" "$before"
check 'and it is said once' equal "$(journal -t replug | grep -c 'left alone until')" 1
emu set dongle flap=0
until_ 5 emu unplug dongle || :
settled
read -rt 4 -u "$never" # an unplug of over three seconds is what forgives: time itself is meant here
mark
emu plug dongle
check 'after an unplug of four seconds it is recovered' healed dongle 30
finish
