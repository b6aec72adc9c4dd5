#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes a Debian system, from the mirror of this machine, in a directory or a tarball: of the release of this machine,
# or of RELEASE in the environment. Needs mmdebstrap. debian.sh TARGET MMDEBSTRAP-OPTION...
set -eu
target=$1
shift
here=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
release=${RELEASE:-$here}
# shellcheck disable=SC2016 # apt's own variables
apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' "Release: $here" |
	sort -u | sed -n "s/ $here main$/ $release main/p" | nice mmdebstrap --quiet "$@" "$release" "$target" -
