#!/bin/sh
# SPDX-License-Identifier: MIT
# Prints src/bindings.rs, made of the header by bindgen 0.60 (Debian 12): bindgen.sh INCLUDE-DIRECTORY
set -eu
# Without libc's own names of integers, some of which are right on 64 bits alone.
bindgen --rust-target 1.47 --no-layout-tests --size_t-is-usize --default-macro-constant-type unsigned \
	--raw-line '// SPDX-License-Identifier: MIT' \
	--allowlist-function 'shmemq_.*' --allowlist-type 'shmemq.*' --allowlist-var 'SHMEMQ_.*' \
	"$1/shmemq.h" -- -I"$1" | sed '/^pub type __u\{0,1\}int[0-9]*_t/d'
