# SPDX-License-Identifier: MIT
# AX_SHMEMQ_CFLAG(FLAG): adds FLAG to SHMEMQ_CFLAGS if the compiler takes it.
AC_DEFUN([AX_SHMEMQ_CFLAG],
  [AC_MSG_CHECKING([whether $CC takes $1])
   save_CFLAGS=$CFLAGS
   CFLAGS="$CFLAGS -Werror $1"
   AC_COMPILE_IFELSE([AC_LANG_PROGRAM],
     [AC_MSG_RESULT([yes])
      SHMEMQ_CFLAGS="$SHMEMQ_CFLAGS $1"],
     [AC_MSG_RESULT([no])])
   CFLAGS=$save_CFLAGS])

# AX_SHMEMQ_CXX17: sets SHMEMQ_CXXFLAGS to what makes $CXX compile C++17 with the warnings of this project, and to
# $CC's instrumentation, and the conditional HAVE_CXX17 if it does, links, and is the same compiler where that matters.
AC_DEFUN([AX_SHMEMQ_CXX17],
  [have_cxx17=no
   instrumented=
   for flag in $SHMEMQ_CFLAGS; do
     AS_CASE([$flag], [-f*|--coverage], [instrumented="$instrumented $flag"])
   done
   c_clang=no
   AS_IF([test -n "$instrumented"], [AC_COMPILE_IFELSE([AC_LANG_SOURCE([[#ifndef __clang__
       #error
       #endif]])], [c_clang=yes])])
   AC_LANG_PUSH([C++])
   save_CXXFLAGS=$CXXFLAGS
   save_LDFLAGS=$LDFLAGS
   LDFLAGS="$LDFLAGS $SHMEMQ_LDFLAGS"
   AC_MSG_CHECKING([for a C++17 compiler])
   warnings="-Wall -Wextra -Wshadow -Wold-style-cast -pedantic"
   AS_IF([test "x$enable_werror" = xyes], [warnings="$warnings -Werror"])
   for flag in '' -std=gnu++17; do
     CXXFLAGS="$save_CXXFLAGS $flag $warnings$instrumented"
     AS_IF([test $have_cxx17 = no],
       [AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <optional>]], [[return std::optional<int>(0).value();]])],
          [have_cxx17=yes
           SHMEMQ_CXXFLAGS="$flag $warnings$instrumented"])])
   done
   cxx_clang=no
   AS_IF([test -n "$instrumented"], [AC_COMPILE_IFELSE([AC_LANG_SOURCE([[#ifndef __clang__
       #error
       #endif]])], [cxx_clang=yes])])
   AS_IF([test $c_clang != $cxx_clang], [have_cxx17=no])
   AC_MSG_RESULT([$have_cxx17])
   CXXFLAGS=$save_CXXFLAGS
   LDFLAGS=$save_LDFLAGS
   AC_LANG_POP([C++])
   AC_SUBST([SHMEMQ_CXXFLAGS])
   AM_CONDITIONAL([HAVE_CXX17], [test $have_cxx17 = yes])])
