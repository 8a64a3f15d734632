# fish completion for replug(8).
#
# Only a port, an ID or a section's name, as the patterns below have them, gets from a device or the configuration
# onto the command line. What a device says of itself is not looked at.

# `replug check` opens no device, needs no privileges, and is silent on stdout while the configuration is broken.
function __replug_sections
    command replug check 2>/dev/null | string replace -rf '^\[device ([A-Za-z0-9_-]+)\]$' '$1'
end

# A device that fell off the bus (silent) is not plugged any more, but its port can be named.
function __replug_ports
    command replug check 2>/dev/null | string replace -rf '^([0-9]+-[0-9.]+) +([0-9a-f]{4}:[0-9a-f]{4}) .*' '$1\t$2'
    command replug status 2>/dev/null | string replace -rf '^([0-9]+-[0-9.]+) +\S+ +\S+ +silent .*' '$1\tsilent'
end

function __replug_selectors
    __replug_sections
    string replace -r '^' usb= -- (__replug_ports)
    command replug check 2>/dev/null | string replace -rf '^[0-9]+-[0-9.]+ +([0-9a-f]{4}:[0-9a-f]{4}) .*' '$1'
end

# Whether N words stand before this one, without options and their values.
function __replug_at
    set -l count 0
    set -l value no
    for word in (commandline -opc)
        if test $value = yes
            set value no
        else if contains -- $word --baud --method
            set value yes
        else if not string match -q -- '-*' $word
            set count (math $count + 1)
        end
    end
    test $count -eq $argv[1]
end

function __replug_verb
    set -l words (commandline -opc)
    contains -- "$words[2]" $argv
end

complete -c replug -f
complete -c replug -n '__replug_at 1' -l version -d 'Print the version'
complete -c replug -s h -l help -d 'Say more'

complete -c replug -n '__replug_at 1' -a list -d 'Show USB devices'
complete -c replug -n '__replug_at 1' -a status -d 'Show what was recovered when, and what is wrong now'
complete -c replug -n '__replug_at 1' -a watch -d 'Show what happens, as it happens'
complete -c replug -n '__replug_at 1' -a check -d 'Show the merged configuration, and who takes which device'
complete -c replug -n '__replug_at 1' -a recover -d 'Reset, wait, initialise, verify, record'
complete -c replug -n '__replug_at 1' -a reset -d 'Reset a USB device and wait until it is back'
complete -c replug -n '__replug_at 1' -a ch9329 -d 'Ask or reset the CH9329 behind a serial adapter'
complete -c replug -n '__replug_at 1' -a health -d 'Ask devices for a sign of life'
complete -c replug -n '__replug_at 1' -a refresh -d 'Recover what is due for it'
complete -c replug -n '__replug_at 1' -a settle -d 'Switch on what an interrupted run left off'
complete -c replug -n '__replug_at 1' -a lost -d 'Look after devices that fell off the bus'
complete -c replug -n '__replug_at 1' -a gone -d 'Put a device\'s removal on record'

complete -c replug -n '__replug_verb list status watch check health' -l json -d 'Print objects'
complete -c replug -n '__replug_verb recover reset refresh' -l dry-run -d 'Say what would be done'
complete -c replug -n '__replug_verb recover' -l event -d 'As for a plug: the guard decides'
complete -c replug -n '__replug_verb reset' -l method -x -a 'usb rebind authorize power' -d 'How'
complete -c replug -n '__replug_verb ch9329' -l baud -x -a 'auto 1200 2400 4800 9600 19200 38400 57600 115200' -d 'Rate of the chip'
complete -c replug -n '__replug_verb health' -l metrics -d 'Print metrics for Prometheus'
complete -c replug -n '__replug_verb health' -l heal -d 'Recover what is bad twice in a row'

complete -c replug -n '__replug_verb ch9329; and __replug_at 2' -a 'info reset'
complete -c replug -n '__replug_verb ch9329; and not __replug_at 2' -a '(__replug_selectors)'
complete -c replug -n '__replug_verb list status watch recover reset health refresh' -a '(__replug_selectors)'
complete -c replug -n '__replug_verb gone; and __replug_at 2; or __replug_verb settle' -a '(__replug_ports)'
complete -c replug -n '__replug_verb list status watch recover reset ch9329 health refresh; and string match -q -- "/*" (commandline -ct)' -F
