//! Object identity: the one codec from a kind and its names to a key and back.
//!
//! An id is a path of `kind:name` segments, e.g. `schema:public/table:users/column:email`. The text form is the key in
//! memory, in snapshots and in plans, so what a person sees in JSON is what the engine compares. `/` and `%` in names are
//! written `%2F` and `%25`. Children sort directly behind their parents.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::name::{Ident, ident, qualified};
use crate::kinds::KindTag;

/// The identity of one object of a catalog. Cheap to clone; ordered and hashed by its text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(Arc<str>);

impl Borrow<str> for ObjectId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

fn escape(name: &str) -> Cow<'_, str> {
    if name.contains(['/', '%']) {
        Cow::Owned(name.replace('%', "%25").replace('/', "%2F"))
    } else {
        Cow::Borrowed(name)
    }
}

fn unescape(name: &str) -> Cow<'_, str> {
    if name.contains('%') { Cow::Owned(name.replace("%2F", "/").replace("%25", "%")) } else { Cow::Borrowed(name) }
}

impl ObjectId {
    /// The id of an object that has no parent: a schema, an extension.
    pub fn root(kind: KindTag, name: &str) -> Self {
        Self(format!("{}:{}", kind.word(), escape(name)).into())
    }

    /// The id of a child of this object.
    pub fn child(&self, kind: KindTag, name: &str) -> Self {
        let (word, name) = (kind.word(), escape(name));
        let mut text = String::with_capacity(self.0.len() + word.len() + name.len() + 2);
        text.push_str(&self.0);
        text.push('/');
        text.push_str(word);
        text.push(':');
        text.push_str(&name);
        Self(text.into())
    }

    /// The id of an object that lies in a schema.
    pub fn in_schema(kind: KindTag, schema: &str, name: &str) -> Self {
        Self(format!("{}:{}/{}:{}", KindTag::Schema.word(), escape(schema), kind.word(), escape(name)).into())
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the text form; `None` where it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        for segment in text.split('/') {
            let (word, _) = segment.split_once(':')?;
            KindTag::from_word(word)?;
        }
        Some(Self(text.into()))
    }

    fn last(&self) -> (&str, &str) {
        Self::last_of(&self.0)
    }

    /// The kind's word and the escaped name of the last part of an id's text.
    fn last_of(text: &str) -> (&str, &str) {
        let last = &text[last_slash(text).map_or(0, |i| i + 1)..];
        // Kinds and names are short: looking at them byte by byte is quicker than what is made for long texts.
        match last.bytes().position(|byte| byte == b':') {
            Some(colon) => (&last[..colon], &last[colon + 1..]),
            None => (last, ""),
        }
    }

    /// The kind of the object.
    pub fn kind(&self) -> KindTag {
        KindTag::from_word(self.last().0).unwrap_or(KindTag::Schema)
    }

    /// The object's own name, unquoted. For a routine: its quoted name with the identity arguments, `f(integer)`.
    pub fn name(&self) -> Cow<'_, str> {
        unescape(self.last().1)
    }

    /// The name as the id has it, for comparing names.
    pub(crate) fn written_name(&self) -> &str {
        self.last().1
    }

    /// The text of the parent's id, for look-ups that need not allocate.
    pub fn parent_str(&self) -> Option<&str> {
        last_slash(&self.0).map(|i| &self.0[..i])
    }

    /// The parent's kind.
    pub fn parent_kind(&self) -> Option<KindTag> {
        KindTag::from_word(Self::last_of(self.parent_str()?).0)
    }

    /// The parent.
    pub fn parent(&self) -> Option<Self> {
        self.parent_str().map(|text| Self(text.into()))
    }

    /// The nearest id of a kind, from this one upwards.
    pub fn ancestor(&self, kind: KindTag) -> Option<Self> {
        let mut current = Some(self.clone());
        while let Some(id) = current {
            if id.kind() == kind {
                return Some(id);
            }
            current = id.parent();
        }
        None
    }

    /// The object directly below the schema (or the root) that this one is part of: a column's table.
    pub fn top(&self) -> Self {
        let mut current = self.clone();
        while let Some(parent) = current.parent() {
            if parent.kind() == KindTag::Schema {
                break;
            }
            current = parent;
        }
        current
    }

    /// The text of [`ObjectId::top`], for look-ups that need not allocate.
    pub fn top_str(&self) -> &str {
        let text = self.as_str();
        let mut slashes = text.bytes().enumerate().filter(|(_, byte)| *byte == b'/').map(|(i, _)| i);
        let first = slashes.next();
        let in_schema = self.schema_segment().is_some();
        let end = if in_schema { slashes.next() } else { first };
        &text[..end.unwrap_or(text.len())]
    }

    /// The first segment's name as it is written, where the id lies in a schema or is one.
    fn schema_segment(&self) -> Option<&str> {
        let name = self.0.strip_prefix(KindTag::Schema.word())?.strip_prefix(':')?;
        Some(&name[..name.bytes().position(|byte| byte == b'/').unwrap_or(name.len())])
    }

    /// The name of the schema it lies in (a schema lies in itself).
    pub fn schema(&self) -> Option<Cow<'_, str>> {
        self.schema_segment().map(unescape)
    }

    /// Whether this id is `ancestor` or lies below it.
    pub fn is_within(&self, ancestor: &Self) -> bool {
        self.0.strip_prefix(&*ancestor.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The same id with the leading part `from` put in place by `to`; `None` where it does not lie within `from`.
    pub fn rebase(&self, from: &Self, to: &Self) -> Option<Self> {
        self.is_within(from).then(|| Self(format!("{}{}", to.0, &self.0[from.0.len()..]).into()))
    }

    /// The name as it stands in SQL: qualified by the schema for what lies directly in one, bare otherwise.
    pub fn sql(&self) -> String {
        let name = self.name();
        match (self.parent(), self.schema()) {
            (Some(parent), Some(schema)) if parent.kind() == KindTag::Schema => {
                if self.kind().name_is_signature() {
                    format!("{}.{name}", Ident(&schema))
                } else {
                    qualified(&schema, &name)
                }
            }
            _ => ident(&name),
        }
    }

    /// The qualified SQL name of the object directly below the schema: a column's table.
    pub fn top_sql(&self) -> String {
        self.top().sql()
    }
}

impl fmt::Display for ObjectId {
    /// As people say it: `column public.users.email`, `policy "own rows" on public.users`, `comment on table public.users`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        let label = kind.label();
        let name = self.name();
        let Some(parent) = self.parent() else {
            return write!(f, "{label} {}", Ident(&name));
        };
        if parent.kind() == KindTag::Schema && !kind.is_component() {
            return write!(f, "{label} {}", self.sql());
        }
        if kind.is_component() {
            return if name.is_empty() {
                write!(f, "{label} {parent}")
            } else if kind.info().names_part {
                write!(f, "{label} the {name} of {parent}")
            } else {
                write!(f, "{label} {} {parent}", Ident(&name))
            };
        }
        if kind.is_dotted() {
            write!(f, "{label} {}.{}", parent.sql_path(), Ident(&name))
        } else if name.is_empty() {
            write!(f, "{label} of {}", parent.sql_path())
        } else {
            write!(f, "{label} {} on {}", Ident(&name), parent.sql_path())
        }
    }
}

impl ObjectId {
    /// The dotted path without the kind: `public.users.email`.
    pub fn sql_path(&self) -> String {
        match self.parent() {
            Some(parent) if parent.kind() != KindTag::Schema => {
                format!("{}.{}", parent.sql_path(), Ident(&self.name()))
            }
            _ => self.sql(),
        }
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no object id")))
    }
}

fn last_slash(text: &str) -> Option<usize> {
    text.bytes().rposition(|byte| byte == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_separators_survive() {
        let id = ObjectId::in_schema(KindTag::Table, "a/b", "50%/:x").child(KindTag::Column, "c");
        assert_eq!(id.schema().as_deref(), Some("a/b"));
        assert_eq!(id.parent().map(|p| p.name().into_owned()).as_deref(), Some("50%/:x"));
        assert_eq!(ObjectId::parse(id.as_str()), Some(id.clone()));
        assert_eq!(id.to_string(), "column \"a/b\".\"50%/:x\".c");
    }

    #[test]
    fn the_top_without_allocating() {
        let table = ObjectId::in_schema(KindTag::Table, "public", "t");
        let schema = ObjectId::root(KindTag::Schema, "public");
        let extension = ObjectId::root(KindTag::Extension, "hstore");
        for id in [
            table.child(KindTag::Column, "c").child(KindTag::Comment, ""),
            table.clone(),
            schema.child(KindTag::Comment, ""),
            schema,
            extension.child(KindTag::Comment, ""),
            extension,
        ] {
            assert_eq!(id.top_str(), id.top().as_str());
        }
    }

    #[test]
    fn within_and_rebase() {
        let table = ObjectId::in_schema(KindTag::Table, "public", "t");
        let other = ObjectId::in_schema(KindTag::Table, "public", "t2");
        let column = table.child(KindTag::Column, "c");
        assert!(column.is_within(&table));
        assert!(!other.is_within(&table));
        assert_eq!(column.rebase(&table, &other), Some(other.child(KindTag::Column, "c")));
    }
}
