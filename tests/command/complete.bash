# SPDX-License-Identifier: MIT
# Completes a line as bash would, and prints the candidates.
# Usage: bash complete.bash COMPLETION COMMAND LINE
# COMPLETION: the file to test. COMMAND: the command that is completed, by its path. LINE: the line up to the cursor.

# shellcheck source=tools/shmemq.bash
source "$1"
COMP_LINE=$3
COMP_POINT=${#COMP_LINE}

# Splits the line as readline does: at blanks, and each run of the other COMP_WORDBREAKS is a word.
COMP_WORDS=()
word=
kind=blank
for ((i = 0; i < COMP_POINT; i++)); do
	c=${COMP_LINE:i:1}
	case $c in
	[[:blank:]]) now=blank ;;
	[=:]) now='break' ;;
	*) now=text ;;
	esac
	if [[ $now != "$kind" ]]; then
		[[ $kind == blank ]] || COMP_WORDS+=("$word")
		word=
		kind=$now
	fi
	word+=$c
done
if [[ $kind == text ]]; then
	COMP_WORDS+=("$word")
elif [[ $kind == 'break' ]]; then
	COMP_WORDS+=("$word" '')
else
	COMP_WORDS+=('')
fi
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))

"_${COMP_WORDS[0]//-/_}" "$2" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
