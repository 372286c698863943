//! The records that a relay has yet to look through for stamps of a wrong clock.

use crate::base::id::RecordId;
use std::collections::VecDeque;

/// The records that a relay has yet to look through.
#[derive(Debug, Default)]
pub(super) struct Restamping(pub(super) VecDeque<RecordId>);
