//! The state that all handlers share.

use std::sync::Arc;

use crate::config::Config;
use crate::node::NodeHandle;

/// The state that every handler sees.
#[derive(Clone, Debug)]
pub struct App {
    pub config: Arc<Config>,
    pub node: NodeHandle,
}
