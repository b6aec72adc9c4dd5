# SPDX-License-Identifier: MIT
# Completes a line as fish would, and prints the candidates.
# Usage: fish --no-config complete.fish DIRECTORY LINE
# DIRECTORY: has the files to test, COMMAND.fish. LINE: the line up to the cursor.
set fish_complete_path $argv[1]
# fish 4 also prints what only contains the word's letters, and shows that only if nothing begins with the word.
set word (string match --regex '[^ ]*$' -- $argv[2])
for candidate in (complete -C $argv[2] | string replace --regex '\t.*' '')
	test (string sub --length (string length -- $word) -- $candidate) = "$word"
	and echo $candidate
end
