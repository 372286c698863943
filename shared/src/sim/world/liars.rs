//! Tabs that lie: they give one dot to two edits, bring numbers of others, leap with their counters, ask for what only
//! operators may ask for, and repeat what others said. A relay believes what it cannot refute, and then all relays must come to
//! believe the same.

use super::{RELAYS, World};
use crate::base::dot::Dot;
use crate::base::hlc::Stamp;
use crate::base::id::RecordId;
use crate::consensus::Slot;
use crate::ledger::{Operation, Request, RequestId};
use crate::merge::crdt::Version;
use crate::merge::document::{Delta, Live, Packed};
use crate::replica::MAX_LEAP;
use crate::replica::io::{Input, Message, PeerKind, Violation};
use crate::schema::{FieldEdit, FieldId, FieldKind, GivenNumber, Op};
use crate::sim::liar::Liar;
use crate::sim::network::NodeId;
use crate::sim::violated::Violated;

/// How many liars there are at the most.
const MAX_LIARS: usize = 3;

impl World {
    pub(super) fn deceive(&mut self) -> Result<(), Violated> {
        let is_new = self.liars.is_empty() || (self.liars.len() < MAX_LIARS && self.below(4) == 0);
        if is_new {
            let id = self.new_id();
            self.liars.push(Liar { id, latest: 0, has_equivocated: false, said: Vec::new() });
        }
        let liar = self.below(self.liars.len() as u64) as usize;
        match self.below(9) {
            0..=3 => self.equivocate(liar),
            4 | 5 => self.bring_number(liar),
            6 => self.leap(liar),
            7 => self.usurp(liar),
            _ => self.repeat(liar),
        }
    }

    /// Two contents under one dot, each to another relay: in one record, or in two.
    fn equivocate(&mut self, liar: usize) -> Result<(), Violated> {
        let dot = self.next_dot_of(liar);
        let first = self.below(RELAYS as u64) as usize;
        let second = (first + 1 + self.below(RELAYS as u64 - 1) as usize) % RELAYS;
        let some = [first, second].map(|relay| self.some_record(relay).unwrap_or(RecordId(dot)));
        let records = match self.below(3) {
            0 => some,
            1 => [some[0]; 2],
            _ => [RecordId(dot); 2],
        };
        for ((relay, record), name) in [first, second].into_iter().zip(records).zip(["Alice", "Bob"]) {
            let version = self.version_of(record, dot, relay, &[named(name)]);
            self.say(liar, relay, delta(record, dot, version))?;
        }
        self.liars[liar].has_equivocated = true;
        self.report.equivocations += 1;
        Ok(())
    }

    /// A number out of somebody's lease, under an edit of that lessee.
    fn bring_number(&mut self, liar: usize) -> Result<(), Violated> {
        let ranges: Vec<_> = self.checker.model.ledger().ranges().collect();
        if ranges.is_empty() {
            return Ok(());
        }
        let range = ranges[self.below(ranges.len() as u64) as usize];
        let relay = self.below(RELAYS as u64) as usize;
        let Some(replica) = &self.nodes[relay].replica else { return Ok(()) };
        let highest = replica.view().document().last_of(range.to);
        // Often it is the very edit that the lessee makes next.
        let counter = if self.below(2) == 0 { highest + 1 } else { 1 + self.below(highest + 9) };
        let foreign = Dot::new(range.to, counter);
        let dot = self.next_dot_of(liar);
        let number = range.first + self.below(range.last - range.first + 1);
        let given = GivenNumber { number, epoch: 0, leased: self.below(4) > 0 };
        let own = RecordId(dot);
        let record = if self.below(2) == 0 { own } else { self.some_record(relay).unwrap_or(own) };
        let mut version = self.version_of(record, foreign, relay, &[given.op()]);
        version.edit(dot, self.stamp(), [named("Mallory")]);
        self.report.forged_numbers += 1;
        self.say(liar, relay, delta(record, dot, version))
    }

    /// A counter far above all that are known: refused.
    fn leap(&mut self, liar: usize) -> Result<(), Violated> {
        let relay = self.below(RELAYS as u64) as usize;
        let Some(replica) = &self.nodes[relay].replica else { return Ok(()) };
        let known = replica.view().document().last_of(self.liars[liar].id);
        let dot = Dot::new(self.liars[liar].id, known + MAX_LEAP + 1 + self.below(1 << 40));
        let version = self.version_of(RecordId(dot), dot, relay, &[named("Mallory")]);
        let lie = delta(RecordId(dot), dot, version);
        self.say_what_is_refused(liar, relay, lie, |violation| matches!(violation, Violation::CounterLeap { .. }))
    }

    /// Asks for what only those who run the relays may have, or accuses somebody as only a relay may: refused.
    fn usurp(&mut self, liar: usize) -> Result<(), Violated> {
        let relay = self.below(RELAYS as u64) as usize;
        let id = RequestId { replica: self.liars[liar].id, seq: 1 };
        let operation = Operation::SetReach { most: 1 + self.below(1 << 40) };
        let lie = match self.below(2) {
            0 => Message::Propose(Request { id, settled: 0, seen: Slot(0), after: None, operation }),
            _ => Message::Equivocated { dot: Dot::new(self.nodes[relay].id, 1) },
        };
        self.say_what_is_refused(liar, relay, lie, |violation| *violation == Violation::NotForTabs)
    }

    /// Its own words again, which change nothing; or those of another one, which are refused.
    fn repeat(&mut self, liar: usize) -> Result<(), Violated> {
        let relay = self.below(RELAYS as u64) as usize;
        let speaker = self.below(self.liars.len() as u64) as usize;
        let count = self.liars[speaker].said.len() as u64;
        if count == 0 {
            return Ok(());
        }
        let message = self.liars[speaker].said[self.random.below(count) as usize].clone();
        if speaker == liar {
            return self.say(liar, relay, message);
        }
        self.say_what_is_refused(liar, relay, message, |violation| matches!(violation, Violation::ForeignDot { .. }))
    }

    fn next_dot_of(&mut self, liar: usize) -> Dot {
        let Liar { id, latest, .. } = &mut self.liars[liar];
        *latest += 1;
        Dot::new(*id, *latest)
    }

    fn stamp(&self) -> Stamp {
        Stamp { wall_ms: super::EPOCH_MS + self.now.as_millis() as u64, logical: 0 }
    }

    /// The version that an edit makes of a record as a relay knows it.
    fn version_of(&self, record: RecordId, dot: Dot, relay: NodeId, ops: &[Op]) -> Version {
        let replica = self.nodes[relay].replica.as_ref();
        let mut version = replica.and_then(|replica| replica.view().document().read(record)).unwrap_or_default();
        version.edit(dot, self.stamp(), ops.iter().cloned());
        version
    }

    /// A liar says something to a relay that may believe it.
    fn say(&mut self, liar: usize, relay: NodeId, message: Message) -> Result<(), Violated> {
        self.liars[liar].said.push(message.clone());
        self.visit(liar, relay, message).map(drop)
    }

    fn say_what_is_refused(
        &mut self,
        liar: usize,
        relay: NodeId,
        lie: Message,
        is_expected: fn(&Violation) -> bool,
    ) -> Result<(), Violated> {
        let Some(answer) = self.visit(liar, relay, lie.clone())? else { return Ok(()) };
        let is_refused = answer.is_some_and(|violation| is_expected(&violation));
        self.report.lies += 1;
        if is_refused { Ok(()) } else { Err(Violated::Believed { what: format!("{lie:?}") }) }
    }

    /// A liar links to a relay, says something, and is gone. Gives why the relay has cut the link, if it has; `None` if they
    /// did not talk, since the relay does not run or knows the liar.
    fn visit(&mut self, liar: usize, relay: NodeId, message: Message) -> Result<Option<Option<Violation>>, Violated> {
        let id = self.liars[liar].id;
        let Some(replica) = &self.nodes[relay].replica else { return Ok(None) };
        let is_known = replica.view().equivocators().contains_key(&id);
        let link = self.network.link_to_nobody();
        let mut answer = None;
        for input in [Input::PeerUp(link, PeerKind::Tab(id)), Input::Receive(link, message), Input::PeerDown(link)] {
            let Some(mut output) = self.handle(relay, input) else { return Ok(None) };
            let cut = std::mem::take(&mut output.cut);
            self.carry_out(relay, &mut output)?;
            if let Some((_, violation)) = cut.into_iter().find(|(cut, _)| *cut == link) {
                answer = Some(violation);
                break;
            }
        }
        match (is_known, answer) {
            (true, Some(Violation::Equivocation { .. })) => Ok(None),
            (true, _) => Err(Violated::Believed { what: format!("{id}, who gave one dot to two edits") }),
            (false, answer) => Ok(Some(answer)),
        }
    }

    /// Nobody is accused who has not lied, and the relays agree who has.
    pub(super) fn check_accused(&self) -> Result<(), Violated> {
        let running =
            self.nodes[..RELAYS].iter().enumerate().filter_map(|(at, node)| Some((at, node.replica.as_ref()?)));
        let accused: Vec<_> = running.map(|(at, replica)| (at, replica.view().equivocators())).collect();
        for (_, of_relay) in &accused {
            for (&tab, &dot) in *of_relay {
                let is_liar = self.liars.iter().any(|liar| liar.id == tab && liar.has_equivocated);
                if !is_liar && !self.checker.model.copied.contains(&tab) {
                    return Err(Violated::WronglyAccused { tab, dot });
                }
                if let Some(&(node, _)) = accused.iter().find(|(_, other)| !other.contains_key(&tab)) {
                    return Err(Violated::Unaccused { node, liar: tab });
                }
            }
        }
        Ok(())
    }
}

fn named(name: &str) -> Op {
    Op { field: FieldId(0), kind: FieldKind::Mv, edit: FieldEdit::Assign(name.to_owned()) }
}

fn delta(record: RecordId, dot: Dot, version: Version) -> Message {
    let packed = Packed::new(record, &Live { dot, folded: Vec::new(), version });
    Message::Delta(Delta { context: [dot].into_iter().collect(), versions: vec![(record, packed)], remaining: 0 })
}
