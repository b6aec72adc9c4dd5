#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints libshmemq.cps, the library's description in the Common Package Specification: cps.sh VERSION PREFIX LIBDIR
# INCLUDEDIR SHARED STATIC LIBS-OF-STATIC. What lies in PREFIX is described relative to it, so a tree may be moved.
set -eu
[ $# -eq 7 ]
version=$1 prefix=$2 shared=$5 static=$6 libs=$7

# within DIRECTORY: it, relative to the prefix if it can be.
within()
{
	case $1 in
	"$prefix"/*) echo "@prefix@${1#"$prefix"}" ;;
	*) echo "$1" ;;
	esac
}
libdir=$(within "$3")
includedir=$(within "$4")

# component NAME TYPE FILE [MORE]
component()
{
	printf '%s\t\t"%s": {\n\t\t\t"type": "%s",\n\t\t\t"location": "%s/%s",\n' "$comma" "$1" "$2" "$libdir" "$3"
	# shellcheck disable=SC2059 # the last argument has no %
	printf "${4-}"
	printf '\t\t\t"includes": ["%s"]\n\t\t}' "$includedir"
	comma=',
'
}

cat <<END
{
	"cps_version": "0.13",
	"name": "libshmemq",
	"version": "$version",
	"compat_version": "0.1.0",
	"description": "Message queue in shared memory between two processes",
	"license": "MIT",
END
case $libdir in
@prefix@*) echo "	\"cps_path\": \"$libdir/cps\"," ;;
*) echo "	\"prefix\": \"$prefix\"," ;;
esac
echo '	"default_components": ["shmemq"],'
echo '	"components": {'
comma=
libs=${libs#-l}
libs=${libs:+"\t\t\t\"link_libraries\": [\"$libs\"],\n"}
if [ "$shared" = yes ]; then
	component shmemq dylib libshmemq.so
else
	component shmemq archive libshmemq.a "$libs"
fi
[ "$static" != yes ] || component static archive libshmemq.a "$libs"
printf '\n\t}\n}\n'
