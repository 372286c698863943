//! Checks of a ledger that was read back.

/// # Errors
/// The words of `otherwise`, if an invariant does not hold.
pub(super) fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
