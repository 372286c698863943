//! Real processes on this machine, with their data on its disk.

mod etcd;
mod tab;

pub use etcd::{Etcd, EtcdClient};
pub use relays::{NODES, Relays};
pub use tab::Tab;
