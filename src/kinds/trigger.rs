//! Triggers of tables and views (`pg_trigger`; CREATE TRIGGER). Clones on partitions belong to the parent's trigger.

use crate::core::catalog::Edge;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::Ident;
use crate::core::step::{LockMode, Phase, Step};
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row};
use crate::kinds::common::{Declare, Introspect, WriteContext};
use crate::kinds::component::comment;
use crate::kinds::trigger_state::{self, TriggerState};
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions};
use crate::plan::context::PlanContext;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

attributes! {
    /// A trigger of a table or view.
    pub struct Trigger {
        /// Whether it is a constraint trigger.
        constraint: bool => Replace,
        /// What follows the name in CREATE TRIGGER, without `ON table`: `before update of a for each row execute function f()`.
        definition: String => RestateIf(|c| !c.old.constraint && !c.new.constraint),
        /// When it fires: `origin` (the default: unless replicating), `disabled`, `replica` or `always`.
        enabled: String => Alter(alter_enabled),
    }
}

/// How a definition comes apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parts<'a> {
    /// Whether it starts with `constraint`.
    constraint: bool,
    /// `before update of a`.
    events: &'a str,
    /// `for each row execute function f()`.
    rest: &'a str,
}

/// A token: a word in lower case, or any other character or quoted text (empty word), with the offset behind it.
fn token(text: &str, from: usize) -> Option<(String, usize)> {
    let rest = text.get(from..)?;
    let start = from + (rest.len() - rest.trim_start().len());
    let rest = text.get(start..)?;
    let first = rest.chars().next()?;
    if first == '"' {
        let mut chars = rest.char_indices().skip(1).peekable();
        while let Some((i, c)) = chars.next() {
            if c == '"' && chars.next_if(|(_, c)| *c == '"').is_none() {
                return Some((String::new(), start + i + 1));
            }
        }
        return None;
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let length = if is_word(first) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
    let word = rest.get(..length)?.to_lowercase();
    Some((word, start + length))
}

/// Takes a definition apart at the place where `ON table` belongs: behind the events.
fn parts(text: &str) -> Option<Parts<'_>> {
    let text = text.trim();
    let (mut word, mut at) = token(text, 0)?;
    let mut start = 0;
    let constraint = word == "constraint";
    if constraint {
        start = at;
        (word, at) = token(text, at)?;
        if word == "trigger" {
            start = at;
            (word, at) = token(text, at)?;
        }
    }
    match word.as_str() {
        "before" | "after" => {}
        "instead" => {
            (word, at) = token(text, at)?;
            if word != "of" {
                return None;
            }
        }
        _ => return None,
    }
    loop {
        (word, at) = token(text, at)?;
        match word.as_str() {
            "insert" | "delete" | "truncate" => {}
            "update" => {
                if let Some((of, behind)) = token(text, at)
                    && of == "of"
                {
                    (_, at) = token(text, behind)?;
                    while let Some((comma, behind)) = token(text, at)
                        && comma == ","
                    {
                        (_, at) = token(text, behind)?;
                    }
                }
            }
            _ => return None,
        }
        match token(text, at) {
            Some((or, behind)) if or == "or" => at = behind,
            _ => break,
        }
    }
    Some(Parts { constraint, events: text.get(start..at)?.trim(), rest: text.get(at..)?.trim() })
}

/// Calls `at` with every character outside quotes and the bracket depth, until it returns an offset.
fn find_outside(text: &str, mut at: impl FnMut(usize, char, i32) -> bool) -> Option<usize> {
    let (mut depth, mut quote) = (0, None);
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, c) => {
                depth += i32::from(c == '(') - i32::from(c == ')');
                if at(i, c, depth) {
                    return Some(i);
                }
            }
        }
    }
    None
}

/// A text with its unquoted characters in lower case: for keywords and names that PostgreSQL printed.
fn lower(text: &str) -> String {
    let mut quoted = false;
    text.chars()
        .map(|c| {
            quoted ^= c == '"';
            if quoted { c } else { c.to_ascii_lowercase() }
        })
        .collect()
}

/// The definition in what `pg_get_triggerdef` printed: `CREATE TRIGGER name events ON table rest`.
///
/// Names stand there quoted unless they are plain words, and a word that is a keyword such as ON is always quoted, so the
/// first keyword outside quotes is what it looks like.
fn cut(printed: &str) -> Option<String> {
    let text = printed.strip_prefix("CREATE ")?;
    let text = text.strip_prefix("CONSTRAINT ").unwrap_or(text).strip_prefix("TRIGGER ")?;
    let name = find_outside(text, |_, c, _| c == ' ')?;
    let text = text.get(name + 1..)?;
    let on = find_outside(text, |i, c, _| c == ' ' && text.get(i..).is_some_and(|t| t.starts_with(" ON ")))?;
    let (events, text) = (text.get(..on)?, text.get(on + 4..)?);
    let table = find_outside(text, |_, c, _| c == ' ')?;
    let rest = text.get(table + 1..)?;
    // Up to FOR EACH there are keywords and names only.
    let each = find_outside(rest, |i, c, _| c == 'F' && rest.get(i..).is_some_and(|t| t.starts_with("FOR EACH ")))?;
    let level = if rest.get(each..)?.starts_with("FOR EACH ROW ") { "for each row" } else { "for each statement" };
    let mut head = lower(rest.get(..each)?);
    // What a constraint trigger is anyway.
    head = head
        .replace("not deferrable initially immediate ", "")
        .replace("deferrable initially immediate ", "deferrable ");
    let mut tail = rest.get(each + level.len() + 1..)?;
    let mut when = String::new();
    if let Some(condition) = tail.strip_prefix("WHEN ") {
        let end = find_outside(condition, |_, c, depth| c == ')' && depth == 0)?;
        when = format!("when {} ", condition.get(..=end)?);
        tail = condition.get(end + 1..)?.trim_start();
    }
    let call = tail.strip_prefix("EXECUTE FUNCTION ").or_else(|| tail.strip_prefix("EXECUTE PROCEDURE "))?;
    Some(format!("{} {head}{level} {when}execute function {call}", lower(events)))
}

impl Trigger {
    fn sql(&self, id: &ObjectId, replace: bool) -> String {
        let table = id.top_sql();
        let (events, rest) = parts(&self.definition).map_or((self.definition.as_str(), ""), |p| (p.events, p.rest));
        format!(
            "CREATE {}{}TRIGGER {} {events} ON {table} {rest}",
            if replace { "OR REPLACE " } else { "" },
            if self.constraint { "CONSTRAINT " } else { "" },
            Ident(&id.name())
        )
    }

    fn enable(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Step {
        let sql = format!("ALTER TABLE {} {}", id.top_sql(), enable_clause(&self.enabled, &id.name()));
        cx.locked(Step::alter(id, sql), LockMode::ShareRowExclusive, &id.top()).rank(1)
    }
}

/// When a trigger fires: the word, the letter in `pg_trigger.tgenabled`, and what ALTER TABLE says. The first is the default.
const STATES: [(&str, char, &str); 4] = [
    ("origin", 'O', "ENABLE"),
    ("disabled", 'D', "DISABLE"),
    ("replica", 'R', "ENABLE REPLICA"),
    ("always", 'A', "ENABLE ALWAYS"),
];

/// The clause of ALTER TABLE that lets a trigger fire when it should.
pub(super) fn enable_clause(enabled: &str, name: &str) -> String {
    let clause = STATES.iter().find(|(word, ..)| *word == enabled).map_or("ENABLE", |(_, _, clause)| clause);
    format!("{clause} TRIGGER {}", Ident(name))
}

/// The letter in `pg_trigger.tgenabled`.
pub(super) fn letter_of(enabled: &str) -> char {
    STATES.iter().find(|(word, ..)| *word == enabled).map_or('O', |(_, letter, _)| *letter)
}

fn alter_enabled(change: &Change<'_, Trigger>) -> Vec<Step> {
    // Stating the trigger again says this, too.
    if change.old.definition != change.new.definition {
        return Vec::new();
    }
    let mut steps = vec![change.new.enable(change.id, change.cx)];
    steps.extend(trigger_state::again(change.id, &change.id.top(), change.id, change.cx));
    steps
}

impl Kind for Trigger {
    const INFO: KindInfo = KindInfo::new("trigger", "trigger");
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("TRIGGER {} ON {}", Ident(&id.name()), id.top_sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let step = Step::create(id, self.sql(id, false));
        let mut steps = vec![cx.locked(step, LockMode::ShareRowExclusive, &id.top())];
        if self.enabled != "origin" {
            steps.push(self.enable(id, cx));
        }
        steps
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        vec![cx.locked(Step::drop(id, format!("DROP {}", self.address(id))), LockMode::AccessExclusive, &id.top())]
    }

    fn restate(change: &Change<'_, Self>) -> Vec<Step> {
        let (id, cx) = (change.id, change.cx);
        let step = Step::alter(id, change.new.sql(id, true));
        let mut steps = vec![cx.locked(step, LockMode::ShareRowExclusive, &id.top())];
        // CREATE OR REPLACE TRIGGER enables the trigger.
        if change.new.enabled != "origin" {
            steps.push(change.new.enable(id, cx));
        }
        steps.extend(trigger_state::again(id, &id.top(), id, cx));
        steps
    }

    fn handed_down_by(&self, id: &ObjectId) -> Option<ObjectId> {
        Some(id.top())
    }

    fn rename(&self, old: &ObjectId, new: &ObjectId) -> Vec<Step> {
        // Triggers of one event fire in the order of their names.
        let step = Step::rename(old, format!("ALTER {} RENAME TO {}", self.address(old), Ident(&new.name())));
        vec![step.phase(Phase::Expand).lock(LockMode::AccessExclusive, &old.top())]
    }

    fn mentions(&self, id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Statement(self.sql(id, false)));
    }
}

impl Introspect for Trigger {
    const QUERY: &'static str = include_str!("trigger.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let oid = row.number("oid")?;
        let Some(table) = out.at("pg_class", row.number("relation")?, 0).cloned() else { return Ok(()) };
        if out.is_member("pg_trigger", oid) {
            return Ok(());
        }
        let id = table.child(KindTag::Trigger, row.text("name")?);
        let letter = row.char("enabled")?;
        let enabled = STATES.iter().find(|(_, own, _)| *own == letter).map_or("origin", |(word, ..)| word);
        if let (Some(root), Some(name)) = (row.opt_number("root")?, row.opt("root_name")?) {
            // The trigger itself may be read later.
            if let Some(trigger) = out.at("pg_class", root, 0).map(|table| table.child(KindTag::Trigger, name)) {
                let state = table.child(KindTag::TriggerState, row.text("name")?);
                for on in [&trigger, &table.child(KindTag::Attachment, "")] {
                    out.builder.depend(&state, on, Edge::Hard);
                }
                out.builder.put(state, TriggerState { trigger, enabled: enabled.to_owned() });
            }
            return Ok(());
        }
        let constraint = row.bool("constraint")?;
        let printed = &*crate::sql::expression_in_one_form(row.text("definition")?);
        let Some(definition) = cut(printed) else {
            return Err(Diagnostic::error(
                "catalog-row",
                format!("{id} has a definition that trueup cannot read: {printed}"),
            )
            .help("please report this with the server's `select version()`"));
        };
        let handle = out.add(id, Self { constraint, definition, enabled: enabled.to_owned() }, "pg_trigger", oid, 0);
        if let Some(constraint) = row.opt_number("constraint_oid")? {
            out.alias(handle, "pg_constraint", constraint, 0);
        }
        Ok(())
    }
}

const ENABLED: &[&str] = &["origin", "disabled", "replica", "always"];

impl Trigger {
    /// Reads the definition and the state of a trigger.
    fn of_node<'a>(node: &'a Node, location: &crate::core::diagnostic::Location) -> Result<(Self, Option<Fields<'a>>)> {
        let (text, place, enabled, fields) = match node.word() {
            Some(text) => (text, node.place(), "origin", None),
            None => {
                let fields = Fields::of(node, "a trigger", Self::DEFINITION.keys)?;
                let text = fields.require_sql("definition")?;
                let place = fields.get("definition").map_or_else(|| fields.place(), Node::place);
                (text, place, fields.one_of("enabled")?.unwrap_or("origin"), Some(fields))
            }
        };
        let Some(parts) = parts(text) else {
            return Err(Diagnostic::error("trigger", "this is no definition of a trigger")
                .at(if text.is_empty() { location.clone() } else { place })
                .note("it starts with before, after or instead of, and the events")
                .help(
                    "`before update for each row execute function f()`; a constraint trigger starts with `constraint`",
                ));
        };
        let definition = format!("{} {}", parts.events, parts.rest);
        crate::kinds::types::fragment::one_statement(
            &format!("CREATE TRIGGER t {} ON t {}", parts.events, parts.rest),
            text,
            node,
            "the definition of one trigger",
        )?;
        Ok((
            Self {
                constraint: parts.constraint,
                definition: definition.trim().to_owned(),
                enabled: enabled.to_owned(),
            },
            fields,
        ))
    }

    fn fragment(&self) -> String {
        if self.constraint { format!("constraint {}", self.definition) } else { self.definition.clone() }
    }

    fn out(&self, components: Vec<(String, Out)>) -> Out {
        if components.is_empty() && self.enabled == "origin" {
            return Out::text(self.fragment());
        }
        let mut entries = vec![("definition".to_owned(), Out::text(self.fragment()))];
        if self.enabled != "origin" {
            entries.push(("enabled".to_owned(), Out::text(&self.enabled)));
        }
        entries.extend(components);
        Out::Map(entries)
    }
}

impl Declare for Trigger {
    const DEFINITION: Definition = Definition {
        name: "triggers",
        doc: "Triggers of a table or view.",
        scalar: Some(
            "What follows the name in CREATE TRIGGER, without the table: `before update for each row execute function f()`",
        ),
        keys: &[
            KeyDoc {
                name: "definition",
                doc: "What follows the name in CREATE TRIGGER, without the table; a constraint trigger starts with `constraint`.",
                shape: Shape::Sql,
            },
            KeyDoc {
                name: "enabled",
                doc: "When it fires: origin (default), disabled, replica or always.",
                shape: Shape::OneOf(ENABLED),
            },
            KeyDoc {
                name: "inherited",
                doc: "Of a partition: the trigger is the partitioned table's; only `enabled` is said here.",
                shape: Shape::Boolean,
            },
            KeyDoc { name: "comment", doc: "COMMENT ON TRIGGER.", shape: Shape::Text },
            comment::CONSTRAINT.key,
            KeyDoc { name: "was", doc: "The name the trigger had before.", shape: Shape::Name },
        ],
    };

    fn declare(parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let Some(table) = parent else {
            return Err(
                Diagnostic::error("misplaced", "triggers stand inside a table or view").at(key.location.clone())
            );
        };
        let id = table.child(KindTag::Trigger, &key.text);
        let (trigger, fields) = Self::of_node(node, &key.location)?;
        cx.add(id.clone(), trigger, &key.location)?;
        if let Some(fields) = fields {
            cx.was(&fields, &id)?;
            cx.components(&fields, &id)?;
        }
        Ok(())
    }

    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        self.out(cx.components(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::diagnostic::Source;
    use crate::yaml::{parse, to_yaml};

    const PRINTED: &[(&str, &str)] = &[
        (
            "CREATE TRIGGER \"a on b\" BEFORE INSERT OR UPDATE OF a, \"on\", \"WHEN (\" ON app.t FOR EACH ROW WHEN (((new.a IS \
             DISTINCT FROM 'x) EXECUTE FUNCTION y'::text) AND (new.\"WHEN (\" > 1))) EXECUTE FUNCTION trg('FOR EACH ROW', 'a\\b''c')",
            "before insert or update of a, \"on\", \"WHEN (\" for each row when (((new.a IS DISTINCT FROM 'x) EXECUTE FUNCTION \
             y'::text) AND (new.\"WHEN (\" > 1))) execute function trg('FOR EACH ROW', 'a\\b''c')",
        ),
        (
            "CREATE CONSTRAINT TRIGGER ct AFTER INSERT ON app.t FROM app.\" ON x FOR EACH \" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW \
             EXECUTE FUNCTION trg()",
            "after insert from app.\" ON x FOR EACH \" deferrable initially deferred for each row execute function trg()",
        ),
        (
            "CREATE CONSTRAINT TRIGGER ct2 AFTER INSERT ON app.t NOT DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW EXECUTE FUNCTION trg()",
            "after insert for each row execute function trg()",
        ),
        (
            "CREATE TRIGGER st AFTER DELETE OR TRUNCATE ON \"A ON b\".\"t ON \" FOR EACH STATEMENT EXECUTE FUNCTION trg()",
            "after delete or truncate for each statement execute function trg()",
        ),
        (
            "CREATE TRIGGER tt AFTER UPDATE ON app.t REFERENCING OLD TABLE AS o NEW TABLE AS \"N n\" FOR EACH STATEMENT EXECUTE \
             FUNCTION trg()",
            "after update referencing old table as o new table as \"N n\" for each statement execute function trg()",
        ),
        (
            "CREATE TRIGGER vi INSTEAD OF INSERT ON app.v FOR EACH ROW EXECUTE FUNCTION \"My s\".trg()",
            "instead of insert for each row execute function \"My s\".trg()",
        ),
    ];

    #[test]
    fn printed_definitions_are_cut() {
        for (printed, definition) in PRINTED {
            assert_eq!(cut(printed).as_deref(), Some(*definition));
            let parts = parts(definition).unwrap();
            assert_eq!(format!("{} {}", parts.events, parts.rest), *definition);
        }
        assert_eq!(cut("CREATE RULE x"), None);
    }

    #[test]
    fn the_table_stands_behind_the_events() {
        let id = ObjectId::in_schema(KindTag::Table, "app", "t").child(KindTag::Trigger, "T 1");
        let trigger = |text: &str| {
            let node = parse(&Source::new("a.yaml", &*to_yaml(&Out::text(text)))).unwrap();
            Trigger::of_node(&node, &node.place()).map(|(t, _)| t)
        };
        assert_eq!(
            trigger("BEFORE UPDATE OF execute, \"x, y\" OR DELETE execute function f()").unwrap().sql(&id, true),
            "CREATE OR REPLACE TRIGGER \"T 1\" BEFORE UPDATE OF execute, \"x, y\" OR DELETE ON app.t execute function f()"
        );
        assert_eq!(
            trigger("constraint trigger after insert deferrable for each row execute function f()")
                .unwrap()
                .sql(&id, false),
            "CREATE CONSTRAINT TRIGGER \"T 1\" after insert ON app.t deferrable for each row execute function f()"
        );
        for wrong in ["", "on update", "before", "before update of", "instead update for each row", "before \"x"] {
            assert!(trigger(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn triggers_round_trip() {
        for (n, (_, definition)) in PRINTED.iter().enumerate() {
            for enabled in ENABLED {
                let trigger = Trigger {
                    constraint: n == 1,
                    definition: (*definition).to_owned(),
                    enabled: (*enabled).to_owned(),
                };
                let text = to_yaml(&trigger.out(Vec::new()));
                let node = parse(&Source::new("a.yaml", text.as_str())).unwrap();
                assert_eq!(Trigger::of_node(&node, &node.place()).unwrap().0, trigger, "{text}");
            }
        }
    }
}
