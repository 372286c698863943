//! Tells Cargo when the embedded page changes.

fn main() {
    // Only release builds embed the page; debug builds read it from disk while they run. Naming the folder matters
    // for the first time it appears: the files in it are known to the compiler only afterwards.
    let embeds = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    println!("cargo::rerun-if-changed={}", if embeds { "../dist" } else { "build.rs" });
}
