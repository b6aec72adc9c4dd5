#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes configure. First installs missing Debian packages, as listed in build-aux/packages.list: with --deps, those for
# building and testing; with --deps=bindings, also those for testing bindings/; with --deps=browser, also those of make
# check-html; with --deps=ci, also those of .ci/run; with --deps=release, also those of make release-check; with
# --deps=bench, those for building and measuring.
set -eu
cd "$(dirname "$0")"

usage()
{
	echo "usage: $0 [--deps | --deps=bindings | --deps=browser | --deps=ci | --deps=release | --deps=bench]" >&2
	exit 2
}

install_missing()
{
	missing=
	wanted=$(awk -v stages="$1" '$1 ~ "^(" stages ")$" { print $2 }' build-aux/packages.list)
	for package in $wanted; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
			missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	root=
	if [ "$(id -u)" -ne 0 ]; then
		root=sudo
		command -v sudo >/dev/null || {
			echo "$0: run this as root or install sudo, or install these packages by hand:$missing" >&2
			exit 1
		}
	fi
	echo "installing:$missing"
	export DEBIAN_FRONTEND=noninteractive
	$root apt-get update -q
	# shellcheck disable=SC2086 # a list of words
	$root apt-get install -q -y --no-install-recommends $missing
}

case ${1-} in
'') ;;
--deps) stages='build|check' ;;
--deps=bindings) stages='build|check|bindings' ;;
--deps=browser) stages='build|check|browser' ;;
--deps=ci) stages='build|check|bindings|ci' ;;
--deps=release) stages='build|check|bindings|ci|browser|release' ;;
--deps=bench) stages='build|bench' ;;
*) usage ;;
esac
[ $# -le 1 ] || usage
if [ -n "${stages-}" ]; then
	command -v apt-get >/dev/null || {
		echo "$0: --deps needs apt-get; without it install the packages of build-aux/packages.list by hand" >&2
		exit 1
	}
	install_missing "$stages"
fi
autoreconf --force --install
