//! One graph of all steps, one deterministic topological order.
//!
//! Every edge comes from a named rule. Firm edges must hold; preferences (from guesses, and from rules that are only good
//! manners) are dropped where they would close a cycle. A cycle of firm edges is a bug in a kind's rules.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use petgraph::Direction;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use crate::core::catalog::Edge;
use crate::core::diagnostic::{Diagnostic, Result};
use crate::core::id::ObjectId;
use crate::core::step::{Action, MENDED, Phase, Step, Transaction};
use crate::kinds::{KindTag, Means};
use crate::plan::context::PlanContext;
use crate::plan::rebuild::Work;
use crate::plan::renames::{self, Renaming};
use crate::plan::runs;

/// Why one step comes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Why {
    rule: &'static str,
    firm: bool,
}

/// From this rank on, a step finishes its object: it runs after what is created below the object.
const FINISHING: u8 = 9;

struct Builder<'a, 'b> {
    graph: DiGraph<usize, Why>,
    steps: &'a [Step],
    cx: &'a PlanContext<'b>,
    /// Which step brings an object into being.
    creator: HashMap<ObjectId, usize>,
    /// Which step removes an object.
    destroyer: HashMap<ObjectId, usize>,
    /// Steps that change an object in place (or complete a new one), by object.
    changes: HashMap<ObjectId, Vec<usize>>,
    /// What a step removes that is neither its object nor below it.
    along: HashMap<usize, Vec<ObjectId>>,
}

impl Builder<'_, '_> {
    fn edge(&mut self, before: usize, after: usize, rule: &'static str, firm: bool) {
        if before != after {
            self.graph.update_edge(NodeIndex::new(before), NodeIndex::new(after), Why { rule, firm });
        }
    }

    /// The step that brings an object into being, itself or with its parent.
    fn creator(&self, id: &ObjectId) -> Option<usize> {
        let mut current = Some(id.clone());
        while let Some(id) = current {
            if let Some(step) = self.creator.get(&id) {
                return Some(*step);
            }
            if !self.cx.created.contains(&id) {
                return None;
            }
            let provider =
                self.cx.to.get(&id).and_then(|o| o.provider(&id, self.cx.to)).filter(|p| self.cx.created.contains(p));
            current = provider.or_else(|| id.parent());
        }
        None
    }

    /// The step that removes an object, itself or along with what it belongs to.
    fn destroyer(&self, id: &ObjectId) -> Option<usize> {
        let mut current = Some(id.clone());
        while let Some(id) = current {
            if let Some(step) = self.destroyer.get(&id) {
                return Some(*step);
            }
            if !self.cx.dropped.contains(&id) {
                return None;
            }
            let object = self.cx.from.get(&id);
            let other = || {
                let objects = [object?.provider(&id, self.cx.from), object?.taken_by(&id, self.cx.from)];
                objects.into_iter().flatten().find(|other| self.cx.dropped.contains(other))
            };
            current = crate::plan::drops::taker(&id, self.cx).or_else(other);
        }
        None
    }
}

/// Sorts the steps, and those of the renames among them.
pub fn sort(mut steps: Vec<Step>, work: &Work, cx: &PlanContext<'_>, renames: &[Renaming]) -> Result<Vec<Step>> {
    let mut renamed = Vec::new();
    let early = renames::early(&mut steps, renames, cx);
    for renaming in renames {
        let start = steps.len();
        steps.extend(renaming.steps.iter().cloned());
        renamed.push((start..steps.len(), renaming));
    }
    renames::ask_under_old_names(&mut steps, renames, cx);
    let mut builder = Builder {
        graph: DiGraph::new(),
        steps: &steps,
        cx,
        creator: HashMap::new(),
        destroyer: HashMap::new(),
        changes: HashMap::new(),
        along: HashMap::new(),
    };
    for (i, step) in steps.iter().enumerate() {
        builder.graph.add_node(i);
        for id in &step.creates {
            builder.creator.entry(id.clone()).or_insert(i);
        }
        for id in &step.destroys {
            builder.destroyer.entry(id.clone()).or_insert(i);
        }
        if step.beside {
            continue;
        }
        if matches!(step.action, Action::Alter | Action::Data)
            || (step.action == Action::Create && step.creates.is_empty())
        {
            builder.changes.entry(step.object.clone()).or_default().push(i);
        }
    }
    for id in &cx.dropped {
        if let Some(step) = builder.destroyer(id)
            && !steps[step].destroys.iter().any(|gone| id.is_within(gone))
        {
            builder.along.entry(step).or_default().push(id.clone());
        }
    }
    same_object(&mut builder);
    for (i, step) in steps.iter().enumerate() {
        match step.action {
            Action::Drop => drops(&mut builder, i, step, work),
            // Their ids are those before and after; what they have to do with is said below.
            Action::Rename => {}
            _ => makes(&mut builder, i, step, work),
        }
        for id in &step.requires {
            if let Some(before) = builder.creator(id) {
                builder.edge(before, i, "what a step requires is there", true);
            }
            for change in builder.changes.get(id).cloned().unwrap_or_default() {
                // What demands something of all rows comes after what writes them.
                let demands = step.action == Action::Data && steps[change].rank >= MENDED;
                if steps[change].rank < FINISHING && *id != step.object && !demands {
                    builder.edge(change, i, "what a step requires is changed first", false);
                }
            }
        }
        for id in &step.before {
            if let Some(later) = builder.creator(id) {
                builder.edge(i, later, "what a step prepares is made after it", true);
            }
        }
        for id in &step.after {
            if let Some(before) = builder.destroyer(id) {
                builder.edge(before, i, "what must be out of the way is gone", true);
            }
        }
    }
    rows_in_between(&mut builder);
    names_are_free(&mut builder);
    for (before, after, rule) in renames::rules(&steps, &renamed, &early, cx) {
        builder.edge(before, after, rule, true);
    }
    last_kinds(&mut builder);
    last_to_go(&mut builder);
    what_is_run(&mut builder);
    let mut rebuilt = rebuilt(&builder);
    // So is what says a renamed name until it is changed, too: it must not fail meanwhile.
    rebuilt.extend(renames::bodies(&steps, &renamed, cx));
    let mut graph = builder.graph;
    break_preferences(&mut graph, &steps)?;
    keep_together(&mut graph, &steps, &rebuilt);
    Ok(topological(&graph, steps, &rebuilt))
}

/// Rule: the steps of one object run in the order of their ranks; it is dropped before it is made again.
fn same_object(builder: &mut Builder<'_, '_>) {
    let (gone, made) = (&builder.cx.dropped, &builder.cx.created);
    let mut by_object: BTreeMap<&ObjectId, Vec<usize>> = BTreeMap::new();
    for (i, step) in builder.steps.iter().enumerate() {
        // What an invariant is filed under is only the first table it reads; it says itself what it waits for. A rename's object
        // is the one before it; the rules of renames say what waits for that.
        let filed = step.action == Action::Data && is_filed_under_relation(step);
        if !filed && step.action != Action::Rename {
            by_object.entry(&step.object).or_default().push(i);
        }
    }
    for mut indices in by_object.into_values() {
        indices.sort_by_key(|i| {
            let step = &builder.steps[*i];
            let class = match step.action {
                // What must hold before the object goes, what reads its rows, and what is built beside it.
                _ if step.beside => -1,
                Action::Data if gone.contains(&step.object) && !made.contains(&step.object) => -1,
                Action::Drop => 0,
                Action::Create => 1,
                Action::Alter | Action::Data | Action::Rename => 2,
            };
            (class, step.rank, *i)
        });
        for pair in indices.windows(2) {
            builder.edge(pair[0], pair[1], "the steps of one object keep their order", true);
        }
    }
}

fn drops(builder: &mut Builder<'_, '_>, i: usize, step: &Step, work: &Work) {
    let cx = builder.cx;
    // What belongs to it from elsewhere (the sequence of a column) goes along as well.
    let along = builder.along.remove(&i).unwrap_or_default();
    for id in &step.destroys {
        let below: Vec<ObjectId> = cx.from.below(id).map(|(c, _)| c.clone()).collect();
        for gone in below.iter().chain([id]).chain(&along) {
            for (dependent, edge) in cx.from.dependents(gone) {
                if let Some(before) = builder.destroyer(dependent)
                    && before != i
                {
                    builder.edge(before, i, "dependents are dropped first", edge == Edge::Hard);
                }
                let still = cx.to.dependencies(dependent).any(|(d, _)| d == gone);
                // What only steps aside for its new form holds them still; they let go before the old form goes for good.
                if !still && !cx.dropped.contains(dependent) && !work.swapped.contains(id) {
                    for change in builder.changes.get(dependent).cloned().unwrap_or_default() {
                        builder.edge(
                            change,
                            i,
                            "a dependent lets go before what it held is dropped",
                            edge == Edge::Hard,
                        );
                    }
                }
            }
            if gone != id
                && let Some(before) = builder.destroyer.get(gone).copied()
            {
                builder.edge(before, i, "what is dropped by name goes before its parent", true);
            }
        }
    }
}

fn makes(builder: &mut Builder<'_, '_>, i: usize, step: &Step, work: &Work) {
    let cx = builder.cx;
    let own = [step.object.clone()];
    let made: &[ObjectId] = if step.creates.is_empty() { &own } else { &step.creates };
    for id in made {
        let parent = id.parent();
        let dependencies: Vec<(ObjectId, Edge)> = cx
            .to
            .dependencies(id)
            .map(|(d, e)| (d.clone(), e))
            .chain(parent.into_iter().map(|p| (p, Edge::Hard)))
            .collect();
        for (dependency, edge) in dependencies {
            if let Some(before) = builder.creator(&dependency) {
                builder.edge(before, i, "dependencies are made first", edge == Edge::Hard);
            }
            for change in builder.changes.get(&dependency).cloned().unwrap_or_default() {
                let changed = &builder.steps[change];
                let firm = matches!(work.altered.get(&dependency), Some(Means::AlterRebuilding))
                    || work.reattached.contains(&dependency);
                // What is demanded of all rows later (NOT NULL) holds up nothing that can be had before, and nothing that is
                // missing until it is made again; nor do rows that are filled: a trigger that keeps them filled must even be
                // there before.
                let waits = changed.phase > step.phase || (firm && cx.dropped.contains(id));
                let later =
                    (changed.rank >= MENDED && waits) || (changed.action == Action::Data && changed.phase > step.phase);
                // What waits for this step by name is not waited for.
                let reversed = changed.requires.contains(id);
                if changed.rank < FINISHING && step.rank != u8::MAX && !later && !reversed {
                    builder.edge(
                        change,
                        i,
                        "dependencies are changed first",
                        firm && edge == Edge::Hard && cx.created.contains(id),
                    );
                }
            }
        }
    }
    if step.beside || matches!(step.action, Action::Create | Action::Data) {
        // A column may be moved over only once everything that read it is gone; so for all that follows here.
        return;
    }
    let id = &step.object;
    let rebuilding = matches!(work.altered.get(id), Some(Means::AlterRebuilding)) || work.reattached.contains(id);
    let below: Vec<ObjectId> = cx.from.below(id).map(|(c, _)| c.clone()).collect();
    for dependent in cx.from.dependents(id).map(|(d, _)| d.clone()).chain(below) {
        if let Some(before) = builder.destroyer(&dependent)
            && cx.dropped.contains(&dependent)
        {
            // Where the change does not call for it, this is good manners only. They postpone nothing to a later phase (row-level
            // security is not to wait for a column that goes some day), and tear nothing apart: what is dropped only to be made
            // again must not be missing while a statement runs by itself.
            let later = builder.steps[before].phase > step.phase;
            // So where the change goes on in such a statement: a NOT NULL that is proved.
            let alone = |i: &usize| builder.steps[*i].transaction != Transaction::Shared;
            let goes_on = || builder.changes.get(id).is_some_and(|all| all.iter().any(alone));
            // What holds it may be made again though it is not itself: the foreign key that rests on an index.
            let again = |id: &ObjectId| cx.dropped.contains(id) && cx.created.contains(id);
            let held = || cx.from.dependents(&dependent).any(|(id, edge)| edge == Edge::Hard && again(id));
            let torn = (again(&dependent) || held()) && (alone(&i) || goes_on());
            if rebuilding || !(later || torn) {
                builder.edge(before, i, "what stands in the way of a change is dropped first", rebuilding);
            }
        }
    }
    if step.rank >= FINISHING {
        let children: Vec<ObjectId> = cx.to.below(id).map(|(c, _)| c.clone()).collect();
        for child in children {
            if cx.created.contains(&child)
                && let Some(before) = builder.creator(&child)
            {
                builder.edge(before, i, "finishing steps wait for what is made below", step.rank != u8::MAX);
            }
        }
    }
    if step.rank == u8::MAX {
        // The old form of a swapped type goes last.
        for reattached in &work.reattached {
            for change in builder.changes.get(reattached).cloned().unwrap_or_default() {
                builder.edge(change, i, "columns are moved over before the old type goes", true);
            }
        }
        for gone in cx.from.dependents(id).map(|(d, _)| d.clone()) {
            if let Some(before) = builder.destroyer(&gone) {
                builder.edge(before, i, "what used the old type is gone before it", true);
            }
            let lets_go = !cx.dropped.contains(&gone) && !cx.to.dependencies(&gone).any(|(d, _)| d == id);
            for old in builder.changes.get(&gone).cloned().unwrap_or_default() {
                if lets_go || (work.swapped.contains(&gone) && builder.steps[old].rank == u8::MAX) {
                    builder.edge(old, i, "what used the old type is gone before it", true);
                }
            }
        }
    }
}

/// Whether a step about rows is an invariant's, which are filed under a relation; a backfill is under its column.
fn is_filed_under_relation(step: &Step) -> bool {
    step.object.top() == step.object
}

/// Rules for steps that change or check rows: what they read is not gone yet; what demands something of all rows comes after
/// they were mended; what they are declared to precede comes later; those of one remedy keep their order.
fn rows_in_between(builder: &mut Builder<'_, '_>) {
    let steps = builder.steps;
    let mut groups: BTreeMap<&str, usize> = BTreeMap::new();
    let mut previous = None;
    for (i, step) in steps.iter().enumerate() {
        for id in &step.uses {
            if let Some(after) = builder.destroyer(id) {
                builder.edge(i, after, "rows are read before what holds them goes", true);
            }
        }
        for id in &step.precedes {
            for (j, other) in steps.iter().enumerate() {
                let finishing = match other.action {
                    Action::Drop => true,
                    Action::Alter => other.rank >= MENDED && other.batch.is_none(),
                    Action::Create => !other.object.kind().info().holds_data,
                    Action::Rename | Action::Data => false,
                };
                if finishing && other.object.is_within(id) {
                    builder.edge(i, j, "an invariant holds before what it is declared to precede", true);
                }
            }
        }
        // Remedies run in the order in which they are declared: a later one may rest on what an earlier one mended.
        if step.group.is_some() && is_filed_under_relation(step) {
            if let Some(before) = previous {
                builder.edge(before, i, DECLARED, false);
            }
            previous = Some(i);
        }
        if let Some(group) = &step.group
            && let Some(before) = groups.insert(group, i)
        {
            builder.edge(before, i, "the statements of a remedy keep their order", true);
        }
        // What is checked for the sake of something that goes can be checked only as long as what the check reads is there.
        let kept: Vec<usize> = step.uses.iter().filter_map(|id| builder.destroyer(id)).collect();
        for before in step.precedes.iter().filter_map(|id| builder.destroyer(id)).collect::<Vec<_>>() {
            for after in kept.iter().filter(|_| step.check.is_some()) {
                builder.edge(before, *after, "what is checked goes before what the check reads", false);
            }
        }
        if let Some(written) = &step.writes {
            for (j, other) in steps.iter().enumerate() {
                let reads = other.action == Action::Data && other.uses_unconstrained.contains(written);
                let own = other.group == step.group || other.writes.as_ref() == Some(written);
                // Remedies among themselves keep the order of their declaration.
                if reads && !own && is_filed_under_relation(step) && !is_filed_under_relation(other) {
                    builder.edge(i, j, "rows are written before a backfill takes values from them", false);
                }
                if copies_rows(builder.cx, other, written) && !step.requires.contains(&other.object) {
                    builder.edge(i, j, "rows are mended before they are copied", false);
                }
            }
        }
        for relation in &step.uses_unconstrained {
            for (j, other) in steps.iter().enumerate() {
                let demands = other.object.is_within(relation)
                    && other.action == Action::Alter
                    && other.rank >= MENDED
                    && other.phase == Phase::Contract;
                if demands {
                    builder.edge(i, j, "rows are mended before something is demanded of all of them", false);
                }
            }
        }
    }
}

/// Whether a step makes something that holds what it reads from a relation (a materialized view).
fn copies_rows(cx: &PlanContext<'_>, step: &Step, relation: &ObjectId) -> bool {
    step.action == Action::Create
        && step.object.kind().info().copies
        && cx.to.dependencies(&step.object).any(|(d, edge)| edge == Edge::Hard && d.is_within(relation))
}

/// The rule for which nothing waits when a check of rows fails: it is only good manners.
const DECLARED: &str = "remedies keep the order of their declaration";

/// Rule: what says what future objects get (default privileges) runs when all objects of the plan are made; the first such step
/// is the gate that the others wait behind.
fn last_kinds(builder: &mut Builder<'_, '_>) {
    let is_last = |step: &Step| step.object.kind().info().last;
    let mut last = (0..builder.steps.len()).filter(|i| is_last(&builder.steps[*i]));
    let Some(gate) = last.next() else { return };
    let others: Vec<usize> = last.collect();
    for i in 0..builder.steps.len() {
        if builder.steps[i].action == Action::Create && !is_last(&builder.steps[i]) {
            builder.edge(i, gate, "default privileges change when all objects are made", false);
        }
    }
    for other in others {
        builder.edge(gate, other, "default privileges change when all objects are made", false);
    }
}

/// Rule: what brings objects of its own (an extension) goes for good only when all that may have used them is gone or changed.
fn last_to_go(builder: &mut Builder<'_, '_>) {
    let goes = |step: &Step| {
        let id = &step.object;
        step.action == Action::Drop && id.kind().info().brings && !builder.cx.created.contains(id)
    };
    let (going, others): (Vec<usize>, Vec<usize>) = (0..builder.steps.len()).partition(|i| goes(&builder.steps[*i]));
    for last in going {
        for i in &others {
            // What it lies in goes after it.
            if !(builder.steps[*i].action == Action::Drop && builder.steps[*i].object.kind().info().drops_empty) {
                builder.edge(*i, last, "what brings objects of its own is the last to go", false);
            }
        }
    }
}

/// Rule: a name is freed before it is taken.
fn names_are_free(builder: &mut Builder<'_, '_>) {
    let cx = builder.cx;
    let mut freed: HashMap<(&'static str, String, String), Vec<ObjectId>> = HashMap::new();
    let key = |space: &'static str, id: &ObjectId| {
        (space, id.schema().unwrap_or_default().into_owned(), id.name().into_owned())
    };
    for id in &cx.dropped {
        for space in id.kind().info().namespaces {
            freed.entry(key(space, id)).or_default().push(id.clone());
        }
    }
    for id in &cx.created {
        for space in id.kind().info().namespaces {
            for old in freed.get(&key(space, id)).into_iter().flatten() {
                // The same index on another table has the same id, and may go without a statement of its own.
                if let (Some(before), Some(after)) = (builder.destroyer(old), builder.creator(id))
                    // What is left over by a drop has its name already.
                    && builder.steps[after].action != Action::Drop
                {
                    builder.edge(before, after, "a name is freed before it is taken", true);
                }
            }
        }
    }
}

/// What a statement may run without naming it is made and changed first. Bodies that are texts say what they run only in part, so this
/// gives way to every other rule.
const RUNS: &str = "what a statement runs is made first";

/// Rule: what runs functions (a default, a check of a domain, an expression of an index) waits for what these run and read.
fn what_is_run(builder: &mut Builder<'_, '_>) {
    let mut found = Vec::new();
    for (i, step) in builder.steps.iter().enumerate() {
        for id in runs::reached(step, builder.cx) {
            let changes = builder.changes.get(&id).into_iter().flatten().copied();
            let before = |j: &usize| {
                let other = &builder.steps[*j];
                other.phase <= step.phase && other.rank < FINISHING
            };
            found.extend(builder.creator(&id).into_iter().chain(changes.filter(before)).map(|j| (j, i)));
        }
    }
    for (before, after) in found {
        let ends = (NodeIndex::new(before), NodeIndex::new(after));
        if builder.graph.find_edge(ends.0, ends.1).is_none() {
            builder.edge(before, after, RUNS, false);
        }
    }
}

/// Removes preferences from cycles until none is left; a cycle of firm edges is an error.
fn break_preferences(graph: &mut DiGraph<usize, Why>, steps: &[Step]) -> Result<()> {
    loop {
        let cycles: Vec<Vec<NodeIndex>> = tarjan_scc(&*graph).into_iter().filter(|c| c.len() > 1).collect();
        if cycles.is_empty() {
            return Ok(());
        }
        let mut preferences: BTreeSet<_> = BTreeSet::new();
        for cycle in cycles {
            let members: BTreeSet<NodeIndex> = cycle.iter().copied().collect();
            let before = preferences.len();
            let inside =
                graph.edge_references().filter(|e| members.contains(&e.source()) && members.contains(&e.target()));
            let loose: Vec<_> = inside.filter(|e| !e.weight().firm).collect();
            let least: Vec<_> = loose.iter().filter(|e| e.weight().rule == RUNS).collect();
            match least.is_empty() {
                true => preferences.extend(loose.iter().map(|e| e.id())),
                false => preferences.extend(least.iter().map(|e| e.id())),
            }
            if preferences.len() == before {
                return Err(contradiction(graph, &cycle, steps));
            }
        }
        // Edge ids shift when one is removed; so all go at once.
        graph.retain_edges(|_, id| !preferences.contains(&id));
    }
}

/// A cycle of firm edges, with the rule behind each.
fn contradiction(graph: &DiGraph<usize, Why>, cycle: &[NodeIndex], steps: &[Step]) -> Box<Diagnostic> {
    let mut problem = Diagnostic::error(
        "plan-cycle",
        "the steps of this plan wait for each other; this is a bug in trueup's ordering rules",
    );
    for node in cycle.iter().take(12) {
        for edge in graph.edges(*node).filter(|e| cycle.contains(&e.target())) {
            problem = problem.note(format!(
                "`{}` comes before `{}`: {}",
                short(&steps[edge.source().index()].sql),
                short(&steps[edge.target().index()].sql),
                edge.weight().rule
            ));
        }
    }
    problem.help("please report it with the two schemas; splitting the change in two may avoid it")
}

fn short(sql: &str) -> String {
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 100 { format!("{}…", line.chars().take(100).collect::<String>()) } else { line }
}

/// Says of each step which checks of rows it waits for. While rows are not as they should be, nothing is removed for good.
fn wait_for_checks(graph: &DiGraph<usize, Why>, steps: &mut [Step]) {
    let made: BTreeSet<&ObjectId> = steps.iter().flat_map(|step| &step.creates).collect();
    let removes = |step: &Step| {
        let for_good = step.destroys.iter().any(|id| !made.contains(id));
        step.action == Action::Drop && step.phase == Phase::Contract && for_good
    };
    let removals: Vec<usize> = (0..steps.len()).filter(|i| removes(&steps[*i])).collect();
    for check in 0..steps.len() {
        let Some(name) = steps[check].check.clone() else { continue };
        let mut queue = removals.clone();
        queue.push(check);
        let mut seen: BTreeSet<usize> = queue.iter().copied().collect();
        while let Some(i) = queue.pop() {
            let after = graph.edges(NodeIndex::new(i)).filter(|edge| edge.weight().rule != DECLARED);
            queue.extend(after.map(|edge| edge.target().index()).filter(|j| seen.insert(*j)));
        }
        for i in seen.into_iter().filter(|i| *i != check) {
            steps[i].behind.push(name.clone());
        }
    }
}

/// Objects that are dropped and made again: which step drops each, and which makes it. What is built beside its old form, and
/// what goes or comes by a statement that cannot share a transaction, is not among them.
fn rebuilt(builder: &Builder<'_, '_>) -> Vec<(usize, usize)> {
    let shared = |i: usize| builder.steps[i].transaction == Transaction::Shared;
    let mut pairs: Vec<(usize, usize)> = builder
        .destroyer
        .iter()
        .filter_map(|(id, gone)| Some((*gone, builder.creator.get(id).copied()?)))
        .filter(|(gone, made)| gone != made && shared(*gone) && shared(*made))
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// What can be reached from a step along the edges, in one direction or the other; the step itself is not part of it.
fn reachable(graph: &DiGraph<usize, Why>, start: usize, direction: Direction) -> Vec<bool> {
    reachable_by(graph, start, direction, |_| true)
}

/// What can be reached from a step along those edges.
fn reachable_by(
    graph: &DiGraph<usize, Why>,
    start: usize,
    direction: Direction,
    along: impl Fn(&Why) -> bool,
) -> Vec<bool> {
    let mut seen = vec![false; graph.node_count()];
    let mut queue = vec![NodeIndex::new(start)];
    while let Some(node) = queue.pop() {
        for edge in graph.edges_directed(node, direction).filter(|edge| along(edge.weight())) {
            let next = if direction == Direction::Outgoing { edge.target() } else { edge.source() };
            if !std::mem::replace(&mut seen[next.index()], true) {
                queue.push(next);
            }
        }
    }
    seen
}

/// Rule: what is dropped only to be made again (a policy, a view) is never missing for others to see: whatever its new form
/// waits for and cannot share a transaction (a new enum value, an index built concurrently) comes before its old form goes.
fn keep_together(graph: &mut DiGraph<usize, Why>, steps: &[Step], rebuilt: &[(usize, usize)]) {
    let alone: Vec<usize> = (0..steps.len()).filter(|i| steps[*i].transaction != Transaction::Shared).collect();
    if alone.is_empty() {
        return;
    }
    // Each edge may put more in front of another pair.
    let mut more = true;
    while more {
        more = false;
        for (gone, made) in rebuilt {
            let before = reachable(graph, *made, Direction::Incoming);
            if !alone.iter().any(|i| before[*i]) {
                continue;
            }
            let earlier = reachable(graph, *gone, Direction::Incoming);
            for step in alone.iter().copied().filter(|i| before[*i] && !earlier[*i]) {
                // A firm rule keeps the step between the two; a preference does not, and is removed below.
                if reachable_by(graph, *gone, Direction::Outgoing, |why| why.firm)[step] {
                    continue;
                }
                let between = reachable(graph, *gone, Direction::Outgoing);
                let behind = reachable(graph, step, Direction::Incoming);
                graph.retain_edges(|graph, edge| {
                    let ends = graph.edge_endpoints(edge);
                    let leads = ends.is_some_and(|(from, to)| {
                        (between[from.index()] || from.index() == *gone) && (behind[to.index()] || to.index() == step)
                    });
                    graph[edge].firm || !leads
                });
                let why = Why { rule: "what is made again waits for nothing once it is dropped", firm: true };
                graph.update_edge(NodeIndex::new(step), NodeIndex::new(*gone), why);
                more = true;
            }
        }
    }
}

/// Kahn's algorithm with a heap: of the steps that may run, the one first in phase, then in kind and name, is next.
/// Steps that need a transaction of their own wait until nothing else can go, so that what is dropped to be rebuilt is
/// rebuilt in the same transaction.
fn topological(graph: &DiGraph<usize, Why>, mut steps: Vec<Step>, rebuilt: &[(usize, usize)]) -> Vec<Step> {
    let n = steps.len();
    let mut incoming = vec![0usize; n];
    for edge in graph.edge_references() {
        incoming[edge.target().index()] += 1;
    }
    wait_for_checks(graph, &mut steps);
    // A step cannot run in an earlier phase than what it waits for, and what is dropped to be made again goes in the phase in
    // which it is made. A drop that is put off puts off what waits for it.
    let mut phases: Vec<Phase> = steps.iter().map(|s| s.phase).collect();
    let mut order = Vec::with_capacity(n);
    let mut left = incoming.clone();
    let mut ready: Vec<usize> = (0..n).filter(|i| left[*i] == 0).collect();
    while let Some(i) = ready.pop() {
        order.push(i);
        for edge in graph.edges(NodeIndex::new(i)) {
            let j = edge.target().index();
            left[j] -= 1;
            if left[j] == 0 {
                ready.push(j);
            }
        }
    }
    let mut raised = true;
    while raised {
        raised = false;
        for i in &order {
            for edge in graph.edges(NodeIndex::new(*i)) {
                let j = edge.target().index();
                phases[j] = phases[j].max(phases[*i]);
            }
        }
        for (gone, made) in rebuilt {
            if phases[*gone] < phases[*made] {
                phases[*gone] = phases[*made];
                raised = true;
            }
        }
    }
    for (step, phase) in steps.iter_mut().zip(&phases) {
        step.phase = *phase;
    }
    type Key = (Phase, bool, bool, KindTag, ObjectId, u8, usize);
    let key = |i: usize| -> Reverse<Key> {
        let step = &steps[i];
        let alone = step.transaction != Transaction::Shared;
        let class = step.action != Action::Drop;
        Reverse((step.phase, alone, class, step.object.top().kind(), step.object.clone(), step.rank, i))
    };
    let mut heap: BinaryHeap<Reverse<Key>> = (0..n).filter(|i| incoming[*i] == 0).map(key).collect();
    let mut sorted = Vec::with_capacity(n);
    while let Some(Reverse((.., i))) = heap.pop() {
        sorted.push(i);
        for edge in graph.edges(NodeIndex::new(i)) {
            let j = edge.target().index();
            incoming[j] -= 1;
            if incoming[j] == 0 {
                heap.push(key(j));
            }
        }
    }
    let mut slots: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    sorted.into_iter().filter_map(|i| slots[i].take()).collect()
}
