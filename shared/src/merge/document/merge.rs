//! Joining versions into a document, record by record.

use crate::merge::document::DocumentWrite;

use super::arbiter::Arbiter;
use super::contest::named;
use super::fingerprint::Mark;
use super::merge_progress::MergeProgress;
use super::{Change, Delta, Document, Edit, Live, LiveDot, LostWrite, Merged, News, Packed, Versions, content_mark};
use crate::base::dot::{Dot, DotSet};
use crate::base::id::RecordId;
use crate::base::sorted::{SortedMap, SortedSet};
use crate::merge::crdt::{Field, Version, Write};
use crate::schema::FieldId;

impl Document {
    /// Joins a delta. Repeated, late and reordered deltas do no harm.
    pub fn merge(&mut self, delta: Delta) -> Merged {
        self.merge_by(delta, Arbiter::Order)
    }

    /// Joins a delta. `arbiter` decides where a dot comes with another content than it has here.
    pub fn merge_by(&mut self, delta: Delta, arbiter: Arbiter) -> Merged {
        let mut incoming: SortedMap<RecordId, Vec<Packed>> = SortedMap::new();
        for (record, version) in delta.versions {
            incoming.entry(record).or_default().push(version);
        }
        let mut outcome = MergeProgress { taken: Some(Vec::new()), ..MergeProgress::new(arbiter) };
        let refused = self.contest(&mut incoming, &mut outcome);
        let mut context = self.without_retired(&delta.context).into_owned();
        context.join(&incoming.iter().flat_map(|(&record, versions)| named(record, versions)).collect());
        if !refused.is_empty() {
            context = context.difference(&refused);
        }
        let touched: SortedSet<RecordId> = self.live_in(&context).map(|(_, record)| record).collect();
        for &record in touched.iter().filter(|record| !incoming.contains_key(record)) {
            self.merge_record(record, &context, Vec::new(), &mut outcome);
        }
        for (record, mut versions) in incoming {
            if let ([only], Some(Versions::One(held))) = (&versions[..], self.records.get(&record))
                && only == held
            {
                continue; // It is here already.
            }
            if let [_] = &versions[..]
                && let Some(only) = versions.pop()
                && let Err(other) = self.succeed(record, only, None, &mut outcome)
            {
                versions.push(other);
            }
            if !versions.is_empty() {
                let versions = versions.iter().map(|version| version.unpack(record)).collect();
                self.merge_record(record, &context, versions, &mut outcome);
            }
        }
        let unseen = self.see(&context, &mut outcome.merged);
        self.put_retired(&mut outcome.merged);
        let versions = outcome.taken.unwrap_or_default();
        let mut news =
            Delta { context: outcome.merged.died.iter().map(|&(_, dot)| dot).collect(), versions, remaining: 0 };
        news.context.join(&unseen);
        let is_news = !news.context.is_empty() || !news.versions.is_empty();
        outcome.merged.news = is_news.then_some(News::Delta(news));
        outcome.merged
    }

    /// Joins the version that an edit makes. Says nothing of news.
    pub(super) fn merge_edit(&mut self, edit: &Edit, live: Live, mark: Mark) -> Merged {
        let mut outcome = MergeProgress::new(Arbiter::Order);
        if edit.superseded.is_empty()
            && self.succeed(edit.record, Packed::new(edit.record, &live), Some(mark), &mut outcome).is_ok()
        {
            self.see_one_by_one(edit.base.iter().copied().chain([edit.dot]), &mut outcome.merged);
        } else {
            let context = edit.context();
            self.merge_record(edit.record, &context, vec![live], &mut outcome);
            self.see(&context, &mut outcome.merged);
        }
        self.put_retired(&mut outcome.merged);
        outcome.merged
    }

    /// The usual case, made fast: a new record, or a version that builds on the only one there is.
    ///
    /// # Errors
    /// The version if it is another case, in which nothing has been done.
    fn succeed(
        &mut self,
        record: RecordId,
        version: Packed,
        mark: Option<Mark>,
        outcome: &mut MergeProgress,
    ) -> Result<(), Packed> {
        let (head, before) = match self.records.get(&record) {
            None => (version.head(record), None),
            Some(Versions::One(before)) => {
                let own = version.head(record).dot;
                let covers =
                    |entry: Dot, dot: Dot| entry.replica() == dot.replica() && entry.counter() >= dot.counter();
                let (old, old_builds_on_new) = before.head_building_on(record, |entry| covers(entry, own));
                let (head, builds_on_old) = version.head_building_on(record, |entry| covers(entry, old.dot));
                if old_builds_on_new || !builds_on_old {
                    return Err(version);
                }
                (head, Some(old.dot))
            }
            Some(Versions::Many(_)) => return Err(version),
        };
        if head.is_folded || self.knows(head.dot) || self.index.contains_key(&head.dot) {
            return Err(version);
        }
        outcome.merged.writes.push(DocumentWrite::PutVersion { record, dot: head.dot, version: version.clone() });
        if let Some(taken) = &mut outcome.taken {
            taken.push((record, version.clone()));
        }
        let mark = mark.unwrap_or_else(|| Mark::of_version(record, &version));
        self.put_live(head.dot, LiveDot { record, mark });
        let replaced = self.records.insert(record, Versions::One(version));
        let mut change = Change::Added;
        if let (Some(dot), Some(Versions::One(version))) = (before, replaced) {
            outcome.merged.writes.push(DocumentWrite::DropVersion { record, dot });
            outcome.merged.died.push((record, dot));
            self.drop_live(dot);
            self.superseded.keep(record, dot, version);
            change = Change::Edited;
        }
        outcome.merged.touched.push(record);
        outcome.merged.changes.push((record, change, Some(head.dot)));
        Ok(())
    }

    /// The live dots in a set, with their records, in order.
    pub(super) fn live_in<'a>(&'a self, dots: &'a DotSet) -> impl Iterator<Item = (Dot, RecordId)> + 'a {
        let ranges = dots.intervals().map(|(replica, (start, end))| Dot::new(replica, start)..=Dot::new(replica, end));
        ranges.flat_map(|range| self.index.range(range)).map(|(&dot, place)| (dot, place.record))
    }

    /// The live dots in a set, with their marks.
    pub(super) fn marks_in<'a>(&'a self, dots: &'a DotSet) -> impl Iterator<Item = (Dot, Mark)> + 'a {
        self.live_in(dots).map(|(dot, _)| (dot, self.index[&dot].mark))
    }

    /// Marks dots as seen. Gives those that were not before.
    fn see(&mut self, dots: &DotSet, merged: &mut Merged) -> DotSet {
        let unseen = self.without_retired(dots).difference(&self.context);
        if !unseen.is_empty() {
            self.context.join(&unseen);
            let mut changed = DotSet::default();
            unseen.replicas().for_each(|replica| changed.join(&self.context.of(replica)));
            merged.writes.push(DocumentWrite::PutContext(changed));
        }
        unseen
    }

    /// Does the same for few dots, without a set of them.
    fn see_one_by_one(&mut self, dots: impl Iterator<Item = Dot>, merged: &mut Merged) {
        for dot in dots {
            if !self.knows(dot) {
                self.context.insert(dot);
                merged.writes.push(DocumentWrite::PutContext(self.context.of(dot.replica())));
            }
        }
    }

    /// Joins what a delta with this context says of one record.
    pub(super) fn merge_record(
        &mut self,
        record: RecordId,
        context: &DotSet,
        incoming: Vec<Live>,
        outcome: &mut MergeProgress,
    ) {
        let held = self.records.get_mut(&record).map_or_else(Vec::new, |versions| versions.take(record));
        let arrival = Arrival::new(context, &incoming);
        let taken = self.admissible(record, &held, incoming, outcome);
        let fates: Vec<Fate> = held.iter().map(|live| arrival.fate(live, &taken)).collect();
        if taken.is_empty() && fates.iter().all(|fate| *fate == Fate::Stays) {
            self.put_back(record, held);
            return;
        }
        for live in &taken {
            lost_writes(record, &held, live, &mut outcome.merged.lost);
        }
        outcome.tell_change(record, &fates, &taken);
        self.update_live(record, (&held, &fates), &taken, &mut outcome.merged.died);
        self.rewrite(record, held.into_iter().zip(fates), taken, outcome);
    }

    /// The incoming versions of a record that are news here, and not dead.
    fn admissible(
        &self,
        record: RecordId,
        held: &[Live],
        incoming: Vec<Live>,
        outcome: &mut MergeProgress,
    ) -> Vec<Live> {
        let mut admissible: Vec<Live> = Vec::with_capacity(incoming.len());
        let mut stale = Vec::new();
        for mut live in incoming {
            if let Some(other) = held.iter().find(|other| other.dot == live.dot) {
                if other.version != live.version {
                    outcome.merged.contested.insert(live.dot);
                    let place = |live: &Live| LiveDot { record, mark: content_mark(record, live) };
                    if outcome.arbiter.prefers(live.dot, place(&live), place(other)) {
                        admissible.push(live)
                    } else if outcome.arbiter.persuades() {
                        stale.push(live.dot)
                    }
                }
                continue;
            }
            if admissible.iter().any(|other| other.dot == live.dot) {
                continue;
            }
            let was_folded = !live.folded.is_empty();
            let admitted = &outcome.admitted;
            live.folded.retain(|&dot| match self.index.get(&dot) {
                None => !self.knows(dot) || admitted.contains(dot),
                Some(place) => place.record == record && held.iter().any(|other| other.lives_by(dot)),
            });
            // A dot may be live already if hostile bytes name versions of two records by it.
            let is_known = self.index.contains_key(&live.dot) || self.knows(live.dot) && !admitted.contains(live.dot);
            let has_died = is_known || (was_folded && live.folded.is_empty());
            if has_died || held.iter().any(|other| other.supersedes(&live)) {
                stale.push(live.dot);
            } else {
                admissible.push(live);
            }
        }
        if !stale.is_empty() {
            outcome.merged.stale.entry(record).or_default().join(&stale.into_iter().collect());
        }
        admissible
    }

    /// Keeps the index and the fingerprint up.
    fn update_live(
        &mut self,
        record: RecordId,
        held: (&[Live], &[Fate]),
        taken: &[Live],
        died: &mut Vec<(RecordId, Dot)>,
    ) {
        let all = || held.0.iter().zip(held.1);
        let is_named = |dot: Dot| {
            taken.iter().any(|live| live.dot == dot) || all().any(|(live, fate)| live.dot == dot && *fate != Fate::Goes)
        };
        for (live, _) in all().filter(|(_, fate)| **fate != Fate::Stays) {
            for dot in live.dots() {
                let lives_on =
                    taken.iter().any(|live| live.has(dot)) || all().any(|(live, fate)| fate.leaves(live, dot));
                if lives_on && !is_named(dot) {
                    self.put_live(dot, LiveDot { record, mark: Mark::of_support(dot) });
                }
                // It may be gone already: a dot may be that of two folds.
                if !lives_on && self.drop_live(dot) {
                    died.push((record, dot));
                }
            }
        }
        taken.iter().for_each(|live| self.set_live(record, live));
    }

    /// Enters the dots of a version as live. The dot that names a version keeps its mark if another one lives by it, too.
    pub(super) fn set_live(&mut self, record: RecordId, live: &Live) {
        self.put_live(live.dot, LiveDot { record, mark: content_mark(record, live) });
        for &dot in &live.folded {
            if !self.index.contains_key(&dot) {
                self.put_live(dot, LiveDot { record, mark: Mark::of_support(dot) });
            }
        }
    }

    pub(super) fn put_live(&mut self, dot: Dot, place: LiveDot) {
        if let Some(before) = self.index.insert(dot, place) {
            self.fingerprint.remove(dot, before.mark);
        }
        self.fingerprint.insert(dot, place.mark);
    }

    /// Puts what is left of the versions held, and those taken, in place of what was there.
    fn rewrite(
        &mut self,
        record: RecordId,
        held: impl Iterator<Item = (Live, Fate)>,
        taken: Vec<Live>,
        outcome: &mut MergeProgress,
    ) {
        let writes = &mut outcome.merged.writes;
        let mut put = |live: &Live| {
            let version = Packed::new(record, live);
            writes.push(DocumentWrite::PutVersion { record, dot: live.dot, version: version.clone() });
            version
        };
        let (mut after, mut gone, mut latest) = (Vec::new(), Vec::new(), None);
        for (live, fate) in held {
            match fate {
                Fate::Stays => after.push(live),
                Fate::LivesBy(folded) => {
                    let live = Live { folded, ..live };
                    latest = Some(put(&live));
                    after.push(live);
                }
                Fate::Goes => gone.push(live),
            }
        }
        for live in taken {
            let version = put(&live);
            if let Some(taken) = &mut outcome.taken {
                taken.push((record, version.clone()));
            }
            latest = Some(version);
            after.push(live);
        }
        // One with another content may have taken its name.
        let is_replaced = |dot| after.iter().any(|live| live.dot == dot);
        let dropped = gone.iter().filter(|live| !is_replaced(live.dot));
        writes.extend(dropped.map(|live| DocumentWrite::DropVersion { record, dot: live.dot }));
        let before = match Versions::new(record, after, latest) {
            Some(versions) => self.records.insert(record, versions),
            None => self.records.remove(&record),
        };
        self.keep_superseded(record, before, gone);
    }

    fn keep_superseded(&mut self, record: RecordId, before: Option<Versions>, gone: Vec<Live>) {
        match (before, &gone[..]) {
            (Some(Versions::One(version)), [only]) => self.superseded.keep(record, only.dot, version),
            _ => gone.iter().for_each(|live| {
                if live.folded.is_empty() {
                    self.superseded.keep(record, live.dot, Packed::new(record, live));
                }
            }),
        }
    }

    /// Undoes [`Versions::take`].
    fn put_back(&mut self, record: RecordId, held: Vec<Live>) {
        if let Some(Versions::Many(versions)) = self.records.get_mut(&record) {
            **versions = held;
        }
    }
}

/// The dots that arrive for one record.
struct Arrival<'a> {
    /// The dots that the delta speaks of.
    context: &'a DotSet,
    /// The dots of all its versions of the record, and the dots by which they live.
    names: Vec<Dot>,
    supports: Vec<Dot>,
}

impl<'a> Arrival<'a> {
    fn new(context: &'a DotSet, incoming: &[Live]) -> Self {
        let names = incoming.iter().map(|live| live.dot).collect();
        let mut supports: Vec<Dot> = incoming.iter().flat_map(Live::supports).copied().collect();
        supports.sort_unstable();
        Arrival { context, names, supports }
    }

    /// Returns the fate of a held version: it goes if the delta knows it to be dead, or brings one that builds on it.
    fn fate(&self, held: &Live, taken: &[Live]) -> Fate {
        let is_dead = self.context.contains(held.dot) && !self.names.contains(&held.dot);
        if is_dead || taken.iter().any(|live| live.dot == held.dot || live.supersedes(held)) {
            return Fate::Goes;
        }
        if !self.may_touch(&held.folded, taken) {
            return Fate::Stays;
        }
        let is_superseded = |dot| taken.iter().any(|live| live.version.past.contains(dot));
        let lives_by = |&dot: &Dot| {
            self.supports.binary_search(&dot).is_ok() || !(self.context.contains(dot) || is_superseded(dot))
        };
        let folded: Vec<Dot> = held.folded.iter().copied().filter(lives_by).collect();
        match folded.len() {
            0 => Fate::Goes,
            count if count == held.folded.len() => Fate::Stays,
            _ => Fate::LivesBy(folded),
        }
    }

    /// Whether any of these dots, which ascend, is in the context or in the past of a version taken. A shortcut: folds
    /// live by many dots, and what arrives speaks of few.
    fn may_touch(&self, dots: &[Dot], taken: &[Live]) -> bool {
        let has_any = |replica, (start, end)| {
            let from = dots.partition_point(|&dot| dot < Dot::new(replica, start));
            dots.get(from).is_some_and(|&dot| dot <= Dot::new(replica, end))
        };
        let mut pasts = taken.iter().flat_map(|live| live.version.past.entries());
        !dots.is_empty()
            && (self.context.intervals().any(|(replica, interval)| has_any(replica, interval))
                || pasts.any(|past| has_any(past.replica(), (1, past.counter()))))
    }
}

/// The fate of a held version.
#[derive(PartialEq, Eq)]
enum Fate {
    Stays,
    /// It was folded, and now lives by these dots.
    LivesBy(Vec<Dot>),
    Goes,
}

impl Fate {
    /// Whether a version of this fate still has a dot.
    fn leaves(&self, live: &Live, dot: Dot) -> bool {
        match self {
            Fate::Stays => live.has(dot),
            Fate::LivesBy(folded) => live.dot == dot || folded.binary_search(&dot).is_ok(),
            Fate::Goes => false,
        }
    }
}

impl MergeProgress {
    fn tell_change(&mut self, record: RecordId, fates: &[Fate], taken: &[Live]) {
        self.merged.touched.push(record);
        let edit = taken.iter().filter(|live| live.folded.is_empty()).map(|live| live.dot).max();
        let is_alone = fates.iter().all(|fate| *fate == Fate::Goes);
        let change = match (fates.is_empty(), taken.is_empty()) {
            (true, _) => Change::Added,
            (false, true) if is_alone => Change::Removed,
            // A part of what was folded is gone, or versions were folded: it may read otherwise, but nobody edited it.
            (false, _) if edit.is_none() => return,
            (false, _) if is_alone => Change::Edited,
            (false, _) => Change::Merged,
        };
        self.merged.changes.push((record, change, edit.or(taken.first().map(|live| live.dot))));
    }
}

/// The writes that lose by the arrival of a version: against it, or its own against what is shown. Not those that were
/// overwritten by somebody who had seen them, nor those that wrote the same.
fn lost_writes(record: RecordId, held: &[Live], arrived: &Live, lost: &mut Vec<LostWrite>) {
    fn latest(version: &Version, field: FieldId) -> Option<&Write> {
        match version.field(field) {
            Some(Field::Lww(register)) => register.latest(),
            _ => None,
        }
    }
    for (field, _) in arrived.version.fields() {
        let shown = held.iter().filter_map(|live| latest(&live.version, *field)).max_by_key(|write| write.order());
        let (Some(new), Some(old)) = (latest(&arrived.version, *field), shown) else { continue };
        let was_known = held.iter().any(|live| live.version.past.contains(new.dot));
        if new.value == old.value || was_known || arrived.version.past.contains(old.dot) {
            continue;
        }
        let (loser, winner) = if old.order() < new.order() { (old, new) } else { (new, old) };
        lost.push(LostWrite {
            record,
            field: *field,
            value: loser.value.clone(),
            by: loser.dot.replica(),
            at_ms: loser.stamp.wall_ms,
            winner: winner.dot.replica(),
        });
    }
}
