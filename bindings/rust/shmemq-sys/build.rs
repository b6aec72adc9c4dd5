// SPDX-License-Identifier: MIT
//! Tells cargo where libshmemq is: in SHMEMQ_LIB_DIR if that is set, else where pkg-config says. With SHMEMQ_STATIC=1
//! the static library is linked.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for name in [
        "SHMEMQ_LIB_DIR",
        "SHMEMQ_STATIC",
        "PKG_CONFIG",
        "PKG_CONFIG_PATH",
        "PKG_CONFIG_LIBDIR",
        "PKG_CONFIG_SYSROOT_DIR",
    ] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let wants_static = env::var("SHMEMQ_STATIC").map_or(false, |value| !value.is_empty() && value != "0");
    let kind = if wants_static { "static" } else { "dylib" };
    if let Ok(dir) = env::var("SHMEMQ_LIB_DIR") {
        println!("cargo:rustc-link-search=native={dir}");
        println!("cargo:rustc-link-lib={kind}=shmemq");
        return;
    }
    for word in pkg_config(wants_static).split_whitespace() {
        if let Some(dir) = word.strip_prefix("-L") {
            println!("cargo:rustc-link-search=native={dir}");
        } else if word == "-lshmemq" {
            println!("cargo:rustc-link-lib={kind}=shmemq");
        } else if let Some(library) = word.strip_prefix("-l") {
            println!("cargo:rustc-link-lib={library}");
        }
    }
}

/// What pkg-config prints for the linker. Ends the build if it prints none.
fn pkg_config(wants_static: bool) -> String {
    let program = env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".into());
    let mut command = Command::new(&program);
    command.args(["--libs", "libshmemq"]);
    if wants_static {
        command.arg("--static");
    }
    let problem = match command.output() {
        Ok(output) if output.status.success() => return String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => format!("{program}: {error}"),
    };
    eprintln!("libshmemq was not found: install it, or set PKG_CONFIG_PATH or SHMEMQ_LIB_DIR.\n{problem}");
    std::process::exit(1);
}
