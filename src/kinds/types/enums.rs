//! Enumerated types (`pg_enum`; CREATE TYPE … AS ENUM).

use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::{MAX_IDENTIFIER_BYTES, literal};
use crate::core::step::{HazardKind, Step, Transaction};
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::common::{Declare, Introspect, WriteContext};
use crate::kinds::types::{OWNER, USAGE, WAS};
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag};
use crate::plan::context::PlanContext;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

attributes! {
    /// An enumerated type.
    pub struct Enum {
        /// The labels, in their sort order.
        values: Vec<String> => Swap(add_values),
    }
}

/// One ADD VALUE for each new label, where no label goes and none changes its place among the others.
///
/// PostgreSQL does not let a new label be used in the transaction that adds it, and cannot remove or move one.
fn add_values(change: &Change<'_, Enum>) -> Option<Vec<Step>> {
    let mut old = change.old.values.iter().peekable();
    let mut steps = Vec::new();
    for (i, value) in change.new.values.iter().enumerate() {
        if old.next_if_eq(&value).is_some() {
            continue;
        }
        // The place is always said, except where a new label comes last: the end is where it goes by itself.
        let place = match (i.checked_sub(1).and_then(|p| change.new.values.get(p)), old.peek()) {
            (_, None) => String::new(),
            (Some(previous), Some(_)) => format!(" AFTER {}", literal(previous)),
            (None, Some(next)) => format!(" BEFORE {}", literal(next)),
        };
        let sql = format!("ALTER {} ADD VALUE {}{place}", change.new.address(change.id), literal(value));
        let rank = u8::try_from(steps.len()).unwrap_or(u8::MAX);
        steps.push(Step::alter(change.id, sql).transaction(Transaction::Own).rank(rank));
    }
    old.next().is_none().then_some(steps)
}

impl Enum {
    /// Gives a label another name; rows that have the value keep it.
    pub fn rename_value(&self, id: &ObjectId, old: &str, new: &str) -> Step {
        let sql = format!("ALTER {} RENAME VALUE {} TO {}", self.address(id), literal(old), literal(new));
        Step::rename(id, sql).hazard(HazardKind::Breaking, format!("code that says {} fails", literal(old)))
    }
}

impl Kind for Enum {
    const INFO: KindInfo = KindInfo { namespaces: &["type"], ..KindInfo::new("enum", "enum") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("TYPE {}", id.sql())
    }

    fn create(&self, id: &ObjectId, _cx: &PlanContext<'_>) -> Vec<Step> {
        let values = self.values.iter().map(|v| literal(v)).collect::<Vec<_>>().join(", ");
        vec![Step::create(id, format!("CREATE {} AS ENUM ({values})", self.address(id)))]
    }
}

impl Introspect for Enum {
    const QUERY: &'static str = include_str!("enums.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let Some((id, oid)) = out.id_in(row, KindTag::Enum, "pg_type")? else { return Ok(()) };
        let array_type = row.number("array_type")?;
        let handle = out.add(id.clone(), Self { values: row.list("labels")? }, "pg_type", oid, 0);
        out.alias(handle, "pg_type", array_type, 0);
        out.access(row, &id, 'T')
    }
}

/// A label must fit a name's length (PostgreSQL refuses a longer one) and be the only one of its kind.
fn checked(values: &[&str], node: &Node) -> Result<Vec<String>> {
    for (i, value) in values.iter().enumerate() {
        let place = node.items().and_then(|items| items.get(i)).unwrap_or(node).place();
        if value.len() > MAX_IDENTIFIER_BYTES {
            let message = format!("the enum value `{value}` is too long");
            return Err(Diagnostic::error("enum-value", message).at(place).note(format!(
                "an enum value has at most {MAX_IDENTIFIER_BYTES} bytes; this one has {}",
                value.len()
            )));
        }
        if values.iter().take(i).any(|earlier| earlier == value) {
            return Err(Diagnostic::error("enum-value", format!("the enum value `{value}` is listed twice"))
                .at(place)
                .help("keep one of the two"));
        }
    }
    Ok(values.iter().map(|&v| v.to_owned()).collect())
}

impl Declare for Enum {
    const DEFINITION: Definition = Definition {
        name: "enums",
        doc: "Enumerated types: `channel: [whatsapp, sms]`.",
        scalar: Some("the list of its values, in order"),
        keys: &[
            KeyDoc { name: "values", doc: "The values, in order.", shape: Shape::TextList },
            KeyDoc { name: "renamed", doc: "Values that got another name: new name to old.", shape: Shape::TextMap },
            KeyDoc { name: "comment", doc: "COMMENT ON TYPE.", shape: Shape::Text },
            OWNER,
            USAGE,
            WAS,
        ],
    };

    fn declare(_parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let id = cx.id(KindTag::Enum, key)?;
        if node.entries().is_none() {
            let values = if node.is_null() { Vec::new() } else { node.as_words("an enum")? };
            return cx.add(id, Self { values: checked(&values, node)? }, &key.location);
        }
        let fields = Fields::of(node, "an enum", Self::DEFINITION.keys)?;
        let list = fields.require("values")?;
        let values = checked(&fields.text_list("values")?.unwrap_or_default(), list)?;
        for (new, old) in fields.text_map("renamed")? {
            let problem = if !values.contains(&new.text) {
                Some(format!("`renamed` names the value `{}`, which is not among the values", new.text))
            } else if values.iter().any(|v| v == old) {
                Some(format!("`{old}` is given as the old name of `{}`, yet is among the values itself", new.text))
            } else {
                None
            };
            if let Some(message) = problem {
                return Err(Diagnostic::error("enum-value", message)
                    .at(new.location.clone())
                    .help("write `renamed: {new name: old name}` and list the new name under `values`"));
            }
            cx.value_renames.insert((id.clone(), new.text.clone()), old.to_owned());
        }
        cx.was(&fields, &id)?;
        cx.add(id.clone(), Self { values }, &key.location)?;
        cx.components(&fields, &id)
    }

    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        // A list as long as a line is easier to read one below the other.
        let long = self.values.iter().map(|v| v.chars().count() + 2).sum::<usize>() > 90;
        let values =
            if long { Out::List(self.values.iter().map(Out::text).collect()) } else { Out::flow(&self.values) };
        let components = cx.components(id);
        if components.is_empty() {
            return values;
        }
        let mut entries = vec![("values".to_owned(), values)];
        entries.extend(components);
        Out::Map(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::catalog::Catalog;
    use crate::core::versions;
    use crate::kinds::types::testing::{declared, round_trip};

    fn steps(old: &[&str], new: &[&str]) -> Option<Vec<String>> {
        let (from, to) = (Catalog::default(), Catalog::default());
        let cx = PlanContext {
            from: &from,
            to: &to,
            created: Default::default(),
            dropped: Default::default(),
            folded: Default::default(),
            filled: Default::default(),
            using: Default::default(),
            major: versions::NEWEST_MAJOR,
            online: true,
            unread: None,
            guarded: None,
        };
        let of = |values: &[&str]| Enum { values: values.iter().map(|&v| v.to_owned()).collect() };
        let id = ObjectId::in_schema(KindTag::Enum, "public", "e");
        let change = Change { id: &id, old: &of(old), new: &of(new), cx: &cx };
        add_values(&change)
            .map(|steps| steps.into_iter().map(|s| s.sql.replace("ALTER TYPE public.e ADD VALUE ", "")).collect())
    }

    #[test]
    fn new_values_are_added_in_place() {
        assert_eq!(steps(&["b"], &["a", "b", "c"]).unwrap(), ["'a' BEFORE 'b'", "'c'"]);
        assert_eq!(steps(&["a", "d"], &["a", "b", "c", "d"]).unwrap(), ["'b' AFTER 'a'", "'c' AFTER 'b'"]);
        assert_eq!(steps(&[], &["a"]).unwrap(), ["'a'"]);
    }

    #[test]
    fn values_that_go_or_move_call_for_a_new_type() {
        assert_eq!(steps(&["a", "b"], &["a"]), None);
        assert_eq!(steps(&["a", "b"], &["b", "a"]), None);
    }

    #[test]
    fn enums_in_yaml() {
        assert_eq!(
            round_trip("channel: [whatsapp, no, 010, null]\n", Enum::of),
            "channel: [whatsapp, \"no\", \"010\", \"null\"]\n"
        );
        round_trip("none: []\nlong: {values: [a, 'b c', '']}\n", Enum::of);
        assert_eq!(declared::<Enum>("e: [a, a]\n").unwrap_err().code, "enum-value");
        assert_eq!(declared::<Enum>("e: {values: [a], renamed: {b: c}}\n").unwrap_err().code, "enum-value");
    }
}
