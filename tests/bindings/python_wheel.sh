# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# Sourced by the tests that need the package for Python: find_python before install_lib.sh, build_wheel after it.
# shellcheck disable=SC2154 # $srcdir, and $pc, $root and $libdir, which are install_lib.sh's

# find_python MODULES: sets $python to one with which the wheel can be built and that has the modules; else it is empty
find_python()
{
	python=
	command -v meson >/dev/null || return 0
	# The first in PATH may not be the distribution's, for which its packages are.
	for candidate in python3 /usr/bin/python3; do
		if [ -z "$python" ] && command -v "$candidate" >/dev/null && "$candidate" -c "
import mesonpy, os, sys, sysconfig, $1
sys.exit(sys.version_info < (3, 11) or not os.path.exists(sysconfig.get_path('include') + '/Python.h'))
" 2>/dev/null; then
			python=$candidate
		fi
	done
}

# loads_library: whether $python can: it cannot if the library is static, or of another machine or C library
loads_library()
{
	env LD_LIBRARY_PATH="$libdir" "$python" -c 'import ctypes; ctypes.CDLL("libshmemq.so.0")' 2>"$root/log"
}

# build_wheel: builds it in $root/python, a copy of the sources, and unpacks it into $root/site
build_wheel()
{
	# The library is found by paths of its own, not relative to $root: Python's are not.
	mkdir "$root/pc"
	sed "s|^prefix=|prefix=$root|" "$pc" >"$root/pc/libshmemq.pc"
	cp -R "$srcdir/bindings/python" "$root/python"
	chmod -R u+w "$root/python"
	mkdir "$root/python/dist"
	(
		cd "$root/python"
		env -u CC -u CXX -u LDFLAGS -u PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_PATH="$root/pc" \
			CFLAGS='-Wall -Wextra -Wshadow -Werror' LD_LIBRARY_PATH="$libdir" \
			"$python" -c 'import mesonpy; mesonpy.build_wheel("dist")' >"$root/log" 2>&1
	) || {
		cat "$root/log"
		fail "the wheel cannot be built"
	}
	# Its name depends on meson-python: cp311-abi3 by 0.12, of Debian 12; by 0.17, of Debian 13, only if a key of
	# pyproject.toml asks for it, which 0.12 refuses.
	"$python" -m zipfile -e "$root"/python/dist/shmemq-*.whl "$root/site"
}
