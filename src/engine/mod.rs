//! What the commands do, without any terminal: states in, comparisons, plans and reports out.

mod apply;
mod bystanders;
mod draw_sample;
mod load;
mod majors;
mod memory;
mod obstacles;
mod partial;
mod project_state;
mod prove;
mod pull;
mod rename;
mod revision;
mod rows;
mod run_tests;
mod scope;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use crate::apply::ApplyObserver;
use crate::apply::declared::Declared;
use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Diagnostic, Location, Result, listed};
use crate::core::id::ObjectId;
use crate::core::versions;
use crate::diff::{ChangeKind, Difference, diff};
use crate::kinds::component::{Decided, grantee_of};
use crate::kinds::table::not_null_names;
use crate::kinds::types::composite::attributes_to_be_elsewhere;
use crate::plan::{self, Plan, PlanOptions, fingerprint, marks, plan};
pub use crate::postgres::EphemeralChoice;
use crate::postgres::{EphemeralOptions, Session};
use crate::state::StateSpec;

pub use apply::{
    ApplyOptions, ApplyReport, STALE, Standing, Stood, VerifyReport, apply, finish, losses, ready, stands, verify,
};
pub use load::{CheckReport, check};
pub use prove::Proof;
pub use pull::{InitReport, PullReport, PullTarget, init, pull};
pub use run_tests::{TestReport, test};

use crate::declare::project::{Profile, Undeclared};
use load::Workplace;

/// How the commands are to work.
#[derive(Clone)]
pub struct Settings {
    /// The folder whose trueup.yaml names environments, where the states do not name a project themselves.
    pub project_dir: PathBuf,
    /// Where to elaborate declared states.
    pub ephemeral: EphemeralChoice,
    /// Whether plans are proved on a clone.
    pub prove: bool,
    /// Whether plans are made for tables that may be in use.
    pub online: bool,
    /// Whether a declared state is elaborated as a whole, also where the live database says most of it already. What comes out
    /// is the same; this is for those who compare the two.
    pub elaborate_all: bool,
    /// Whether the plan is for a script that may meet any state, and asks itself what it meets.
    pub any_state: bool,
    /// Who is told how far the work is.
    pub progress: Arc<dyn Progress>,
    /// How long a step may wait for a lock, per attempt.
    pub lock_timeout: Duration,
    /// How often a transaction is tried whose locks are not to be had.
    pub lock_attempts: u32,
    /// Whether the plan is going to be run: another run is then waited for before the database is read.
    pub wait_for_others: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            project_dir: PathBuf::from("."),
            ephemeral: EphemeralChoice::Auto,
            prove: false,
            online: true,
            elaborate_all: false,
            any_state: false,
            progress: Arc::new(Silent),
            lock_timeout: Duration::from_secs(2),
            lock_attempts: 30,
            wait_for_others: false,
        }
    }
}

/// Who is told how far the work is.
pub trait Progress: Send + Sync {
    /// Another part of the work begins.
    fn stage(&self, what: &str);
    /// So much of it is done.
    fn count(&self, done: u64, total: u64);
    /// All of it is done.
    fn done(&self);
}

struct Silent;

impl Progress for Silent {
    fn stage(&self, _what: &str) {}
    fn count(&self, _done: u64, _total: u64) {}
    fn done(&self) {}
}

/// Two states, what differs, and how to get from one to the other.
pub struct Comparison {
    /// What is, as far as the project is concerned.
    pub from: Catalog,
    /// What should be.
    pub to: Catalog,
    /// What differs.
    pub differences: Vec<Difference>,
    /// The steps.
    pub plan: Plan,
    /// What the catalogs of the database looked like before it was read, where the plan is going to be run.
    pub seen: Option<String>,
    /// What is to be recorded as declared, where the plan is going to be run.
    pub declared: Option<Declared>,
    /// What is worth knowing besides.
    pub notes: Vec<Box<Diagnostic>>,
    /// What is declared about rows.
    pub data: crate::data::Data,
    /// The proof, where one was asked for.
    pub proof: Option<Proof>,
    /// Declared renames, done or not: new id to old.
    pub renames: BTreeMap<ObjectId, (ObjectId, Location)>,
    /// Declared renames of enum values: type and new value to the old one.
    pub value_renames: BTreeMap<(ObjectId, String), String>,
    /// Objects whose name the project did not choose.
    pub unnamed: Vec<ObjectId>,
    /// Of whom the project says what they may do.
    pub decided: Decided,
}

impl Settings {
    /// How long another run is waited for: as long as for a lock.
    pub(crate) fn lock_patience(&self) -> Duration {
        self.lock_timeout.saturating_mul(self.lock_attempts)
    }

    fn ephemeral_options(&self, major: Option<u32>, role: Option<String>) -> EphemeralOptions {
        EphemeralOptions { choice: self.ephemeral.clone(), major, role, ..EphemeralOptions::default() }
    }
}

/// As many objects that are kept are named.
const SHOWN: usize = 20;

/// Compares two states and plans the way from one to the other.
pub async fn compare(from: &StateSpec, to: &StateSpec, settings: &Settings) -> Result<Comparison> {
    let mut place = Workplace::new(from, to, settings)?;
    place.read_ahead(to)?;
    let mut seen = None;
    if settings.wait_for_others
        && let Some(info) = place.connection(from)?
        && let Ok(session) = Session::connect(&info).await
    {
        let patience = settings.lock_patience();
        crate::apply::wait_for_others(&session, patience, || settings.progress.stage("waiting for another run to end"))
            .await?;
        // Before it is read, so that whatever comes later is noticed.
        seen = Some(crate::apply::seen(&session).await?);
    }
    let mut from_state = match place.load_from(from).await {
        Ok(state) => state,
        Err(error) => return Err(place.instead_of(error)),
    };
    let mut to_state = place.load_to(to, &from_state).await?;
    let mut notes = place.take_notes();
    notes.extend(scope::unmodelled(&from_state, &to_state, place.project.profile));
    notes.extend(scope::unmentioned(&from_state, &to_state, &place.project));

    let whole = from_state.catalog.clone();
    let data = to_state.data.clone();
    let earlier = from_state.data.clone();
    let mut options = PlanOptions::new(0, settings.online, &place.project.search_path);
    let mut maps = Vec::new();
    let mut renames = Vec::new();
    if let Some(renamed) = to_state.renamed.take() {
        from_state.catalog = renamed.catalog;
        options.renames = renamed.renamings;
        renames = renamed.pairs;
        maps = renamed.maps;
    }
    let (declared_renames, value_renames) =
        (std::mem::take(&mut to_state.renames), std::mem::take(&mut to_state.value_renames));
    let unnamed = std::mem::take(&mut to_state.unnamed);
    let decided = std::mem::take(&mut to_state.decided);
    // A database, or files of SQL, say all of what they hold.
    options.guarded = to_state.declared.is_some().then(|| std::mem::take(&mut to_state.guarded).into_iter().collect());
    let usual_names = to_state.declared.is_none() || place.project.usual_names;
    let unsaid_names = match &to_state.declared {
        Some(declared) if usual_names => not_null_names::unsaid(&to_state.catalog, |id| declared.contains(id)),
        _ => Vec::new(),
    };
    let is_project = to_state.declared.is_some();
    let was_declared = from_state.declared.is_some() || matches!(from, StateSpec::Empty);
    let context = std::mem::take(&mut to_state.context);
    let mut memory = memory::Memory::new(from, memory::scope_of(&place.project, is_project));
    let left = match (&to_state.declared, place.connection(from)?) {
        (Some(declared), Some(_)) => {
            let is_ours = |id: &ObjectId| scope::managed(id, &place.project) || declared.contains(id);
            let may_be = memory::may_be_left(&from_state.catalog, is_ours).cloned().collect();
            memory.declared_of(may_be, &place).await
        }
        _ => Default::default(),
    };
    let scoped = scope::narrow(from_state, to_state, &place.project, &left);
    let mut from_catalog = scoped.from;
    let (to_catalog, kept_names) = not_null_names::kept(&from_catalog, scoped.to, &unsaid_names, usual_names);
    notes.extend(kept_names);
    let to_catalog = match place.project.undeclared {
        Undeclared::Keep => to_catalog,
        Undeclared::Drop => scope::without_lost_settings(&from_catalog, to_catalog),
    };
    // The same part under the names that it has yet.
    let found = match maps.is_empty() {
        true => from_catalog.clone(),
        false => whole.filtered(|id, _| {
            from_catalog.contains(&maps.iter().fold(id.clone(), |id, map| rename::rebased(&id, map)))
        }),
    };
    if place.project.undeclared == Undeclared::Keep {
        // Who may do what with a declared object is declared with it: `grants` are complete.
        let is_said =
            |id: &ObjectId| grantee_of(id).is_some() && id.parent().is_some_and(|of| to_catalog.contains(&of));
        // What a run that was cut off left behind is nobody's to keep.
        let is_undeclared =
            |id: &ObjectId| !(to_catalog.contains(id) || is_said(id) || crate::core::name::is_in_passing(&id.name()));
        let is_kept = |id: &ObjectId| is_undeclared(id) && !data.retires(id);
        let kept: Vec<_> =
            from_catalog.iter().map(|(id, _)| id).filter(|id| is_undeclared(id)).map(ObjectId::to_string).collect();
        if !kept.is_empty() {
            let said = format!("{} objects are not declared and are kept: {}", kept.len(), listed(&kept, SHOWN));
            notes.push(Diagnostic::info("kept", said));
        }
        from_catalog = from_catalog.filtered(|id, _| !is_kept(id));
    }
    // What nothing is known of is written by whoever the declared state was built by.
    if from_catalog.origin.role.is_empty() {
        from_catalog.origin.role.clone_from(&to_catalog.origin.role);
    }
    notes.extend(scope::unchangeable(&from_catalog, &to_catalog));
    let mut differences = diff(&from_catalog, &to_catalog);
    for (old, new) in renames.clone() {
        differences.push(Difference::new(&new, ChangeKind::Renamed { from: old }, &to_catalog));
    }
    for moved in options.renames.iter().filter(|r| r.old == r.new && r.value.is_none()).map(|r| &r.new) {
        let attributes = whole.get(moved).zip(to_catalog.get(moved)).map(|(old, new)| old.changes(new));
        differences.retain(|difference| difference.id != *moved);
        differences.extend(
            attributes.map(|attributes| Difference::new(moved, ChangeKind::Altered { attributes }, &to_catalog)),
        );
    }
    differences.sort_by(|a, b| a.id.cmp(&b.id));
    if !was_declared {
        let is_dropped =
            |difference: &&Difference| difference.change == ChangeKind::Dropped && plan::counts(&difference.id);
        let is_asked = |id: &&ObjectId| !data.retires(id) && !crate::core::name::is_in_passing(&id.name());
        let declares = |id: &ObjectId| to_catalog.contains(id) && !context.contains(id);
        let dropped = differences.iter().filter(is_dropped).map(|difference| &difference.id).filter(is_asked).collect();
        options.undeclared = memory.never_declared(dropped, &maps, declares, &place).await;
    }
    settings.progress.stage("planning");
    // Without a live server the texts are those of whoever printed them.
    options.major =
        [place.major, to_catalog.origin.major].into_iter().find(|major| *major != 0).unwrap_or(versions::NEWEST_MAJOR);
    options.using.clone_from(&data.using);
    options.bystanders = bystanders::of(&whole, &from_catalog, &renames);
    if !settings.any_state && is_supabase(place.project.profile) && place.connection(from)?.is_none() {
        options.unread = Some(decided.clone());
    }
    rows::plan_rows(&data, &earlier, from, &from_catalog, &to_catalog, &mut options, &place).await?;
    let mut made = plan(&from_catalog, &to_catalog, &options)?;
    obstacles::locate(&mut made, &to_catalog);
    notes.extend(attributes_to_be_elsewhere(&from_catalog, &to_catalog, &made.steps().collect::<Vec<_>>()));
    notes.extend(made.steps().filter(|step| !step.hindered_by.is_empty()).map(crate::apply::hindered));
    if !made.is_empty() {
        if let Some(info) = place.connection(from)?
            && let Ok(session) = Session::connect(&info).await
        {
            settings.progress.stage("asking the rows");
            obstacles::weigh(&session, &mut made).await;
            // Where the plan is going to be run, that is asked then.
            if !settings.wait_for_others {
                notes.extend(obstacles::of(&session, &made).await);
            }
        }
        made.schemas.clone_from(&place.project.schemas);
        let live = place.connection(from)?.is_some();
        let state = live.then(|| whole.filtered(|id, _| scope::managed(id, &place.project)));
        // Each takes as long as writing a snapshot would.
        std::thread::scope(|scope| {
            let to = scope.spawn(|| fingerprint(&to_catalog));
            made.from = fingerprint(&from_catalog);
            made.state = state.as_ref().map(fingerprint);
            made.to = to.join().unwrap_or_else(|_| fingerprint(&to_catalog));
        });
        made.declares = state.as_ref().map(|state| memory.declares(state, &to_catalog, &context));
        if let Some(state) = &state {
            // What depends on what is read from all there is, whether it is declared or not.
            let start = if renames.is_empty() { state } else { &from_catalog };
            made.objects = marks::marks(&made, start, &to_catalog);
        }
    }
    let proof = if settings.prove {
        let case = prove::Case {
            whole: &whole,
            found: &found,
            from: &from_catalog,
            to: &to_catalog,
            plan: &made,
            renames: &renames,
        };
        Some(prove::prove(from, &case, &mut place).await?)
    } else {
        None
    };
    settings.progress.done();
    let declared = settings.wait_for_others.then(|| memory.declared(&to_catalog, &context));
    Ok(Comparison {
        declared,
        from: from_catalog,
        to: to_catalog,
        differences,
        plan: made,
        seen,
        notes,
        proof,
        data,
        renames: declared_renames,
        value_renames,
        unnamed,
        decided,
    })
}

/// What a script that may meet any state needs beyond the plan from nothing.
pub struct AnyState {
    /// All backfills and remedies, each harmless where there is nothing to do.
    pub data: Vec<crate::core::step::Step>,
    /// What may be there: what should be, and what is on its way out.
    pub from: Catalog,
    /// The declared renames, as statements that look themselves whether they are still to be done.
    pub renames: Vec<String>,
    /// Statements that give enums the values that they lack, to be committed before all else: also before the renames, so that
    /// bodies and what they name change at once.
    pub values: Vec<String>,
}

/// Makes what a script that may meet any state needs.
pub fn any_state(comparison: &Comparison, search_path: &[String]) -> Result<AnyState> {
    let data = &comparison.data;
    // Every table may be there already, with rows; so may what is retired.
    let mut builder = comparison.to.to_builder();
    for retired in &data.retired_tables {
        builder.put(retired.id.clone(), crate::kinds::table::Table::default());
    }
    for retired in &data.retired_columns {
        builder.put(retired.id.clone(), crate::kinds::table::column::Column::default());
    }
    let from = builder.finish_unchecked();
    let pending = crate::data::evaluate::Pending::all(data);
    let wanted = crate::data::steps::Wanted { data, pending: &pending, from: &from, to: &comparison.to, search_path };
    let mut steps = crate::data::steps::steps(&wanted)?;
    // Such a script takes nothing away, so what has to hold before something goes is not asked.
    steps.retain(|s| s.phase != crate::core::step::Phase::Contract);
    steps.sort_by_key(|s| s.rank);
    let declared =
        rename::Declared { renames: &comparison.renames, values: &comparison.value_renames, data, moved: &[] };
    let mut renames = rename::statements(&comparison.to, &declared)?;
    renames.extend(crate::kinds::restated::chosen_names(&comparison.to, &comparison.unnamed));
    let values = rename::new_values(&comparison.to, &declared);
    Ok(AnyState { data: steps, from, renames, values })
}

/// Whether a profile has a platform.
pub(crate) fn is_supabase(profile: Profile) -> bool {
    profile == Profile::Supabase
}
