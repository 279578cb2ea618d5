//! Extensions that move to another schema: as after a rename, PostgreSQL's texts for all that uses them say the new place at once,
//! and nothing of it has to be made again.

use crate::core::catalog::{Catalog, CatalogBuilder, Edge};
use crate::core::id::ObjectId;
use crate::core::name::literal;
use crate::core::step::Step;
use crate::kinds::extension::{Extension, Open};
use crate::kinds::{KindTag, Object};
use crate::plan::Renaming;

/// An extension that something rests on, and that is declared to lie in another schema than it does.
#[derive(Clone, Debug)]
pub struct Move {
    /// Which.
    id: ObjectId,
    /// The schema.
    schema: ObjectId,
}

/// The extensions that move. Those that PostgreSQL does not move are dropped and made anew.
pub fn moves<'a>(live: &Catalog, declared: impl Iterator<Item = (&'a ObjectId, &'a Object)>) -> Vec<Move> {
    let moved = |(id, object): (&ObjectId, &Object)| {
        let (old, new) = (Extension::get(live, id)?, Extension::of(object)?);
        let schema = new.schema.0.as_ref().filter(|_| old.schema != new.schema && old.relocatable.0 == Some(true))?;
        let is_used = live.dependents(id).any(|(user, _)| !user.is_within(id));
        is_used.then(|| Move { id: id.clone(), schema: ObjectId::root(KindTag::Schema, schema) })
    };
    declared.filter_map(moved).collect()
}

impl Move {
    /// The extension.
    pub fn extension(&self) -> &ObjectId {
        &self.id
    }

    /// How it gets there.
    pub fn renaming(&self) -> Renaming {
        let done = format!(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace \
             WHERE e.extname = {} AND n.nspname = {})",
            literal(&self.id.name()),
            literal(&self.schema.name())
        );
        let step = Extension::move_to(&self.id, &self.schema, Step::rename).done_when(done);
        Renaming { steps: vec![step], old: self.id.clone(), new: self.id.clone(), heirs: Vec::new(), value: None }
    }

    /// Puts the extension where it lies then, in a state that was read back without.
    pub fn put(&self, before: &Catalog, builder: &mut CatalogBuilder) {
        let Some(old) = Extension::get(before, &self.id) else { return };
        let moved = Extension { schema: Open(Some(self.schema.name().into_owned())), ..old.clone() };
        // With the object goes what is known of where it lay.
        builder.remove(&self.id);
        builder.put(self.id.clone(), moved);
        builder.depend(&self.id, &self.schema, Edge::Hard);
    }
}
