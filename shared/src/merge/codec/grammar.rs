//! In which order the parts of a value follow one another.

use super::{Sink, Source};
use crate::base::dot::{Dot, DotSet};
use crate::base::encoding::Malformed;
use crate::base::hlc::Stamp;
use crate::base::id::RecordId;
use crate::base::version_vector::VersionVector;
use crate::merge::crdt::{AwSet, Field, LwwRegister, MvRegister, PnCounter, Sum, Version, Write};
use crate::merge::document::{Edit, Live};
use crate::schema::{FieldEdit, FieldId, FieldKind, Op};

/// How many elements memory is set aside for on the word of a count.
const TRUSTED: usize = 8;

/// How many bits of a mark an edit carries.
const RESULT_BITS: u32 = 28;

/// The kinds of fields, by the two low bits of a field's head.
const KINDS: [FieldKind; 4] = [FieldKind::Lww, FieldKind::Mv, FieldKind::Counter, FieldKind::Set];

pub(crate) fn put_dot_set(sink: &mut impl Sink, set: &DotSet) {
    let intervals = set.intervals();
    sink.number(intervals.len() as u64);
    for (replica, (start, end)) in intervals {
        sink.dot(Dot::new(replica, start));
        sink.number(end - start);
    }
}

pub(crate) fn take_dot_set(source: &mut impl Source) -> Result<DotSet, Malformed> {
    let mut intervals = Vec::new();
    for _ in 0..source.number()? {
        let start = source.dot()?;
        let end = start.counter().checked_add(source.number()?).ok_or(Malformed("an interval is too long"))?;
        intervals.push((start, end));
    }
    DotSet::try_from(intervals).map_err(|_| Malformed("the intervals of a set of dots are ordered and apart"))
}

fn put_dots(sink: &mut impl Sink, dots: &[Dot]) {
    sink.number(dots.len() as u64);
    dots.iter().for_each(|&dot| sink.dot(dot));
}

/// So many elements, each before the next one.
fn take_ascending<T>(
    count: u64,
    mut take: impl FnMut() -> Result<T, Malformed>,
    is_before: impl Fn(&T, &T) -> bool,
) -> Result<Vec<T>, Malformed> {
    let mut elements: Vec<T> = Vec::with_capacity(usize::try_from(count).unwrap_or(TRUSTED).min(TRUSTED));
    for _ in 0..count {
        let element = take()?;
        if elements.last().is_some_and(|before| !is_before(before, &element)) {
            return Err(OUT_OF_ORDER);
        }
        elements.push(element);
    }
    Ok(elements)
}

/// So many times, with keys that must ascend.
fn ascending<K: Ord>(count: u64, mut next: impl FnMut() -> Result<K, Malformed>) -> Result<(), Malformed> {
    let mut before = None;
    for _ in 0..count {
        let key = next()?;
        if before.is_some_and(|before| before >= key) {
            return Err(OUT_OF_ORDER);
        }
        before = Some(key);
    }
    Ok(())
}

const OUT_OF_ORDER: Malformed = Malformed("elements are out of order");

fn field_id(number: u64) -> Result<FieldId, Malformed> {
    number.try_into().map(FieldId).map_err(|_| Malformed("there is no such field"))
}

fn check_past(entry: Dot, own: Dot) -> Result<Dot, Malformed> {
    // The version's own dot is the latest of its replica: it goes without saying.
    if entry.replica() == own.replica() { Err(Malformed("a version tells its own dot in its past")) } else { Ok(entry) }
}

fn check_folded(count: u64) -> Result<u64, Malformed> {
    if count == 0 { Err(Malformed("a folded version lives by nothing")) } else { Ok(count) }
}

fn check_lww(count: u64) -> Result<u64, Malformed> {
    if count > 1 { Err(Malformed("a last-writer-wins register holds one write at the most")) } else { Ok(count) }
}

fn check_additions(count: u64) -> Result<u64, Malformed> {
    if count == 0 { Err(Malformed("an element of a set was never added")) } else { Ok(count) }
}

/// A live version.
pub(crate) fn put_live(sink: &mut impl Sink, Live { dot, folded, version }: &Live) {
    put_version(sink, *dot, folded, version);
}

/// The parts of a live version. `folded` is empty unless the version was folded.
pub(crate) fn put_version(sink: &mut impl Sink, dot: Dot, folded: &[Dot], version: &Version) {
    sink.dot(dot);
    sink.stamp(version.stamp);
    let past = version.past.entries().iter().filter(|entry| entry.replica() != dot.replica());
    sink.number((past.clone().count() as u64) << 1 | u64::from(!folded.is_empty()));
    past.for_each(|&entry| sink.dot(entry));
    if !folded.is_empty() {
        put_dots(sink, folded);
    }
    sink.number(version.fields().len() as u64);
    for (id, field) in version.fields() {
        sink.number(u64::from(id.0) << 2 | field.kind() as u64);
        put_field(sink, *id, field, (dot, version.stamp));
    }
}

pub(crate) fn take_live(source: &mut impl Source) -> Result<Live, Malformed> {
    let dot = source.dot()?;
    let stamp = source.stamp()?;
    let head = source.number()?;
    let mut past = VersionVector::default();
    for entry in take_ascending(head >> 1, || check_past(source.dot()?, dot), |a, b| a.replica() < b.replica())? {
        past.insert(entry);
    }
    past.insert(dot);
    let mut folded = Vec::new();
    if head & 1 == 1 {
        let count = check_folded(source.number()?)?;
        folded = take_ascending(count, || source.dot(), |a, b| a < b)?;
    }
    let count = source.number()?;
    let take = || {
        let head = source.number()?;
        let id = field_id(head >> 2)?;
        Ok((id, take_field(source, id, KINDS[(head & 3) as usize], (dot, stamp))?))
    };
    let fields = take_ascending(count, take, |(a, _), (b, _)| a < b)?;
    Ok(Live { dot, folded, version: Version::new(stamp, past, fields) })
}

/// Copies a live version from one layout to the other, without making it. Checks what [`take_live`] checks.
pub(crate) fn copy_live(source: &mut impl Source, sink: &mut impl Sink) -> Result<(), Malformed> {
    let dot = copy_dot(source, sink)?;
    let stamp = source.stamp()?;
    sink.stamp(stamp);
    let head = copy_number(source, sink)?;
    ascending(head >> 1, || check_past(copy_dot(source, sink)?, dot).map(|entry| entry.replica()))?;
    if head & 1 == 1 {
        let count = check_folded(copy_number(source, sink)?)?;
        ascending(count, || copy_dot(source, sink))?;
    }
    let count = copy_number(source, sink)?;
    ascending(count, || {
        let head = copy_number(source, sink)?;
        let id = field_id(head >> 2)?;
        copy_field(source, sink, id, KINDS[(head & 3) as usize], (dot, stamp))?;
        Ok(id)
    })
}

/// One field of a live version, without making the others; `None` if the version does not have it.
pub(crate) fn take_field_of(source: &mut impl Source, wanted: FieldId) -> Result<Option<Field>, Malformed> {
    let edit = (source.dot()?, source.stamp()?);
    let head = source.number()?;
    ascending(head >> 1, || source.dot())?;
    if head & 1 == 1 {
        let count = source.number()?;
        ascending(count, || source.dot())?;
    }
    for _ in 0..source.number()? {
        let head = source.number()?;
        let (id, kind) = (field_id(head >> 2)?, KINDS[(head & 3) as usize]);
        if id == wanted {
            return take_field(source, id, kind, edit).map(Some);
        }
        copy_field(source, &mut Nowhere, id, kind, edit)?;
    }
    Ok(None)
}

/// Where parts go that are only passed over.
struct Nowhere;

impl Sink for Nowhere {
    fn number(&mut self, _number: u64) {}
    fn dot(&mut self, _dot: Dot) {}
    fn stamp(&mut self, _stamp: Stamp) {}
    fn amount(&mut self, _amount: i64) {}
    fn text(&mut self, _field: FieldId, _text: &str) {}
}

fn copy_field(
    source: &mut impl Source,
    sink: &mut impl Sink,
    id: FieldId,
    kind: FieldKind,
    edit: (Dot, Stamp),
) -> Result<(), Malformed> {
    let count = copy_number(source, sink)?;
    match kind {
        FieldKind::Lww => check_lww(count).and_then(|count| ascending(count, || copy_write(source, sink, id, edit))),
        FieldKind::Mv => ascending(count, || copy_write(source, sink, id, edit)),
        FieldKind::Counter => ascending(count, || {
            let latest = copy_dot(source, sink)?;
            sink.amount(source.amount()?);
            Ok(latest.replica())
        }),
        FieldKind::Set => ascending(count, || {
            let element = source.text(id)?.to_owned();
            sink.text(id, &element);
            let additions = check_additions(copy_number(source, sink)?)?;
            ascending(additions, || copy_dot(source, sink))?;
            Ok(element)
        }),
    }
}

fn copy_write(
    source: &mut impl Source,
    sink: &mut impl Sink,
    id: FieldId,
    edit: (Dot, Stamp),
) -> Result<Dot, Malformed> {
    let (dot, stamp) = take_origin(source, edit)?;
    put_origin(sink, (dot, stamp), edit);
    sink.text(id, source.text(id)?);
    Ok(dot)
}

fn copy_number(source: &mut impl Source, sink: &mut impl Sink) -> Result<u64, Malformed> {
    let number = source.number()?;
    sink.number(number);
    Ok(number)
}

fn copy_dot(source: &mut impl Source, sink: &mut impl Sink) -> Result<Dot, Malformed> {
    let dot = source.dot()?;
    sink.dot(dot);
    Ok(dot)
}

fn put_field(sink: &mut impl Sink, id: FieldId, field: &Field, edit: (Dot, Stamp)) {
    match field {
        Field::Lww(LwwRegister { latest }) => {
            sink.number(u64::from(latest.is_some()));
            latest.iter().for_each(|write| put_write(sink, id, write, edit));
        }
        Field::Mv(MvRegister { writes }) => {
            sink.number(writes.len() as u64);
            writes.iter().for_each(|write| put_write(sink, id, write, edit));
        }
        Field::Counter(PnCounter { sums }) => {
            sink.number(sums.len() as u64);
            for sum in sums {
                sink.dot(sum.latest);
                sink.amount(sum.amount);
            }
        }
        Field::Set(AwSet { elements }) => {
            sink.number(elements.len() as u64);
            for (element, additions) in elements {
                sink.text(id, element);
                put_dots(sink, additions);
            }
        }
    }
}

fn take_field(source: &mut impl Source, id: FieldId, kind: FieldKind, edit: (Dot, Stamp)) -> Result<Field, Malformed> {
    let count = source.number()?;
    Ok(match kind {
        FieldKind::Lww => {
            let write = (check_lww(count)? == 1).then(|| take_write(source, id, edit));
            Field::Lww(LwwRegister { latest: write.transpose()? })
        }
        FieldKind::Mv => {
            let writes = take_ascending(count, || take_write(source, id, edit), |a, b| a.dot < b.dot)?;
            Field::Mv(MvRegister { writes })
        }
        FieldKind::Counter => {
            let take = || Ok(Sum { latest: source.dot()?, amount: source.amount()? });
            Field::Counter(PnCounter {
                sums: take_ascending(count, take, |a, b| a.latest.replica() < b.latest.replica())?,
            })
        }
        FieldKind::Set => {
            let take = || {
                let element = source.text(id)?.to_owned();
                let count = check_additions(source.number()?)?;
                Ok((element, take_ascending(count, || source.dot(), |a, b| a < b)?))
            };
            let elements = take_ascending(count, take, |(a, _), (b, _)| a < b)?;
            Field::Set(AwSet { elements: elements.into_iter().collect() })
        }
    })
}

fn put_write(sink: &mut impl Sink, id: FieldId, write: &Write, edit: (Dot, Stamp)) {
    put_origin(sink, (write.dot, write.stamp), edit);
    sink.text(id, &write.value);
}

fn take_write(source: &mut impl Source, id: FieldId, edit: (Dot, Stamp)) -> Result<Write, Malformed> {
    let (dot, stamp) = take_origin(source, edit)?;
    Ok(Write { dot, stamp, value: source.text(id)?.to_owned() })
}

/// Whose write it is, and of when. One of the version's own edit goes without.
fn put_origin(sink: &mut impl Sink, origin: (Dot, Stamp), edit: (Dot, Stamp)) {
    sink.number(u64::from(origin != edit));
    if origin != edit {
        sink.dot(origin.0);
        sink.stamp(origin.1);
    }
}

fn take_origin(source: &mut impl Source, edit: (Dot, Stamp)) -> Result<(Dot, Stamp), Malformed> {
    let origin = match source.number()? {
        0 => return Ok(edit),
        1 => (source.dot()?, source.stamp()?),
        _ => return Err(Malformed("a write is of its version's edit or of another one")),
    };
    if origin == edit {
        Err(Malformed("a write of its version's edit is told to be of another one"))
    } else {
        Ok(origin)
    }
}

/// An edit on its own.
pub(crate) fn put_edit(sink: &mut impl Sink, edit: &Edit) {
    sink.dot(edit.record.0);
    sink.dot(edit.dot);
    sink.stamp(edit.stamp);
    let flags = u64::from(!edit.superseded.is_empty()) << 1 | u64::from(edit.folds);
    sink.number((edit.base.len() as u64) << 2 | flags);
    edit.base.iter().for_each(|&dot| sink.dot(dot));
    if !edit.superseded.is_empty() {
        put_dot_set(sink, &edit.superseded);
    }
    sink.number(edit.result.into());
    sink.number(edit.ops.len() as u64);
    edit.ops.iter().for_each(|op| put_op(sink, op));
}

pub(crate) fn take_edit(source: &mut impl Source) -> Result<Edit, Malformed> {
    let record = RecordId(source.dot()?);
    let dot = source.dot()?;
    let stamp = source.stamp()?;
    let head = source.number()?;
    let base = take_ascending(head >> 2, || source.dot(), |a, b| a < b)?;
    let superseded = if head & 2 == 2 { take_dot_set(source)? } else { DotSet::default() };
    let result = u32::try_from(source.number()?).ok().filter(|result| result >> RESULT_BITS == 0);
    let result = result.ok_or(Malformed("the result of an edit has 28 bits"))?;
    let mut ops = Vec::new();
    for _ in 0..source.number()? {
        ops.push(take_op(source)?);
    }
    Ok(Edit { record, dot, stamp, base, superseded, folds: head & 1 == 1, result, ops })
}

/// The ops, by the three low bits of an op's head.
const ASSIGN_LWW: u64 = 0;
const ASSIGN_MV: u64 = 1;
const ADD: u64 = 2;
const INSERT: u64 = 3;
const REMOVE: u64 = 4;

fn put_op(sink: &mut impl Sink, op: &Op) {
    let tag = match (&op.edit, op.kind) {
        (FieldEdit::Assign(_), FieldKind::Mv) => ASSIGN_MV,
        (FieldEdit::Assign(_), _) => ASSIGN_LWW,
        (FieldEdit::Add(_), _) => ADD,
        (FieldEdit::Insert(_), _) => INSERT,
        (FieldEdit::Remove(_), _) => REMOVE,
    };
    sink.number(u64::from(op.field.0) << 3 | tag);
    match &op.edit {
        FieldEdit::Add(amount) => sink.amount(*amount),
        FieldEdit::Assign(text) | FieldEdit::Insert(text) | FieldEdit::Remove(text) => sink.text(op.field, text),
    }
}

fn take_op(source: &mut impl Source) -> Result<Op, Malformed> {
    let head = source.number()?;
    let field = field_id(head >> 3)?;
    let (kind, edit) = match head & 7 {
        ASSIGN_LWW => (FieldKind::Lww, FieldEdit::Assign(source.text(field)?.to_owned())),
        ASSIGN_MV => (FieldKind::Mv, FieldEdit::Assign(source.text(field)?.to_owned())),
        ADD => (FieldKind::Counter, FieldEdit::Add(source.amount()?)),
        INSERT => (FieldKind::Set, FieldEdit::Insert(source.text(field)?.to_owned())),
        REMOVE => (FieldKind::Set, FieldEdit::Remove(source.text(field)?.to_owned())),
        _ => return Err(Malformed("there is no such op")),
    };
    Ok(Op { field, kind, edit })
}
