//! A trigger definition without its name and its table: `before update for each row execute function f()`.

use pg_query::NodeEnum;

use super::constraint::slice;
use super::fragment::{Piece, not_one, relation, schema_and_name, strings};
use super::lexer::{Token, closing};
use super::parse::{SyntaxError, Wrapped, fragment_tokens};

/// When a trigger fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerTiming {
    /// BEFORE
    Before,
    /// AFTER
    After,
    /// INSTEAD OF
    InsteadOf,
}

/// The parts of a trigger: `CREATE [CONSTRAINT] TRIGGER name {before_on} ON table {after_on}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerParts {
    /// CONSTRAINT stands in front.
    pub constraint: bool,
    /// Timing and events as written.
    pub before_on: String,
    /// The rest as written.
    pub after_on: String,
    /// BEFORE, AFTER or INSTEAD OF.
    pub timing: TriggerTiming,
    /// The events, folded, in the order written: `insert`, `update`, `delete`, `truncate`.
    pub events: Vec<String>,
    /// The columns after UPDATE OF.
    pub columns: Vec<String>,
    /// FOR EACH ROW
    pub for_each_row: bool,
    /// The expression in the brackets after WHEN.
    pub when: Option<Piece>,
    /// The function it calls: schema and name.
    pub function: (Option<String>, String),
    /// The arguments of the call, as PostgreSQL stores them: texts.
    pub arguments: Vec<String>,
    /// The other table of a constraint trigger (FROM): schema and name.
    pub from: Option<(Option<String>, String)>,
    /// The names of the transition tables (REFERENCING).
    pub transition_tables: Vec<String>,
    /// DEFERRABLE
    pub deferrable: bool,
    /// INITIALLY DEFERRED
    pub initially_deferred: bool,
}

/// How many tokens timing and events take up, and the events.
fn events(sql: &str, tokens: &[Token]) -> Result<(usize, TriggerTiming, Vec<String>), SyntaxError> {
    let is = |i: usize, word: &str| tokens.get(i).is_some_and(|t| t.is(sql, word));
    let place = |i: usize| tokens.get(i).map_or(sql.len(), |t| t.start);
    let (timing, mut at) = if is(0, "before") {
        (TriggerTiming::Before, 1)
    } else if is(0, "after") {
        (TriggerTiming::After, 1)
    } else if is(0, "instead") && is(1, "of") {
        (TriggerTiming::InsteadOf, 2)
    } else {
        return Err(SyntaxError::at("a trigger starts with `before`, `after` or `instead of`", place(0)));
    };
    let mut events = Vec::new();
    loop {
        let Some(event) = ["insert", "update", "delete", "truncate"].into_iter().find(|word| is(at, word)) else {
            return Err(SyntaxError::at("expected `insert`, `update`, `delete` or `truncate`", place(at)));
        };
        events.push(event.to_owned());
        at += 1;
        if event == "update" && is(at, "of") {
            at += 1;
            loop {
                if !tokens.get(at).is_some_and(Token::is_name) {
                    return Err(SyntaxError::at("expected the name of a column", place(at)));
                }
                at += 1;
                if !tokens.get(at).is_some_and(|t| t.is_mark(sql, ",")) {
                    break;
                }
                at += 1;
            }
        }
        if !is(at, "or") {
            break;
        }
        at += 1;
    }
    if is(at, "on") {
        return Err(SyntaxError::at("leave out `on` and the table: the trigger stands under its table", place(at)));
    }
    Ok((at, timing, events))
}

struct Facts {
    row: bool,
    columns: Vec<String>,
    function: (Option<String>, String),
    arguments: Vec<String>,
    from: Option<(Option<String>, String)>,
    transition_tables: Vec<String>,
    deferrable: bool,
    initially_deferred: bool,
}

/// Reads a trigger definition: `[constraint] before|after|instead of … [for each row] … execute function f()`.
///
/// # Errors
/// When the text is not exactly one trigger definition.
pub fn trigger(fragment: &str) -> Result<TriggerParts, SyntaxError> {
    let all = fragment_tokens(fragment, "trigger definition")?;
    let constraint = all.first().is_some_and(|t| t.is(fragment, "constraint"));
    let tokens = all.get(usize::from(constraint)..).unwrap_or(&[]);
    let (at, timing, events) = events(fragment, tokens)?;
    let (before, after) = tokens.split_at(at.min(tokens.len()));
    let before_on = slice(fragment, before).to_owned();
    let after_on = slice(fragment, after).to_owned();
    let end = after.last().map_or(fragment.len(), |t| t.end);
    let (first, split) = (before.first().map_or(0, |t| t.start), after.first().map_or(fragment.len(), |t| t.start));

    let head = format!("create {}trigger n ", if constraint { "constraint " } else { "" });
    let middle = format!("{head}{before_on} on t ");
    let facts = Wrapped::new(&middle, &after_on, "", "trigger definition")
        .and_then(|wrapped| {
            super::parse::parse_one(&wrapped.sql, |node| match node {
                NodeEnum::CreateTrigStmt(stmt) => Ok(Facts {
                    row: stmt.row,
                    columns: strings(&stmt.columns),
                    function: schema_and_name(strings(&stmt.funcname)),
                    arguments: strings(&stmt.args),
                    from: stmt.constrrel.as_ref().map(relation),
                    transition_tables: stmt
                        .transition_rels
                        .iter()
                        .filter_map(|node| match &node.node {
                            Some(NodeEnum::TriggerTransition(transition)) => Some(transition.name.clone()),
                            _ => None,
                        })
                        .collect(),
                    deferrable: stmt.deferrable,
                    initially_deferred: stmt.initdeferred,
                }),
                _ => Err(not_one("trigger definition")),
            })
            .and_then(|facts| facts)
        })
        // An offset in the statement as one in the fragment: in front of the table or behind it.
        .map_err(|error| {
            let own = |offset: usize| match offset.checked_sub(middle.len()) {
                Some(behind) => (split + behind).min(end),
                None => first + offset.saturating_sub(head.len()).min(before_on.len()),
            };
            SyntaxError { message: error.message, offset: error.offset.map(own) }
        })?;
    let when = after.iter().position(|t| t.is(fragment, "when")).and_then(|i| {
        let close = closing(fragment, after, i + 1)?;
        Piece::of(fragment, after.get(i + 2..close)?)
    });
    Ok(TriggerParts {
        constraint,
        before_on,
        after_on,
        timing,
        events,
        columns: facts.columns,
        for_each_row: facts.row,
        when,
        function: facts.function,
        arguments: facts.arguments,
        from: facts.from,
        transition_tables: facts.transition_tables,
        deferrable: facts.deferrable,
        initially_deferred: facts.initially_deferred,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_are_cut_at_the_table() {
        let sql = "before insert or update of a, \"B\" or delete for each row when (old.x is distinct from new.x) execute function s.f('a', 1)";
        let parts = trigger(sql).expect("trigger");
        assert_eq!(parts.before_on, "before insert or update of a, \"B\" or delete");
        assert_eq!(parts.after_on, "for each row when (old.x is distinct from new.x) execute function s.f('a', 1)");
        assert_eq!(parts.columns, ["a", "B"]);
        assert_eq!(parts.events, ["insert", "update", "delete"]);
        assert_eq!(parts.function, (Some("s".into()), "f".into()));
        assert_eq!(parts.arguments, ["a", "1"]);
        assert_eq!(parts.when.map(|w| w.text).as_deref(), Some("old.x is distinct from new.x"));
        assert!(parts.for_each_row && !parts.constraint);
        let parts = trigger(
            "constraint after insert from s.other deferrable initially deferred for each row execute procedure f()",
        )
        .expect("constraint");
        assert!(parts.constraint && parts.deferrable && parts.initially_deferred);
        assert_eq!(parts.from, Some((Some("s".into()), "other".into())));
        let parts =
            trigger("AFTER update REFERENCING old table as o new table n FOR EACH STATEMENT EXECUTE FUNCTION f()")
                .expect("transition");
        assert_eq!(
            (parts.transition_tables, parts.timing, parts.for_each_row),
            (vec!["o".into(), "n".into()], TriggerTiming::After, false)
        );
        assert_eq!(
            trigger("instead of insert for each row execute function f()").expect("instead").timing,
            TriggerTiming::InsteadOf
        );
        assert_eq!(trigger("after truncate execute function f()").expect("truncate").before_on, "after truncate");
    }

    #[test]
    fn more_or_less_is_refused() {
        for sql in [
            "",
            "before",
            "before insert",
            "insert execute function f()",
            "before insert on t execute function f()",
            "before insert execute function f(); drop",
            "before insert for each row",
            "before insert execute function f() x",
            "before insert for each row when (a execute function f()",
            "before update of execute function f()",
            "before insert, u execute function f()",
            "constraint",
        ] {
            assert!(trigger(sql).is_err(), "{sql}");
        }
        let sql = "before insert for each rwo execute function f()";
        assert_eq!(trigger(sql).expect_err("typo").offset, sql.find("rwo"));
        assert_eq!(trigger("  before insert on t").expect_err("on").offset, Some(16));
    }
}
