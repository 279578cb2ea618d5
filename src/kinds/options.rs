//! Which options are a user's to set.
//!
//! The columns `attoptions`, `reloptions` and `proconfig` of the catalogs hold what users have set. A server may keep entries of its
//! own there (`pg_attver`, since the minor releases of November 2026). So an entry is read only where it is known; any other is told
//! of, left alone, neither compared nor stated.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::catalog::Origin;
use crate::core::diagnostic::{Diagnostic, Location, Result, nearest};
use crate::core::id::ObjectId;
use crate::core::options::Options;
use crate::declare::context::DeclareContext;
use crate::kinds::Object;
use crate::kinds::table::constraint::Constraint;
use crate::yaml::Fields;

/// What options are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A column of a table or materialized view.
    Column,
    /// A table or materialized view of the access method heap. `toast.` stands before the options of its TOAST table.
    Heap,
    /// A table or materialized view of another access method, which has its own.
    OtherTable,
    /// A view.
    View,
    /// An index, with the options of its access method; `None` for an access method of an extension, which has its own.
    Index(Option<&'static [&'static str]>),
    /// A routine: the settings during a call.
    Routine,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// What users set.
    Users,
    /// What a server is known to keep for itself.
    Servers,
    /// Something else.
    Unknown,
}

/// The version of a column of a composite type, as the server counts it. It is of 15.20 and 17.12: SET takes it there, RESET leaves it,
/// and earlier minor releases refuse it.
const SERVERS: &[&str] = &["pg_attver"];

/// What names of the system's own begin with; no option or setting that users set does.
const RESERVED: &str = "pg_";

const COLUMN: &[&str] = &["n_distinct", "n_distinct_inherited"];

/// Of tables alone, of 14 to 19.
const HEAP: &[&str] = &["fillfactor", "toast_tuple_target", "parallel_workers", "user_catalog_table"];

/// Of tables and their TOAST tables, of 14 to 19.
const VACUUM: &[&str] = &[
    "autovacuum_analyze_scale_factor",
    "autovacuum_analyze_threshold",
    "autovacuum_enabled",
    "autovacuum_freeze_max_age",
    "autovacuum_freeze_min_age",
    "autovacuum_freeze_table_age",
    "autovacuum_multixact_freeze_max_age",
    "autovacuum_multixact_freeze_min_age",
    "autovacuum_multixact_freeze_table_age",
    "autovacuum_parallel_workers",
    "autovacuum_vacuum_cost_delay",
    "autovacuum_vacuum_cost_limit",
    "autovacuum_vacuum_insert_scale_factor",
    "autovacuum_vacuum_insert_threshold",
    "autovacuum_vacuum_max_threshold",
    "autovacuum_vacuum_scale_factor",
    "autovacuum_vacuum_threshold",
    "log_autoanalyze_min_duration",
    "log_autovacuum_min_duration",
    "vacuum_index_cleanup",
    "vacuum_max_eager_freeze_failure_rate",
    "vacuum_truncate",
];

/// What the names in [`HEAP`] and [`VACUUM`] begin with.
const HEAP_SHORT: &str = "fillfactor=|toast_|parallel_|user_|(log_)?auto|vacuum_";

const VIEW: &[&str] = &["check_option", "security_barrier", "security_invoker"];

/// The options of PostgreSQL's own index access methods, of 14 to 19.
const INDEX: &[(&str, &[&str])] = &[
    ("btree", &["fillfactor", "deduplicate_items", "vacuum_cleanup_index_scale_factor"]),
    ("hash", &["fillfactor"]),
    ("gist", &["fillfactor", "buffering"]),
    ("spgist", &["fillfactor"]),
    ("gin", &["fastupdate", "gin_pending_list_limit"]),
    ("brin", &["pages_per_range", "autosummarize"]),
];

/// What stands before the options of a TOAST table.
const TOAST: &str = "toast.";

impl Holder {
    /// That of a table or materialized view with this access method (`None` for heap).
    pub(crate) fn table(method: Option<&str>) -> Self {
        if method.is_none_or(|method| method == "heap") { Self::Heap } else { Self::OtherTable }
    }

    /// That of an index with this text.
    pub(crate) fn index(definition: &str) -> Self {
        let method = method_of(definition);
        Self::Index(INDEX.iter().find(|(name, _)| *name == method).map(|(_, options)| *options))
    }

    /// That of a constraint's index.
    pub(crate) fn constraint(constraint: &Constraint) -> Self {
        // The text of a key begins with its columns, as that of a btree index.
        Self::index(&constraint.definition)
    }

    /// The options that are known; `None` where all are.
    fn known(self) -> Option<Vec<&'static str>> {
        match self {
            Self::Column => Some(COLUMN.to_vec()),
            Self::Heap => Some([HEAP, VACUUM].concat()),
            Self::View => Some(VIEW.to_vec()),
            Self::Index(known) => known.map(<[_]>::to_vec),
            Self::OtherTable | Self::Routine => None,
        }
    }

    /// What an entry of this name is.
    pub(crate) fn judge(self, name: &str) -> Entry {
        if SERVERS.contains(&name) {
            return Entry::Servers;
        }
        if name.starts_with(RESERVED) && !name.contains('.') {
            return Entry::Unknown;
        }
        let known = match self {
            Self::Column => COLUMN.contains(&name),
            Self::Heap => match name.strip_prefix(TOAST) {
                Some(name) => VACUUM.contains(&name),
                None => HEAP.contains(&name) || VACUUM.contains(&name),
            },
            Self::View => VIEW.contains(&name),
            Self::Index(known) => known.is_none_or(|known| known.contains(&name)),
            Self::OtherTable | Self::Routine => true,
        };
        if known { Entry::Users } else { Entry::Unknown }
    }

    /// What options are of, in words.
    fn words(self) -> &'static str {
        match self {
            Self::Column => "columns",
            Self::Heap | Self::OtherTable => "tables",
            Self::View => "views",
            Self::Index(_) => "indexes",
            Self::Routine => "functions",
        }
    }

    /// An SQL condition on an entry `o` (`name=value`): that users set it.
    pub(crate) fn condition(self) -> String {
        match self.known() {
            // Said for every table of a script, and so in short.
            Some(_) if self == Self::Heap => format!("o ~ '^({HEAP_SHORT})'"),
            Some(names) => format!("o ~ '^({})='", names.join("|")),
            None => format!("o !~ '^{RESERVED}'"),
        }
    }
}

/// The access method in the text of an index or of an exclusion: `USING gin (…)`, `EXCLUDE USING gist (…)`; btree where none is said.
fn method_of(definition: &str) -> String {
    let word = |text: &str, word: &str| -> Option<String> {
        let (first, rest) = text.trim_start().split_at_checked(word.len())?;
        (first.eq_ignore_ascii_case(word) && rest.starts_with(char::is_whitespace))
            .then(|| rest.trim_start().to_owned())
    };
    let text = word(definition, "exclude").unwrap_or_else(|| definition.to_owned());
    let Some(text) = word(&text, "using") else { return "btree".to_owned() };
    match text.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default().to_owned(),
        None => text.split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default().to_lowercase(),
    }
}

/// The options of an object, where it has any, and what they are of.
fn options(object: &Object) -> Option<(Holder, &Options)> {
    let (holder, options) = match object {
        Object::Column(column) => (Holder::Column, &column.options),
        Object::ViewColumn(column) => (Holder::Column, &column.options),
        Object::Table(table) => (Holder::table(table.access_method.as_deref()), &table.options),
        Object::MaterializedView(view) => (Holder::table(view.access_method.as_deref()), &view.options),
        Object::View(view) => (Holder::View, &view.options),
        Object::Index(index) if !index.options.is_empty() => (Holder::index(&index.definition), &index.options),
        Object::Constraint(constraint) if !constraint.options.is_empty() => {
            (Holder::constraint(constraint), &constraint.options)
        }
        _ => return None,
    };
    (!options.is_empty()).then_some((holder, options))
}

/// Takes out of an object what is not users' to set, and notes what of that is not known. For what was read from a server or a snapshot.
pub(crate) fn only_users(id: &ObjectId, object: &mut Object, origin: &mut Origin) {
    let mut stays = |holder: Holder, name: &str| match holder.judge(name) {
        Entry::Users => true,
        Entry::Servers => false,
        Entry::Unknown => {
            let (option, path) = (format!("{name} of {}", holder.words()), id.sql_path());
            let (count, first) = origin.unknown_options.entry(option).or_insert_with(|| (0, path.clone()));
            *count += 1;
            // Not what was read first, which is chance.
            if path < *first {
                *first = path;
            }
            false
        }
    };
    if let Object::Routine(routine) = object {
        if routine.config.iter().any(|(name, _)| Holder::Routine.judge(name) != Entry::Users) {
            Arc::make_mut(routine).config.retain(|(name, _)| stays(Holder::Routine, name));
        }
        return;
    }
    let Some((holder, options)) = options(object) else { return };
    if options.keys().all(|name| holder.judge(name) == Entry::Users) {
        return;
    }
    let options = match object {
        Object::Column(column) => &mut Arc::make_mut(column).options,
        Object::ViewColumn(column) => &mut Arc::make_mut(column).options,
        Object::Table(table) => &mut Arc::make_mut(table).options,
        Object::MaterializedView(view) => &mut Arc::make_mut(view).options,
        Object::View(view) => &mut Arc::make_mut(view).options,
        Object::Index(index) => &mut Arc::make_mut(index).options,
        Object::Constraint(constraint) => &mut Arc::make_mut(constraint).options,
        _ => return,
    };
    options.retain(|name| stays(holder, name));
}

fn unknown(holder: Holder, name: &str) -> Box<Diagnostic> {
    let said = format!("`{name}` is no option of {} that trueup knows", holder.words());
    let problem = Diagnostic::error("unknown-option", said)
        .note("what is not known is left alone on servers, and cannot be declared");
    let known = holder.known().unwrap_or_default();
    match nearest(name.strip_prefix(TOAST).unwrap_or(name), known).first() {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => problem,
    }
}

/// That a declared object has no options but those that are known.
///
/// # Errors
/// `unknown-option`.
pub(crate) fn declared(object: &Object, location: &Location) -> Result<()> {
    let Some((holder, options)) = options(object) else { return Ok(()) };
    match options.keys().find(|name| holder.judge(name) != Entry::Users) {
        Some(name) => Err(unknown(holder, name).at(location.clone())),
        None => Ok(()),
    }
}

impl DeclareContext<'_> {
    /// The options of a mapping. What only a server can have put there is left out and told of once.
    ///
    /// # Errors
    /// `wrong-type`, `unknown-option`.
    pub(crate) fn options(&mut self, fields: &Fields<'_>, key: &'static str, holder: Holder) -> Result<Options> {
        let mut options = Options::new();
        for (name, value) in fields.text_map(key)? {
            let text = if holder.known().is_some() { name.text.to_lowercase() } else { name.text.clone() };
            match holder.judge(&text) {
                Entry::Users => options.extend([(text, value.to_owned())]),
                Entry::Unknown if !text.starts_with(RESERVED) => {
                    return Err(unknown(holder, &text).at(name.location.clone()));
                }
                Entry::Servers | Entry::Unknown => self.of_servers.push((text, name.location.clone())),
            }
        }
        Ok(options)
    }
}

/// One remark on all that was declared and that only a server can have put there.
pub(crate) fn of_servers(found: &[(String, Location)]) -> Option<Box<Diagnostic>> {
    let (name, location) = found.first()?;
    let more = match found.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more in the project)"),
    };
    Some(
        Diagnostic::warning("servers-option", format!("`{name}` is an entry that a server keeps for itself{more}"))
            .at(location.clone())
            .note("it is ignored: it is neither compared nor set")
            .help("take it out; `trueup pull` does not write it"),
    )
}

/// One remark on the options that are not known and stand in catalogs that were read.
pub(crate) fn unknown_options<'a>(origins: impl Iterator<Item = &'a Origin>) -> Option<Box<Diagnostic>> {
    let mut all: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for (option, (count, first)) in origins.flat_map(|origin| &origin.unknown_options) {
        let most = all.entry(option).or_insert((0, first));
        most.0 = most.0.max(*count);
    }
    if all.is_empty() {
        return None;
    }
    let count = all.len();
    let said = format!(
        "{} not known to trueup and left alone",
        if count == 1 { "1 option is".to_owned() } else { format!("{count} options are") }
    );
    let mut problem = Diagnostic::warning("unknown-option", said);
    for (option, (count, first)) in all {
        let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
        problem = problem.note(format!("{option}: {first}{more}"));
    }
    Some(
        problem
            .help("nothing has to be done: they are neither compared nor changed, and are not written into a project"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_users_servers_or_unknown() {
        assert_eq!(Holder::Column.judge("n_distinct"), Entry::Users);
        assert_eq!(Holder::Column.judge("pg_attver"), Entry::Servers);
        assert_eq!(Holder::Column.judge("colour"), Entry::Unknown);
        assert_eq!(Holder::Heap.judge("fillfactor"), Entry::Users);
        assert_eq!(Holder::Heap.judge("toast.vacuum_truncate"), Entry::Users);
        assert_eq!(Holder::Heap.judge("toast.fillfactor"), Entry::Unknown);
        assert_eq!(Holder::Heap.judge("n_distinct"), Entry::Unknown);
        assert_eq!(Holder::OtherTable.judge("stripe_row_limit"), Entry::Users);
        assert_eq!(Holder::OtherTable.judge("pg_relver"), Entry::Unknown);
        assert_eq!(Holder::index("USING gin (a)").judge("fastupdate"), Entry::Users);
        assert_eq!(Holder::index("USING gin (a)").judge("fillfactor"), Entry::Unknown);
        assert_eq!(Holder::index("USING bloom (a, b)").judge("col1"), Entry::Users);
        assert_eq!(Holder::Routine.judge("search_path"), Entry::Users);
        assert_eq!(Holder::Routine.judge("pg_stat_statements.track"), Entry::Users);
        assert_eq!(Holder::Routine.judge("pg_procver"), Entry::Unknown);
    }

    #[test]
    fn names_of_tables_begin_as_is_said() {
        let said = |name: &&str| {
            HEAP_SHORT.split('|').any(|start| {
                format!("{name}=").trim_start_matches("log_").starts_with(start.trim_start_matches("(log_)?"))
            })
        };
        assert!(HEAP.iter().chain(VACUUM).all(said));
    }

    #[test]
    fn access_methods_are_read_from_texts() {
        assert_eq!(method_of("(a, b)"), "btree");
        assert_eq!(method_of("USING gin (a gin_trgm_ops)"), "gin");
        assert_eq!(method_of("using \"My am\"(a)"), "My am");
        assert_eq!(method_of("EXCLUDE USING gist (a WITH =)"), "gist");
        assert_eq!(method_of("((using))"), "btree");
    }
}
