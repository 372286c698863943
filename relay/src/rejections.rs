//! The one table of rejections: the HTTP status of each, in the HTTP API and in the original's interface. The code of a
//! rejection is [`CommandRejection::code`], and its words are those of its `Display`.

use axum::http::StatusCode;
use shared::ledger::Rejection;
use shared::replica::io::CommandRejection;

use crate::node::{NoRoom, NotAsked};

/// The HTTP statuses for one rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statuses {
    /// In the HTTP API.
    pub api: StatusCode,
    /// In the original's interface, which knows fewer.
    pub legacy: StatusCode,
}

const fn statuses(api: StatusCode, legacy: StatusCode) -> Statuses {
    Statuses { api, legacy }
}

const CONFLICT: Statuses = statuses(StatusCode::CONFLICT, StatusCode::CONFLICT);
const NOT_FOUND: Statuses = statuses(StatusCode::NOT_FOUND, StatusCode::CONFLICT);
const UNPROCESSABLE: Statuses = statuses(StatusCode::UNPROCESSABLE_ENTITY, StatusCode::UNPROCESSABLE_ENTITY);
/// The original's programs cannot send such a request, so its interface has no status for it.
const UNPROCESSABLE_HERE: Statuses = statuses(StatusCode::UNPROCESSABLE_ENTITY, StatusCode::CONFLICT);
const UNAVAILABLE: Statuses = statuses(StatusCode::SERVICE_UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE);

/// The statuses for a command that was rejected.
pub fn of_command(rejection: &CommandRejection) -> Statuses {
    match rejection {
        CommandRejection::Refused(rejection) => of_log(rejection),
        CommandRejection::UnknownRecord => NOT_FOUND,
        CommandRejection::Schema(_) => UNPROCESSABLE,
        CommandRejection::TooLarge => statuses(StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNPROCESSABLE_ENTITY),
        CommandRejection::TooManyWaiting { .. } | CommandRejection::Shedding { .. } => UNAVAILABLE,
        // The original's programs have no keys.
        CommandRejection::NoMajority => statuses(StatusCode::SERVICE_UNAVAILABLE, StatusCode::CONFLICT),
        CommandRejection::NotForTabs => statuses(StatusCode::FORBIDDEN, StatusCode::CONFLICT),
        CommandRejection::OutOfDots(_)
        | CommandRejection::NothingToUndo
        | CommandRejection::ChangedSince
        | CommandRejection::VotersAway { .. }
        | CommandRejection::Restored
        | CommandRejection::StillInUse { .. } => CONFLICT,
    }
}

/// The statuses for a rejection by the log.
pub fn of_log(rejection: &Rejection) -> Statuses {
    match rejection {
        Rejection::OutOfRange { .. } => UNPROCESSABLE,
        Rejection::RangeLength { .. } | Rejection::BadSetting { .. } | Rejection::KeyUsedOtherwise => {
            UNPROCESSABLE_HERE
        }
        Rejection::UnknownConflict => NOT_FOUND,
        Rejection::NumberTaken { .. }
        | Rejection::NumberLeased { .. }
        | Rejection::AlreadyNumbered { .. }
        | Rejection::NotNumbered
        | Rejection::Changed { .. }
        | Rejection::Exhausted
        | Rejection::TooFarAhead { .. }
        | Rejection::Forgotten
        | Rejection::Repeated
        | Rejection::OtherEpoch { .. }
        | Rejection::ResolvedAlready { .. }
        | Rejection::OtherConfiguration { .. }
        | Rejection::ReconfigurationUnderWay { .. }
        | Rejection::NoVoters
        | Rejection::TwoVoters
        | Rejection::TooManyVoters => CONFLICT,
    }
}

/// The status for a room that cannot be used, the same in both interfaces.
pub fn of_room(no_room: &NoRoom) -> StatusCode {
    match no_room {
        NoRoom::Missing => StatusCode::NOT_FOUND,
        NoRoom::TooFast => StatusCode::TOO_MANY_REQUESTS,
        NoRoom::ReadFailed => StatusCode::INTERNAL_SERVER_ERROR,
        NoRoom::Stopping | NoRoom::Unknown | NoRoom::TooMany { .. } | NoRoom::Failed | NoRoom::Closed => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// The status for a change of the voters that no room was asked for.
pub fn of_voters(not_asked: &NotAsked) -> StatusCode {
    match not_asked {
        NotAsked::NotLinked(_) => StatusCode::CONFLICT,
        NotAsked::NoRoom | NotAsked::NotFounded => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_of_the_log_has_the_statuses_of_the_log_whoever_reports_it() {
        let refused = |rejection| of_command(&CommandRejection::Refused(rejection));
        assert_eq!(refused(Rejection::NotNumbered), CONFLICT);
        assert_eq!(refused(Rejection::UnknownConflict).api, StatusCode::NOT_FOUND);
        assert_eq!(refused(Rejection::OutOfRange { number: 0 }), UNPROCESSABLE);
        assert_eq!(CommandRejection::Refused(Rejection::NotNumbered).code(), "not-numbered");
    }
}
