# shellcheck shell=bash
# bash completion for replug(8) and replug-relay(1).
#
# Only a port, an ID or a section's name, as the patterns below have them, gets from a device or the configuration
# onto the command line. What a device says of itself is not looked at.

# `replug check` opens no device, needs no privileges, and is silent on stdout while the configuration is broken. A
# device that fell off the bus (silent) is not plugged any more, but its port can be named.
_replug_read() {
	local a b c d _
	while read -r a b c d _; do
		if [[ $a == '[device' && $b =~ ^[A-Za-z0-9_-]+]$ ]]; then
			sections+=("${b%]}")
		elif [[ $a == '[relay' && $b =~ ^[A-Za-z0-9_-]+]$ ]]; then
			relays+=("${b%]}")
		elif [[ $a =~ ^[0-9]+-[0-9.]+$ && $b =~ ^[0-9a-f]{4}:[0-9a-f]{4}$ ]]; then
			ports+=("$a")
			ids+=("$b")
			# What a section for a device takes is no relay board.
			[[ $c != - && $c != '[relay' ]] || boards+=("usb=$a")
		fi
	done < <(command replug check 2>/dev/null)
	while read -r a b c d _; do
		[[ $d != silent || ! $a =~ ^[0-9]+-[0-9.]+$ ]] || ports+=("$a")
	done < <(command replug status 2>/dev/null)
}

# Puts together again what readline has cut at = and :, into words and cword.
_replug_words() {
	local line=$COMP_LINE rest i
	words=() cword=0
	for ((i = 0; i <= COMP_CWORD; i++)); do
		rest=${line#"${line%%[![:space:]]*}"}
		if ((i)) && [[ $rest == "$line" && ( ${COMP_WORDS[i]} == [=:]* || ${COMP_WORDS[i - 1]} == *[=:] ) ]]; then
			words[cword]+=${COMP_WORDS[i]}
		else
			((i == 0)) || ((++cword))
			words[cword]=${COMP_WORDS[i]}
		fi
		line=${rest#"${COMP_WORDS[i]}"}
	done
	cur=${words[cword]} prev=${words[cword - 1]}
	[[ $cur != [\'\"]* ]] || cur=${cur:1}
}

# CANDIDATE…: those that begin with the word, without the part of it that readline has cut off.
_replug_offer() {
	local head candidate
	[[ $cur == *"$typed" ]] || return
	head=${cur%"$typed"}
	for candidate; do
		[[ $candidate != "$cur"* ]] || COMPREPLY+=("${candidate#"$head"}")
	done
	# A lone --option= waits for its value.
	[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
}

# Whether the value of an option is asked for, which is then offered: OPTION VALUE…
_replug_value() {
	local option=$1
	shift
	if [[ $prev == "$option" && $cur != -* ]]; then
		_replug_offer "$@"
	elif [[ $cur == "$option="* ]]; then
		_replug_offer "${@/#/$option=}"
	else
		return 1
	fi
}

# How many words that are no options stand between the verb and the one that is typed; OPTION… take a value.
_replug_arguments() {
	local i option count=0
	for ((i = 2; i < cword; i++)); do
		[[ ${words[i]} != -* ]] || continue
		for option; do [[ ${words[i - 1]} != "$option" ]] || continue 2; done
		((++count))
	done
	arguments=$count
}

_replug() {
	local -a words sections=() relays=() ports=() ids=() boards=() options=()
	local cword cur prev arguments typed=${2#[=:]} selectors='' names=''
	COMPREPLY=()
	_replug_words
	if ((cword < 2)); then
		if [[ $cur == -* ]]; then _replug_offer --help --version; else
			_replug_offer list status watch check recover reset ch9329 health refresh settle lost gone
		fi
		return
	fi
	_replug_arguments --baud --method
	case ${words[1]} in
	list | status | watch) options=(--json) selectors=yes ;;
	check) options=(--json) ;;
	recover) options=(--dry-run --event) selectors=yes ;;
	reset)
		options=(--dry-run --method=) selectors=yes
		_replug_value --method usb rebind authorize power && return
		;;
	ch9329)
		options=(--baud=) selectors=yes
		_replug_value --baud auto 1200 2400 4800 9600 19200 38400 57600 115200 && return
		;;
	health) options=(--json --metrics --heal) selectors=yes ;;
	refresh) options=(--dry-run) selectors=yes ;;
	settle) names=ports ;;
	gone) ((arguments)) || names=ports ;;
	lost) ;;
	*) return ;;
	esac
	if [[ $cur == -* ]]; then
		_replug_offer "${options[@]}" --help
	elif [[ ${words[1]} == ch9329 && $arguments == 0 ]]; then
		_replug_offer info reset
	elif [[ $selectors && $cur == /* ]]; then
		compopt -o default 2>/dev/null
	elif [[ $selectors || $names ]]; then
		_replug_read
		[[ $names ]] && _replug_offer "${ports[@]}"
		[[ $selectors ]] && _replug_offer "${sections[@]}" "${ports[@]/#/usb=}" "${ids[@]}"
	fi
}

_replug_relay() {
	local -a words sections=() relays=() ports=() ids=() boards=() options=()
	local cword cur prev arguments typed=${2#[=:]} target=yes
	COMPREPLY=()
	_replug_words
	if ((cword < 2)); then
		if [[ $cur == -* ]]; then _replug_offer --help --version; else
			_replug_offer list pulse on off toggle get release
		fi
		return
	fi
	_replug_arguments --for --channel --protocol
	case ${words[1]} in
	list) options=(--json) target='' ;;
	pulse) options=(--channel= --protocol= --for= --dry-run) ;;
	on | toggle) options=(--channel= --protocol= --dry-run) ;;
	off) options=(--channel= --protocol= --all --dry-run) ;;
	get) options=(--channel= --protocol=) ;;
	release) target='' ;;
	*) return ;;
	esac
	if [[ $target ]]; then
		_replug_value --channel 1 2 3 4 5 6 7 8 && return
		_replug_value --protocol dcttech lcus lcus-hid diustou kmtronic ucreatefun icse custom && return
		[[ ${words[1]} != pulse ]] || ! _replug_value --for || return
	fi
	if [[ $cur == -* ]]; then
		_replug_offer "${options[@]}" --help
	elif [[ $target && $cur == /* ]]; then
		compopt -o default 2>/dev/null
	elif [[ $target && $arguments == 0 ]]; then
		_replug_read
		_replug_offer "${relays[@]}" "${boards[@]}"
	fi
}

complete -F _replug replug
complete -F _replug_relay replug-relay
