//! What was declared at the last apply, as plans need it.

use std::collections::{BTreeMap, BTreeSet};

use crate::apply::declared::{self, Declared, Record};
use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::declare::project::Project;
use crate::engine::load::Workplace;
use crate::engine::rename::rebased;
use crate::engine::scope;
use crate::kinds::KindTag;
use crate::plan::{Declares, counts};
use crate::postgres::Session;
use crate::state::StateSpec;

/// The name under which a project's declared objects are recorded: what its file says is managed. Two projects that share a
/// database manage different schemas; one and the same may be read from any folder.
pub fn scope_of(project: &Project, is_project: bool) -> String {
    match &project.schemas {
        _ if !is_project => "no project".to_owned(),
        _ if !project.schemas_said => "schemas that are declared".to_owned(),
        None => "all schemas".to_owned(),
        Some(schemas) => {
            let sorted: BTreeSet<&String> = schemas.iter().collect();
            format!("schemas {}", crate::core::name::ident_list(sorted))
        }
    }
}

/// The record of one state, read when it is first asked for.
pub struct Memory<'a> {
    from: &'a StateSpec,
    scope: String,
    record: Option<Record>,
}

impl<'a> Memory<'a> {
    /// Nothing is read yet.
    pub fn new(from: &'a StateSpec, scope: String) -> Self {
        Self { from, scope, record: None }
    }

    /// What is recorded; nothing where the state is no live database.
    pub async fn record(&mut self, place: &Workplace<'_>) -> &Record {
        if self.record.is_none() {
            let record = match place.connection(self.from) {
                Ok(Some(info)) => match Session::connect(&info).await {
                    Ok(session) => declared::read(&session, &self.scope).await,
                    Err(error) => Record::Unreadable(error.message),
                },
                _ => Record::Missing,
            };
            self.record = Some(record);
        }
        self.record.get_or_insert(Record::Missing)
    }

    /// Of objects that are dropped, those that were never declared, each with the reason why consent is asked for. `maps` are
    /// the renames, from old names to new ones, in the order in which they are done; `declares` says of an object whether it is declared now.
    pub async fn never_declared(
        &mut self,
        dropped: Vec<&ObjectId>,
        maps: &[BTreeMap<ObjectId, ObjectId>],
        declares: impl Fn(&ObjectId) -> bool,
        place: &Workplace<'_>,
    ) -> BTreeMap<ObjectId, String> {
        if dropped.is_empty() {
            return BTreeMap::new();
        }
        let record = self.record(place).await;
        let is_ours = match record {
            Record::Found(ids) => {
                is_of_one_project(ids, |id| declares(&maps.iter().fold(id.clone(), |id, map| rebased(&id, map))))
            }
            Record::Missing | Record::Unreadable(_) => true,
        };
        let why = match record {
            Record::Found(_) if !is_ours => format!(
                "nothing says that this project declared it: of what {} holds, this project declares nothing, so it is another one's",
                declared::TABLE
            ),
            Record::Found(_) => "this project has not declared it: it was made in another way".to_owned(),
            Record::Missing => {
                format!("nothing says that this project declared it: there is no record ({})", declared::TABLE)
            }
            Record::Unreadable(why) => {
                format!("nothing says that this project declared it: {} cannot be read ({why})", declared::TABLE)
            }
        };
        let back: Vec<BTreeMap<ObjectId, ObjectId>> =
            maps.iter().rev().map(|map| map.iter().map(|(old, new)| (new.clone(), old.clone())).collect()).collect();
        let mut found = BTreeMap::new();
        for id in dropped {
            if id.kind().info().brings {
                let why = "all that it brings is dropped with it, whoever installed it";
                found.insert(id.clone(), why.to_owned());
            } else if !is_ours || !record.has(&back.iter().fold(id.clone(), |id, map| rebased(&id, map))) {
                found.insert(id.clone(), why.clone());
            }
        }
        found
    }

    /// Which of some objects this project has declared. Projects that do not say which schemas they manage share one record: where it
    /// holds what lies in a schema of which this one says nothing, another project wrote it, and these objects are that one's.
    pub async fn declared_of(&mut self, ids: Vec<ObjectId>, place: &Workplace<'_>) -> BTreeSet<ObjectId> {
        if ids.is_empty() {
            return BTreeSet::new();
        }
        let Record::Found(declared) = self.record(place).await else { return BTreeSet::new() };
        let is_others = |id: &ObjectId| {
            !scope::managed(id, &place.project) && !id.schema().is_some_and(|schema| place.project.is_platform(&schema))
        };
        if !place.project.schemas_said && declared.iter().any(is_others) {
            return BTreeSet::new();
        }
        ids.into_iter().filter(|id| declared.contains(id)).collect()
    }

    /// What is to be recorded of a state that is declared.
    pub fn declared(&self, to: &Catalog, context: &BTreeSet<ObjectId>) -> Declared {
        Declared::new(&self.scope, ids(to).filter(|id| !context.contains(*id)))
    }

    /// What is declared, by what it has more and less than the state that a plan starts from.
    pub fn declares(&self, state: &Catalog, to: &Catalog, context: &BTreeSet<ObjectId>) -> Declares {
        let is_declared = |id: &ObjectId| to.contains(id) && !context.contains(id);
        Declares {
            scope: self.scope.clone(),
            more: ids(to).filter(|id| is_declared(id) && !state.contains(id)).cloned().collect(),
            less: ids(state).filter(|id| !is_declared(id)).cloned().collect(),
        }
    }
}

/// Whether a record is that of the project at hand. Two projects that say the same of what they manage share a record, and so does one
/// that is applied to another one's database by mistake: of the objects that lie in schemas, it declares none of those that are recorded.
fn is_of_one_project(recorded: &BTreeSet<ObjectId>, declares: impl Fn(&ObjectId) -> bool) -> bool {
    let mut objects = recorded.iter().filter(|id| id.parent().is_some() && id.top() == **id).peekable();
    objects.peek().is_none() || objects.any(declares)
}

/// What a saved plan declares, for the state that it starts from.
pub fn of_plan(declares: &Declares, state: &Catalog) -> Declared {
    let less: BTreeSet<&ObjectId> = declares.less.iter().collect();
    let all: BTreeSet<&ObjectId> = ids(state).filter(|id| !less.contains(id)).chain(&declares.more).collect();
    Declared::new(&declares.scope, all)
}

fn ids(catalog: &Catalog) -> impl Iterator<Item = &ObjectId> {
    catalog.iter().map(|(id, _)| id).filter(|id| counts(id))
}

/// What stands on a relation that the project does not manage, and is not declared: where it was, it is the project's to drop.
pub fn may_be_left<'a>(
    catalog: &'a Catalog,
    is_ours: impl Fn(&ObjectId) -> bool + 'a,
) -> impl Iterator<Item = &'a ObjectId> + 'a {
    let is_of_users = |id: &ObjectId| matches!(id.kind(), KindTag::Trigger | KindTag::Policy | KindTag::Index);
    catalog.iter().map(|(id, _)| id).filter(move |id| is_of_users(id) && !is_ours(id))
}
