#!/bin/sh
# SPDX-License-Identifier: MIT
# Renders the manual, README and doc/ as linked HTML pages: html.sh MAN-DIRECTORY OUTPUT-DIRECTORY. $MANDOC and
# $LOWDOWN: the programs to use.
set -eu
man=$1
mkdir -p "$2"
out=$(cd "$2" && pwd)
mandoc=${MANDOC:-mandoc}
lowdown=${LOWDOWN:-lowdown}

# mandoc links a page that lies in the current directory by the first form, any other by the second.
cd "$man"
up='<p class="up"><a href="index.html">The libshmemq manual</a></p>'
links='man=%N.%S.html;https://manpages.debian.org/%N.%S'

head_of() # TITLE
{
	printf '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
	printf '<meta name="viewport" content="width=device-width, initial-scale=1.0"/>\n'
	printf '<meta name="color-scheme" content="light dark"/>\n'
	printf '<link rel="stylesheet" href="style.css"/>\n<title>%s</title>\n' "$1"
}

# A page that is only another name of TARGET.
alias_of() # PAGE TARGET
{
	head_of "$1"
	printf '<meta http-equiv="refresh" content="0; url=%s.html"/>\n</head>\n<body>\n' "$2"
	printf '<p>See <a href="%s.html">%s</a>.</p>\n</body>\n</html>\n' "$2" "$2"
}

# A list of pages: the names of each, and what it is about.
entries() # HEADING PAGE...
{
	printf '<h3>%s</h3>\n<dl class="index">\n' "$1"
	shift
	for page in "$@"; do
		! grep -q '^\.so' "$page" || continue
		section=${page##*.}
		printf '<dt>'
		sed -n 's/^\.Nm \([a-z_.-]*\).*/\1/p; /^\.Nd/q' "$page" | while read -r name; do
			printf '<a href="%s.%s.html">%s(%s)</a> ' "$name" "$section" "$name" "$section"
		done
		printf '</dt>\n<dd>%s</dd>\n' "$(sed -n 's/^\.Nd //p' "$page")"
	done
	printf '</dl>\n'
}

# A text in Markdown. Pages and texts that it names become links.
text() # FILE [UP]
{
	"$lowdown" -thtml --parse-no-intraemph "$1" |
		sed 's|\(shmemq[a-z_.-]*\)(\([1-9]\))|<a href="\1.\2.html">&</a>|g
			s|doc&#47;\([a-z-]*\)\.md|<a href="\1.html">&</a>|g
			s|href="\([a-z-]*\)\.md|href="\1.html|g' >"$out/text"
	head_of "$(sed -n 's|^<h1[^>]*>\(.*\)</h1>$|\1|p' "$out/text")"
	printf '</head>\n<body>\n%s\n' "${2-}"
	sed -e "\|^<p>PAGES</p>\$|r $out/pages" -e '//d' "$out/text"
	printf '</body>\n</html>\n'
}

cp style.css ../doc/*.svg "$out"
for page in *.[1-9]; do
	target=$(sed -n '1s|^\.so man[1-9]/||p' "$page")
	if [ -n "$target" ]; then
		alias_of "$page" "$target"
	else
		html=$("$mandoc" -Thtml -O "$links,style=style.css,toc" "$page")
		printf '%s\n' "$html" | sed "s|^<body>\$|<body>$up|
			s|^<head>\$|<head><meta name=\"color-scheme\" content=\"light dark\"/>|"
	fi >"$out/$page.html"
done
for file in ../doc/*.md; do
	text "$file" "$up" >"$out/$(basename "$file" .md).html"
done
text ../README "$up" >"$out/readme.html"
{
	entries 'Overview' ./*.7
	entries 'Commands' ./*.1
	entries 'Functions' ./*.3
	entries 'Formats' ./*.5
} >"$out/pages"
text index.md >"$out/index.html"
rm "$out/text" "$out/pages"
