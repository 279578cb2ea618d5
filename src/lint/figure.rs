//! The name that an output column gets when none is given (`FigureColname` in `src/backend/parser/parse_target.c`).

use crate::sql::tree::Value;

/// The name of an output column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// A name.
    Name(String),
    /// All columns of something.
    Star,
    /// It is not known what PostgreSQL chooses.
    Unknown,
}

/// The name for an expression.
pub fn label(value: &Value) -> Label {
    match figure(value) {
        Some((_, Some(name))) => Label::Name(name),
        Some((1 | 2, None)) => Label::Star,
        Some(_) => Label::Name("?column?".to_owned()),
        None => Label::Unknown,
    }
}

/// A name and how good it is (0, 1 or 2); `None` where that is not known.
fn figure(value: &Value) -> Option<(u8, Option<String>)> {
    let named = |name: &str| Some((2, Some(name.to_owned())));
    let last = |list: &Value| list.list().iter().rev().find_map(|item| item.text().map(str::to_owned));
    match value.node() {
        Some("ColumnRef") => {
            let star = value.field("fields").list().last().is_some_and(|f| f.node() == Some("AStar"));
            if star { Some((2, None)) } else { Some((2, last(value.field("fields")))) }
        }
        Some("AIndirection") => {
            let parts = value.field("indirection");
            if parts.list().last().is_some_and(|f| f.node() == Some("AStar")) {
                return Some((2, None));
            }
            match last(parts) {
                Some(name) => Some((2, Some(name))),
                None => figure(value.field("arg")),
            }
        }
        Some("FuncCall") => Some((2, last(value.field("funcname")))),
        Some("AExpr") if value.field("kind").number() == Some(6) => named("nullif"),
        Some("TypeCast") => match figure(value.field("arg"))? {
            found @ (2, _) => Some(found),
            _ => Some((1, last(value.field("type_name").field("names")))),
        },
        Some("CollateClause") => figure(value.field("arg")),
        Some("GroupingFunc") => named("grouping"),
        Some("SubLink") => match value.field("sub_link_type").number() {
            Some(1) => named("exists"),
            Some(7) => named("array"),
            Some(5) => {
                let query = value.field("subselect");
                let first = query.field("target_list").list().first()?;
                match first.field("name").text() {
                    Some(name) => named(name),
                    None => figure(first.field("val")),
                }
            }
            _ => Some((0, None)),
        },
        Some("CaseExpr") => match figure(value.field("defresult"))? {
            found @ (2, _) => Some(found),
            _ => Some((1, Some("case".to_owned()))),
        },
        Some("AArrayExpr") => named("array"),
        Some("RowExpr") => named("row"),
        Some("CoalesceExpr") => named("coalesce"),
        Some("MinMaxExpr") => match value.field("op").number() {
            Some(2) => named("least"),
            _ => named("greatest"),
        },
        Some("AExpr" | "AConst" | "BoolExpr" | "NullTest" | "BooleanTest" | "ParamRef") => Some((0, None)),
        None => Some((0, None)),
        _ => None,
    }
}
