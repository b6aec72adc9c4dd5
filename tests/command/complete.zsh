# SPDX-License-Identifier: MIT
# Completes a line as zsh would, and prints the candidates.
# Usage: zsh -f complete.zsh DIRECTORY LINE
# DIRECTORY: has the files to test, _COMMAND. LINE: the line up to the cursor.
# Only an interactive shell completes: this script runs one, on a terminal that nobody sees, which reads this file, too.

if [[ ! -o interactive ]]; then
	zmodload zsh/zpty || exit 77
	export COMPLETE_DIRECTORY=$1 COMPLETE_LINE=$2 COMPLETE_OUT=$(mktemp) COMPLETE_SCRIPT=$0
	zpty shell 'zsh -f -i'
	zpty -w shell 'source $COMPLETE_SCRIPT'
	while zpty -r shell said; do :; done
	sort -u $COMPLETE_OUT
	rm -f $COMPLETE_OUT
	exit
fi

fpath=($COMPLETE_DIRECTORY $fpath)
autoload -Uz compinit
compinit -u -d $COMPLETE_DIRECTORY/dump

# What the completion adds goes to the file, with what comes before and after it in the word.
compadd()
{
	local -a found
	local -A parts

	# -O, -A and -D ask what would be added.
	if [[ -n ${(M)@[1,(i)(-|--)]:#-[OAD]} ]]; then
		builtin compadd "$@"
		return
	fi
	builtin compadd -A found "$@"
	zparseopts -D -E -A parts P: p: S: s: || :
	(($#found == 0)) || print -r -l -- $IPREFIX$parts[-P]$parts[-p]${^found} >>$COMPLETE_OUT
	builtin compadd "$@"
}

# The next prompt completes the line, and ends.
zle -C candidates complete-word _main_complete
zle-line-init()
{
	BUFFER=$COMPLETE_LINE
	CURSOR=$#BUFFER
	zle candidates
	BUFFER=exit
	zle accept-line
}
zle -N zle-line-init
