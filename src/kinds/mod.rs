//! The kinds of object a PostgreSQL database is made of, and what is known about each.
//!
//! All that is known about a kind stands in its own file: its attributes and what a change of each calls for, its catalog
//! query, its DDL, its YAML. The stages (diff, plan, order, apply) work on [`Object`] and name no kind. To add a kind: add
//! a file, a query, and one line in the list at the end of this file; the compiler then says what is missing.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::step::{HazardKind, LockMode, Phase, Step};
use crate::plan::context::PlanContext;

#[macro_use]
mod macros;
pub mod common;

/// What is true of every object of a kind.
#[derive(Debug)]
pub struct KindInfo {
    /// The word in ids, snapshots and JSON.
    pub word: &'static str,
    /// The words people use for it.
    pub label: &'static str,
    /// Said of another object, not an object people would count: a comment, a grant, an owner.
    pub component: bool,
    /// The name in the id, where there is one, says which part of the parent it is about.
    pub names_part: bool,
    /// Written `parent.name` rather than `name on parent`.
    pub dotted: bool,
    /// The name in the id is a quoted name with argument types.
    pub signature: bool,
    /// The name in the id is put together from several names: PostgreSQL knows none such.
    pub composed: bool,
    /// Comes and goes with its parent's statement; has none of its own.
    pub inline: bool,
    /// Dropping it loses rows or values.
    pub holds_data: bool,
    /// Whether it holds rows that were read from elsewhere when it was made.
    pub copies: bool,
    /// Objects of one name space and schema cannot share a name (`relation`, `type`, `routine`).
    pub namespaces: &'static [&'static str],
    /// May be written inside its parent's CREATE statement when the order allows it.
    pub foldable: bool,
    /// Names of objects that every new database has: undeclared, they are left as they are, not dropped.
    pub given: &'static [&'static str],
    /// Dropping it is refused while something is in it: what belongs to it is dropped by name.
    pub drops_empty: bool,
    /// Its steps run after those of all other kinds: they change what later statements bring about (default privileges).
    pub last: bool,
    /// It brings objects of its own, which others may use without its showing: it is the last to go.
    pub brings: bool,
    /// An object of another name under the same parent that is the same otherwise is this one, to be renamed.
    pub same_by_definition: bool,
    /// It can be rebuilt beside its old form, and what holds its values moved over.
    pub swaps: bool,
    /// What brings or changes it ([`Kind::provider`]) does so only in part: the kind says itself what is left to do.
    pub provided_in_part: bool,
    /// Whatever can have one has one: that one comes along says nothing.
    pub everywhere: bool,
    /// A property of what it belongs to, as the state of a trigger is: no statement drops it, it is set back.
    pub setting: bool,
    /// It ties a table to a parent, from which the table has what the parent hands down.
    pub bond: bool,
    /// It makes an index or a key that is there a part of another one.
    pub joins: bool,
    /// Attributes that a declaration may leave open: what it does not say is as it is found.
    pub left_open: &'static [&'static str],
}

impl Object {
    /// The bonds that have to be dropped before a step of this object: what it hands down is not for a table that leaves.
    pub(crate) fn bonds_before(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<ObjectId> {
        self.handed_down_by(id).map(|table| table::inheritance::bonds_before(&table, cx)).unwrap_or_default()
    }

    /// The object whose drop takes this one along in this plan: not a partitioned index where the part's table leaves before.
    pub(crate) fn taken_along_by(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Option<ObjectId> {
        self.taken_by(id, cx.from).filter(|_| !table::partition::leaves_before(id, cx))
    }
}

impl KindInfo {
    /// The defaults: an object with statements of its own that holds no data.
    pub const fn new(word: &'static str, label: &'static str) -> Self {
        Self {
            word,
            label,
            component: false,
            names_part: false,
            dotted: false,
            signature: false,
            composed: false,
            inline: false,
            holds_data: false,
            copies: false,
            namespaces: &[],
            foldable: false,
            given: &[],
            drops_empty: false,
            last: false,
            brings: false,
            same_by_definition: false,
            swaps: false,
            provided_in_part: false,
            everywhere: false,
            setting: false,
            bond: false,
            joins: false,
            left_open: &[],
        }
    }
}

impl KindInfo {
    /// Whether it is a relation with rows of its own.
    pub fn holds_rows(&self) -> bool {
        self.is_relation() && self.holds_data
    }

    /// Whether statements lock the object itself (it has a row in pg_class).
    pub fn is_relation(&self) -> bool {
        self.namespaces.contains(&"relation")
    }
}

/// One property of a kind, with what a change of it calls for.
pub struct Attribute<K: 'static> {
    /// The name, as in YAML and snapshots.
    pub name: &'static str,
    /// Whether it differs between two objects.
    pub differs: fn(&K, &K) -> bool,
    /// Takes it over from another object.
    pub take: fn(&mut K, &K),
    /// The value; to be shown by [`common::show_change`].
    pub value: fn(&K) -> serde_json::Value,
    /// What a change calls for.
    pub on_change: OnChange<K>,
}

/// What a change of an attribute calls for.
pub enum OnChange<K: 'static> {
    /// Statements that change it in place; what depends on the object stays.
    Alter(fn(&Change<'_, K>) -> Vec<Step>),
    /// Statements that change it in place, around which views, policies and other dependents are dropped and rebuilt.
    AlterRebuilding(fn(&Change<'_, K>) -> Vec<Step>),
    /// The whole object is stated again in one statement ([`Kind::restate`]).
    Restate,
    /// As `Restate` where the test holds; otherwise the object is dropped and created.
    RestateIf(fn(&Change<'_, K>) -> bool),
    /// As `Alter` where the test holds; otherwise the object is dropped and created.
    AlterIf(fn(&Change<'_, K>) -> bool, fn(&Change<'_, K>) -> Vec<Step>),
    /// The object is dropped and created.
    Replace,
    /// The object is rebuilt beside the old one, and columns that use it are moved over by a cast through text.
    Swap(fn(&Change<'_, K>) -> Option<Vec<Step>>),
    /// No difference: information only.
    Ignore,
}

/// An object before and after.
pub struct Change<'a, K> {
    /// Which object (the id afterwards).
    pub id: &'a ObjectId,
    /// As it is.
    pub old: &'a K,
    /// As it should be.
    pub new: &'a K,
    /// The plan it is part of.
    pub cx: &'a PlanContext<'a>,
}

/// What the planner asks of a kind. Reading from a server and YAML stand in their own traits beside it.
pub trait Kind: Clone + PartialEq + fmt::Debug + Serialize + for<'de> Deserialize<'de> + 'static {
    /// What is true of every object of the kind.
    const INFO: KindInfo;
    /// Every attribute of the kind.
    const ATTRIBUTES: &'static [Attribute<Self>];

    /// The object as DROP, COMMENT, GRANT and OWNER name it: `POLICY p ON s.t`.
    fn address(&self, id: &ObjectId) -> String;

    /// Statements that bring the object into being.
    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step>;

    /// Statements that remove it.
    fn drop(&self, id: &ObjectId, _cx: &PlanContext<'_>) -> Vec<Step> {
        vec![Step::drop(id, format!("DROP {}", self.address(id)))]
    }

    /// The whole object stated again over an existing one; asked for by [`OnChange::Restate`].
    fn restate(change: &Change<'_, Self>) -> Vec<Step> {
        change
            .new
            .create(change.id, change.cx)
            .into_iter()
            .map(|mut step| {
                step.action = crate::core::step::Action::Alter;
                step.creates.clear();
                step
            })
            .collect()
    }

    /// Moves an object that holds data over to a type that was rebuilt beside the old one.
    fn reattach(&self, _id: &ObjectId, _cx: &PlanContext<'_>) -> Vec<Step> {
        Vec::new()
    }

    /// The object that takes this one along when it is moved over: the first statement of [`Kind::reattach`] is then not
    /// wanted here.
    fn follows(&self, _id: &ObjectId, _cx: &PlanContext<'_>) -> Option<ObjectId> {
        None
    }

    /// The objects that have to be rebuilt for this one to be made, or changed from `old`, because the server refuses it in place:
    /// the table whose partition key a column is part of.
    fn rebuilds(&self, _id: &ObjectId, _old: Option<&Self>, _cx: &PlanContext<'_>) -> Vec<ObjectId> {
        Vec::new()
    }

    /// The object after other objects got other names, where its id or what it says names them (`now` says how an object is called
    /// by then); its own parent's name is not its concern.
    fn after_renames(&self, _id: &ObjectId, _now: &dyn Fn(&ObjectId) -> ObjectId) -> Option<(ObjectId, Self)> {
        None
    }

    /// Whether the server itself carries the object over when what it depends on is changed in place (an index when its
    /// column's type changes).
    fn survives_rebuild(&self) -> bool {
        Self::INFO.component || Self::INFO.inline
    }

    /// The object whose removal removes this one, beyond its parent: a sequence's owning column.
    fn belongs_to(&self, _id: &ObjectId, _catalog: &Catalog) -> Option<ObjectId> {
        None
    }

    /// Another object whose removal removes this one, too: the partitioned index that an index is a part of.
    fn taken_by(&self, _id: &ObjectId, _catalog: &Catalog) -> Option<ObjectId> {
        None
    }

    /// The object whose own statement also brings, changes or removes this one: an inherited column's origin.
    fn provider(&self, _id: &ObjectId, _catalog: &Catalog) -> Option<ObjectId> {
        None
    }

    /// The table whose descendants (child tables, partitions, and theirs) get, change or lose it along with that table.
    fn handed_down_by(&self, _id: &ObjectId) -> Option<ObjectId> {
        None
    }

    /// `ALTER … RENAME TO` for this object; `new` is its id afterwards.
    fn rename(&self, old: &ObjectId, new: &ObjectId) -> Vec<Step> {
        let sql = format!("ALTER {} RENAME TO {}", self.address(old), crate::core::name::Ident(&new.name()));
        let step = Step::rename(old, sql);
        if old.top() != *old {
            // What belongs to a relation (a policy) no code calls by its name.
            return vec![step.phase(Phase::Expand).lock(LockMode::AccessExclusive, &old.top())];
        }
        let step = step.hazard(HazardKind::Breaking, "code that uses the old name fails");
        vec![if Self::INFO.is_relation() { step.lock(LockMode::AccessExclusive, old) } else { step }]
    }

    /// Whether the object is there without being declared, given the rest of its catalog: a view's columns, what a parent
    /// table hands down, the privileges that every new object has.
    fn implied(&self, _id: &ObjectId, _catalog: &Catalog) -> bool {
        Self::INFO.inline
    }

    /// Names and SQL texts in the object that may refer to other objects; the declared state's edges are guessed from them.
    fn mentions(&self, _id: &ObjectId, _out: &mut Mentions) {}

    /// Whether it may be written inside its parent's CREATE statement (order permitting).
    fn folds(&self, _id: &ObjectId, _cx: &PlanContext<'_>) -> bool {
        Self::INFO.foldable
    }
}

/// Texts in which an object may name others.
#[derive(Debug, Default)]
pub struct Mentions {
    /// The texts, by what they are.
    pub texts: Vec<Mention>,
}

/// One text in which an object may name others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mention {
    /// An id known exactly.
    Object(ObjectId),
    /// A table, view, sequence or other relation by name (schema, name).
    Relation(Option<String>, String),
    /// A routine by name, whatever its arguments.
    Routine(Option<String>, String),
    /// A type name as written.
    Type(String),
    /// An expression.
    Expression(String),
    /// A query.
    Query(String),
    /// A whole statement.
    Statement(String),
    /// A routine's body: language and text. What it names is needed to run it, not to create it.
    Body(String, String),
}

impl Mentions {
    /// Adds a text, where there is one.
    pub fn add(&mut self, mention: Mention) {
        self.texts.push(mention);
    }
}

/// How one attribute changed, for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributeChange {
    /// Which attribute.
    pub name: &'static str,
    /// The value before.
    pub old: String,
    /// The value after.
    pub new: String,
}

impl AttributeChange {
    /// The attribute as people say it.
    pub fn label(&self) -> String {
        match self.name {
            // The field cannot be called as the keyword is.
            "type_name" => "type".to_owned(),
            name => name.replace('_', " "),
        }
    }
}

/// What, taken together, the changes of an object call for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Means {
    /// Nothing to do.
    Nothing,
    /// Change in place.
    Alter,
    /// Change in place, with dependents rebuilt around it.
    AlterRebuilding,
    /// Rebuild beside the old one and move data over.
    Swap,
    /// Drop and create.
    Replace,
}

fn with_words_of<K: Kind>(object: &K, printed: &K, there: &K, own: &K) -> K {
    let mut object = object.clone();
    for attribute in K::ATTRIBUTES.iter().filter(|attribute| !(attribute.differs)(printed, there)) {
        (attribute.take)(&mut object, own);
    }
    object
}

fn taking<K: Kind>(object: &K, other: &K, names: &[&str]) -> K {
    let mut object = object.clone();
    for attribute in K::ATTRIBUTES.iter().filter(|attribute| names.contains(&attribute.name)) {
        (attribute.take)(&mut object, other);
    }
    object
}

fn value_of<K: Kind>(object: &K, name: &str) -> serde_json::Value {
    K::ATTRIBUTES.iter().find(|attribute| attribute.name == name).map_or_else(Default::default, |a| (a.value)(object))
}

fn attribute_changes<K: Kind>(old: &K, new: &K) -> Vec<AttributeChange> {
    K::ATTRIBUTES
        .iter()
        .filter(|a| !matches!(a.on_change, OnChange::Ignore) && (a.differs)(old, new))
        .map(|a| {
            let (old, new) = common::show_change(&(a.value)(old), &(a.value)(new));
            AttributeChange { name: a.name, old, new }
        })
        .collect()
}

fn essence_of<K: Kind>(object: &K, without: &[String]) -> String {
    let said = K::ATTRIBUTES.iter().filter(|a| !matches!(a.on_change, OnChange::Ignore));
    let said = said.filter(|a| !without.iter().any(|name| name == a.name));
    let mut text = K::INFO.word.to_owned();
    for attribute in said {
        text.push_str(&format!("\n{}={}", attribute.name, (attribute.value)(object)));
    }
    text
}

/// The attributes that an object leaves open.
fn left_open_of<K: Kind>(object: &K) -> Vec<String> {
    let open = K::ATTRIBUTES.iter().filter(|a| K::INFO.left_open.contains(&a.name) && (a.value)(object).is_null());
    open.map(|a| a.name.to_owned()).collect()
}

fn means_of<K: Kind>(change: &Change<'_, K>) -> Means {
    K::ATTRIBUTES
        .iter()
        .filter(|a| (a.differs)(change.old, change.new))
        .map(|a| match a.on_change {
            OnChange::Ignore => Means::Nothing,
            OnChange::Alter(_) | OnChange::Restate => Means::Alter,
            OnChange::AlterRebuilding(_) => Means::AlterRebuilding,
            OnChange::RestateIf(test) | OnChange::AlterIf(test, _) => {
                if test(change) {
                    Means::Alter
                } else {
                    Means::Replace
                }
            }
            OnChange::Replace => Means::Replace,
            OnChange::Swap(alter) => {
                if alter(change).is_some() {
                    Means::Alter
                } else {
                    Means::Swap
                }
            }
        })
        .max()
        .unwrap_or(Means::Nothing)
}

fn alter_steps<K: Kind>(change: &Change<'_, K>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut restate = false;
    for attribute in K::ATTRIBUTES.iter().filter(|a| (a.differs)(change.old, change.new)) {
        match attribute.on_change {
            OnChange::Alter(alter) | OnChange::AlterRebuilding(alter) | OnChange::AlterIf(_, alter) => {
                steps.extend(alter(change))
            }
            OnChange::Restate | OnChange::RestateIf(_) => restate = true,
            OnChange::Swap(alter) => steps.extend(alter(change).unwrap_or_default()),
            OnChange::Replace | OnChange::Ignore => {}
        }
    }
    if restate {
        steps.splice(0..0, K::restate(change));
    }
    steps
}

impl KindTag {
    /// The word in ids, snapshots and JSON.
    pub const fn word(self) -> &'static str {
        self.info().word
    }

    /// The kind a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().position(|w| *w == word).and_then(|i| Self::ALL.get(i).copied())
    }

    /// The words people use for it.
    pub const fn label(self) -> &'static str {
        self.info().label
    }

    /// Whether it is said of another object rather than being one people would count.
    pub const fn is_component(self) -> bool {
        self.info().component
    }

    /// Whether it is written `parent.name`.
    pub const fn is_dotted(self) -> bool {
        self.info().dotted
    }

    /// Whether the name in the id is a signature, quoted already.
    pub const fn name_is_signature(self) -> bool {
        self.info().signature
    }
}

pub mod component;
pub mod contradictions;
pub mod ensure;
pub mod extension;
pub mod holds;
pub(crate) mod options;
pub mod policy;
pub mod restated;
pub mod routine;
pub mod said;
pub mod schema;
pub mod sequence;
pub mod table;
pub mod trigger;
pub mod trigger_state;
pub mod types;
pub mod uncommitted;
pub mod view;

kinds! {
    Schema in schema,
    Extension in extension,
    Enum in types::enums,
    Domain in types::domain,
    DomainConstraint in types::domain_constraint,
    Composite in types::composite,
    CompositeAttribute in types::composite,
    Sequence in sequence,
    Table in table,
    Column in table::column,
    SequenceOwner in sequence,
    Default in table::default,
    Constraint in table::constraint,
    Index in table::index,
    Attachment in table::partition,
    IndexAttachment in table::partition,
    Inheritance in table::inheritance,
    ReplicaIdentity in table::replica_identity,
    View in view,
    MaterializedView in view::materialized,
    ViewColumn in view::column,
    Routine in routine,
    Trigger in trigger,
    TriggerState in trigger_state,
    Policy in policy,
    Comment in component::comment,
    Owner in component::owner,
    Grant in component::grant,
    SequenceGrant in component::sequence_grant,
    DefaultPrivilege in component::default_privilege,
}

/// How the rows of one kind are read: the kind's word, its query, and what takes a row.
pub type KindReader = (
    &'static str,
    &'static str,
    fn(&crate::introspect::Row<'_>, &mut crate::introspect::Reader) -> crate::core::diagnostic::Result<()>,
);

/// The first kind of [`READERS`] whose query may go over a second connection, along with those behind it: either half takes the
/// server about as long.
pub const SECOND_CONNECTION: &str = <view::View as Kind>::INFO.word;

macro_rules! readers {
    ($($kind:ty),* $(,)?) => {
        /// The catalog queries, in an order in which each finds what it refers to already read.
        pub const READERS: &[KindReader] = &[$((<$kind as Kind>::INFO.word, <$kind as common::Introspect>::QUERY, <$kind as common::Introspect>::read)),*];
    };
}

readers![
    schema::Schema,
    extension::Extension,
    types::enums::Enum,
    types::domain::Domain,
    types::domain_constraint::DomainConstraint,
    types::composite::Composite,
    types::composite::CompositeAttribute,
    sequence::Sequence,
    table::Table,
    table::column::Column,
    table::default::Default,
    sequence::SequenceOwner,
    view::View,
    view::materialized::MaterializedView,
    view::column::ViewColumn,
    table::constraint::Constraint,
    table::index::Index,
    table::partition::Attachment,
    table::partition::IndexAttachment,
    table::inheritance::Inheritance,
    table::replica_identity::ReplicaIdentity,
    routine::Routine,
    trigger::Trigger,
    policy::Policy,
    component::default_privilege::DefaultPrivilege,
];

/// How the entries of one top-level key are read: the key, its documentation, what takes an entry.
pub struct KindDeclarer {
    /// The key, and the keys of an entry.
    pub definition: &'static crate::yaml::Definition,
    /// Takes one entry.
    pub declare: fn(
        Option<&ObjectId>,
        &crate::yaml::Key,
        &crate::yaml::Node,
        &mut crate::declare::context::DeclareContext<'_>,
    ) -> crate::core::diagnostic::Result<()>,
}

macro_rules! declarers {
    ($($kind:ty),* $(,)?) => {
        /// The kinds that stand at the top of a YAML file, by their keys.
        pub const DECLARERS: &[KindDeclarer] = &[$(KindDeclarer {
            definition: &<$kind as common::Declare>::DEFINITION,
            declare: <$kind as common::Declare>::declare,
        }),*];
    };
}

declarers![
    schema::Schema,
    extension::Extension,
    types::enums::Enum,
    types::domain::Domain,
    types::composite::Composite,
    sequence::Sequence,
    table::Table,
    view::View,
    view::materialized::MaterializedView,
    routine::Routine,
];

/// The YAML entry of an object that stands at the top of a file: its key, its name there, its value.
pub fn write_top(
    id: &ObjectId,
    object: &Object,
    cx: &common::WriteContext<'_>,
) -> Option<(&'static str, String, crate::yaml::Out)> {
    use common::Declare;
    let name = || id.name().into_owned();
    // A key is read as SQL reads a name: what needs quotes there needs them here.
    let sql_name = || crate::core::name::ident(&id.name());
    Some(match object {
        Object::Schema(k) => (schema::Schema::DEFINITION.name, name(), k.write(id, cx)),
        Object::Extension(k) => (extension::Extension::DEFINITION.name, name(), k.write(id, cx)),
        Object::Enum(k) => (types::enums::Enum::DEFINITION.name, sql_name(), k.write(id, cx)),
        Object::Domain(k) => (types::domain::Domain::DEFINITION.name, sql_name(), k.write(id, cx)),
        Object::Composite(k) => (types::composite::Composite::DEFINITION.name, sql_name(), k.write(id, cx)),
        Object::Sequence(k) => (sequence::Sequence::DEFINITION.name, sql_name(), k.write(id, cx)),
        Object::Table(_) if cx.catalog.children(id, KindTag::Attachment).next().is_some() => return None,
        Object::Table(k) => (table::Table::DEFINITION.name, sql_name(), k.write(id, cx)),
        Object::View(k) => (view::View::DEFINITION.name, sql_name(), k.write(id, cx)),
        Object::MaterializedView(k) => {
            (view::materialized::MaterializedView::DEFINITION.name, sql_name(), k.write(id, cx))
        }
        Object::Routine(k) => {
            let key = if k.stands_under_procedures() { "procedures" } else { routine::Routine::DEFINITION.name };
            (key, k.key(id, cx), k.write(id, cx))
        }
        _ => return None,
    })
}

/// The definitions of what stands inside others, for the JSON Schema and the documentation.
pub fn nested_definitions() -> Vec<crate::yaml::Definition> {
    use common::Declare;
    vec![
        table::column_yaml::DEFINITION,
        table::declare::CONSTRAINT_DEFINITION,
        table::index::Index::DEFINITION,
        policy::Policy::DEFINITION,
        trigger::Trigger::DEFINITION,
        types::domain_constraint::DomainConstraint::DEFINITION,
        types::composite::CompositeAttribute::DEFINITION,
        view::column::DEFINITION,
        routine::PROCEDURES,
    ]
}
