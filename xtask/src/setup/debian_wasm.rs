//! Debian's compiler as a WASM toolchain, for machines where rustup may download nothing.
//!
//! Debian packages a Rust new enough for this project, but no standard library for WASM. It is
//! built here once from Debian's sources, put beside the libraries that Debian ships, and the
//! whole is linked into rustup under the name [`TOOLCHAIN`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::apt;
use super::tools_dir::ToolsDir;
use crate::process::{announced, output_of, run_logged};
use crate::workspace::WASM_TARGET;

/// What rustup calls Debian's compiler.
pub const TOOLCHAIN: &str = "debian-wasm";

const PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy", "lld-22"];
const RUSTC: &str = "/usr/bin/rustc";
const LLD: &str = "/usr/lib/llvm-22/bin/lld";
/// Where Debian's compiler looks for the libraries of the target.
const LIBRARIES: &str = "/usr/lib/rustlib/wasm32-unknown-unknown";
/// Names the compiler that the libraries were built by; it reads no others.
const STAMP: &str = "rustc-version";

/// Puts the linker ($3) and the built libraries ($1) where the compiler looks for them ($4, $2).
/// The libraries come last and whole, because their stamp says that everything is in place.
const PUT_IN_PLACE: &str = r#"
mkdir -p "$(dirname "$4")"
ln -sfn "$3" "$4"
rm -rf "$2.new"
cp -r "$1" "$2.new"
rm -rf "$2"
mv "$2.new" "$2"
"#;

/// Installs the toolchain, and renews it when Debian's compiler has changed.
pub fn ensure(dir: &ToolsDir) -> Result<()> {
    if !libraries_are_current() {
        let title = "Installing Debian's Rust for WASM (about half a minute, once per machine)";
        apt::install(title, &PACKAGES, &dir.log(TOOLCHAIN))
            .context("rustup may download nothing here (RUSTUP_AUTO_INSTALL=0)")?;
        announced("Building the standard library for WASM (about a minute, once per machine)", || {
            put_in_place(&build_libraries(dir)?, dir)
        })?;
    }
    if !is_linked() {
        let mut rustup = Command::new("rustup");
        rustup.args(["toolchain", "link", TOOLCHAIN, "/usr"]);
        run_logged(&mut rustup, &dir.log(TOOLCHAIN))?;
    }
    Ok(())
}

fn libraries_are_current() -> bool {
    let built_by = fs::read_to_string(Path::new(LIBRARIES).join(STAMP));
    built_by.is_ok_and(|version| compiler_version().is_ok_and(|current| current == version))
}

fn compiler_version() -> Result<String> {
    output_of(Command::new(RUSTC).arg("--version"))
}

fn is_linked() -> bool {
    let mut rustc = Command::new("rustup");
    rustc.args(["run", TOOLCHAIN, "rustc", "--version"]);
    output_of(&mut rustc).is_ok()
}

/// Builds the standard library as the dependency of an empty crate. Returns a folder laid out as
/// the compiler expects it.
fn build_libraries(dir: &ToolsDir) -> Result<PathBuf> {
    let empty = dir.scratch("empty")?;
    fs::create_dir(empty.join("src"))?;
    fs::write(empty.join("src/lib.rs"), "#![no_std]\n")?;
    fs::write(empty.join("Cargo.toml"), "[package]\nname = \"empty\"\nedition = \"2024\"\n[workspace]\n")?;
    let mut cargo = Command::new("/usr/bin/cargo");
    cargo
        .args(["build", "--release", "--target", WASM_TARGET])
        .args(["-Z", "build-std=std,panic_abort,test"])
        .current_dir(&empty)
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        // Link-time optimisation of the page needs the bitcode.
        .env("RUSTFLAGS", "-Cembed-bitcode=yes -Cdebuginfo=0")
        .env("CARGO_TARGET_DIR", empty.join("target"))
        .env_remove("RUSTUP_TOOLCHAIN");
    run_logged(&mut cargo, &dir.log(TOOLCHAIN))?;
    let built = empty.join("target").join(WASM_TARGET).join("release/deps");
    lay_out(&built, &dir.scratch(WASM_TARGET)?)
}

fn lay_out(built: &Path, folder: &Path) -> Result<PathBuf> {
    let libraries = folder.join("lib");
    fs::create_dir(&libraries)?;
    for entry in fs::read_dir(built)? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        if name.ends_with(".rlib") && !name.starts_with("libempty-") {
            fs::copy(built.join(&name), libraries.join(&name))?;
        }
    }
    fs::write(folder.join(STAMP), compiler_version()?)?;
    Ok(folder.to_owned())
}

fn put_in_place(libraries: &Path, dir: &ToolsDir) -> Result<()> {
    let native = output_of(Command::new(RUSTC).args(["--print", "target-libdir"]))?;
    let linker = Path::new(&native).with_file_name("bin").join("rust-lld");
    let mut shell = apt::as_root("sh")?;
    shell.args(["-ec", PUT_IN_PLACE, "sh"]).args([libraries, Path::new(LIBRARIES)]).args([Path::new(LLD), &linker]);
    run_logged(&mut shell, &dir.log(TOOLCHAIN))
}
