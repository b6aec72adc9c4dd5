#!/bin/sh
# SPDX-License-Identifier: MIT
# The package for Python: a wheel is built against the installed library, its types are checked, and its tests pass.
# SHMEMQ_TEST_BINDINGS=no: not in this configuration.
set -eu

skip()
{
	echo "python.sh: skipped: $*"
	exit 77
}

[ "${SHMEMQ_TEST_BINDINGS-}" != no ] || skip 'SHMEMQ_TEST_BINDINGS=no'
case ${SHMEMQ_CFLAGS-} in
*-fsanitize*) skip 'the interpreter is not instrumented' ;;
esac

# usable PYTHON: whether the wheel can be built and tested with it
usable()
{
	"$1" -c '
import mesonpy, numpy, os, pytest, sys, sysconfig
sys.exit(sys.version_info < (3, 11) or not os.path.exists(sysconfig.get_path("include") + "/Python.h"))
' 2>/dev/null
}
python=
# The first in PATH may not be the distribution's, for which its packages are.
for candidate in python3 /usr/bin/python3; do
	if [ -z "$python" ] && command -v "$candidate" >/dev/null && usable "$candidate"; then
		python=$candidate
	fi
done
[ -n "$python" ] || skip 'no Python from 3.11 on with its headers, meson-python, pytest and numpy'
command -v meson >/dev/null || skip 'no meson'

# shellcheck source=tests/tree/install_lib.sh
. "${srcdir:-.}/tests/tree/install_lib.sh"

# Of another machine or C library, or static.
export LD_LIBRARY_PATH="$libdir"
"$python" -c 'import ctypes; ctypes.CDLL("libshmemq.so.0")' 2>"$root/log" ||
	skip "$python cannot load the library: $(tail -n 1 "$root/log")"

# The library is found by paths of its own, not relative to $root: Python's are not.
mkdir "$root/pc"
sed "s|^prefix=|prefix=$root|" "$pc" >"$root/pc/libshmemq.pc"
export PKG_CONFIG_PATH="$root/pc"
unset PKG_CONFIG_SYSROOT_DIR

cp -R "$srcdir/bindings/python" "$root/python"
chmod -R u+w "$root/python"
cd "$root/python"
mkdir dist
unset CC CXX LDFLAGS
export CFLAGS='-Wall -Wextra -Wshadow -Werror'
"$python" -c 'import mesonpy; mesonpy.build_wheel("dist")' >"$root/log" 2>&1 || {
	cat "$root/log"
	fail "the wheel cannot be built"
}
"$python" -m zipfile -e dist/*-cp311-abi3-*.whl "$root/site"

if command -v mypy >/dev/null; then
	mypy --strict --python-executable "$python" --cache-dir "$root/mypy" shmemq examples || fail "mypy objects"
else
	echo 'python.sh: left out: mypy is missing'
fi

# Not beside the sources, where the package would be found without its extension.
cd "$root"
export PYTHONPATH="$root/site" PYTHONDONTWRITEBYTECODE=1
"$python" -X dev -m pytest -q -p no:cacheprovider --capture=sys python/tests
