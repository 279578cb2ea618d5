//! What differs between two catalogs. Pure, generic over attributes, and ignorant of kinds.

use serde::Serialize;

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::kinds::AttributeChange;

/// One object created, dropped or altered between two catalogs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Which object.
    pub id: ObjectId,
    /// The object of another name space that it belongs to: an index's table, the column that owns a sequence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<ObjectId>,
    /// What happens to it.
    #[serde(flatten)]
    pub change: ChangeKind,
}

impl Difference {
    /// What happens to an object, which has to be in this catalog.
    pub fn new(id: &ObjectId, change: ChangeKind, catalog: &Catalog) -> Self {
        let top = id.top();
        let of = catalog.get(&top).and_then(|object| object.belongs_to(&top, catalog));
        Self { id: id.clone(), of, change }
    }
}

/// What happens to an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It comes into being.
    Created,
    /// It goes.
    Dropped,
    /// Some of its attributes change.
    Altered {
        /// Which, from what to what.
        attributes: Vec<AttributeChange>,
    },
    /// It gets another name (and may change besides).
    Renamed {
        /// The id it had.
        from: ObjectId,
    },
}

/// The differences that turn `from` into `to`, in the order of ids.
pub fn diff(from: &Catalog, to: &Catalog) -> Vec<Difference> {
    let mut found = Vec::new();
    if from.is_same(to) {
        return found;
    }
    let (mut left, mut right) = (from.iter().peekable(), to.iter().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return found,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((a, _)), Some((b, _))) => a.cmp(b),
        };
        let (old, new) = match order {
            std::cmp::Ordering::Less => (left.next(), None),
            std::cmp::Ordering::Greater => (None, right.next()),
            std::cmp::Ordering::Equal => (left.next(), right.next()),
        };
        match (old, new) {
            (Some((id, _)), None) => found.push(Difference::new(id, ChangeKind::Dropped, from)),
            (None, Some((id, _))) => found.push(Difference::new(id, ChangeKind::Created, to)),
            (Some((id, a)), Some((_, b))) => {
                let attributes = if a.is_same(b) || a == b { Vec::new() } else { a.changes(b) };
                if !attributes.is_empty() {
                    found.push(Difference::new(id, ChangeKind::Altered { attributes }, to));
                }
            }
            (None, None) => return found,
        }
    }
}
