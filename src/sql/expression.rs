//! Smaller fragments: expressions, queries, types, sequence options, partitioning.

use pg_query::NodeEnum;
use pg_query::protobuf::{DefElem, SelectStmt};

use super::fragment::{Piece, given, not_one, strings};
use super::lexer::Token;
use super::parse::{SyntaxError, Wrapped, fragment_tokens, parse_one};

/// Reads exactly one expression (the grammar's `a_expr`), as in CHECK, USING, WHEN or a generation expression.
///
/// # Errors
/// When the text is not exactly one expression.
pub fn expression(text: &str) -> Result<Piece, SyntaxError> {
    let wrapped = Wrapped::new("alter table t add check (", text, ")", "expression")?;
    wrapped.parse(|node| match node {
        NodeEnum::AlterTableStmt(stmt) if stmt.cmds.len() == 1 && !is_default(&stmt.cmds) => Ok(()),
        _ => Err(not_one("expression")),
    })?;
    Piece::of(text, &wrapped.tokens).ok_or_else(|| not_one("expression"))
}

/// The bare word DEFAULT, which the grammar takes for an expression.
fn is_default(commands: &[pg_query::Node]) -> bool {
    commands.iter().any(|node| match &node.node {
        Some(NodeEnum::AlterTableCmd(command)) => match command.def.as_ref().and_then(|d| d.node.as_ref()) {
            Some(NodeEnum::Constraint(check)) => {
                matches!(check.raw_expr.as_ref().and_then(|e| e.node.as_ref()), Some(NodeEnum::SetToDefault(_)))
            }
            _ => false,
        },
        _ => false,
    })
}

/// What a query starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryKind {
    /// SELECT (also TABLE)
    Select,
    /// VALUES
    Values,
    /// UNION, INTERSECT or EXCEPT
    SetOperation,
}

/// One query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The text without a final semicolon.
    pub text: Piece,
    /// What it is.
    pub kind: QueryKind,
    /// Whether it starts with WITH.
    pub with: bool,
    /// Whether one of its WITH queries changes data.
    pub modifies: bool,
}

fn query_facts(select: &SelectStmt) -> Result<(QueryKind, bool, bool), SyntaxError> {
    if select.into_clause.is_some() {
        return Err(SyntaxError::whole("a query here must not say INTO"));
    }
    let kind = if !select.values_lists.is_empty() {
        QueryKind::Values
    } else if select.larg.is_some() {
        QueryKind::SetOperation
    } else {
        QueryKind::Select
    };
    let ctes = select.with_clause.as_ref().map_or(&[][..], |with| &with.ctes[..]);
    let modifies = ctes.iter().any(|cte| match &cte.node {
        Some(NodeEnum::CommonTableExpr(cte)) => {
            !matches!(cte.ctequery.as_ref().and_then(|q| q.node.as_ref()), Some(NodeEnum::SelectStmt(_)))
        }
        _ => false,
    });
    Ok((kind, !ctes.is_empty(), modifies))
}

/// Reads exactly one query: SELECT, VALUES, TABLE, or WITH … SELECT. A final semicolon is allowed and left out.
///
/// # Errors
/// When the text is not exactly one query.
pub fn query(text: &str) -> Result<Query, SyntaxError> {
    let mut tokens = super::lexer::tokens(text)?;
    while tokens.last().is_some_and(|t| t.is_mark(text, ";")) {
        tokens.pop();
    }
    let piece = Piece::of(text, &tokens).ok_or_else(|| SyntaxError::at("empty: a query is missing", 0))?;
    fragment_tokens(text.get(..piece.span.end).unwrap_or(text), "query")?;
    let base = piece.span.start;
    let facts = parse_one(&piece.text, |node| match node {
        NodeEnum::SelectStmt(select) => query_facts(select),
        _ => Err(not_one("query (SELECT, VALUES or WITH … SELECT)")),
    });
    let (kind, with, modifies) =
        facts.and_then(|f| f).map_err(|e| SyntaxError { offset: e.offset.map(|o| o + base), ..e })?;
    Ok(Query { text: piece, kind, with, modifies })
}

/// Reads exactly one type: `numeric(10, 2)`, `public.mood[]`, `timestamp with time zone`.
///
/// # Errors
/// When the text is not exactly one type, or says SETOF.
pub fn type_name(text: &str) -> Result<Piece, SyntaxError> {
    let wrapped = Wrapped::new("select cast(null as ", text, ")", "type")?;
    wrapped.parse(|node| match node {
        NodeEnum::SelectStmt(select) if select.target_list.len() == 1 => {
            match select.target_list.first().and_then(|n| n.node.as_ref()) {
                Some(NodeEnum::ResTarget(target)) => match target.val.as_ref().and_then(|v| v.node.as_ref()) {
                    Some(NodeEnum::TypeCast(cast)) if cast.type_name.as_ref().is_some_and(|t| !t.setof) => Ok(()),
                    _ => Err(not_one("type")),
                },
                _ => Err(not_one("type")),
            }
        }
        _ => Err(not_one("type")),
    })?;
    Piece::of(text, &wrapped.tokens).ok_or_else(|| not_one("type"))
}

/// The options of a sequence (CREATE SEQUENCE; also in the brackets after IDENTITY).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequenceOptions {
    /// AS type, as written.
    pub data_type: Option<String>,
    /// START
    pub start: Option<i64>,
    /// INCREMENT
    pub increment: Option<i64>,
    /// MINVALUE; `Some(None)` for NO MINVALUE.
    pub min: Option<Option<i64>>,
    /// MAXVALUE; `Some(None)` for NO MAXVALUE.
    pub max: Option<Option<i64>>,
    /// CACHE
    pub cache: Option<i64>,
    /// CYCLE or NO CYCLE
    pub cycle: Option<bool>,
    /// OWNED BY: the parts of the column's name; empty for NONE.
    pub owned_by: Option<Vec<String>>,
    /// SEQUENCE NAME (identity columns): schema and name.
    pub sequence_name: Option<Vec<String>>,
    /// LOGGED or UNLOGGED, where one is said.
    pub logged: Option<bool>,
}

fn number(element: &DefElem) -> Option<i64> {
    match element.arg.as_ref()?.node.as_ref()? {
        NodeEnum::Integer(value) => Some(i64::from(value.ival)),
        NodeEnum::Float(value) => value.fval.parse().ok(),
        _ => None,
    }
}

fn names(element: &DefElem) -> Vec<String> {
    match element.arg.as_ref().and_then(|arg| arg.node.as_ref()) {
        Some(NodeEnum::List(list)) => strings(&list.items),
        _ => Vec::new(),
    }
}

fn flag(element: &DefElem) -> bool {
    match element.arg.as_ref().and_then(|arg| arg.node.as_ref()) {
        Some(NodeEnum::Boolean(value)) => value.boolval,
        Some(NodeEnum::Integer(value)) => value.ival != 0,
        _ => true,
    }
}

/// Reads the options of a sequence: `as integer start 5 increment by 2 owned by t.c`.
///
/// # Errors
/// When the text is no list of sequence options, or one is given twice.
pub fn sequence_options(text: &str) -> Result<SequenceOptions, SyntaxError> {
    // Inside the brackets of an identity the grammar takes all options there are.
    let wrapped =
        Wrapped::new("alter table t add c int generated always as identity (", text, ")", "list of sequence options")?;
    let (mut out, type_at) = wrapped.parse(|node| {
        let wrong = || not_one("list of sequence options");
        let NodeEnum::AlterTableStmt(stmt) = node else {
            return Err(wrong());
        };
        let [command] = &stmt.cmds[..] else {
            return Err(wrong());
        };
        let Some(NodeEnum::AlterTableCmd(command)) = &command.node else {
            return Err(wrong());
        };
        let Some(NodeEnum::ColumnDef(column)) = command.def.as_ref().and_then(|d| d.node.as_ref()) else {
            return Err(wrong());
        };
        let [constraint] = &column.constraints[..] else {
            return Err(wrong());
        };
        let Some(NodeEnum::Constraint(constraint)) = &constraint.node else {
            return Err(wrong());
        };
        read_options(&constraint.options)
    })?;
    if type_at.is_some() {
        let tokens = &wrapped.tokens;
        out.data_type = type_tokens(text, tokens).and_then(|range| Piece::of(text, range)).map(|p| p.text);
    }
    Ok(out)
}

/// The tokens of the type behind AS: it is a plain integer type, so one name or two with a dot.
fn type_tokens<'a>(sql: &str, tokens: &'a [Token]) -> Option<&'a [Token]> {
    let at = tokens.iter().position(|t| t.is(sql, "as"))? + 1;
    let dotted = tokens.get(at + 1).is_some_and(|t| t.is_mark(sql, "."));
    tokens.get(at..at + if dotted { 3 } else { 1 })
}

fn read_options(list: &[pg_query::Node]) -> Result<(SequenceOptions, Option<()>), SyntaxError> {
    let mut out = SequenceOptions::default();
    let mut data_type = None;
    for node in list {
        let Some(NodeEnum::DefElem(element)) = &node.node else {
            return Err(not_one("list of sequence options"));
        };
        let value =
            || number(element).ok_or_else(|| SyntaxError::whole(format!("{} is no whole number", element.defname)));
        let twice = match element.defname.as_str() {
            "as" => data_type.replace(()).is_some(),
            "start" => out.start.replace(value()?).is_some(),
            "increment" => out.increment.replace(value()?).is_some(),
            "minvalue" if element.arg.is_none() => out.min.replace(None).is_some(),
            "maxvalue" if element.arg.is_none() => out.max.replace(None).is_some(),
            "minvalue" => out.min.replace(Some(value()?)).is_some(),
            "maxvalue" => out.max.replace(Some(value()?)).is_some(),
            "cache" => out.cache.replace(value()?).is_some(),
            "cycle" => out.cycle.replace(flag(element)).is_some(),
            "owned_by" => {
                let mut parts = names(element);
                if parts == ["none"] {
                    parts.clear();
                }
                out.owned_by.replace(parts).is_some()
            }
            "sequence_name" => out.sequence_name.replace(names(element)).is_some(),
            "logged" => out.logged.replace(true).is_some(),
            "unlogged" => out.logged.replace(false).is_some(),
            other => {
                return Err(SyntaxError::whole(format!("`{other}` is no property of a sequence")));
            }
        };
        if twice {
            return Err(SyntaxError::whole(format!("{} is given twice", element.defname)));
        }
    }
    Ok((out, data_type))
}

/// How rows are divided among partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionStrategy {
    /// LIST
    List,
    /// RANGE
    Range,
    /// HASH
    Hash,
}

/// Which rows a partition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionBound {
    /// The text as written.
    pub text: Piece,
    /// DEFAULT
    pub default: bool,
    /// What the bound is for; `None` for DEFAULT.
    pub strategy: Option<PartitionStrategy>,
}

/// Reads the bound of a partition: `for values from (…) to (…)`, `for values in (…)`, `for values with (…)`, `default`.
///
/// # Errors
/// When the text is not exactly one bound.
pub fn partition_bound(text: &str) -> Result<PartitionBound, SyntaxError> {
    let wrapped = Wrapped::new("create table p partition of t ", text, "", "partition bound")?;
    // Only a bound starts so: a list of columns could stand in front of it.
    let starts = wrapped.tokens.first().is_some_and(|t| t.is(text, "for") || t.is(text, "default"));
    let (default, strategy) = wrapped.parse(move |node| match node {
        NodeEnum::CreateStmt(stmt) if starts && is_plain(stmt) && stmt.partspec.is_none() => match &stmt.partbound {
            Some(bound) => Ok((bound.is_default, strategy_letter(&bound.strategy))),
            None => Err(not_one("partition bound")),
        },
        _ => Err(not_one("partition bound")),
    })?;
    let text = Piece::of(text, &wrapped.tokens).ok_or_else(|| not_one("partition bound"))?;
    Ok(PartitionBound { text, default, strategy: strategy.filter(|_| !default) })
}

fn strategy_letter(letter: &str) -> Option<PartitionStrategy> {
    Some(match letter {
        "l" => PartitionStrategy::List,
        "r" => PartitionStrategy::Range,
        "h" => PartitionStrategy::Hash,
        _ => return None,
    })
}

fn is_plain(stmt: &pg_query::protobuf::CreateStmt) -> bool {
    stmt.options.is_empty()
        && stmt.table_elts.is_empty()
        && given(&stmt.tablespacename).is_none()
        && given(&stmt.access_method).is_none()
        && stmt.oncommit <= 1
}

/// How a table is partitioned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionKey {
    /// The text as written.
    pub text: Piece,
    /// LIST, RANGE or HASH.
    pub strategy: PartitionStrategy,
    /// The columns of the key; expressions are left out.
    pub columns: Vec<String>,
}

/// Reads what follows PARTITION BY: `range (created_at)`.
///
/// # Errors
/// When the text is not exactly one partition key.
pub fn partition_key(text: &str) -> Result<PartitionKey, SyntaxError> {
    let wrapped = Wrapped::new("create table t () partition by ", text, "", "partition key")?;
    let (strategy, columns) = wrapped.parse(|node| match node {
        NodeEnum::CreateStmt(stmt) if is_plain(stmt) => match &stmt.partspec {
            Some(spec) => {
                use pg_query::protobuf::PartitionStrategy as Theirs;
                let strategy = match Theirs::try_from(spec.strategy) {
                    Ok(Theirs::List) => PartitionStrategy::List,
                    Ok(Theirs::Range) => PartitionStrategy::Range,
                    Ok(Theirs::Hash) => PartitionStrategy::Hash,
                    _ => return Err(not_one("partition key")),
                };
                let column = |node: &pg_query::Node| match &node.node {
                    Some(NodeEnum::PartitionElem(element)) => given(&element.name),
                    _ => None,
                };
                Ok((strategy, spec.part_params.iter().filter_map(column).collect()))
            }
            None => Err(not_one("partition key")),
        },
        _ => Err(not_one("partition key")),
    })?;
    let text = Piece::of(text, &wrapped.tokens).ok_or_else(|| not_one("partition key"))?;
    Ok(PartitionKey { text, strategy, columns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_exactly_one() {
        for text in [
            "1",
            "a = (select auth.uid()) and b",
            " x in ('a', ';') -- end",
            "(a, b) = (1, 2)",
            "now() at time zone 'utc'",
            "row(1, 2)",
            "(1, 2)",
            "(select 1)",
        ] {
            assert_eq!(
                expression(text).map(|p| p.text).as_deref(),
                Ok(text.trim_end_matches(" -- end").trim()),
                "{text}"
            );
        }
        for text in [
            "",
            "1, 2",
            "1)",
            "select 1",
            "1; select 2",
            "1) no inherit, add check (2",
            "a b",
            "1 --\n, 2",
            "a is",
            "/* */",
            "'x",
            "1 as a",
            "*",
            "default",
        ] {
            assert!(expression(text).is_err(), "{text}");
        }
        assert_eq!(expression("a = = b").map_err(|e| e.offset), Err(Some(4)));
        assert_eq!(expression("a +").map_err(|e| e.offset), Err(Some(3)));
    }

    #[test]
    fn queries_are_exactly_one() {
        let read = |text: &str| query(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(read(" select 1; -- x\n").text.text, "select 1");
        assert_eq!(read("values (1), (2)").kind, QueryKind::Values);
        assert_eq!(read("table t").kind, QueryKind::Select);
        assert_eq!(read("(select 1) union select 2").kind, QueryKind::SetOperation);
        let with = read("with x as (delete from t returning a) select * from x");
        assert!(with.with && with.modifies);
        assert!(!read("with x as (select 1) select * from x").modifies);
        for text in [
            "",
            ";",
            "select 1; select 2",
            "insert into t values (1)",
            "select 1 into t",
            "explain select 1",
            "select 1 x y",
            "select (1",
            "delete from t",
        ] {
            assert!(query(text).is_err(), "{text}");
        }
        assert_eq!(query("  select a fro t x").map_err(|e| e.offset), Err(Some(15)));
    }

    #[test]
    fn types_are_exactly_one() {
        for text in [
            "int",
            "double precision[]",
            "public.\"My Type\"[3]",
            "numeric(10, 2)",
            "interval day to second(3)",
            "timestamp(3) with time zone",
            "int array",
        ] {
            assert_eq!(type_name(text).map(|p| p.text).as_deref(), Ok(text), "{text}");
        }
        for text in [
            "",
            "int, int",
            "int)",
            "int) , cast(1 as int",
            "int collate \"C\"",
            "setof int",
            "int not null",
            "'x'",
            "int; select",
            "1",
        ] {
            assert!(type_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sequence_options_are_read() {
        let options = sequence_options("as bigint start with 5 increment by -2 minvalue -9223372036854775808 no maxvalue cache 10 cycle owned by s.t.c").expect("options");
        assert_eq!(options.data_type.as_deref(), Some("bigint"));
        assert_eq!(
            (options.start, options.increment, options.cache, options.cycle),
            (Some(5), Some(-2), Some(10), Some(true))
        );
        assert_eq!((options.min, options.max), (Some(Some(i64::MIN)), Some(None)));
        assert_eq!(options.owned_by, Some(vec!["s".into(), "t".into(), "c".into()]));
        assert_eq!(
            sequence_options("owned by none no cycle").map(|o| (o.owned_by, o.cycle)),
            Ok((Some(vec![]), Some(false)))
        );
        assert_eq!(
            sequence_options("sequence name s.q").map(|o| o.sequence_name),
            Ok(Some(vec!["s".into(), "q".into()]))
        );
        for text in ["", "start 1 start 2", "start 1)", "start x", "restart", "start 1.5", "cycle; drop", "as"] {
            assert!(sequence_options(text).is_err(), "{text}");
        }
    }

    #[test]
    fn partitions_are_read() {
        for (text, default, strategy) in [
            ("default", true, None),
            ("FOR VALUES FROM ('2024-01-01') TO (maxvalue)", false, Some(PartitionStrategy::Range)),
            ("for values in (1, null)", false, Some(PartitionStrategy::List)),
            ("for values with (modulus 4, remainder 0)", false, Some(PartitionStrategy::Hash)),
        ] {
            let bound = partition_bound(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!((bound.default, bound.strategy, bound.text.text.as_str()), (default, strategy, text));
        }
        for text in [
            "",
            "for values",
            "(a not null) default",
            "default partition by list (a)",
            "default with (fillfactor=70)",
            "default tablespace x",
            "default; drop",
            "for values in (1) (2)",
        ] {
            assert!(partition_bound(text).is_err(), "{text}");
        }
        let key = partition_key("range (created_at, lower(b))").expect("key");
        assert_eq!((key.strategy, key.columns), (PartitionStrategy::Range, vec!["created_at".to_owned()]));
        assert_eq!(partition_key("HASH (a)").map(|k| k.strategy), Ok(PartitionStrategy::Hash));
        for text in
            ["", "range", "range ()", "list (a) with (x=1)", "list (a) tablespace y", "list (a); drop", "explode (a)"]
        {
            assert!(partition_key(text).is_err(), "{text}");
        }
    }
}
