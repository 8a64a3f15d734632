# ask.zsh DIRECTORY QUESTIONS ANSWERS: for each line of QUESTIONS, the line, a tab, and what zsh would complete its last
# word to. Completion needs the line editor, and that a terminal.
if [[ -z $ASKED ]]; then
	zmodload zsh/zpty
	zpty asked "ASKED=yes zsh -f -i"
	zpty -w asked "source ${(q)0} ${(q)@}"
	zpty -r -m asked output '*READY'
	zpty -n -w asked $'\C-t'
	zpty -r -m asked output '*DONE'
	zpty -d asked
	exit
fi
fpath=($1 $fpath) questions=$2 answers=$3
autoload -Uz compinit
compinit -C -d $answers.dump # the next one need not look for them again
compadd() {
	local -a matches
	builtin compadd -O matches "$@"
	answer+=($matches)
	builtin compadd "$@"
}
look() { answer=(); _main_complete; compstate[insert]='' compstate[list]='' }
zle -C look complete-word look
ask-all() {
	local line
	while IFS= read -r line; do
		BUFFER=$line CURSOR=$#line answer=()
		zle look
		print -r -- $line$'\t'$answer
	done <$questions >$answers 2>$answers.err
	print DONE
}
zle -N ask-all
bindkey '^T' ask-all
print READY
