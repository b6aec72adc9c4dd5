# SPDX-License-Identifier: MIT
"""Checks the links of the HTML pages in a directory: each leads to a file of it, and to a place in that file.

Usage: html_links.py DIRECTORY. Prints the dead links. Links to other sites are not followed, but none may be for a page
of this manual.
"""

import pathlib
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links, self.places = [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name == "id":
                if value in self.places:
                    self.links.append(f"#{value} (twice)")
                self.places.add(value)
            elif name == "content" and value and "url=" in value:
                self.links.append(value.split("url=")[1])


def dead(page, link):
    parts = urlsplit(link)
    if parts.scheme:
        return "/shmemq" in parts.path
    target = unquote(parts.path) or page
    if target not in pages:
        return not (directory / target).is_file()
    return bool(parts.fragment) and unquote(parts.fragment) not in pages[target].places


directory = pathlib.Path(sys.argv[1])
pages = {path.name: Page(path) for path in sorted(directory.glob("*.html"))}
found = [f"{name}: {link}" for name, page in pages.items() for link in page.links if dead(name, link)]
reached, next_ones = set(), {"index.html"}
while next_ones:
    reached |= next_ones
    links = {urlsplit(link).path for name in next_ones for link in pages[name].links}
    next_ones = (links & pages.keys()) - reached
found += [f"{name}: no way from index.html leads there" for name in pages.keys() - reached]
print(*found, sep="\n", end="\n" if found else "")
sys.exit(bool(found))
