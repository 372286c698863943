//! An import under way: line by line, as fast as the tab and its relay can take it.

use std::collections::VecDeque;
use std::time::Duration;

use shared::base::id::RecordId;
use shared::base::sorted::SortedMap;
use shared::ledger::Rejection;
use shared::replica::AgreedState;
use shared::replica::io::{CommandRejection, ImportId, Message, Now};

use super::error::{LineError, NumberRefusal};
use super::pace::Pace;
use super::plan::{Plan, Planned};
use super::report::Report;
use super::source::ImportFile;
use crate::session::{NewRecord, NotRegistered, NumberOperation, Session};

/// How many operations an import lets wait, which is half of what the core takes: others have operations, too.
const MOST_WAITING: usize = 2048;
/// When to look again whether there is room.
const PAUSE: Duration = Duration::from_millis(50);
/// How many numbers are looked at in one turn.
const LOOKED_AT: usize = 200;

/// What a turn led to.
#[derive(Debug)]
pub enum Turn {
    /// A line is done; this is to be sent.
    Did(Vec<Message>),
    /// Nothing can be done for so long.
    Wait(Duration),
    /// All lines are read and kept, and all numbers decided as far as can be told.
    Ended,
}

/// An import under way.
pub struct Run {
    file: ImportFile,
    /// Whether lines without a number get the next one.
    number_all: bool,
    pace: Pace,
    /// Its name for the session, once a line is in.
    import: Option<ImportId>,
    /// A line that there was no room for yet.
    held: Option<(usize, NewRecord)>,
    /// The numbers that lines of this file have asked for, with their lines.
    asked: SortedMap<u64, usize>,
    /// Records whose number is not decided, with their lines.
    waiting: VecDeque<(usize, RecordId)>,
    /// Records that would be gone with this tab, in the order in which they were added.
    unkept: VecDeque<RecordId>,
    read: bool,
    report: Report,
}

impl Run {
    /// Begins an import. `number_all`: lines without a number get the next one.
    #[must_use]
    pub fn new(file: ImportFile, number_all: bool, now: Duration) -> Self {
        let mut report = Report::default();
        file.unknown().for_each(|name| report.leave_out(name));
        Run {
            file,
            number_all,
            pace: Pace::new(now),
            import: None,
            held: None,
            asked: SortedMap::new(),
            waiting: VecDeque::new(),
            unkept: VecDeque::new(),
            read: false,
            report,
        }
    }

    /// Returns the name of the file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.file.name
    }

    /// How much of the file is read, from zero to one.
    #[must_use]
    pub fn progress(&self) -> f64 {
        if self.read { 1.0 } else { self.file.progress() }
    }

    /// Whether all lines are read; numbers may still be decided.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.read
    }

    /// Returns the results so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Reads no more lines. What is in stays.
    pub fn cancel(&mut self) {
        (self.read, self.held) = (true, None);
    }

    /// Does one line, or looks at some numbers once all lines are read.
    pub fn turn(&mut self, session: &mut Session, now: Now) -> Turn {
        self.look_at_kept(session);
        if self.read {
            return self.look_at_numbers(session);
        }
        if let Some(wait) = self.pace.wait(now.monotonic) {
            return Turn::Wait(wait);
        }
        if let Some((line, record)) = self.held.take() {
            return self.add(session, now, line, record);
        }
        let Some(Planned { line, plan, unknown }) = self.file.next(session.view().schema()) else {
            self.read = true;
            return Turn::Did(Vec::new());
        };
        unknown.iter().for_each(|name| self.report.leave_out(name));
        match plan {
            Plan::Add(record) => return self.add(session, now, line, record),
            Plan::Blank => self.report.blank += 1,
            Plan::Refuse(why) => self.report.refuse(line, why),
        }
        self.report.last_line = line;
        Turn::Did(Vec::new())
    }

    fn add(&mut self, session: &mut Session, now: Now, line: usize, mut record: NewRecord) -> Turn {
        if self.number_all {
            record.number = record.number.or(Some(NumberOperation::Next));
        }
        let number = record.number;
        if number.is_some() && session.view().pending_operations() >= MOST_WAITING {
            self.held = Some((line, record));
            return Turn::Wait(PAUSE);
        }
        if let Some(NumberOperation::This(number)) = number
            && let Some(earlier) = self.asked.get(&number)
        {
            let earlier = *earlier;
            self.report.refuse(line, LineError::NumberTwice { number, earlier });
            self.report.last_line = line;
            return Turn::Did(Vec::new());
        }
        let (mut sends, outcome) = session.register(now, record.clone());
        self.pace.sent(sends.len());
        match outcome {
            Ok(id) => {
                let import = *self.import.get_or_insert_with(|| session.begin_import(&self.file.name));
                sends.extend(session.join_import(now, import, id));
                self.report.added += 1;
                self.unkept.push_back(id);
                if let Some(NumberOperation::This(number)) = number {
                    self.asked.insert(number, line);
                }
                self.waiting.extend(number.map(|_| (line, id)));
                self.report.waiting = self.waiting.len();
            }
            Err(why) => match wait_for_room(&why) {
                Ok(wait) => {
                    self.held = Some((line, record));
                    return Turn::Wait(wait);
                }
                Err(rejection) => self.report.refuse(line, refusal(session, rejection)),
            },
        }
        self.report.last_line = line;
        Turn::Did(sends)
    }

    /// Which records outlive this tab by now. They are kept in the order in which they were added.
    fn look_at_kept(&mut self, session: &Session) {
        while self.unkept.pop_front_if(|record| session.is_kept(record.0)).is_some() {}
        self.report.kept = self.report.added - self.unkept.len();
    }

    /// Whose numbers are decided; some at a time.
    fn look_at_numbers(&mut self, session: &Session) -> Turn {
        for _ in 0..LOOKED_AT.min(self.waiting.len()) {
            let Some((line, id)) = self.waiting.pop_front() else { break };
            let number = session.view().number(id);
            match (number.state(), number.refused) {
                (AgreedState::Final(_) | AgreedState::Leased(_), _) => self.report.settled += 1,
                (AgreedState::Unreleased(_) | AgreedState::Pending { .. }, _) => self.waiting.push_back((line, id)),
                (AgreedState::Provisional(_) | AgreedState::None, Some(rejection))
                    if session.view().document().contains(id) =>
                {
                    let (name, refusal) = (session.last_name(id), number_refusal(session, rejection));
                    self.report.leave_without_number(line, LineError::LeftWithoutNumber { name, refusal });
                }
                (AgreedState::Provisional(_), _) => self.report.provisional += 1,
                // Its user has freed the number, or removed the record.
                (AgreedState::None, _) => {}
            }
        }
        self.report.waiting = self.waiting.len();
        if self.waiting.is_empty() && self.unkept.is_empty() { Turn::Ended } else { Turn::Wait(PAUSE) }
    }
}

/// How long to wait, if that is all that a line needs.
fn wait_for_room(why: &NotRegistered) -> Result<Duration, &CommandRejection> {
    match why {
        NotRegistered::NotSaidYet | NotRegistered::Rejected(CommandRejection::TooManyWaiting { .. }) => Ok(PAUSE),
        NotRegistered::Rejected(CommandRejection::Shedding { retry_after_ms, .. }) => {
            Ok(Duration::from_millis((*retry_after_ms).into()))
        }
        NotRegistered::Rejected(rejection) => Err(rejection),
    }
}

/// Why a line is not in.
fn refusal(session: &Session, rejection: &CommandRejection) -> LineError {
    match rejection {
        CommandRejection::Refused(rejection) => LineError::NumberRefused(number_refusal(session, *rejection)),
        CommandRejection::Schema(violation) => LineError::Schema(violation.clone()),
        other => LineError::Rejected(other.clone()),
    }
}

fn number_refusal(session: &Session, rejection: Rejection) -> NumberRefusal {
    let owner = match rejection {
        Rejection::NumberTaken { owner, .. } => session.last_name(owner),
        _ => None,
    };
    NumberRefusal { rejection, owner }
}
