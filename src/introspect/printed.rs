//! Expressions that the server prints once for all objects that have the same.
//!
//! To print an expression (`pg_get_expr`) the server opens the table that it belongs to, which for the policy or the check of one
//! table after another takes several times as long as the printing. A large database mostly says a few things over and over
//! (`auth.uid() = user_id`), so what is asked for there are the expressions' trees as they are stored (`pg_node_tree`), and then
//! the text of one of each.

use rustc_hash::FxHashMap as HashMap;

use crate::core::diagnostic::Result;
use crate::introspect::Reader;
use crate::kinds::Object;
use crate::postgres::Session;

/// One of the places where catalogs keep expressions.
#[derive(Debug)]
pub struct Printer {
    /// Gives the oid and the expression's text of the objects whose oids stand for `$oids`.
    pub query: &'static str,
    /// Puts the text where it belongs; NULL, where the server has none any more.
    pub set: fn(&mut Object, Option<&str>),
}

/// The objects that wait for the text of one expression.
#[derive(Debug)]
struct Group {
    printer: &'static Printer,
    /// The object of which it is asked.
    oid: u32,
    handles: Vec<u32>,
}

/// What is to be printed once all rows are read.
#[derive(Debug, Default)]
pub struct Unprinted {
    groups: Vec<Group>,
    known: HashMap<(&'static str, String), usize>,
}

impl Unprinted {
    /// Asks for the text of an object's expression. `form` is what it has in common with others of the same text, where that
    /// can be told.
    pub fn add(&mut self, printer: &'static Printer, form: Option<String>, oid: u32, handle: u32) {
        let next = self.groups.len();
        let at = form.map_or(next, |form| *self.known.entry((printer.query, form)).or_insert(next));
        match self.groups.get_mut(at) {
            Some(group) => group.handles.push(handle),
            None => self.groups.push(Group { printer, oid, handles: vec![handle] }),
        }
    }

    /// Has everything printed.
    pub async fn print(self, session: &Session, reader: &mut Reader) -> Result<()> {
        let mut by_query: HashMap<&str, Vec<Group>> = HashMap::default();
        for group in self.groups {
            by_query.entry(group.printer.query).or_default().push(group);
        }
        for (query, groups) in by_query {
            let oids: Vec<String> = groups.iter().map(|group| group.oid.to_string()).collect();
            let rows = session.rows(&query.replace("$oids", &format!("'{{{}}}'::oid[]", oids.join(",")))).await?;
            let texts: HashMap<u32, &str> = rows
                .iter()
                .filter_map(|row| Some((row.first()?.as_ref()?.parse().ok()?, row.get(1)?.as_deref()?)))
                .collect();
            for group in groups {
                let text = texts.get(&group.oid).copied();
                for handle in group.handles {
                    (group.printer.set)(reader.builder.object_mut(handle), text);
                }
            }
        }
        Ok(())
    }
}

/// What an expression's tree has in common with those that are printed alike: all but the places where its parts stood in the
/// statement, and with names for the numbers of columns. `None` where the text may hold more than is seen here: subqueries,
/// whole rows, columns that are not known.
pub(super) fn form<'a>(tree: &str, name: impl Fn(i32) -> Option<&'a str>) -> Option<String> {
    if tree.contains("{QUERY") || tree.contains("{SUBLINK") {
        return None;
    }
    let mut form = String::with_capacity(tree.len());
    for (i, field) in tree.split(" :").enumerate() {
        // The field's name, and what follows its number: where a node ends, its brace.
        let numbered = field.split_once(' ').map(|(word, value)| {
            let end = value.bytes().position(|byte| !byte.is_ascii_digit() && byte != b'-').unwrap_or(value.len());
            (word, &value[..end], &value[end..])
        });
        if i > 0 {
            form.push_str(" :");
        }
        match numbered {
            Some(("location", _, rest)) => form.push_str(rest),
            Some((word @ ("varattno" | "varattnosyn"), number, rest)) => {
                form.push_str(word);
                form.push(' ');
                form.push_str(name(number.parse().ok()?)?);
                form.push_str(rest);
            }
            _ => form.push_str(field),
        }
    }
    Some(form)
}

#[cfg(test)]
mod tests {
    use super::form;

    const TREE: &str = "{OPEXPR :opno 98 :args ({VAR :varno 1 :varattno 2 :varlevelsup 0 :varattnosyn 2 :location 40} \
                        {CONST :constlen -1 :location 44 :constvalue 5 [ 20 0 0 0 97 ]}) :location -1}";

    fn named(tree: &str, names: &'static [&'static str]) -> Option<String> {
        form(tree, |number| names.get(usize::try_from(number).ok()?.checked_sub(1)?).copied())
    }

    #[test]
    fn places_and_numbers_do_not_tell_expressions_apart() {
        let moved = TREE.replace("location 4", "location 90").replace("attno 2", "attno 1").replace("syn 2", "syn 1");
        assert_ne!(moved, TREE);
        assert!(named(TREE, &["a", "b"]).is_some());
        assert_eq!(named(TREE, &["a", "b"]), named(&moved, &["b"]));
    }

    #[test]
    fn names_and_constants_do() {
        assert_ne!(named(TREE, &["a", "b"]), named(TREE, &["a", "c"]));
        assert_ne!(named(TREE, &["a", "b"]), named(&TREE.replace(" 97 ]", " 98 ]"), &["a", "b"]));
    }

    #[test]
    fn what_cannot_be_told_is_printed_by_itself() {
        assert_eq!(named(TREE, &["a"]), None, "an unknown column");
        assert_eq!(named(&TREE.replace("varattno 2", "varattno 0"), &["a", "b"]), None, "a whole row");
        assert_eq!(named(&TREE.replace("{CONST", "{SUBLINK"), &["a", "b"]), None);
    }
}
