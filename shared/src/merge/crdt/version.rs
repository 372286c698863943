//! Versions: a record's fields as one replica saw them when it edited the record.

use super::field::WEIGHT_OF_PART;
use super::{DotStore, Field, Lattice, Write};
use crate::base::dot::Dot;
use crate::base::hlc::Stamp;
use crate::base::id::ReplicaId;
use crate::base::version_vector::VersionVector;
use crate::merge::rules::{InForce, Rules};
use crate::schema::{FieldEdit, FieldId, FieldKind, NUMBER, Op};

/// All fields of a record after one edit: the observed-remove map of Almeida et al. (2018, §7.4), with one causal past
/// for all fields. The edit's dot names the version; a version never changes.
///
/// Delivery: any. Each version is the record whole. That is why a record which is removed by one replica while another
/// one edits it comes back with all its fields, without tombstones: the surviving version needs nothing that the
/// removal dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// When the record was edited last.
    pub stamp: Stamp,
    /// The edits of this record that the version builds on, its own among them. Per replica the latest is enough: who
    /// edits a record has seen its own earlier edits of it.
    pub past: VersionVector,
    /// Invariant: ascending by field, each once.
    fields: Vec<(FieldId, Field)>,
}

impl Version {
    /// A version of these fields, which must be in ascending order, each once.
    pub(crate) fn new(stamp: Stamp, past: VersionVector, fields: Vec<(FieldId, Field)>) -> Self {
        debug_assert!(fields.windows(2).all(|pair| pair[0].0 < pair[1].0), "fields ascend");
        Version { stamp, past, fields }
    }

    /// Returns a field; `None` if nobody has edited it.
    #[must_use]
    pub fn field(&self, id: FieldId) -> Option<&Field> {
        self.position(id).ok().map(|at| &self.fields[at].1)
    }

    /// The fields that were ever edited, in the order of the schema.
    #[must_use]
    pub fn fields(&self) -> &[(FieldId, Field)] {
        &self.fields
    }

    /// Makes this the version of the edit `dot`, which builds on what the version was.
    ///
    /// An author has not made later edits of its own yet. So a liar, or another copy of the author, has put a value under the
    /// dot of a later edit, or of this one. The edit leaves such a value out.
    ///
    /// A register that had a value keeps one, since the schema may require it. Where no other value is left, the edit itself
    /// assigns the value that was shown. It never assigns a [`NUMBER`] in this way: that would attest a forged number.
    pub fn edit(&mut self, dot: Dot, stamp: Stamp, ops: impl IntoIterator<Item = Op>) {
        self.stamp = stamp;
        if self.past.contains(dot) && InForce::leaves_out_forged() {
            self.past.forget(dot.replica());
            for (id, field) in &mut self.fields {
                let shown = field.displayed().cloned();
                field.retain(&mut |held| held.replica() != dot.replica() || held.counter() < dot.counter());
                if let Some(Write { value, .. }) = shown.filter(|_| *id != NUMBER && !field.has_value()) {
                    field.edit(dot, stamp, FieldEdit::Assign(value));
                }
            }
        }
        self.past.insert(dot);
        for Op { field, kind, edit } in ops {
            self.field_mut(field, kind).edit(dot, stamp, edit);
        }
    }

    /// The writes of one replica that win or lose by their stamps: those of last-writer-wins registers.
    pub fn ranked_writes_of(&self, author: ReplicaId) -> impl Iterator<Item = (FieldId, &Write)> {
        self.fields.iter().filter_map(move |(id, field)| match field {
            Field::Lww(register) => {
                register.latest().filter(|write| write.dot.replica() == author).map(|write| (*id, write))
            }
            _ => None,
        })
    }

    /// An upper bound of the bytes that the version takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let fields: usize = self.fields.iter().map(|(_, field)| field.weight()).sum();
        WEIGHT_OF_PART * (3 + self.past.entries().len()) + fields
    }

    /// Whether the version has seen all edits under whose dots its fields hold something. Only a liar's has not.
    #[must_use]
    pub fn has_seen_its_parts(&self) -> bool {
        let mut has_seen_all = true;
        let mut is_seen = |dot| {
            has_seen_all &= self.past.contains(dot);
            true
        };
        self.fields.clone().iter_mut().for_each(|(_, field)| field.retain(&mut is_seen));
        has_seen_all
    }

    fn field_mut(&mut self, id: FieldId, kind: FieldKind) -> &mut Field {
        let at = self.position(id).unwrap_or_else(|at| {
            self.fields.insert(at, (id, Field::new(kind)));
            at
        });
        &mut self.fields[at].1
    }

    fn position(&self, id: FieldId) -> Result<usize, usize> {
        // Nearly always a record has all fields from the first on.
        let at = usize::from(id.0);
        match self.fields.get(at) {
            Some((found, _)) if *found == id => Ok(at),
            _ => self.fields.binary_search_by_key(&id, |(id, _)| *id),
        }
    }
}

impl Lattice for Version {
    /// Merges field by field: how concurrent versions of one record are read as one.
    fn join(&mut self, other: &Self) {
        for (id, theirs) in &other.fields {
            let past = std::mem::take(&mut self.past);
            self.field_mut(*id, theirs.kind()).join(&past, theirs, &other.past);
            self.past = past;
        }
        self.past.join(&other.past);
        self.stamp = self.stamp.max(other.stamp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::ReplicaId;

    fn name(value: &str) -> Op {
        Op { field: FieldId(0), kind: FieldKind::Mv, edit: FieldEdit::Assign(value.to_owned()) }
    }

    #[test]
    fn an_edit_leaves_out_what_was_forged_under_it_and_under_later_edits_of_its_author() {
        let (honest, liar) = (ReplicaId(1), ReplicaId(2));
        for forged in [Dot::new(honest, 5), Dot::new(honest, 9)] {
            let kinds = [
                (1, FieldKind::Lww, FieldEdit::Assign("x".into())),
                (2, FieldKind::Counter, FieldEdit::Add(7)),
                (3, FieldKind::Set, FieldEdit::Insert("x".into())),
            ];
            let ops = kinds.map(|(id, kind, edit)| Op { field: FieldId(id), kind, edit });
            let mut version = Version::default();
            version.edit(forged, Stamp::default(), ops.into_iter().chain([name("x")]));
            version.edit(Dot::new(liar, 1), Stamp::default(), [name("Eve")]);
            assert!(version.has_seen_its_parts());
            let dot = Dot::new(honest, 5);
            version.edit(dot, Stamp::default(), []);
            assert_eq!(version.past.entries(), [dot, Dot::new(liar, 1)]);
            assert_eq!(version.field(FieldId(0)).expect("it is there").writes()[0].value, "Eve");
            let rest = version.fields()[1..].iter().map(|(_, field)| field.clone());
            let mut left = [FieldKind::Lww, FieldKind::Counter, FieldKind::Set].map(Field::new);
            left[0].edit(dot, Stamp::default(), FieldEdit::Assign("x".into()));
            assert_eq!(rest.collect::<Vec<_>>(), left, "a register keeps a value");
        }
    }

    #[test]
    fn an_edit_gives_the_only_value_of_a_register_that_stands_under_a_later_edit_of_its_author_but_no_number() {
        let (author, other) = (ReplicaId(1), ReplicaId(2));
        let (later, stamp) = (Dot::new(author, 4), Stamp { wall_ms: 7, logical: 0 });
        let number = Op { field: NUMBER, ..name("5 0") };
        let mut version = Version::default();
        version.edit(later, Stamp { wall_ms: 9, logical: 0 }, [name("Anna"), number]);
        version.edit(Dot::new(other, 1), stamp, []);
        let dot = Dot::new(author, 3);
        version.edit(dot, stamp, []);
        let name = version.field(FieldId(0)).expect("it is there");
        assert_eq!(name.writes(), [Write { dot, stamp, value: "Anna".into() }]);
        assert_eq!(version.field(NUMBER).map(Field::writes), Some(&[][..]));
        assert!(version.has_seen_its_parts());
    }
}
