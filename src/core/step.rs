//! Steps: what a plan is made of.

use serde::{Deserialize, Serialize};

use super::diagnostic::Location;
use super::id::ObjectId;
use super::name::{dollar_quoted, literal};

/// The table-level lock a statement takes (PostgreSQL documentation, "Explicit Locking"), weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockMode {
    /// Conflicts only with ACCESS EXCLUSIVE.
    AccessShare,
    /// SELECT FOR UPDATE and the like; the referenced table while a foreign key is validated.
    RowShare,
    /// What INSERT, UPDATE and DELETE take.
    RowExclusive,
    /// VALIDATE, CREATE INDEX CONCURRENTLY: reads and writes go on.
    ShareUpdateExclusive,
    /// Writes wait: CREATE INDEX.
    Share,
    /// Writes wait: ADD FOREIGN KEY, CREATE TRIGGER.
    ShareRowExclusive,
    /// Reads go on, all else waits: REFRESH MATERIALIZED VIEW CONCURRENTLY.
    Exclusive,
    /// Everything waits, reads too.
    AccessExclusive,
}

impl LockMode {
    /// The name in the documentation.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }
}

/// When, in the life of a deployment, a step may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Old code is unaffected.
    Expand,
    /// Data moves.
    Migrate,
    /// Old code would break.
    Contract,
}

impl Phase {
    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Migrate => "migrate",
            Self::Contract => "contract",
        }
    }
}

/// A way in which a step can hurt. The word is what `--allow` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HazardKind {
    /// Rows or values are lost.
    DataLoss,
    /// Something is dropped that the project has never declared: somebody made it in another way.
    Drop,
    /// The table is rewritten under an exclusive lock.
    Rewrite,
    /// Writers (or readers) wait while rows are scanned.
    Blocking,
    /// Who may see or do what changes.
    Access,
    /// Code that runs today may fail afterwards.
    Breaking,
    /// Values computed and stored earlier may no longer be what the definition says.
    Stale,
}

impl HazardKind {
    /// All of them, for help texts and parsing.
    pub const ALL: &'static [Self] =
        &[Self::DataLoss, Self::Drop, Self::Rewrite, Self::Blocking, Self::Access, Self::Breaking, Self::Stale];

    /// The word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::DataLoss => "data-loss",
            Self::Drop => "drop",
            Self::Rewrite => "rewrite",
            Self::Blocking => "blocking",
            Self::Access => "access",
            Self::Breaking => "breaking",
            Self::Stale => "stale",
        }
    }

    /// Whether every step with a hazard of this kind runs only with consent (`--allow`).
    pub fn needs_consent(self) -> bool {
        matches!(self, Self::DataLoss | Self::Drop)
    }
}

/// A hazard of a step, with what it means here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hazard {
    /// Which hazard.
    pub kind: HazardKind,
    /// What it means here, for a person.
    pub reason: String,
    /// Whether the step runs only with consent. Losses always need it; other kinds do where the project does not say what happens.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub consent: bool,
}

impl Hazard {
    /// A hazard that needs consent where its kind does.
    pub fn new(kind: HazardKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), consent: kind.needs_consent() }
    }

    /// A hazard that needs consent, whatever its kind.
    pub fn needing_consent(kind: HazardKind, reason: impl Into<String>) -> Self {
        Self { consent: true, ..Self::new(kind, reason) }
    }

    /// Whether a step with it runs only with consent (`--allow`). Plans that earlier versions saved say it by the kind alone.
    pub fn needs_consent(&self) -> bool {
        self.consent || self.kind.needs_consent()
    }

    /// The word of its kind, with that it needs consent where the kind does not say so.
    pub fn label(&self) -> String {
        let more = if self.needs_consent() && !self.kind.needs_consent() { " (needs consent)" } else { "" };
        format!("{}{more}", self.kind.word())
    }
}

/// Why PostgreSQL will refuse a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hindrance {
    /// The reason, as the end of a sentence: `view other.v depends on it`.
    pub why: String,
    /// What a person can do.
    pub help: String,
}

/// How a step relates to transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transaction {
    /// May share a transaction with its neighbours.
    Shared,
    /// Runs in a transaction of its own (it takes long, or what follows needs it committed).
    Own,
    /// Cannot run inside a transaction block (CREATE INDEX CONCURRENTLY).
    None,
}

/// What a step does to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Brings it into being.
    Create,
    /// Changes it in place.
    Alter,
    /// Gives it another name.
    Rename,
    /// Removes it.
    Drop,
    /// Changes rows.
    Data,
}

/// From this rank on, a step that alters an object demands something of all rows (NOT NULL is one).
pub const MENDED: u8 = 5;

/// One statement of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// To what.
    pub object: ObjectId,
    /// The statement, without a final semicolon.
    pub sql: String,
    /// The strongest lock it takes on a relation that exists before the plan, and on which.
    pub lock: Option<(LockMode, ObjectId)>,
    /// When it may run.
    pub phase: Phase,
    /// How it can hurt.
    pub hazards: Vec<Hazard>,
    /// How it relates to transactions.
    pub transaction: Transaction,
    /// Objects that exist after it and did not before.
    pub creates: Vec<ObjectId>,
    /// Objects that are gone after it.
    pub destroys: Vec<ObjectId>,
    /// Objects it needs beyond what its object depends on.
    pub requires: Vec<ObjectId>,
    /// Objects that are read before they are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<ObjectId>,
    /// Relations whose rows it changes or reads: what demands something of all their rows (NOT NULL, keys, checks) comes later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses_unconstrained: Vec<ObjectId>,
    /// The relation whose rows it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes: Option<ObjectId>,
    /// Objects whose finishing steps (NOT NULL, validation) and removal come later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub precedes: Vec<ObjectId>,
    /// Objects that are made later: what a table must be before it is attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<ObjectId>,
    /// What it is for, for people: an invariant's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The name of a check of rows, among those of its plan: where it fails, what does not wait for it may go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The checks that it waits for, also by way of other steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<String>,
    /// What PostgreSQL will refuse it for: what rests on its object, and is not the plan's to take out of the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hindered_by: Vec<Hindrance>,
    /// Where what it does is declared; a saved plan does not know.
    #[serde(skip)]
    pub location: Option<Location>,
    /// Steps of one group run in the order in which they were made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How the statement is cut into batches, each in a transaction of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<crate::data::Batch>,
    /// Objects whose removal must come first.
    pub after: Vec<ObjectId>,
    /// A query that is true once the step has been done: lets a step outside a transaction be resumed, and a script that is run again
    /// pass it over.
    pub done_when: Option<String>,
    /// A statement to run first when an earlier attempt was cut off (an invalid index is dropped).
    pub cleanup: Option<String>,
    /// What rows that exist already must not do for it to succeed; asked before the first step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub premise: Option<Premise>,
    /// Which values it changes or cannot take over, where that can be asked: without any, nothing is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loses: Option<Premise>,
    /// Whether the premise is asked once more under the lock of the statement, which would change in silence what came in since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks_again: bool,
    /// The condition, as SQL, under which a script asks the premise once more right before the statement: while that is yet to be done.
    #[serde(skip)]
    pub asked_while: Option<String>,
    /// Whether it changes the type of a part of rows, which may be named in expressions elsewhere.
    #[serde(skip)]
    pub retypes_row: bool,
    /// Position among the steps of one object: lower first.
    pub rank: u8,
    /// Whether it builds the new form of its object under another name, before the old form goes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beside: bool,
}

/// What a step takes for granted of the rows that exist already. Where they are otherwise, it is better said before anything
/// is changed than by a step that fails in the middle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Premise {
    /// A query of one column of text: a row for each violation, showing it where that can be done.
    pub violations: String,
    /// The table that it asks.
    pub table: ObjectId,
    /// Those of its columns that it is about, where that is known.
    pub columns: Vec<String>,
    /// What is wrong where it returns rows, up to their number.
    pub fact: String,
    /// What is counted, in the singular.
    pub noun: String,
    /// What to do.
    pub help: String,
    /// More tables that it asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<ObjectId>,
}

impl Premise {
    /// What is wrong, with the number of violations.
    pub fn message(&self, number: &str) -> String {
        let plural = if number == "1" { "" } else { "s" };
        format!("{} {number} {}{plural}", self.fact, self.noun)
    }
}

impl Step {
    fn new(action: Action, object: &ObjectId, sql: impl Into<String>) -> Self {
        Self {
            action,
            object: object.clone(),
            sql: sql.into(),
            lock: None,
            phase: Phase::Expand,
            hazards: Vec::new(),
            transaction: Transaction::Shared,
            creates: Vec::new(),
            destroys: Vec::new(),
            requires: Vec::new(),
            uses: Vec::new(),
            uses_unconstrained: Vec::new(),
            writes: None,
            precedes: Vec::new(),
            before: Vec::new(),
            label: None,
            check: None,
            behind: Vec::new(),
            hindered_by: Vec::new(),
            location: None,
            group: None,
            batch: None,
            after: Vec::new(),
            done_when: None,
            cleanup: None,
            premise: None,
            loses: None,
            asks_again: false,
            asked_while: None,
            retypes_row: false,
            rank: 0,
            beside: false,
        }
    }

    /// What locks the table and stops where the premise holds no longer; nothing for a step that need not ask again.
    pub fn asked_under_lock(&self) -> Option<String> {
        let premise = self.premise.as_ref().filter(|_| self.asks_again)?;
        let body = format!(
            "\nBEGIN\n  IF EXISTS ({}) THEN\n    RAISE EXCEPTION USING ERRCODE = 'data_exception', MESSAGE = {}, HINT = {};\n  END IF;\nEND\n",
            premise.violations,
            literal(&format!("{} a {} that came in meanwhile", premise.fact, premise.noun)),
            literal(&premise.help)
        );
        Some(format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE;\nDO {}", premise.table.sql(), dollar_quoted(&body)))
    }

    /// A statement that brings an object into being.
    pub fn create(object: &ObjectId, sql: impl Into<String>) -> Self {
        let mut step = Self::new(Action::Create, object, sql);
        step.creates.push(object.clone());
        step
    }

    /// A statement that removes an object.
    pub fn drop(object: &ObjectId, sql: impl Into<String>) -> Self {
        let mut step = Self::new(Action::Drop, object, sql);
        step.destroys.push(object.clone());
        step.phase = Phase::Contract;
        step
    }

    /// A statement that changes an object in place.
    pub fn alter(object: &ObjectId, sql: impl Into<String>) -> Self {
        Self::new(Action::Alter, object, sql)
    }

    /// A statement that renames an object.
    pub fn rename(object: &ObjectId, sql: impl Into<String>) -> Self {
        let mut step = Self::new(Action::Rename, object, sql);
        step.phase = Phase::Contract;
        step
    }

    /// A statement that changes rows.
    pub fn data(object: &ObjectId, sql: impl Into<String>) -> Self {
        let mut step = Self::new(Action::Data, object, sql);
        step.phase = Phase::Migrate;
        step
    }

    /// Says which lock it takes on which relation.
    #[must_use]
    pub fn lock(mut self, mode: LockMode, relation: &ObjectId) -> Self {
        self.lock = Some((mode, relation.clone()));
        self
    }

    /// Says when it may run.
    #[must_use]
    pub fn phase(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }

    /// Adds a hazard.
    #[must_use]
    pub fn hazard(mut self, kind: HazardKind, reason: impl Into<String>) -> Self {
        self.hazards.push(Hazard::new(kind, reason));
        self
    }

    /// Adds a hazard that needs consent, whatever its kind.
    #[must_use]
    pub fn hazard_to_consent_to(mut self, kind: HazardKind, reason: impl Into<String>) -> Self {
        self.hazards.push(Hazard::needing_consent(kind, reason));
        self
    }

    /// Says how it relates to transactions.
    #[must_use]
    pub fn transaction(mut self, transaction: Transaction) -> Self {
        self.transaction = transaction;
        self
    }

    /// Adds an object it needs beyond what its own object depends on.
    #[must_use]
    pub fn requires(mut self, id: &ObjectId) -> Self {
        self.requires.push(id.clone());
        self
    }

    /// Adds an object whose removal must come first.
    #[must_use]
    pub fn after(mut self, id: &ObjectId) -> Self {
        self.after.push(id.clone());
        self
    }

    /// Adds an object that this statement brings into being besides its own.
    #[must_use]
    pub fn also_creates(mut self, id: &ObjectId) -> Self {
        self.creates.push(id.clone());
        self
    }

    /// Says what it takes for granted of the rows.
    #[must_use]
    pub fn premise(mut self, premise: Option<Premise>) -> Self {
        self.premise = premise;
        self
    }

    /// Says while what is true a script asks the premise right before it.
    #[must_use]
    pub fn asked_while(mut self, condition: impl Into<String>) -> Self {
        self.asked_while = Some(condition.into());
        self
    }

    /// Says why it will be refused.
    #[must_use]
    pub fn hindered(mut self, why: impl Into<String>, help: impl Into<String>) -> Self {
        self.hindered_by.push(Hindrance { why: why.into(), help: help.into() });
        self
    }

    /// Places it among the steps of its object.
    #[must_use]
    pub fn rank(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }

    /// Says that it builds the new form of its object under another name, before the old form goes.
    #[must_use]
    pub fn beside(mut self) -> Self {
        self.beside = true;
        self
    }

    /// Says how to see that it was done.
    #[must_use]
    pub fn done_when(mut self, query: impl Into<String>) -> Self {
        self.done_when = Some(query.into());
        self
    }

    /// Says where what it does is declared.
    #[must_use]
    pub fn at(mut self, location: &Location) -> Self {
        self.location = Some(location.clone());
        self
    }

    /// The statement as it is shown to people: a check by what it checks, a batch with its size.
    pub fn shown(&self) -> std::borrow::Cow<'_, str> {
        use std::borrow::Cow;
        match (&self.check, &self.batch) {
            (Some(check), None) => Cow::Owned(format!("-- check: {check}")),
            (_, Some(batch)) => Cow::Owned(format!(
                "{}\n-- in batches of up to {} rows, by {}",
                self.sql,
                batch.rows,
                batch.key.join(", ")
            )),
            _ => Cow::Borrowed(&self.sql),
        }
    }

    /// Whether it must not run without consent.
    pub fn needs_consent(&self) -> bool {
        self.hazards.iter().any(Hazard::needs_consent)
    }
}
