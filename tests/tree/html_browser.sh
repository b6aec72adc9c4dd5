#!/bin/sh
# SPDX-License-Identifier: MIT
# Shows the HTML manual to a browser, at 1280 and at 400 pixels: html_browser.sh DIRECTORY. No page may be wider than
# its window, and no name of an option broken into lines. Needs chromium; make check-html runs it.
set -eu
html=$(cd "$1" && pwd)
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
	echo 'html_browser.sh: no chromium'
	exit 77
}
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
trap 'exit 1' HUP INT TERM

# Every page in a frame of each width, one after the other; what is too wide becomes the text of the page.
{
	cat <<'END'
<!DOCTYPE html>
<title>All pages</title>
<pre id="said"></pre>
<script>
const said = [];
async function show(page, width) {
	const frame = document.createElement("iframe");
	frame.style = `width: ${width}px; height: 800px; border: 0`;
	await new Promise(done => { frame.onload = done; frame.src = page; document.body.append(frame); });
	const root = frame.contentDocument.scrollingElement, inner = frame.contentWindow.innerWidth;
	if (inner != width || root.scrollWidth > inner)
		said.push(`${page}: ${root.scrollWidth} pixels wide, in a window of ${inner}`);
	for (const image of frame.contentDocument.images)
		if (!image.complete || image.naturalWidth == 0)
			said.push(`${page}: ${image.src} is not shown`);
	for (const option of frame.contentDocument.querySelectorAll("code.Fl"))
		if (option.getClientRects().length > 1)
			said.push(`${page}: ${option.textContent} is broken into lines`);
	frame.remove();
}
onload = async () => {
	try {
		for (const width of [1280, 400])
			for (const page of pages)
				await show(page, width);
		said.push(`shown: ${2 * pages.length}`);
	} catch (error) {
		said.push(String(error));
	}
	document.getElementById("said").textContent = `\n${said.join("\n")}\n`;
};
END
	printf 'const pages = [\n'
	# Not those that lead to another page at once.
	grep -L 'http-equiv="refresh"' "$html"/*.html | sed 's|.*|"file://&",|'
	printf '];\n</script>\n'
} >"$temp/all.html"
timeout 300 "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
	--disable-background-networking --disable-component-update --disable-sync --allow-file-access-from-files \
	--user-data-dir="$temp/profile" --window-size=1400,1000 --virtual-time-budget=120000 --dump-dom \
	"file://$temp/all.html" >"$temp/dom" 2>"$temp/err" || {
	cat "$temp/err"
	exit 1
}
sed -n '/<pre id="said">/,/<\/pre>/p' "$temp/dom" | sed 's/<[^>]*>//g; /^$/d' >"$temp/said"
cat "$temp/said"
wanted=$((2 * $(grep -c '^"file:' "$temp/all.html")))
[ "$(cat "$temp/said")" = "shown: $wanted" ]
