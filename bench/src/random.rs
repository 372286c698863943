//! Numbers that look random and are the same in every run.

/// The `index`-th output of SplitMix64 (Steele, Lea and Flood, 2014) seeded with 0: different for every index.
pub fn random(index: u64) -> u64 {
    let z = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
