//! The concurrent edits, measured in WASM: prints lines of `work engine milliseconds` for the native program to read.

use bench::work::{Concurrent, Work};
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console)]
    fn log(line: &str);
}

fn main() {
    console_error_panic_hook::set_once();
    log(Concurrent::in_rounds().times().trim_end());
}
