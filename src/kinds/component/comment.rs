//! Comments (`pg_description`; COMMENT ON).
//!
//! What the model takes for a part of an object (the index of a key, the sequence of an identity column) may have a comment besides
//! that of the object itself. Such a [`Comment`] is a child of the object as well, by the name of the [`Part`].

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, literal, qualified};
use crate::core::step::{LockMode, Phase, Step};
use crate::core::versions;
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row, class_named};
use crate::kinds::common::WriteContext;
use crate::kinds::ensure::regclass;
use crate::kinds::schema::PUBLIC;
use crate::kinds::table::column::Column;
use crate::kinds::table::inheritance::origins;
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Object};
use crate::plan::context::PlanContext;
use crate::yaml::{Fields, KeyDoc, Out, Shape};

attributes! {
    /// The comment on its parent object, or on a part of it.
    pub struct Comment {
        /// The text; empty where the object comes with a comment that was removed (an extension, the schema `public`).
        text: String => Alter(set),
    }
}

fn set(change: &Change<'_, Comment>) -> Vec<Step> {
    let sql = change.new.sql(change.id, change.cx);
    sql.map(|sql| change.new.locked(Step::alter(change.id, sql), change.id, change.cx)).into_iter().collect()
}

/// The comment on the NOT NULL of a column that goes and comes again in the steps of the column.
pub(crate) fn of_not_null_again(column: &ObjectId, cx: &PlanContext<'_>) -> Option<Step> {
    let id = NOT_NULL.id(column);
    let sql = Comment::get(cx.to, &id).filter(|_| cx.from.contains(&id))?.sql(&id, cx)?;
    Some(Step::alter(column, sql))
}

/// A part of an object that PostgreSQL gives a comment of its own.
#[derive(Debug)]
pub struct Part {
    /// What it is, as it is said: `comment on the sequence of column t.id`. The name in the comment's id.
    name: &'static str,
    /// The key of its comment, in the mapping of the object.
    pub key: KeyDoc,
    /// The kinds of object that may have it.
    kinds: &'static [KindTag],
    /// How SQL addresses it, where the object has one on a server of this major version.
    address: fn(&ObjectId, &Object, u32) -> Option<String>,
}

/// The index behind a key or an exclusion constraint, which has the constraint's name.
pub const INDEX: Part = Part {
    name: "index",
    key: KeyDoc {
        name: "index_comment",
        doc: "COMMENT ON INDEX, for the index of a key or an exclusion constraint.",
        shape: Shape::Text,
    },
    kinds: &[KindTag::Constraint],
    address: |id, object, _| match object {
        Object::Constraint(constraint) if constraint.has_index() => {
            Some(format!("INDEX {}", qualified(&id.schema().unwrap_or_default(), &id.name())))
        }
        _ => None,
    },
};

/// The sequence of an identity column.
pub const SEQUENCE: Part = Part {
    name: "sequence",
    key: KeyDoc {
        name: "sequence_comment",
        doc: "COMMENT ON SEQUENCE, for the sequence of an identity column.",
        shape: Shape::Text,
    },
    kinds: &[KindTag::Column],
    address: |id, object, _| {
        let sequence = Column::of(object)?.identity_sequence(id)?;
        Some(format!("SEQUENCE {}", sequence.sql()))
    },
};

/// The NOT NULL of a column (from PostgreSQL 18 on) or of a domain (from 17 on), which is a constraint.
pub const NOT_NULL: Part = Part {
    name: "NOT NULL",
    key: KeyDoc {
        name: "not_null_comment",
        doc: "COMMENT ON CONSTRAINT, for the NOT NULL (a column's from PostgreSQL 18 on, a domain's from 17 on).",
        shape: Shape::Text,
    },
    kinds: &[KindTag::Column, KindTag::Domain],
    address: |id, object, major| match object {
        Object::Column(column) if major >= versions::NAMED_NOT_NULL => {
            let name = column.not_null.as_ref()?.name_of(id);
            Some(format!("CONSTRAINT {} ON {}", Ident(&name), id.top_sql()))
        }
        Object::Domain(domain) if major >= versions::NAMED_DOMAIN_NOT_NULL && domain.not_null => {
            Some(format!("CONSTRAINT {} ON DOMAIN {}", Ident(&domain.constraint_name(id)), id.sql()))
        }
        _ => None,
    },
};

/// The constraint of a constraint trigger.
pub const CONSTRAINT: Part = Part {
    name: "constraint",
    key: KeyDoc {
        name: "constraint_comment",
        doc: "COMMENT ON CONSTRAINT, for a constraint trigger.",
        shape: Shape::Text,
    },
    kinds: &[KindTag::Trigger],
    address: |id, object, _| match object {
        Object::Trigger(trigger) if trigger.constraint => {
            Some(format!("CONSTRAINT {} ON {}", Ident(&id.name()), id.top_sql()))
        }
        _ => None,
    },
};

/// Whether an object has a comment that nobody gave it, so that to have none is something to be said: an extension has the one of its
/// control file, the schema `public` that of `initdb`.
pub(super) fn comes_with_one(id: &ObjectId) -> bool {
    id.kind() == KindTag::Extension || is_public(id)
}

fn is_public(id: &ObjectId) -> bool {
    id.kind() == KindTag::Schema && id.name() == PUBLIC
}

/// The comment of a schema `public` that nobody has given one.
const OF_PUBLIC: &str = "standard public schema";

/// The comment of the extension that every new database has.
pub const OF_PLPGSQL: &str = "PL/pgSQL procedural language";

/// The comment that a schema `public` comes with, where a server has none and it is made again.
pub(crate) fn of_new_public(id: &ObjectId, cx: &PlanContext<'_>) -> Option<Step> {
    let is_missed = cx.from.origin.major != 0 && !cx.to.contains(&Comment::id(id));
    let sql = || format!("COMMENT ON SCHEMA {} IS {}", id.sql(), literal(OF_PUBLIC));
    (is_public(id) && is_missed).then(|| Step::alter(id, sql()).rank(1))
}

const PARTS: &[Part] = &[INDEX, SEQUENCE, NOT_NULL, CONSTRAINT];

impl Part {
    /// The part that the id of a comment is about; none where it is about the whole object.
    fn of(id: &ObjectId) -> Option<&'static Self> {
        PARTS.iter().find(|part| part.name == id.name())
    }

    /// The id of the comment on this part of an object.
    fn id(&self, target: &ObjectId) -> ObjectId {
        target.child(KindTag::Comment, self.name)
    }
}

/// Whether a comment's id is that of one on a NOT NULL.
pub(crate) fn is_on_not_null(id: &ObjectId) -> bool {
    id.kind() == KindTag::Comment && id.name() == NOT_NULL.name
}

/// A condition that is true where what a comment is about goes by another name than the declared one, which a script that may meet
/// any state leaves it: a constraint counts by what it demands. Nothing for what has its name in any case.
pub(crate) fn has_other_name(id: &ObjectId, to: &Catalog) -> Option<String> {
    let parent = id.parent()?;
    let of = |column: &str, owner: &str, name: &str| {
        let constraint = "SELECT FROM pg_catalog.pg_constraint WHERE";
        Some(format!("NOT EXISTS ({constraint} {column} = {owner} AND conname = {})", literal(name)))
    };
    match to.get(&parent)? {
        Object::Constraint(_) => of("conrelid", &regclass(&parent.top_sql()), &parent.name()),
        Object::Column(column) if is_on_not_null(id) => {
            let name = column.not_null.as_ref()?.name_of(&parent);
            of("conrelid", &regclass(&parent.top_sql()), &name)
        }
        Object::Domain(domain) if is_on_not_null(id) => {
            of("contypid", &format!("to_regtype({})", literal(&parent.sql())), &domain.constraint_name(&parent))
        }
        _ => None,
    }
}

impl Comment {
    /// The id of the comment on an object.
    pub fn id(target: &ObjectId) -> ObjectId {
        target.child(KindTag::Comment, "")
    }

    /// What it is about, as SQL addresses it in a catalog; nothing where the object has no such part there.
    fn address_in(id: &ObjectId, catalog: &Catalog, major: u32) -> Option<String> {
        let parent = id.parent()?;
        let object = catalog.get(&parent)?;
        let Some(part) = Part::of(id) else { return Some(object.address(&parent)) };
        (part.address)(&parent, object, major).or_else(|| {
            // What an inherited column has from its parent need not be declared of it: there it has the parent's name.
            let theirs = Column::of(object)?
                .provider(&parent, catalog)
                .filter(|_| is_on_not_null(id) && major >= versions::NAMED_NOT_NULL)?;
            let mut above = std::iter::successors(Some(theirs), |id| Column::get(catalog, id)?.provider(id, catalog));
            let name = above.find_map(|id| Some(Column::get(catalog, &id)?.not_null.as_ref()?.name_of(&id)))?;
            Some(format!("CONSTRAINT {} ON {}", Ident(&name), parent.top_sql()))
        })
    }

    fn sql(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Option<String> {
        let address = Self::address_in(id, cx.to, cx.major)?;
        Some(format!("COMMENT ON {address} IS {}", literal(&self.text)))
    }

    fn locked(&self, step: Step, id: &ObjectId, cx: &PlanContext<'_>) -> Step {
        let relation = id.top();
        if super::object_type(relation.kind()) == Some('r') {
            cx.locked(step, LockMode::ShareUpdateExclusive, &relation)
        } else {
            step
        }
    }
}

impl Kind for Comment {
    const INFO: KindInfo = KindInfo { component: true, names_part: true, ..KindInfo::new("comment", "comment on") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        id.parent().map(|p| p.sql_path()).unwrap_or_default()
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let (Some(sql), Some(parent)) = (self.sql(id, cx), id.parent()) else { return Vec::new() };
        let mut step = self.locked(Step::create(id, sql), id, cx);
        let may_be_null = |column: &Column| column.not_null.is_none();
        if is_on_not_null(id) && !cx.is_new(&parent) && Column::get(cx.from, &parent).is_some_and(may_be_null) {
            // The NOT NULL comes once no row is in its way; where a parent hands it down, with the parent's.
            step.phase = Phase::Contract;
            step.requires.extend(origins(&parent, cx.to));
        }
        vec![step]
    }

    /// A part that is gone has taken its comment along.
    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let Some(address) = Self::address_in(id, cx.from, cx.major) else { return Vec::new() };
        let stays = id.parent().is_none_or(|p| !cx.to.contains(&p)) || Self::address_in(id, cx.to, cx.major).is_some();
        if !stays {
            return Vec::new();
        }
        let usual = id.parent().filter(is_public).map_or_else(|| "NULL".to_owned(), |_| literal(OF_PUBLIC));
        let step = Step::drop(id, format!("COMMENT ON {address} IS {usual}")).phase(Phase::Expand);
        vec![self.locked(step, id, cx)]
    }

    /// An extension brings its own.
    fn implied(&self, id: &ObjectId, _catalog: &Catalog) -> bool {
        id.parent().is_some_and(|p| p.kind() == KindTag::Extension)
    }

    fn rename(&self, _old: &ObjectId, _new: &ObjectId) -> Vec<Step> {
        Vec::new()
    }
}

/// All comments on objects of users, and an empty one for what has none though it comes with one. A schema `public` has one from
/// `initdb`, which is none of theirs.
pub const COMMENTS_QUERY: &str = include_str!("comment.sql");

/// Adds the comment of one row of [`COMMENTS_QUERY`]. A comment on what the model takes for the object itself, and knows no comments
/// of, is reported as not modelled.
///
/// # Errors
/// A row that is not of the query's form.
pub fn read_comment(row: &Row<'_>, out: &mut Reader) -> Result<()> {
    let Some(class) = class_named(row.text("class")?) else { return Ok(()) };
    let sub: i32 = row.number("sub")?;
    let Some(target) = out.at(class, row.number("oid")?, sub).cloned() else { return Ok(()) };
    let id = match (class, target.kind()) {
        ("pg_class", KindTag::Constraint) => Ok(INDEX.id(&target)),
        ("pg_class", KindTag::Column) if sub == 0 => Ok(SEQUENCE.id(&target)),
        ("pg_constraint", KindTag::Column | KindTag::Domain) => Ok(NOT_NULL.id(&target)),
        ("pg_constraint", KindTag::Trigger) => Ok(CONSTRAINT.id(&target)),
        ("pg_type", _) if row.bool("is_array")? => Err("array type"),
        ("pg_type", kind) if super::object_type(kind) == Some('r') => Err("row type"),
        ("pg_rewrite", _) => Err("rule"),
        _ => Ok(Comment::id(&target)),
    };
    match id {
        Ok(id) => _ = out.builder.put(id, Comment { text: row.string("text")? }),
        Err(part) => out.left_out(&format!("comment on {part}"), &target.sql_path()),
    }
    Ok(())
}

/// Takes the keys of comments on parts of an object out of its mapping.
///
/// # Errors
/// A value that is no text; an object without such a part.
pub(super) fn declare_parts(fields: &Fields<'_>, target: &ObjectId, cx: &mut DeclareContext<'_>) -> Result<()> {
    for part in PARTS.iter().filter(|part| part.kinds.contains(&target.kind())) {
        let Some(place) = fields.key_place(part.key.name) else { continue };
        let Some(text) = fields.text(part.key.name)?.filter(|text| !text.is_empty()) else { continue };
        let has = |major| cx.builder.get(target).is_some_and(|o| (part.address)(target, o, major).is_some());
        let label = || format!("{} {}", target.kind().label(), target.sql_path());
        // Whether a column is NOT NULL is known when its table's keys and parents are.
        let known_later = part.name == NOT_NULL.name && target.kind() == KindTag::Column;
        if !known_later && !has(versions::NEWEST_MAJOR) {
            return Err(Diagnostic::error("no-such-part", format!("{} has no {} to comment on", label(), part.name))
                .at(place)
                .note(part.key.doc));
        }
        let major = cx.live.map_or(0, |live| live.origin.major);
        if part.name == NOT_NULL.name
            && major > 0
            && major
                < if target.kind() == KindTag::Domain {
                    versions::NAMED_DOMAIN_NOT_NULL
                } else {
                    versions::NAMED_NOT_NULL
                }
        {
            return Err(Diagnostic::error(
                "no-such-part",
                format!("the NOT NULL of {} is no constraint on PostgreSQL {major}, and can have no comment", label()),
            )
            .at(place)
            .note(part.key.doc));
        }
        cx.add(part.id(target), Comment { text: text.to_owned() }, &place)?;
    }
    Ok(())
}

/// Notes comments on the NOT NULL of columns of a table that are not NOT NULL, once its keys are known.
pub(crate) fn without_not_null(table: &ObjectId, cx: &mut DeclareContext<'_>) {
    let wrong =
        cx.builder.since(table).filter(|(id, _)| is_on_not_null(id) && id.is_within(table)).filter_map(|(id, _)| {
            let column = id.parent()?;
            let own = cx.builder.get(&column).and_then(Column::of)?;
            (own.not_null.is_none() && !own.inherited).then(|| (column, cx.builder.location(id).cloned()))
        });
    for (column, place) in wrong.collect::<Vec<_>>() {
        let problem = Diagnostic::error(
            "no-such-part",
            format!("column {} may be NULL: there is no NOT NULL to comment on", column.sql_path()),
        );
        cx.note(Err(problem.or_at(place.as_ref())));
    }
}

/// The comments on parts of an object, for its mapping.
pub(super) fn write_parts(target: &ObjectId, cx: &WriteContext<'_>) -> impl Iterator<Item = (String, Out)> {
    let kind = target.kind();
    PARTS.iter().filter(move |part| part.kinds.contains(&kind)).filter_map(|part| {
        let comment = Comment::get(cx.catalog, &part.id(target))?;
        Some((part.key.name.to_owned(), Out::Block(comment.text.clone())))
    })
}
