//! Functions, procedures and window functions (`pg_proc`; CREATE FUNCTION, CREATE PROCEDURE).

pub(crate) mod arguments;
mod declare;
mod settings;
mod signature;

use crate::core::catalog::Edge;
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::name::{Ident, dollar_quoted, literal};
use crate::core::step::{HazardKind, Phase, Step};
use crate::introspect::{Reader, Row};
use crate::kinds::common::Introspect;
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions};
use crate::plan::context::PlanContext;

pub use declare::{PROCEDURES, declare_procedure};

attributes! {
    /// A function, procedure or window function. An id names it by its quoted name and the types of its input arguments.
    #[derive(Default)]
    pub struct Routine {
        /// `function`, `procedure` or `window`.
        routine_kind: String => Replace,
        /// The arguments as `pg_get_function_arguments` prints them: modes, names, types, defaults.
        arguments: String => RestateIf(|c| arguments::may_restate(&c.old.arguments, &c.new.arguments)),
        /// The result as `pg_get_function_result` prints it; a procedure has none.
        returns: Option<String> => Replace,
        /// The language.
        language: String => Restate,
        /// `volatile`, `stable` or `immutable`.
        volatility: String => Restate,
        /// Whether a NULL argument makes the result NULL without a call.
        strict: bool => Restate,
        /// Whether it runs with the rights of its owner rather than those of its caller.
        security_definer: bool => Restate,
        /// Whether it is trusted not to tell its arguments to anyone.
        leakproof: bool => Restate,
        /// `unsafe`, `restricted` or `safe`.
        parallel: String => Restate,
        /// The estimated cost of a call in units of `cpu_operator_cost`, where it is not the language's default.
        cost: Option<f64> => Restate,
        /// The estimated number of rows, where it is not 1000 for a set-returning function.
        rows: Option<f64> => Restate,
        /// The planner support function.
        support: Option<String> => Restate,
        /// The types whose transforms apply.
        transforms: Vec<String> => Restate,
        /// Settings that hold during a call, in order; lists (`search_path`) as quoted identifiers joined by commas.
        config: Vec<(String, String)> => Restate,
        /// The body, for languages whose body is a text, exactly as written.
        body: Option<String> => Restate,
        /// The SQL-standard body, `RETURN …` or `BEGIN ATOMIC … END`, as PostgreSQL prints it.
        sql_body: Option<String> => Restate,
        /// The object file of a function in C.
        library: Option<String> => Restate,
        /// The link symbol of a function in C, where it is not the function's name.
        symbol: Option<String> => Restate,
    }
}

/// The quoted name in a signature: `"My f"` of `"My f"(integer)`.
pub(crate) fn quoted_name(signature: &str) -> &str {
    let mut quoted = false;
    let end = signature.find(|c: char| {
        quoted ^= c == '"';
        c == '(' && !quoted
    });
    signature.get(..end.unwrap_or(signature.len())).unwrap_or(signature)
}

/// The argument types of a list, each by itself.
pub(crate) fn split_types(types: &str) -> Vec<&str> {
    arguments::split(types)
}

/// The argument types in a signature: `integer, text` of `"My f"(integer, text)`.
pub(crate) fn argument_types(signature: &str) -> &str {
    let rest = signature.get(quoted_name(signature).len()..).unwrap_or_default();
    rest.strip_prefix('(').and_then(|r| r.strip_suffix(')')).unwrap_or_default()
}

impl Routine {
    fn is_procedure(&self) -> bool {
        self.routine_kind == "procedure"
    }

    fn keyword(&self) -> &'static str {
        if self.is_procedure() { "PROCEDURE" } else { "FUNCTION" }
    }

    /// Whether it runs under a search path of its own.
    pub(crate) fn has_search_path(&self) -> bool {
        self.config.iter().any(|(name, _)| name.eq_ignore_ascii_case("search_path"))
    }

    /// Whether a call may return any number of rows.
    pub(crate) fn returns_set(&self) -> bool {
        self.returns.as_deref().is_some_and(|r| {
            let start = r.get(..6).unwrap_or_default().to_ascii_lowercase();
            start == "setof " || start == "table(" || start == "table "
        })
    }

    /// Everything between the name and the body.
    fn clauses(&self, id: &ObjectId) -> String {
        let name = id.name();
        let schema = id.schema().unwrap_or_default();
        let mut sql = format!("{} {}.{}({})", self.keyword(), Ident(&schema), quoted_name(&name), self.arguments);
        let mut clause = |text: String| {
            sql.push_str("\n ");
            sql.push_str(&text);
        };
        if let Some(returns) = &self.returns {
            clause(format!("RETURNS {returns}"));
        }
        clause(format!("LANGUAGE {}", Ident(&self.language)));
        if !self.transforms.is_empty() {
            let types: Vec<_> = self.transforms.iter().map(|t| format!("FOR TYPE {t}")).collect();
            clause(format!("TRANSFORM {}", types.join(", ")));
        }
        if self.routine_kind == "window" {
            clause("WINDOW".to_owned());
        }
        if !self.is_procedure() && self.volatility != "volatile" {
            clause(self.volatility.to_uppercase());
        }
        if self.leakproof {
            clause("LEAKPROOF".to_owned());
        }
        if self.strict {
            clause("STRICT".to_owned());
        }
        if self.security_definer {
            clause("SECURITY DEFINER".to_owned());
        }
        if self.parallel != "unsafe" {
            clause(format!("PARALLEL {}", self.parallel.to_uppercase()));
        }
        if let Some(cost) = self.cost {
            clause(format!("COST {cost}"));
        }
        if let Some(rows) = self.rows {
            clause(format!("ROWS {rows}"));
        }
        if let Some(support) = &self.support {
            clause(format!("SUPPORT {support}"));
        }
        for (name, value) in &self.config {
            clause(settings::clause(name, value));
        }
        sql
    }

    /// The statement after `CREATE` or `CREATE OR REPLACE`.
    fn definition(&self, id: &ObjectId) -> String {
        let mut sql = self.clauses(id);
        if let Some(body) = &self.sql_body {
            sql.push('\n');
            sql.push_str(body);
        } else if let Some(library) = &self.library {
            sql.push_str(&format!("\nAS {}", literal(library)));
            if let Some(symbol) = &self.symbol {
                sql.push_str(&format!(", {}", literal(symbol)));
            }
        } else {
            sql.push_str(&format!("\nAS {}", dollar_quoted(self.body.as_deref().unwrap_or_default())));
        }
        sql
    }

    /// Whether some argument has a default.
    pub(crate) fn has_defaults(&self) -> bool {
        arguments::defaults(&self.arguments) > 0
    }

    /// Routines of the same name that go, and whose calls this one takes as well because the arguments that it has more have
    /// defaults.
    fn answers_for(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
        let (name, schema) = (id.name(), id.schema());
        let takes = arguments::split(argument_types(&name)).len();
        let defaults = arguments::defaults(&self.arguments);
        if defaults == 0 {
            return Vec::new();
        }
        cx.dropped
            .iter()
            .filter(|old| old.kind() == KindTag::Routine && *old != id && !cx.is_new(old) && old.schema() == schema)
            .filter(|old| quoted_name(&old.name()) == quoted_name(&name))
            .filter(|old| {
                let took = arguments::split(argument_types(&old.name())).len();
                took <= takes && took + defaults >= takes
            })
            .cloned()
            .collect()
    }

    /// The routines of the same name whose calls this one takes as well, by its defaults.
    pub(crate) fn overlaps(&self, id: &ObjectId) -> Vec<ObjectId> {
        let name = id.name();
        let (Some(schema), types) = (id.parent(), arguments::split(argument_types(&name))) else { return Vec::new() };
        let fewest = types.len().saturating_sub(arguments::defaults(&self.arguments));
        let called = |n: usize| format!("{}({})", quoted_name(&name), types[..n].join(", "));
        (fewest..types.len()).map(|n| schema.child(KindTag::Routine, &called(n))).collect()
    }

    fn same_result(&self, other: &Self) -> bool {
        self.language == other.language
            && self.body == other.body
            && self.sql_body == other.sql_body
            && self.library == other.library
            && self.symbol == other.symbol
    }
}

/// The stored values that were computed with a function: rows of indexes, generated columns, what checks let in.
fn computed_with<'a>(id: &'a ObjectId, cx: &'a PlanContext<'_>) -> Vec<String> {
    cx.from
        .dependents(id)
        .filter(|(dependent, _)| {
            matches!(
                dependent.kind(),
                KindTag::Index | KindTag::Column | KindTag::Constraint | KindTag::DomainConstraint | KindTag::Table
            ) && !cx.is_dropped(dependent)
        })
        .map(|(dependent, _)| dependent.to_string())
        .collect()
}

/// Adds the hazard of a change of whose rights a routine runs with, and under which settings. Without a search path of its own, what runs
/// with the rights of its owner takes the caller's, and with it the caller's objects: a project that says nothing of one does not consent
/// to that.
fn access(step: Step, old: &Routine, new: &Routine, cx: &PlanContext<'_>) -> Step {
    let mut step = step;
    if old.security_definer != new.security_definer {
        let rights = if new.security_definer { "its owner" } else { "its caller" };
        step = step.hazard(HazardKind::Access, format!("it runs with the rights of {rights} from now on"));
    }
    if !new.security_definer {
        return step;
    }
    if old.has_search_path() && !new.has_search_path() {
        let reason = "it runs with the rights of its owner, under the search path of its caller from now on";
        return match cx.guarded.is_some() {
            true => {
                let reason = format!("{reason}, and the project does not say `set: {{search_path: …}}` of it");
                step.hazard_to_consent_to(HazardKind::Access, reason)
            }
            false => step.hazard(HazardKind::Access, reason),
        };
    }
    if old.security_definer && old.config != new.config {
        step = step.hazard(HazardKind::Access, "the settings under which it runs with the rights of its owner change");
    }
    step
}

impl Kind for Routine {
    const INFO: KindInfo =
        KindInfo { signature: true, namespaces: &["routine"], ..KindInfo::new("routine", "function") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        let name = id.name();
        let types = arguments::split(argument_types(&name));
        if !self.is_procedure() || types.is_empty() {
            return format!("{} {}", self.keyword(), id.sql());
        }
        // Types alone may also be meant to count OUT arguments, and then fit two procedures; a mode says that they do not.
        let types: Vec<String> = types.iter().map(|t| format!("IN {t}")).collect();
        let schema = id.schema().unwrap_or_default();
        format!("PROCEDURE {}.{}({})", Ident(&schema), quoted_name(&name), types.join(", "))
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut step = Step::create(id, format!("CREATE {}", self.definition(id)));
        if let Some(old) = Self::get(cx.from, id) {
            step = access(step, old, self, cx);
        }
        // Beside a routine that goes, one that takes the same calls by its defaults makes them ambiguous: the one comes as the
        // other goes, in one transaction.
        for old in self.answers_for(id, cx) {
            step = step.phase(Phase::Contract);
            // What is moved over from the one to the other needs both for a moment.
            if !cx.from.dependents(&old).any(|(d, edge)| edge == Edge::Hard && !cx.is_dropped(d)) {
                step = step.after(&old);
            }
        }
        vec![step]
    }

    fn drop(&self, id: &ObjectId, _cx: &PlanContext<'_>) -> Vec<Step> {
        vec![
            Step::drop(id, format!("DROP {}", self.address(id)))
                .hazard(HazardKind::Breaking, "code that calls it fails afterwards"),
        ]
    }

    fn restate(change: &Change<'_, Self>) -> Vec<Step> {
        let (old, new, id) = (change.old, change.new, change.id);
        // CREATE OR REPLACE resets whatever it does not name, so all of it is said again.
        let mut step = Step::alter(id, format!("CREATE OR REPLACE {}", new.definition(id)));
        step = access(step, old, new, change.cx);
        if old.volatility == "immutable" && !old.same_result(new) {
            let stored = computed_with(id, change.cx);
            if !stored.is_empty() {
                let what = stored.join(", ");
                step = step
                    .hazard(HazardKind::Stale, format!("values computed with the old body stay as they are in {what}"));
            }
        }
        vec![step]
    }

    fn rename(&self, old: &ObjectId, new: &ObjectId) -> Vec<Step> {
        let sql = format!("ALTER {} RENAME TO {}", self.address(old), quoted_name(&new.name()));
        vec![Step::rename(old, sql).hazard(HazardKind::Breaking, "code that calls it by its old name fails")]
    }

    fn mentions(&self, id: &ObjectId, out: &mut Mentions) {
        // Types and defaults stand in the statement; its body is said apart, since creating the routine does not need
        // what a text names.
        let body = self.sql_body.as_deref().map_or_else(|| "AS ''".to_owned(), str::to_owned);
        out.add(Mention::Statement(format!("CREATE {}\n{body}", self.clauses(id))));
        for argument in arguments::split(argument_types(&id.name())) {
            out.add(Mention::Type(argument.to_owned()));
        }
        if let Some(returns) = &self.returns {
            let name = returns
                .get(..6)
                .filter(|s| s.eq_ignore_ascii_case("setof "))
                .map_or(returns.as_str(), |_| &returns[6..]);
            match arguments::table_columns(returns) {
                Some(columns) => {
                    for column in arguments::split(columns) {
                        out.add(Mention::Type(arguments::without_name(column).to_owned()));
                    }
                }
                None => out.add(Mention::Type(name.trim().to_owned())),
            }
        }
        if let Some(body) = &self.body {
            out.add(Mention::Body(self.language.clone(), body.clone()));
        }
    }
}

impl Introspect for Routine {
    const QUERY: &'static str = include_str!("routine.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let oid = row.number("oid")?;
        if out.is_member("pg_proc", oid) {
            return Ok(());
        }
        let Some(schema) = out.schema(row.number("namespace")?).map(str::to_owned) else { return Ok(()) };
        let name = row.text("name")?;
        let id = ObjectId::in_schema(KindTag::Routine, &schema, &format!("{}({})", Ident(name), row.text("identity")?));
        let kind = row.char("kind")?;
        let arguments = row.string("arguments")?;
        let returns = row.opt_string("returns")?;
        let language = row.string("language")?;
        let mut routine = Self {
            routine_kind: match kind {
                'p' => "procedure",
                'w' => "window",
                _ => "function",
            }
            .to_owned(),
            arguments,
            returns: returns.filter(|_| kind != 'p'),
            volatility: match row.char("volatility")? {
                'i' => "immutable",
                's' => "stable",
                _ => "volatile",
            }
            .to_owned(),
            strict: row.bool("strict")?,
            security_definer: row.bool("security_definer")?,
            leakproof: row.bool("leakproof")?,
            parallel: match row.char("parallel")? {
                's' => "safe",
                'r' => "restricted",
                _ => "unsafe",
            }
            .to_owned(),
            ..Self::default()
        };
        let compiled = language == "c" || language == "internal";
        let (cost, rows): (f64, f64) = (row.number("cost")?, row.number("rows")?);
        routine.cost = Some(cost).filter(|c| *c != if compiled { 1.0 } else { 100.0 });
        routine.rows = Some(rows).filter(|r| *r != if row_returns_set(row) { 1000.0 } else { 0.0 });
        routine.support = row.opt_string("support")?;
        routine.transforms = row.list("transforms")?;
        routine.config = row
            .list("config")?
            .into_iter()
            .map(|c| {
                let (name, value) = c.split_once('=').unwrap_or((c.as_str(), ""));
                // Which names are quoted differs between majors.
                let value =
                    if settings::is_list(name) { settings::stored(settings::items(value)) } else { value.to_owned() };
                (name.to_owned(), value)
            })
            .collect();
        let source = row.text("source")?;
        routine.library = row.opt_string("library")?.filter(|_| language == "c");
        routine.sql_body =
            row.opt_string("sql_body")?.map(|body| crate::sql::in_one_form(crate::sql::with_labels(&body)));
        if routine.library.is_some() {
            routine.symbol = Some(source.to_owned()).filter(|s| s != name);
        } else if routine.sql_body.is_none() {
            routine.body = Some(source.to_owned());
        }
        routine.language = language;
        out.add(id.clone(), routine, "pg_proc", oid, 0);
        out.access(row, &id, 'f')
    }
}

fn row_returns_set(row: &Row<'_>) -> bool {
    row.bool("returns_set").unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_come_apart() {
        for (signature, quoted, types) in [
            ("f()", "f", ""),
            ("f(integer, text)", "f", "integer, text"),
            ("\"My f\"(integer)", "\"My f\"", "integer"),
            ("\"a(b\"\"c)\"(s.\"t(x)\"[])", "\"a(b\"\"c)\"", "s.\"t(x)\"[]"),
        ] {
            assert_eq!(quoted_name(signature), quoted);
            assert_eq!(argument_types(signature), types);
        }
    }

    #[test]
    fn all_clauses_are_stated() {
        let id = ObjectId::in_schema(KindTag::Routine, "App", "\"My f\"(integer, text)");
        let routine = Routine {
            routine_kind: "function".into(),
            arguments: "a integer, b text DEFAULT 'x'::text".into(),
            returns: Some("SETOF text".into()),
            language: "sql".into(),
            volatility: "stable".into(),
            strict: true,
            security_definer: true,
            parallel: "safe".into(),
            cost: Some(0.5),
            rows: Some(12.0),
            config: vec![("search_path".into(), "\"\"".into()), ("work_mem".into(), "64MB".into())],
            body: Some("\n select $$x$$ \n".into()),
            ..Routine::default()
        };
        assert!(routine.returns_set());
        assert_eq!(
            routine.definition(&id),
            "FUNCTION \"App\".\"My f\"(a integer, b text DEFAULT 'x'::text)\n RETURNS SETOF text\n LANGUAGE sql\n STABLE\n STRICT\n \
             SECURITY DEFINER\n PARALLEL SAFE\n COST 0.5\n ROWS 12\n SET search_path TO ''\n SET work_mem TO '64MB'\nAS \
             $body$\n select $$x$$ \n$body$"
        );
    }
}
