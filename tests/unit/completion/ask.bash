# shellcheck shell=bash
# ask.bash FILE: for each line of standard input, the line, a tab, and what bash would complete its last word to.
# shellcheck source=/dev/null
. "$1"
while IFS= read -r COMP_LINE; do
	COMP_WORDS=() COMP_POINT=${#COMP_LINE} COMPREPLY=() rest=$COMP_LINE
	# As readline does with = and : among COMP_WORDBREAKS.
	while [[ $rest =~ ^[[:space:]]*([=:]+|[^[:space:]=:]+)(.*)$ ]]; do
		COMP_WORDS+=("${BASH_REMATCH[1]}") rest=${BASH_REMATCH[2]}
	done
	[[ $COMP_LINE != *' ' ]] || COMP_WORDS+=('')
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	typed=${COMP_WORDS[COMP_CWORD]} word=${COMP_LINE##* }
	[[ $typed != [=:]* ]] || typed=''
	complete=$(complete -p "${COMP_WORDS[0]}") || exit
	complete=${complete#complete -F }
	"${complete% *}" "${COMP_WORDS[0]}" "$typed" "${COMP_WORDS[COMP_CWORD - 1]}"
	printf '%s\t' "$COMP_LINE"
	printf '%s\n' "${COMPREPLY[*]/#/${word%"$typed"}}"
done
