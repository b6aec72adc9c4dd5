#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes a Debian system of this machine's release, from its mirror, in a directory or a tarball. Needs mmdebstrap.
# debian.sh TARGET MMDEBSTRAP-OPTION...
set -eu
target=$1
shift
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016 # apt's own variables
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' "Release: $release" |
	sort -u | grep " $release main$" | nice mmdebstrap --quiet "$@" "$release" "$target" -
