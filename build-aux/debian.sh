#!/bin/sh
# SPDX-License-Identifier: MIT
# A Debian in a directory: the release and the mirror that this machine has. Needs mmdebstrap.
# debian.sh DIRECTORY MMDEBSTRAP-OPTION...
set -eu
directory=$1
shift
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016 # apt's own variables
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' "Release: $release" |
	sort -u | grep " $release main$" | nice mmdebstrap --quiet "$@" "$release" "$directory" -
