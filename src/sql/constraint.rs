//! Constraints of tables and domains.

use std::ops::Range;

use crate::core::options::Options;

use pg_query::NodeEnum;
use pg_query::protobuf::{ConstrType, Constraint};

use super::fragment::{RelationRef, not_one, relation, strings};
use super::lexer::{Token, closing};
use super::parse::{SyntaxError, Wrapped};

/// What a constraint demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConstraintType {
    /// PRIMARY KEY
    PrimaryKey,
    /// UNIQUE
    Unique,
    /// CHECK
    Check,
    /// FOREIGN KEY
    ForeignKey,
    /// EXCLUDE
    Exclusion,
    /// NOT NULL
    NotNull,
}

/// A constraint, cut into its definition and the attributes that follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConstraintParts {
    /// The name after CONSTRAINT.
    pub name: Option<String>,
    /// What it demands.
    pub constraint_type: ConstraintType,
    /// The text as written, from PRIMARY KEY, UNIQUE, CHECK, FOREIGN KEY, EXCLUDE or NOT NULL on, without the parts and attributes
    /// below. A constraint of a column is rewritten as one of the table.
    pub definition: String,
    /// WITH: the storage parameters of its index.
    pub options: Options,
    /// USING INDEX TABLESPACE
    pub tablespace: Option<String>,
    /// WHERE of an exclusion, with its brackets.
    pub predicate: Option<String>,
    /// DEFERRABLE, or implied by INITIALLY DEFERRED.
    pub deferrable: bool,
    /// INITIALLY DEFERRED
    pub initially_deferred: bool,
    /// NOT VALID
    pub not_valid: bool,
    /// NO INHERIT
    pub no_inherit: bool,
    /// NOT ENFORCED (18)
    pub not_enforced: bool,
    /// Its own columns, in order, where they are plain ones. Empty for a CHECK.
    pub columns: Vec<String>,
    /// What a foreign key refers to: schema, table, columns (empty where the primary key is meant).
    pub references: Option<RelationRef>,
    /// The name of an existing index that it takes over (USING INDEX).
    pub using_index: Option<String>,
    /// The byte range of the whole constraint in the fragment.
    pub span: Range<usize>,
}

/// The attributes behind a constraint (`ConstraintAttributeSpec` of the grammar).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub deferrable: bool,
    pub initially_deferred: bool,
    pub not_valid: bool,
    pub no_inherit: bool,
    pub not_enforced: bool,
}

/// Takes the attributes off the end of a constraint's tokens.
pub(super) fn attributes(sql: &str, mut tokens: &[Token]) -> (Attributes, usize) {
    let mut found = Attributes::default();
    let mut not_deferrable = false;
    loop {
        let n = tokens.len();
        let is = |back: usize, word: &str| n > back && tokens.get(n - back).is_some_and(|t| t.is(sql, word));
        // `… REFERENCES enforced` and `… TABLESPACE enforced` end in a name.
        let name = n > 2
            && (is(2, "references") || is(2, "tablespace") || is(2, "index"))
            && tokens.get(n - 1).is_some_and(|t| !t.is(sql, "deferrable"));
        let dotted = n > 2 && tokens.get(n - 2).is_some_and(|t| t.is_mark(sql, "."));
        let taken = match () {
            () if name || dotted => break,
            () if is(2, "not") && is(1, "deferrable") => {
                not_deferrable = true;
                2
            }
            () if is(1, "deferrable") => {
                found.deferrable = true;
                1
            }
            () if is(2, "initially") && is(1, "deferred") => {
                found.initially_deferred = true;
                2
            }
            () if is(2, "initially") && is(1, "immediate") => 2,
            () if is(2, "not") && is(1, "valid") => {
                found.not_valid = true;
                2
            }
            () if is(2, "no") && is(1, "inherit") => {
                found.no_inherit = true;
                2
            }
            () if is(2, "not") && is(1, "enforced") => {
                found.not_enforced = true;
                2
            }
            () if is(1, "enforced") => 1,
            () => break,
        };
        tokens = &tokens[..n - taken];
    }
    found.deferrable |= found.initially_deferred && !not_deferrable;
    (found, tokens.len())
}

/// The type of a constraint node; `None` for what is none (a default, an attribute).
pub(super) fn kind(node: &Constraint) -> Option<ConstraintType> {
    Some(match ConstrType::try_from(node.contype).ok()? {
        ConstrType::ConstrPrimary => ConstraintType::PrimaryKey,
        ConstrType::ConstrUnique => ConstraintType::Unique,
        ConstrType::ConstrCheck => ConstraintType::Check,
        ConstrType::ConstrForeign => ConstraintType::ForeignKey,
        ConstrType::ConstrExclusion => ConstraintType::Exclusion,
        ConstrType::ConstrNotnull => ConstraintType::NotNull,
        _ => return None,
    })
}

/// The plain facts of a constraint node.
pub(super) struct Facts {
    pub constraint_type: ConstraintType,
    pub columns: Vec<String>,
    pub references: Option<RelationRef>,
    pub using_index: Option<String>,
}

/// Reads the facts of a constraint node.
pub(super) fn facts(node: &Constraint) -> Option<Facts> {
    let constraint_type = kind(node)?;
    let columns = match constraint_type {
        ConstraintType::ForeignKey => strings(&node.fk_attrs),
        ConstraintType::Exclusion => node
            .exclusions
            .iter()
            .filter_map(|pair| match &pair.node {
                Some(NodeEnum::List(list)) => match list.items.first().and_then(|n| n.node.as_ref()) {
                    Some(NodeEnum::IndexElem(element)) if !element.name.is_empty() => Some(element.name.clone()),
                    _ => None,
                },
                _ => None,
            })
            .collect(),
        _ => strings(&node.keys),
    };
    let references = node.pktable.as_ref().map(|table| {
        let (schema, name) = relation(table);
        (schema, name, strings(&node.pk_attrs))
    });
    Some(Facts { constraint_type, columns, references, using_index: super::fragment::given(&node.indexname) })
}

/// The constraint that a range of tokens makes up. `from` tells how the definition starts: the tokens of the name are
/// left out.
pub(super) fn assemble(
    sql: &str,
    tokens: &[Token],
    facts: Facts,
    definition: impl FnOnce(&[Token]) -> String,
) -> ConstraintParts {
    let span = tokens.first().map_or(0, |t| t.start)..tokens.last().map_or(0, |t| t.end);
    let named = tokens.first().is_some_and(|t| t.is(sql, "constraint")) && tokens.len() > 2;
    let name = if named { tokens.get(1).map(|t| t.name(sql).into_owned()) } else { None };
    let body = tokens.get(if named { 2 } else { 0 }..).unwrap_or(&[]);
    let (found, length) = attributes(sql, body);
    let body = body.get(..length).unwrap_or(body);
    let (body, index) = match facts.constraint_type {
        ConstraintType::PrimaryKey | ConstraintType::Unique | ConstraintType::Exclusion => index_parameters(sql, body),
        _ => (body, IndexParameters::default()),
    };
    ConstraintParts {
        name,
        constraint_type: facts.constraint_type,
        definition: definition(body),
        options: index.options,
        tablespace: index.tablespace,
        predicate: index.predicate,
        deferrable: found.deferrable,
        initially_deferred: found.initially_deferred,
        not_valid: found.not_valid,
        no_inherit: found.no_inherit,
        not_enforced: found.not_enforced,
        columns: facts.columns,
        references: facts.references,
        using_index: facts.using_index,
        span,
    }
}

/// What a constraint with an index says of it behind its columns (`opt_definition OptConsTableSpace OptWhereClause`).
#[derive(Default)]
struct IndexParameters {
    options: Options,
    tablespace: Option<String>,
    predicate: Option<String>,
}

/// Takes the parameters of its index off the end of a constraint's tokens.
fn index_parameters<'t>(sql: &str, tokens: &'t [Token]) -> (&'t [Token], IndexParameters) {
    let mut found = IndexParameters::default();
    let is = |i: usize, word: &str| tokens.get(i).is_some_and(|t| t.is(sql, word));
    let opens = |i: usize| tokens.get(i).is_some_and(|t| t.is_mark(sql, "("));
    let in_tablespace =
        |i: usize| is(i, "using") && is(i + 1, "index") && is(i + 2, "tablespace") && i + 3 < tokens.len();
    let (mut end, mut at) = (tokens.len(), 0);
    while at < tokens.len() {
        if opens(at) {
            let Some(close) = closing(sql, tokens, at) else { break };
            at = close + 1;
        } else if is(at, "with") && opens(at + 1) {
            let Some(close) = closing(sql, tokens, at + 1) else { break };
            found.options = super::index::options(sql, tokens.get(at + 2..close).unwrap_or(&[]));
            end = end.min(at);
            at = close + 1;
        } else if in_tablespace(at) {
            found.tablespace = tokens.get(at + 3).map(|t| t.name(sql).into_owned());
            end = end.min(at);
            at += 4;
        } else if is(at, "where") && opens(at + 1) {
            found.predicate = tokens.get(at + 1..).map(|rest| slice(sql, rest).to_owned());
            end = end.min(at);
            break;
        } else {
            at += 1;
        }
    }
    (tokens.get(..end).unwrap_or(tokens), found)
}

/// The source text from the first to the last of some tokens.
pub(super) fn slice<'a>(sql: &'a str, tokens: &[Token]) -> &'a str {
    let start = tokens.first().map_or(0, |t| t.start);
    let end = tokens.last().map_or(start, |t| t.end);
    sql.get(start..end).unwrap_or("")
}

/// Reads one constraint of a table, `[CONSTRAINT name] CHECK (…)` and so on (CREATE TABLE, `table_constraint`).
///
/// # Errors
/// When the text is not exactly one constraint.
pub fn table_constraint(fragment: &str) -> Result<ConstraintParts, SyntaxError> {
    let wrapped = Wrapped::new("create table t (", fragment, ")", "constraint")?;
    let facts = wrapped.parse(|node| match node {
        NodeEnum::CreateStmt(create) => match &create.table_elts[..] {
            [element] => match &element.node {
                Some(NodeEnum::Constraint(constraint)) => facts(constraint).ok_or_else(|| not_one("constraint")),
                _ => Err(not_one("constraint")),
            },
            _ => Err(not_one("constraint")),
        },
        _ => Err(not_one("constraint")),
    })?;
    Ok(assemble(fragment, &wrapped.tokens, facts, |body| slice(fragment, body).to_owned()))
}

/// Reads one constraint of a domain: `[CONSTRAINT name] CHECK (value …)` or NOT NULL (ALTER DOMAIN … ADD).
///
/// # Errors
/// When the text is not exactly one constraint.
pub fn domain_constraint(fragment: &str) -> Result<ConstraintParts, SyntaxError> {
    let wrapped = Wrapped::new("alter domain d add ", fragment, "", "domain constraint")?;
    let facts = wrapped.parse(|node| match node {
        NodeEnum::AlterDomainStmt(alter) => match alter.def.as_ref().and_then(|def| def.node.as_ref()) {
            Some(NodeEnum::Constraint(constraint)) => facts(constraint)
                .map(|facts| Facts { columns: Vec::new(), ..facts })
                .ok_or_else(|| not_one("domain constraint")),
            _ => Err(not_one("domain constraint")),
        },
        _ => Err(not_one("domain constraint")),
    })?;
    Ok(assemble(fragment, &wrapped.tokens, facts, |body| slice(fragment, body).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::ConstraintType::*;
    use super::*;

    #[test]
    fn definitions_stop_before_the_attributes() {
        for (sql, kind, definition, columns, flags) in [
            ("primary key (a, b)", PrimaryKey, "primary key (a, b)", "a b", ""),
            (
                "PRIMARY KEY (a) INCLUDE (c) WITH (fillfactor=70) USING INDEX TABLESPACE x DEFERRABLE",
                PrimaryKey,
                "PRIMARY KEY (a) INCLUDE (c)",
                "a",
                "d",
            ),
            ("unique nulls not distinct (a) initially deferred", Unique, "unique nulls not distinct (a)", "a", "di"),
            ("unique (a) not deferrable", Unique, "unique (a)", "a", ""),
            (
                "check (a in ('references', 'not valid')) no inherit not valid",
                Check,
                "check (a in ('references', 'not valid'))",
                "",
                "vn",
            ),
            ("check (a > 0) not enforced", Check, "check (a > 0)", "", "e"),
            ("check (a > 0) enforced -- really", Check, "check (a > 0)", "", ""),
            (
                "foreign key (a) references s.\"T t\" (x) match full on delete set null (a) on update cascade deferrable initially deferred not valid",
                ForeignKey,
                "foreign key (a) references s.\"T t\" (x) match full on delete set null (a) on update cascade",
                "a",
                "div",
            ),
            (
                "foreign key (a, period p) references t (b, period q)",
                ForeignKey,
                "foreign key (a, period p) references t (b, period q)",
                "a p",
                "",
            ),
            ("unique (a, p without overlaps)", Unique, "unique (a, p without overlaps)", "a p", ""),
            ("foreign key (a) references enforced", ForeignKey, "foreign key (a) references enforced", "a", ""),
            ("foreign key (a) references s.enforced", ForeignKey, "foreign key (a) references s.enforced", "a", ""),
            ("foreign key (a) references t deferrable", ForeignKey, "foreign key (a) references t", "a", "d"),
            ("unique (a) using index tablespace enforced", Unique, "unique (a)", "a", ""),
            (
                "exclude using gist (room with =, (lower(x)) with =, during with &&) where (not cancelled) deferrable",
                Exclusion,
                "exclude using gist (room with =, (lower(x)) with =, during with &&)",
                "room during",
                "d",
            ),
            ("not null a no inherit", NotNull, "not null a", "a", "n"),
        ] {
            let parts = table_constraint(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
            assert_eq!((parts.constraint_type, parts.definition.as_str()), (kind, definition), "{sql}");
            assert_eq!(parts.columns.join(" "), columns, "{sql}");
            let given = [
                (parts.deferrable, 'd'),
                (parts.initially_deferred, 'i'),
                (parts.not_valid, 'v'),
                (parts.no_inherit, 'n'),
                (parts.not_enforced, 'e'),
            ];
            assert_eq!(given.iter().filter(|f| f.0).map(|f| f.1).collect::<String>(), flags, "{sql}");
        }
    }

    #[test]
    fn what_is_said_of_the_index_is_cut_off() {
        let sql = "exclude using gist (a with &&, (b || ' with (x=1)') with =) include (c) with (fillfactor = 70, buffering=off) \
                   using index tablespace \"T s\" where (a <> 'x' and (b > 1)) deferrable";
        let parts = table_constraint(sql).expect("exclusion");
        assert_eq!(parts.definition, "exclude using gist (a with &&, (b || ' with (x=1)') with =) include (c)");
        let options = [("fillfactor".into(), "70".into()), ("buffering".into(), "off".into())];
        assert_eq!(parts.options, Options::from(options));
        assert_eq!(parts.tablespace.as_deref(), Some("T s"));
        assert_eq!(parts.predicate.as_deref(), Some("(a <> 'x' and (b > 1))"));
        assert!(parts.deferrable);
        let parts = table_constraint("unique (a) using index tablespace tablespace").expect("unique");
        assert_eq!((parts.definition.as_str(), parts.tablespace.as_deref()), ("unique (a)", Some("tablespace")));
        let parts =
            super::super::column("c", "int primary key with (fillfactor=70) using index tablespace x").expect("column");
        let key = parts.constraints.first().expect("a key");
        assert_eq!(
            (key.definition.as_str(), key.tablespace.as_deref()),
            ("primary key (\"c\")".replace('"', "").as_str(), Some("x"))
        );
        assert_eq!(key.options, Options::from([("fillfactor".into(), "70".into())]));
    }

    #[test]
    fn names_and_references_are_read() {
        let parts = table_constraint("constraint \"My fk\" foreign key (a) references s.t (id)").expect("fk");
        assert_eq!(parts.name.as_deref(), Some("My fk"));
        assert_eq!(parts.references, Some((Some("s".into()), "t".into(), vec!["id".into()])));
        assert_eq!(parts.span, 0..54);
        assert_eq!(table_constraint("constraint check check (true)").err().map(|e| e.offset), Some(Some(11)));
        assert_eq!(table_constraint("constraint \"check\" check (true)").expect("ok").name.as_deref(), Some("check"));
        assert_eq!(table_constraint("unique using index i").expect("ok").using_index.as_deref(), Some("i"));
    }

    #[test]
    fn anything_else_is_refused() {
        for sql in [
            "",
            "--",
            "a int",
            "check (true), b int",
            "check (true), check (false)",
            "check (true)) ; drop table t; --",
            "check (true);",
            "like other",
            "check (true",
            "check (true) /*",
            "check ('a)",
            "constraint x",
            "check (1) deferrable deferrable not deferrable",
            "check (true) -- \n, b int",
            "foreign key (a) references t (b) on delete explode",
            "check (true) x",
        ] {
            assert!(table_constraint(sql).is_err(), "{sql}");
        }
        let error = table_constraint("check (a > 1 +)").expect_err("bad");
        assert_eq!(error.offset, Some(14), "{error}");
    }

    #[test]
    fn domain_constraints() {
        let parts = domain_constraint("constraint positive check (value > 0) not valid").expect("check");
        assert_eq!(parts.name.as_deref(), Some("positive"));
        assert_eq!((parts.definition.as_str(), parts.not_valid), ("check (value > 0)", true));
        assert_eq!(domain_constraint("not null").expect("not null").constraint_type, NotNull);
        for sql in
            ["unique (a)", "check (value > 0), check (true)", "check (true) check (false)", "references t", "default 1"]
        {
            assert!(domain_constraint(sql).is_err(), "{sql}");
        }
    }
}
