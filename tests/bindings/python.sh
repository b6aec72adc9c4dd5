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
[ -e /proc/self/fd ] || skip 'no /proc, which queues without a name need'
case ${SHMEMQ_CFLAGS-} in
*-fsanitize*) skip 'the interpreter is not instrumented' ;;
esac

: "${srcdir:=.}"
# shellcheck source=tests/bindings/python_wheel.sh
. "$srcdir/tests/bindings/python_wheel.sh"
find_python 'numpy, pytest'
[ -n "$python" ] || skip 'no meson, or no Python from 3.11 on with its headers, meson-python, pytest and numpy'

# shellcheck source=tests/tree/install_lib.sh
. "$srcdir/tests/tree/install_lib.sh"
inotify_left || skip 'no inotify instance left'

loads_library || skip "$python cannot load the library: $(tail -n 1 "$root/log")"
build_wheel
export LD_LIBRARY_PATH="$libdir"
cd "$root/python"

if command -v mypy >/dev/null; then
	mypy --strict --python-executable "$python" --cache-dir "$root/mypy" shmemq examples || fail "mypy objects"
else
	echo 'python.sh: left out: mypy is missing'
fi

# Not beside the sources, where the package would be found without its extension.
cd "$root"
export PYTHONPATH="$root/site" PYTHONDONTWRITEBYTECODE=1
"$python" -X dev -m pytest -q -p no:cacheprovider --capture=sys python/tests
