// SPDX-License-Identifier: MIT
module shmemq

go 1.19
