# SPDX-License-Identifier: MIT
# Completes a line as fish would, and prints the candidates.
# Usage: fish --no-config complete.fish DIRECTORY LINE
# DIRECTORY: has the files to test, COMMAND.fish. LINE: the line up to the cursor.
set fish_complete_path $argv[1]
complete -C $argv[2] | string replace --regex '\t.*' ''
