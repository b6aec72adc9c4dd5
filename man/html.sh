#!/bin/sh
# SPDX-License-Identifier: MIT
# Renders the manual as linked HTML pages: html.sh MAN-DIRECTORY OUTPUT-DIRECTORY. $MANDOC: the mandoc to use.
set -eu
man=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
mandoc=${MANDOC:-mandoc}

# mandoc links a page that lies in the current directory by the first form, any other by the second.
cd "$man"
up='<p class="up"><a href="index.html">The libshmemq manual</a></p>'
links='man=%N.%S.html;https://manpages.debian.org/%N.%S'

head_of() # TITLE
{
	printf '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
	printf '<meta name="viewport" content="width=device-width, initial-scale=1.0"/>\n'
	printf '<link rel="stylesheet" href="style.css"/>\n<title>%s</title>\n' "$1"
}

# A page that is only another name of TARGET.
alias_of() # PAGE TARGET
{
	head_of "$1"
	printf '<meta http-equiv="refresh" content="0; url=%s.html"/>\n</head>\n<body>\n' "$2"
	printf '<p>See <a href="%s.html">%s</a>.</p>\n</body>\n</html>\n' "$2" "$2"
}

# One line of the index: the names of a page and what it is about.
entry() # PAGE
{
	section=${1##*.}
	printf '<dt>'
	sed -n 's/^\.Nm \([a-z_.-]*\).*/\1/p; /^\.Nd/q' "$1" | while read -r name; do
		printf '<a href="%s.%s.html">%s(%s)</a> ' "$name" "$section" "$name" "$section"
	done
	printf '</dt>\n<dd>%s</dd>\n' "$(sed -n 's/^\.Nd //p' "$1")"
}

cp style.css "$out"
for page in *.[1-9]; do
	target=$(sed -n '1s|^\.so man[1-9]/||p' "$page")
	if [ -n "$target" ]; then
		alias_of "$page" "$target"
	else
		html=$("$mandoc" -Thtml -O "$links,style=style.css,toc" "$page")
		printf '%s\n' "$html" | sed "s|^<body>\$|<body>$up|"
	fi >"$out/$page.html"
done
{
	head_of 'The libshmemq manual'
	printf '</head>\n<body>\n<h1>The libshmemq manual</h1>\n<dl class="index">\n'
	for page in *.7 *.1 *.3 *.5; do
		[ ! -e "$page" ] || grep -q '^\.so' "$page" || entry "$page"
	done
	printf '</dl>\n</body>\n</html>\n'
} >"$out/index.html"
