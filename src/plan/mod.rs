//! From two catalogs to the ordered steps that turn one into the other. Pure and synchronous.
//!
//! Named passes, in this order: [`diff`](crate::diff) finds what differs; `rebuild` adds what stands in the way of a change
//! and must be dropped and made again; `fold` decides what is written inside a parent's CREATE; `steps` asks the kinds for
//! statements; `bystanders` notes what stands in the way of those and is not the plan's to change, `undeclared` what is dropped
//! only with consent; `order` builds the one graph and sorts it; `transactions` groups the result. No pass names a kind.

mod bystanders;
pub mod context;
mod drops;
mod fold;
pub(crate) mod granting;
pub mod marks;
pub(crate) mod needs;
mod order;
mod rebuild;
mod renames;
mod runs;
mod steps;
mod transactions;
mod undeclared;

pub use renames::{Renaming, share_name};
pub use undeclared::counts;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::core::catalog::{Bystander, Catalog};
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::step::{Phase, Step, Transaction};
use crate::kinds::component::Decided;
use crate::plan::context::PlanContext;

/// The ordered steps from one state to another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this format.
    pub trueup_plan: u32,
    /// The fingerprint of the state it starts from; applying it to any other is refused.
    pub from: String,
    /// The fingerprint of the state it leads to.
    pub to: String,
    /// The fingerprint of all that the project manages in the database the plan was made for, where it was a live one.
    #[serde(default)]
    pub state: Option<String>,
    /// The schemas that the project manages, where those are not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schemas: Option<Vec<String>>,
    /// The objects it touches, where it was made for a live database: what they were, and what they are to be.
    #[serde(default, skip_serializing_if = "marks::Marks::is_empty")]
    pub objects: marks::Marks,
    /// What is declared, where it was made for a live database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declares: Option<Declares>,
    /// The major version of the server it is for.
    pub major: u32,
    /// The search path its texts are to be read under.
    pub search_path: Vec<String>,
    /// The steps, in transactions, in order.
    pub transactions: Vec<PlanTransaction>,
}

/// What is declared, told by how it differs from what the plan's `state` holds: so that a saved plan that was run leaves the same record
/// behind as one that was just made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declares {
    /// Under which name it is recorded: what the project says is managed.
    pub scope: String,
    /// What is declared, and is not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<ObjectId>,
    /// What is there, and is not declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub less: Vec<ObjectId>,
}

/// Steps that run together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanTransaction {
    /// `none` where the one step in it cannot run inside a transaction block.
    pub mode: Transaction,
    /// The phase of its steps (a transaction never mixes phases).
    pub phase: Phase,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

impl Plan {
    /// All steps, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> + '_ {
        self.transactions.iter().flat_map(|t| &t.steps)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// The objects that are not changed without consent, and the steps that change them.
    pub fn losses(&self) -> impl Iterator<Item = (&ObjectId, &Step)> + '_ {
        self.steps().filter(|s| s.needs_consent()).map(|s| (&s.object, s))
    }
}

/// How a plan is to be made.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// Major version of the server the plan is for.
    pub major: u32,
    /// Whether tables may be in use: indexes are then built concurrently, constraints validated later.
    pub online: bool,
    /// The search path the texts are to be read under.
    pub search_path: Vec<String>,
    /// How values are taken over where a column's type changes, where the project says so.
    pub using: std::collections::BTreeMap<ObjectId, String>,
    /// Steps about rows, to be ordered among the others.
    pub data_steps: Vec<Step>,
    /// What gets another name; the plan starts from the state afterwards.
    pub renames: Vec<Renaming>,
    /// What is done with a retired object instead of dropping it.
    pub archive: std::collections::BTreeMap<ObjectId, Vec<Step>>,
    /// What rests on objects of the state to start from, and is in neither of the two states.
    pub bystanders: Vec<Bystander>,
    /// What is dropped only with consent, because nobody declared it before, each with the reason.
    pub undeclared: std::collections::BTreeMap<ObjectId, String>,
    /// Of whom the project says what they may do, where the default privileges of the database that the plan will meet are not known.
    pub unread: Option<Decided>,
    /// The tables of which the project says whether row-level security is on; none where all that is not there is meant.
    pub guarded: Option<std::collections::BTreeSet<ObjectId>>,
}

impl PlanOptions {
    /// The plain options: nothing about rows.
    pub fn new(major: u32, online: bool, search_path: &[String]) -> Self {
        Self {
            major,
            online,
            search_path: search_path.to_vec(),
            using: std::collections::BTreeMap::new(),
            data_steps: Vec::new(),
            renames: Vec::new(),
            archive: std::collections::BTreeMap::new(),
            bystanders: Vec::new(),
            undeclared: std::collections::BTreeMap::new(),
            unread: None,
            guarded: None,
        }
    }
}

/// Makes the plan that turns `from` into `to`.
///
/// # Errors
/// `plan-cycle` where the kinds' rules contradict each other; that is a bug in a rule, and the path is named.
pub fn plan(from: &Catalog, to: &Catalog, options: &PlanOptions) -> Result<Plan> {
    let differences = crate::diff::diff(from, to);
    let mut cx = PlanContext {
        from,
        to,
        created: std::collections::BTreeSet::new(),
        dropped: std::collections::BTreeSet::new(),
        folded: std::collections::BTreeSet::new(),
        filled: options.data_steps.iter().map(|step| step.object.clone()).filter(|id| id.top() != *id).collect(),
        using: options.using.clone(),
        major: options.major,
        online: options.online,
        unread: options.unread.as_ref(),
        guarded: options.guarded.as_ref(),
    };
    let work = rebuild::expand(&differences, &mut cx);
    fold::fold(&mut cx);
    let mut steps = steps::emit(&work, &cx, &options.archive);
    bystanders::mark(&mut steps, &options.bystanders, &work, &cx);
    undeclared::mark(&mut steps, options, &cx);
    steps.extend(options.data_steps.iter().cloned());
    let transactions = transactions::group(order::sort(steps, &work, &cx, &options.renames)?);
    transactions::whole(&transactions)?;
    Ok(Plan {
        trueup_plan: 1,
        from: String::new(),
        to: String::new(),
        state: None,
        schemas: None,
        objects: marks::Marks::new(),
        declares: None,
        major: options.major,
        search_path: options.search_path.clone(),
        transactions,
    })
}

/// The fingerprint of a state: equal for equal objects, whatever server they are read from.
pub fn fingerprint(catalog: &Catalog) -> String {
    let mut hash = Sha256::new();
    let mut text = Vec::new();
    for (id, object) in catalog.iter() {
        text.clear();
        text.extend_from_slice(id.as_str().as_bytes());
        text.push(0);
        let start = text.len();
        // Serialization to JSON fails only for maps with keys that are no text; no kind has such.
        if serde_json::to_writer(&mut text, object).is_err() {
            text.truncate(start);
        }
        text.push(0);
        hash.update(&text);
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}
