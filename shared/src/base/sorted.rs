//! Maps and sets in the order of their keys, for few keys and for many.
//!
//! They replace the B-trees of the standard library, whose code is compiled anew for each pair of types: up to 9 KB of
//! WebAssembly for each. Here the code that searches and moves keys is compiled once for each type of key. The order of
//! iteration and the bytes of `serde` are those of the B-trees.
//!
//! The keys are in chunks of at most [`CHUNK`], which ascend. A search looks among the last keys of the chunks, and then in
//! one chunk. Inserting and removing move the rest of one chunk, whatever the number of keys. Once in half a chunk of new
//! keys, they move the list of chunks, too, which has less than one word per key.

mod map;
mod set;
#[cfg(test)]
mod tests;

pub use map::{Entry, Iter, SortedMap};
pub use set::SortedSet;

/// Keys in one chunk at the most.
const CHUNK: usize = 64;

/// The place of one key. The place behind all keys is the beginning of a chunk that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    chunk: usize,
    at: usize,
}

/// Puts a value in its place. A full chunk is split in two first; at the end of all values, a new chunk begins instead.
/// Returns the place where the value is then.
fn insert_at<T>(chunks: &mut Vec<Vec<T>>, Place { mut chunk, mut at }: Place, value: T) -> Place {
    match chunks.get_mut(chunk) {
        None => chunks.push(Vec::new()),
        Some(full) if full.len() == CHUNK => {
            let is_last = at == CHUNK;
            let kept = if is_last { CHUNK } else { CHUNK / 2 };
            let moved = full.split_off(kept);
            chunks.insert(chunk + 1, moved);
            if at > kept || is_last {
                (chunk, at) = (chunk + 1, at - kept);
            }
        }
        Some(_) => {}
    }
    chunks[chunk].insert(at, value);
    Place { chunk, at }
}

/// Takes a value out of its place. No chunk stays empty.
fn remove_at<T>(chunks: &mut Vec<Vec<T>>, Place { chunk, at }: Place) -> T {
    let value = chunks[chunk].remove(at);
    if chunks[chunk].is_empty() {
        chunks.remove(chunk);
    }
    value
}
