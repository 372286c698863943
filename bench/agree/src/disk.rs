//! The disk itself.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::tempfile_in;

const BLOCK: [u8; 4096] = [7; 4096];
const MEASURED: Duration = Duration::from_secs(1);

/// How many blocks of 4 KiB can be appended to a file in `data` in a second, when each is flushed with fdatasync.
pub fn appends_per_second(data: &Path) -> f64 {
    let mut file: File = tempfile_in(data).expect("a file on the disk");
    let start = Instant::now();
    let mut appends = 0;
    while start.elapsed() < MEASURED {
        file.write_all(&BLOCK).expect("room on the disk");
        file.sync_data().expect("a disk that works");
        appends += 1;
    }
    f64::from(appends) / start.elapsed().as_secs_f64()
}

/// How many flushes the disks of this machine have carried out, whoever has asked for them.
pub fn flushes() -> u64 {
    flushes_in(&fs::read_to_string("/proc/diskstats").expect("Linux counts what disks do"))
}

fn flushes_in(diskstats: &str) -> u64 {
    // Documentation/admin-guide/iostats.rst of Linux: after three columns that name the disk, flushes are field 16.
    diskstats.lines().filter_map(|line| line.split_whitespace().nth(18)?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flushes_of_all_disks_are_counted() {
        let diskstats = " 254 0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 42 17\n 7 0 loop0 1 2 3 4 5 6 7 8 9 10 11\n";
        assert_eq!(flushes_in(diskstats), 42);
    }
}
