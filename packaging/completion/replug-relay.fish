# fish completion for replug-relay(1).
#
# Only a port or a section's name, as the patterns below have them, gets from a device or the configuration onto the
# command line. What a device says of itself is not looked at.

# Not from `replug-relay list`, which asks the boards. What a section for a device takes is no relay board.
function __replug_relay_targets
    command replug check 2>/dev/null | string replace -rf '^\[relay ([A-Za-z0-9_-]+)\]$' '$1'
    command replug check 2>/dev/null | string replace -rf '^([0-9]+-[0-9.]+) +([0-9a-f]{4}:[0-9a-f]{4}) +(-|\[relay) .*' 'usb=$1\t$2'
end

function __replug_relay_verb
    set -l words (commandline -opc)
    contains -- "$words[2]" $argv
end

# Whether N words stand before this one, without options and their values.
function __replug_relay_at
    set -l count 0
    set -l value no
    for word in (commandline -opc)
        if test $value = yes
            set value no
        else if contains -- $word --for --channel --protocol
            set value yes
        else if not string match -q -- '-*' $word
            set count (math $count + 1)
        end
    end
    test $count -eq $argv[1]
end

complete -c replug-relay -f
complete -c replug-relay -n '__replug_relay_at 1' -l version -d 'Print the version'
complete -c replug-relay -s h -l help -d 'Say more'

complete -c replug-relay -n '__replug_relay_at 1' -a list -d 'Show relay boards and sections'
complete -c replug-relay -n '__replug_relay_at 1' -a pulse -d 'Close the contact for a time, as a finger does'
complete -c replug-relay -n '__replug_relay_at 1' -a on -d 'Close the contact'
complete -c replug-relay -n '__replug_relay_at 1' -a off -d 'Open the contact'
complete -c replug-relay -n '__replug_relay_at 1' -a toggle -d 'Close an open contact, open a closed one'
complete -c replug-relay -n '__replug_relay_at 1' -a get -d 'Ask whether the contact is closed'
complete -c replug-relay -n '__replug_relay_at 1' -a release -d 'Have everything let go that is being pressed'

complete -c replug-relay -n '__replug_relay_verb list' -l json -d 'Print objects'
complete -c replug-relay -n '__replug_relay_verb pulse on off toggle get' -l channel -x -a '1 2 3 4 5 6 7 8' -d 'The contact'
complete -c replug-relay -n '__replug_relay_verb pulse on off toggle get' -l protocol -x \
    -a 'dcttech lcus lcus-hid diustou kmtronic ucreatefun icse custom' -d 'What the board understands'
complete -c replug-relay -n '__replug_relay_verb pulse' -l for -x -d 'How long, such as 500ms'
complete -c replug-relay -n '__replug_relay_verb off' -l all -d 'Every contact of the board'
complete -c replug-relay -n '__replug_relay_verb pulse on off toggle' -l dry-run -d 'Say what would be done'

complete -c replug-relay -n '__replug_relay_at 2; and __replug_relay_verb pulse on off toggle get' -a '(__replug_relay_targets)'
complete -c replug-relay -n '__replug_relay_at 2; and __replug_relay_verb pulse on off toggle get; and string match -q -- "/*" (commandline -ct)' -F
