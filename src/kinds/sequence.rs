//! Sequences (`pg_sequence`; CREATE SEQUENCE) and which column a sequence belongs to.
//!
//! The sequence of an identity column is part of the column and no object of its own.

use std::collections::BTreeMap;

use pg_query::NodeEnum;

use crate::core::catalog::{Catalog, Edge};
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::name::{Ident, literal};
use crate::core::step::{HazardKind, LockMode, Phase, Premise, Step};
use crate::declare::context::DeclareContext;
use crate::introspect::{Reader, Row, SequencePart};
use crate::kinds::common::{Declare, Introspect, WriteContext};
use crate::kinds::component::Owner;
use crate::kinds::table::column::Identity;
use crate::kinds::table::counter;
use crate::kinds::types::{OWNER, WAS, fragment};
use crate::kinds::{Attribute, Change, Kind, KindInfo, KindTag, Mention, Mentions};
use crate::plan::context::PlanContext;
use crate::yaml::{Definition, Fields, Key, KeyDoc, Node, Out, Shape};

attributes! {
    /// A sequence.
    pub struct Sequence {
        /// `smallint`, `integer` or `bigint`.
        type_name: String => Restate,
        /// The first value, also after a restart.
        start: i64 => Restate,
        /// The step from one value to the next.
        increment: i64 => Restate,
        /// The smallest value.
        min: i64 => Restate,
        /// The largest value.
        max: i64 => Restate,
        /// How many values a connection takes at once.
        cache: i64 => Restate,
        /// Whether it begins again after its last value.
        cycle: bool => Restate,
        /// Whether it is lost in a crash (PostgreSQL 15).
        unlogged: bool => Alter(alter_persistence),
    }
}

attributes! {
    /// The column that a sequence belongs to, and with which it is dropped (OWNED BY).
    pub struct SequenceOwner {
        /// The column.
        column: ObjectId => Alter(|c| c.new.attach(c.id, c.cx)),
    }
}

fn alter_persistence(change: &Change<'_, Sequence>) -> Vec<Step> {
    let word = if change.new.unlogged { "UNLOGGED" } else { "LOGGED" };
    let sql = format!("ALTER SEQUENCE {} SET {word}", change.id.sql());
    vec![change.cx.locked(Step::alter(change.id, sql), LockMode::AccessExclusive, change.id)]
}

/// The statements by which the sequence of an identity column gets other bounds, where `step` says them. Each form is given with
/// the column's type.
pub(crate) fn within_bounds_of(
    (old_type, old): (&str, &Identity),
    (new_type, new): (&str, &Identity),
    sequence: &ObjectId,
    step: Step,
) -> Vec<Step> {
    // The column's type has changed by then, and the sequence's with it.
    let old = Sequence::of_identity(old_type, old).retyped(new_type);
    Sequence::of_identity(new_type, new).within_bounds(&old, sequence, step)
}

/// What ALTER COLUMN has to say to give an identity its new options; empty where they are the same. Each form is given with the
/// column's type. An option that neither form says may change with another one: the first value is the lowest one, the bounds
/// depend on the direction.
pub(crate) fn identity_clauses((old_type, old): (&str, &Identity), (new_type, new): (&str, &Identity)) -> String {
    if old_type == new_type && old.options == new.options {
        return String::new();
    }
    let (before, after) = (Sequence::of_identity(old_type, old), Sequence::of_identity(new_type, new));
    // With another type PostgreSQL moves the bounds that are those of the old type.
    let before = before.retyped(new_type);
    let usual = Sequence::usual(new_type, after.increment);
    let mut clauses = Vec::new();
    let mut clause = |differs: bool, text: String| {
        if differs {
            clauses.push(text);
        }
    };
    let bound = |word: &str, value: i64, usual: i64| match value == usual {
        true => format!("SET NO {word}"),
        false => format!("SET {word} {value}"),
    };
    clause(before.increment != after.increment, format!("SET INCREMENT BY {}", after.increment));
    clause(before.min != after.min, bound("MINVALUE", after.min, usual.min));
    clause(before.max != after.max, bound("MAXVALUE", after.max, usual.max));
    clause(before.start != after.start, format!("SET START WITH {}", after.start));
    clause(before.cache != after.cache, format!("SET CACHE {}", after.cache));
    clause(before.cycle != after.cycle, if after.cycle { "SET CYCLE" } else { "SET NO CYCLE" }.to_owned());
    clauses.join(" ")
}

/// The smallest and largest value of a sequence's type.
fn range(type_name: &str) -> (i64, i64) {
    match type_name {
        "smallint" => (i16::MIN.into(), i16::MAX.into()),
        "integer" => (i32::MIN.into(), i32::MAX.into()),
        _ => (i64::MIN, i64::MAX),
    }
}

impl Sequence {
    /// A sequence of a type and step, all else as PostgreSQL has it by default.
    pub fn usual(type_name: &str, increment: i64) -> Self {
        let (lowest, highest) = range(type_name);
        let (min, max) = if increment < 0 { (lowest, -1) } else { (1, highest) };
        Self {
            type_name: type_name.to_owned(),
            start: if increment < 0 { max } else { min },
            increment,
            min,
            max,
            cache: 1,
            cycle: false,
            unlogged: false,
        }
    }

    /// The default of `start` that goes with the sequence's bounds.
    fn usual_start(&self) -> i64 {
        if self.increment < 0 { self.max } else { self.min }
    }

    /// The sequence of an identity column.
    pub(crate) fn of_identity(type_name: &str, identity: &Identity) -> Self {
        let option = |key: &str| identity.options.get(key).and_then(|value| value.parse().ok());
        let mut sequence = Self::usual(type_name, option("INCREMENT BY").unwrap_or(1));
        sequence.min = option("MINVALUE").unwrap_or(sequence.min);
        sequence.max = option("MAXVALUE").unwrap_or(sequence.max);
        sequence.start = option("START WITH").unwrap_or_else(|| sequence.usual_start());
        sequence.cache = option("CACHE").unwrap_or(1);
        sequence.cycle = identity.options.contains_key("CYCLE");
        sequence
    }

    /// What PostgreSQL makes of it when its type changes: a bound that is the old type's own becomes the usual one of the new type.
    fn retyped(mut self, type_name: &str) -> Self {
        let (lowest, highest) = range(&self.type_name);
        let usual = Self::usual(type_name, self.increment);
        if self.type_name != type_name {
            self.min = if self.min == lowest { usual.min } else { self.min };
            self.max = if self.max == highest { usual.max } else { self.max };
            type_name.clone_into(&mut self.type_name);
        }
        self
    }

    /// Makes a step give a sequence the bounds of `self`. PostgreSQL refuses bounds outside of which a sequence stands, also where
    /// that is its first value and nothing has been taken from it yet: it is then set to the first value that it has from now
    /// on, for which the bounds may have to be wider meanwhile.
    fn within_bounds(&self, old: &Self, sequence: &ObjectId, step: Step) -> Vec<Step> {
        if self.min <= old.min && self.max >= old.max {
            return vec![step];
        }
        let name = sequence.sql();
        let outside = format!("last_value NOT BETWEEN {} AND {}", self.min, self.max);
        let mut sqls = Vec::new();
        if self.start < old.min || self.start > old.max {
            let larger = range(&self.type_name).1 > range(&old.type_name).1;
            let retype = if larger { format!(" AS {}", self.type_name) } else { String::new() };
            let (low, high) = (old.min.min(self.min), old.max.max(self.max));
            sqls.push(format!("ALTER SEQUENCE {name}{retype} MINVALUE {low} MAXVALUE {high}"));
        }
        let (literal, start) = (literal(&name), self.start);
        sqls.push(format!("SELECT setval({literal}, {start}, false) FROM {name} WHERE NOT is_called AND {outside}"));
        // A script that is run again must not make the bounds wider once they are as they should be.
        let done = format!(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_sequence WHERE seqrelid = pg_catalog.to_regclass({literal}) \
             AND seqmin = {} AND seqmax = {} AND seqstart = {start})",
            self.min, self.max
        );
        let alter = |sql| Step::alter(&step.object, sql).phase(Phase::Contract).rank(step.rank).done_when(done.clone());
        let mut steps: Vec<Step> = sqls.into_iter().map(alter).collect();
        let premise = Premise {
            violations: format!("SELECT last_value::text FROM {name} WHERE is_called AND {outside}"),
            table: step.object.top(),
            columns: Vec::new(),
            fact: format!("the sequence {name} is to stay between {} and {}, which leaves out", self.min, self.max),
            noun: "value that it has reached already".to_owned(),
            help: "declare bounds that it stands inside of, or set it back first (ALTER SEQUENCE … RESTART)".to_owned(),
            others: Vec::new(),
        };
        let there = format!("pg_catalog.to_regclass({literal}) IS NOT NULL");
        let step = step.phase(Phase::Contract).premise(Some(premise)).asked_while(there);
        steps.push(step.hazard(HazardKind::Breaking, "the sequence has fewer values left"));
        steps
    }

    /// The statement that says all of its options, whatever they are now.
    pub(crate) fn all_options(&self, id: &ObjectId) -> String {
        format!(
            "ALTER SEQUENCE {} AS {} INCREMENT BY {} MINVALUE {} MAXVALUE {} START WITH {} CACHE {} {}",
            id.sql(),
            self.type_name,
            self.increment,
            self.min,
            self.max,
            self.start,
            self.cache,
            if self.cycle { "CYCLE" } else { "NO CYCLE" }
        )
    }

    /// True where nothing was taken from the sequence yet and it stands outside of these bounds: it has to begin anew with them.
    pub(crate) fn must_begin_anew(&self, id: &ObjectId) -> String {
        format!(
            "EXISTS (SELECT FROM {} WHERE NOT is_called AND last_value NOT BETWEEN {} AND {})",
            id.sql(),
            self.min,
            self.max
        )
    }

    /// The options that are not PostgreSQL's defaults, each with a space before it.
    fn options(&self) -> String {
        let usual = Self::usual(&self.type_name, self.increment);
        let mut sql = String::new();
        let mut option = |say: bool, text: String| {
            if say {
                sql.push(' ');
                sql.push_str(&text);
            }
        };
        option(self.type_name != "bigint", format!("AS {}", self.type_name));
        option(self.increment != 1, format!("INCREMENT BY {}", self.increment));
        option(self.min != usual.min, format!("MINVALUE {}", self.min));
        option(self.max != usual.max, format!("MAXVALUE {}", self.max));
        option(self.start != self.usual_start(), format!("START WITH {}", self.start));
        option(self.cache != 1, format!("CACHE {}", self.cache));
        option(self.cycle, "CYCLE".to_owned());
        sql
    }
}

impl Kind for Sequence {
    const INFO: KindInfo =
        KindInfo { holds_data: true, namespaces: &["relation"], ..KindInfo::new("sequence", "sequence") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("SEQUENCE {}", id.sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let unlogged = if self.unlogged { "UNLOGGED " } else { "" };
        // The sequence of an identity column that becomes a serial one may have the name, and steps aside.
        let create = Step::create(id, format!("CREATE {unlogged}SEQUENCE {}{}", id.sql(), self.options())).after(id);
        [Some(create), counter::of_new_sequence(id, self, cx)].into_iter().flatten().collect()
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        if let Some(steps) = counter::handed_over(id, cx) {
            return steps.into_iter().map(|step| cx.locked(step, LockMode::AccessExclusive, id)).collect();
        }
        let step = Step::drop(id, format!("DROP SEQUENCE {}", id.sql()))
            .hazard(HazardKind::DataLoss, "how far the sequence has counted is lost");
        vec![cx.locked(step, LockMode::AccessExclusive, id)]
    }

    fn restate(change: &Change<'_, Self>) -> Vec<Step> {
        let (old, new) = (change.old, change.new);
        let mut sql = format!("ALTER SEQUENCE {}", change.id.sql());
        let mut option = |say: bool, text: String| {
            if say {
                sql.push(' ');
                sql.push_str(&text);
            }
        };
        let retyped = old.type_name != new.type_name;
        option(retyped, format!("AS {}", new.type_name));
        option(old.increment != new.increment, format!("INCREMENT BY {}", new.increment));
        // With another type PostgreSQL may move the bounds by itself; said, they are what they should be.
        option(retyped || old.min != new.min, format!("MINVALUE {}", new.min));
        option(retyped || old.max != new.max, format!("MAXVALUE {}", new.max));
        option(old.start != new.start, format!("START WITH {}", new.start));
        option(old.cache != new.cache, format!("CACHE {}", new.cache));
        option(old.cycle != new.cycle, if new.cycle { "CYCLE" } else { "NO CYCLE" }.to_owned());
        let step = change.cx.locked(Step::alter(change.id, sql), LockMode::ShareRowExclusive, change.id);
        new.within_bounds(old, change.id, step)
    }

    fn belongs_to(&self, id: &ObjectId, catalog: &Catalog) -> Option<ObjectId> {
        SequenceOwner::get(catalog, &SequenceOwner::id(id)).map(|owner| owner.column.clone())
    }
}

impl SequenceOwner {
    /// The id of the ownership of a sequence.
    pub fn id(sequence: &ObjectId) -> ObjectId {
        sequence.child(KindTag::SequenceOwner, "")
    }

    /// Who owns a table or sequence before the plan changes it.
    fn owner_so_far<'a>(id: &ObjectId, cx: &'a PlanContext<'_>) -> Option<&'a str> {
        if cx.is_new(id) {
            return Some(&cx.from.origin.role);
        }
        Owner::get(cx.from, &Owner::id(id)).map(|owner| &*owner.role)
    }

    /// Whether the sequence gets its owner along with its table. One that belongs to somebody else cannot be attached as it is.
    pub(crate) fn moves_with_table(&self, id: &ObjectId, cx: &PlanContext<'_>) -> bool {
        Self::owner_so_far(&id.top(), cx) == Self::owner_so_far(&self.column.top(), cx)
    }

    /// The statements that attach a sequence to its column, that of one owner to a table of another by way of none.
    fn attach(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let (sequence, table) = (id.top_sql(), self.column.top());
        let mut clauses = Vec::new();
        let theirs = Owner::id(&table);
        let apart = !self.moves_with_table(id, cx);
        if apart {
            if cx.from.contains(id) && !cx.is_new(&id.top()) {
                clauses.push("OWNED BY NONE".to_owned());
            }
            let wanted = Owner::get(cx.to, &theirs).map(|owner| &*owner.role);
            let wanted = wanted.or_else(|| Self::owner_so_far(&table, cx));
            if let Some(role) = wanted.filter(|role| Self::owner_so_far(&id.top(), cx) != Some(role)) {
                clauses.push(format!("OWNER TO {}", Ident(role)));
            }
        }
        clauses.push(format!("OWNED BY {}.{}", table.sql(), Ident(&self.column.name())));
        let step = |(clause, rank): (String, u8)| {
            let step = Step::alter(id, format!("ALTER SEQUENCE {sequence} {clause}")).requires(&self.column).rank(rank);
            let step = if apart { step.requires(&theirs) } else { step };
            cx.locked(step, LockMode::ShareRowExclusive, &id.top())
        };
        clauses.into_iter().zip(0..).map(step).collect()
    }
}

impl Kind for SequenceOwner {
    const INFO: KindInfo = KindInfo { component: true, ..KindInfo::new("sequence_owner", "ownership of") };
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn address(&self, id: &ObjectId) -> String {
        format!("SEQUENCE {}", id.top_sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let mut steps = self.attach(id, cx);
        for step in &mut steps {
            step.action = crate::core::step::Action::Create;
        }
        if let Some(last) = steps.last_mut() {
            last.creates.push(id.clone());
        }
        steps
    }

    fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        // It goes with the sequence. Where only the column goes, this must come first, or the sequence would go with it.
        if cx.is_dropped(&id.top()) {
            return Vec::new();
        }
        let step = Step::drop(id, format!("ALTER SEQUENCE {} OWNED BY NONE", id.top_sql()));
        vec![cx.locked(step, LockMode::ShareRowExclusive, &id.top())]
    }

    fn rename(&self, _old: &ObjectId, _new: &ObjectId) -> Vec<Step> {
        Vec::new()
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        out.add(Mention::Object(self.column.clone()));
    }
}

fn read_part(row: &Row<'_>, out: &mut Reader) -> Result<SequencePart> {
    let schema = out.schema(row.number("namespace")?).unwrap_or_default().to_owned();
    Ok(SequencePart {
        oid: row.number("oid")?,
        name: (schema, row.string("name")?),
        owner: out.role(row.number("owner")?),
        acl: row.opt("acl")?.map(crate::introspect::array),
        unlogged: row.char("persistence")? == 'u',
        options: sequence_deviations(
            row.text("type_name")?,
            row.text("start")?,
            row.text("increment")?,
            row.text("min")?,
            row.text("max")?,
            row.text("cache")?,
            row.bool("cycle")?,
        ),
    })
}

/// Sequence options that deviate from what PostgreSQL takes when they are not said.
fn sequence_deviations(
    type_name: &str,
    start: &str,
    increment: &str,
    min: &str,
    max: &str,
    cache: &str,
    cycle: bool,
) -> BTreeMap<String, String> {
    let ascending = !increment.starts_with('-');
    let (low, high) = match type_name {
        "smallint" => ("-32768", "32767"),
        "integer" => ("-2147483648", "2147483647"),
        _ => ("-9223372036854775808", "9223372036854775807"),
    };
    let (default_min, default_max) = if ascending { ("1", high) } else { (low, "-1") };
    let default_start = if ascending { min } else { max };
    let mut options = BTreeMap::new();
    let mut put = |deviates: bool, key: &str, value: &str| {
        if deviates {
            options.insert(key.to_owned(), value.to_owned());
        }
    };
    put(start != default_start, "START WITH", start);
    put(increment != "1", "INCREMENT BY", increment);
    put(min != default_min, "MINVALUE", min);
    put(max != default_max, "MAXVALUE", max);
    put(cache != "1", "CACHE", cache);
    put(cycle, "CYCLE", "");
    options
}

impl Introspect for Sequence {
    const QUERY: &'static str = include_str!("sequence.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        if let Some(relation) = row.opt_number("relation")? {
            let sequence = read_part(row, out)?;
            out.identities.insert((relation, row.number("number")?), sequence);
            return Ok(());
        }
        let Some((id, oid)) = out.id_in(row, KindTag::Sequence, "pg_class")? else { return Ok(()) };
        let sequence = Self {
            type_name: row.string("type_name")?,
            start: row.number("start")?,
            increment: row.number("increment")?,
            min: row.number("min")?,
            max: row.number("max")?,
            cache: row.number("cache")?,
            cycle: row.bool("cycle")?,
            unlogged: row.char("persistence")? == 'u',
        };
        out.add(id.clone(), sequence, "pg_class", oid, 0);
        out.access(row, &id, 's')
    }
}

impl Introspect for SequenceOwner {
    const QUERY: &'static str = include_str!("sequence_owner.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let Some(sequence) = out.at("pg_class", row.number("sequence")?, 0).cloned() else { return Ok(()) };
        let Some(column) = out.at("pg_class", row.number("relation")?, row.number("number")?).cloned() else {
            return Ok(());
        };
        let id = Self::id(&sequence);
        out.builder.depend(&id, &column, Edge::Hard);
        // There is no catalog address of its own: the pg_depend entry that it is has none.
        out.builder.put(id, Self { column });
        Ok(())
    }
}

/// What a declaration says of a sequence; what it leaves open is as PostgreSQL has it by default.
#[derive(Default)]
struct Said {
    type_name: Option<String>,
    start: Option<i64>,
    increment: Option<i64>,
    min: Option<i64>,
    max: Option<i64>,
    cache: Option<i64>,
    cycle: bool,
    unlogged: bool,
    owned_by: Option<Vec<String>>,
}

impl Said {
    fn sequence(&self, node: &Node) -> Result<Sequence> {
        let type_name = match self.type_name.as_deref().map(str::trim).map(str::to_ascii_lowercase).as_deref() {
            None | Some("bigint" | "int8") => "bigint",
            Some("integer" | "int" | "int4") => "integer",
            Some("smallint" | "int2") => "smallint",
            Some(other) => {
                return Err(Diagnostic::error("sequence", format!("a sequence cannot be of type `{other}`"))
                    .at(node.place())
                    .help("its type is smallint, integer or bigint"));
            }
        };
        let mut sequence = Sequence::usual(type_name, self.increment.unwrap_or(1));
        sequence.min = self.min.unwrap_or(sequence.min);
        sequence.max = self.max.unwrap_or(sequence.max);
        sequence.start = self.start.unwrap_or_else(|| sequence.usual_start());
        sequence.cache = self.cache.unwrap_or(1);
        sequence.cycle = self.cycle;
        sequence.unlogged = self.unlogged;
        Ok(sequence)
    }

    /// Reads `as integer start 100 increment 5`.
    fn fragment(text: &str, node: &Node) -> Result<Self> {
        let wanted = fragment::Wanted {
            what: "a list of sequence options",
            help: "write for example `as integer start 100 increment 5`",
        };
        fragment::read("CREATE SEQUENCE s ", text, node, &wanted, |statement, _| match statement {
            NodeEnum::CreateSeqStmt(found) => Self::options(&found.options),
            _ => None,
        })
    }

    /// Reads the options of a parsed statement; nothing where one of them has no place here.
    fn options(options: &[pg_query::protobuf::Node]) -> Option<Self> {
        let names = |nodes: &[pg_query::protobuf::Node]| -> Vec<String> {
            let name = |n: &pg_query::protobuf::Node| match &n.node {
                Some(NodeEnum::String(s)) => Some(s.sval.clone()),
                _ => None,
            };
            nodes.iter().filter_map(name).collect()
        };
        let mut said = Self::default();
        for option in options {
            let Some(NodeEnum::DefElem(option)) = &option.node else { return None };
            let arg = option.arg.as_ref().and_then(|arg| arg.node.as_ref());
            let number = match arg {
                Some(NodeEnum::Integer(n)) => Some(i64::from(n.ival)),
                // What does not fit 32 bits comes as text.
                Some(NodeEnum::Float(n)) => Some(n.fval.parse().ok()?),
                _ => None,
            };
            match (option.defname.as_str(), arg) {
                ("as", Some(NodeEnum::TypeName(name))) => said.type_name = names(&name.names).pop(),
                ("start", _) => said.start = number,
                ("increment", _) => said.increment = number,
                // NO MINVALUE and NO MAXVALUE have no argument: the default.
                ("minvalue", _) => said.min = number,
                ("maxvalue", _) => said.max = number,
                ("cache", _) => said.cache = number,
                ("cycle", arg) => said.cycle = matches!(arg, Some(NodeEnum::Boolean(b)) if b.boolval),
                ("owned_by", Some(NodeEnum::List(list))) => {
                    // A single name can only be NONE.
                    said.owned_by = Some(names(&list.items)).filter(|n| n.len() > 1);
                }
                _ => return None,
            }
        }
        Some(said)
    }

    fn mapping(fields: &Fields<'_>, node: &Node) -> Result<Self> {
        let owned_by = match fields.name("owned_by")? {
            Some(text) if !text.eq_ignore_ascii_case("none") => {
                let place = fields.get("owned_by").unwrap_or(node);
                Self::fragment(&format!("owned by {text}"), place)?.owned_by
            }
            _ => None,
        };
        Ok(Self {
            type_name: fields.sql("type")?.map(str::to_owned),
            start: fields.integer("start")?,
            increment: fields.integer("increment")?,
            min: fields.integer("min")?,
            max: fields.integer("max")?,
            cache: fields.integer("cache")?,
            cycle: fields.bool("cycle")?.unwrap_or(false),
            unlogged: fields.bool("unlogged")?.unwrap_or(false),
            owned_by,
        })
    }
}

impl Declare for Sequence {
    const DEFINITION: Definition = Definition {
        name: "sequences",
        doc: "Sequences. Those of serial and identity columns come with the column.",
        scalar: Some("its options: `as integer start 100 increment 5`"),
        keys: &[
            KeyDoc { name: "type", doc: "smallint, integer or bigint (default).", shape: Shape::Sql },
            KeyDoc { name: "start", doc: "The first value.", shape: Shape::Integer },
            KeyDoc { name: "increment", doc: "The step; default 1.", shape: Shape::Integer },
            KeyDoc { name: "min", doc: "The smallest value.", shape: Shape::Integer },
            KeyDoc { name: "max", doc: "The largest value.", shape: Shape::Integer },
            KeyDoc {
                name: "cache",
                doc: "How many values a connection takes at once; default 1.",
                shape: Shape::Integer,
            },
            KeyDoc {
                name: "cycle",
                doc: "Whether it begins again after its last value; default false.",
                shape: Shape::Boolean,
            },
            KeyDoc {
                name: "unlogged",
                doc: "Whether it is lost in a crash (PostgreSQL 15 and later); default false.",
                shape: Shape::Boolean,
            },
            KeyDoc {
                name: "owned_by",
                doc: "The column it belongs to and is dropped with: `t.c`.",
                shape: Shape::Name,
            },
            KeyDoc { name: "comment", doc: "COMMENT ON SEQUENCE.", shape: Shape::Text },
            OWNER,
            KeyDoc {
                name: "grants",
                doc: "Role to privileges: usage, select, update. Of the roles that the project names, those not listed have none.",
                shape: Shape::MapOf(&Shape::TextList),
            },
            WAS,
        ],
    };

    fn declare(_parent: Option<&ObjectId>, key: &Key, node: &Node, cx: &mut DeclareContext<'_>) -> Result<()> {
        let id = cx.id(KindTag::Sequence, key)?;
        let mut fields = match node.entries() {
            Some(_) => Some(Fields::of(node, "a sequence", Self::DEFINITION.keys)?),
            None => None,
        };
        let said = match &fields {
            Some(fields) => Said::mapping(fields, node)?,
            None if node.is_null() => Said::default(),
            None => Said::fragment(node.as_word("a sequence", "its options")?, node)?,
        };
        cx.add(id.clone(), said.sequence(node)?, &key.location)?;
        if let Some([schema @ .., table, column]) = said.owned_by.as_deref() {
            // PostgreSQL wants the two in one schema, so a bare table name can only mean that one.
            let schema = schema.last().cloned().or_else(|| id.schema().map(|s| s.into_owned())).unwrap_or_default();
            let column = ObjectId::in_schema(KindTag::Table, &schema, table).child(KindTag::Column, column);
            let owner = SequenceOwner::id(&id);
            cx.depend(&owner, &column);
            cx.add(owner, SequenceOwner { column }, &key.location)?;
        }
        let Some(fields) = &mut fields else { return Ok(()) };
        cx.was(fields, &id)?;
        cx.components(fields, &id)
    }

    fn write(&self, id: &ObjectId, cx: &WriteContext<'_>) -> Out {
        let usual = Self::usual(&self.type_name, self.increment);
        let mut entries = Vec::new();
        if self.type_name != "bigint" {
            entries.push(("type".to_owned(), Out::text(&self.type_name)));
        }
        for (name, value, usual) in [
            ("start", self.start, self.usual_start()),
            ("increment", self.increment, 1),
            ("min", self.min, usual.min),
            ("max", self.max, usual.max),
            ("cache", self.cache, 1),
        ] {
            if value != usual {
                entries.push((name.to_owned(), Out::Int(value)));
            }
        }
        for (name, value) in [("cycle", self.cycle), ("unlogged", self.unlogged)] {
            if value {
                entries.push((name.to_owned(), Out::Bool(true)));
            }
        }
        if let Some(owner) = SequenceOwner::get(cx.catalog, &SequenceOwner::id(id)) {
            let table = owner.column.top();
            let name = if table.schema() == id.schema() { Ident(&table.name()).to_string() } else { table.sql() };
            entries.push(("owned_by".to_owned(), Out::text(format!("{name}.{}", Ident(&owner.column.name())))));
        }
        entries.extend(cx.components(id));
        if entries.is_empty() { Out::Null } else { Out::Map(entries) }
    }
}

impl Declare for SequenceOwner {
    const DEFINITION: Definition = Definition {
        name: "sequence_owners",
        doc: "Which column a sequence belongs to; said by the sequence's `owned_by`.",
        scalar: None,
        keys: &[],
    };

    fn declare(_parent: Option<&ObjectId>, key: &Key, _node: &Node, _cx: &mut DeclareContext<'_>) -> Result<()> {
        Err(Diagnostic::error("misplaced", "which column a sequence belongs to is said by the sequence's `owned_by`")
            .at(key.location.clone()))
    }

    fn write(&self, _id: &ObjectId, _cx: &WriteContext<'_>) -> Out {
        Out::Null
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::types::testing::{declared, round_trip};

    #[test]
    fn sequences_in_yaml() {
        assert_eq!(round_trip("a:\n", Sequence::of), round_trip("a: as bigint start 1 no cycle\n", Sequence::of));
        let text =
            round_trip("s: {type: int, increment: -2, min: -9, cache: 5, cycle: true, unlogged: true}\n", Sequence::of);
        assert_eq!(
            text,
            "s:\n  type: integer\n  increment: -2\n  min: -9\n  cache: 5\n  cycle: true\n  unlogged: true\n"
        );
        let big = declared::<Sequence>("s: maxvalue 9000000000 increment by 5\n").unwrap();
        let id = ObjectId::in_schema(KindTag::Sequence, "public", "s");
        assert_eq!(Sequence::get(&big, &id).map(|s| (s.max, s.increment, s.min)), Some((9_000_000_000, 5, 1)));
        assert!(declared::<Sequence>("s: start 1; drop table t\n").is_err());
        assert!(declared::<Sequence>("s: {type: text}\n").is_err());
    }
}
