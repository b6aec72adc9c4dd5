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
