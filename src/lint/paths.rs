//! Ways from one table to another along foreign keys.

use std::collections::BTreeMap;

use petgraph::algo::astar;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::lint::names::{Key, Names};

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForeignKey {
    /// The table that refers.
    pub from: Key,
    /// Its columns.
    pub columns: Vec<String>,
    /// The table referred to.
    pub to: Key,
    /// The columns there; empty for its primary key.
    pub referenced: Vec<String>,
}

impl ForeignKey {
    /// The columns referred to.
    pub fn targets<'a>(&'a self, names: &'a Names) -> &'a [String] {
        if !self.referenced.is_empty() {
            return &self.referenced;
        }
        names.primary_keys.get(&self.to).map_or(&[], Vec::as_slice)
    }
}

/// No path that a person would follow is longer.
const LONGEST: usize = 4;

/// The shortest way, along foreign keys from the table that refers to the one referred to, to a table that is wanted.
/// The way is never empty. Of ways of the same length, the one through the names that sort first.
pub fn shortest<'a>(names: &'a Names, from: &Key, wanted: impl Fn(&Key) -> bool) -> Option<Vec<&'a ForeignKey>> {
    let mut graph: DiGraph<&Key, &ForeignKey> = DiGraph::new();
    let mut nodes: BTreeMap<&Key, NodeIndex> = BTreeMap::new();
    let mut keys: Vec<&ForeignKey> = names.foreign_keys.iter().filter(|f| f.from != f.to).collect();
    keys.sort();
    for key in keys {
        let mut node = |table| *nodes.entry(table).or_insert_with(|| graph.add_node(table));
        let (a, b) = (node(&key.from), node(&key.to));
        graph.update_edge(a, b, graph.find_edge(a, b).and_then(|e| graph.edge_weight(e)).copied().unwrap_or(key));
    }
    let start = *nodes.get(from)?;
    let goal = |node: NodeIndex| node != start && graph.node_weight(node).is_some_and(|key| wanted(key));
    let (_, way) = astar(&graph, start, goal, |_| 1, |_| 0)?;
    let steps: Option<Vec<&ForeignKey>> = way
        .iter()
        .zip(way.iter().skip(1))
        .map(|(a, b)| graph.find_edge(*a, *b).and_then(|e| graph.edge_weight(e)).copied())
        .collect();
    steps.filter(|s| !s.is_empty() && s.len() <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_way_is_found() {
        let key = |t: &str| ("public".to_owned(), t.to_owned());
        let fk = |a: &str, b: &str| ForeignKey {
            from: key(a),
            columns: vec![format!("{b}_id")],
            to: key(b),
            referenced: vec!["id".to_owned()],
        };
        let mut names = Names::default();
        names.foreign_keys = vec![fk("a", "b"), fk("b", "c"), fk("c", "d"), fk("a", "x"), fk("x", "d"), fk("d", "a")];
        let way = shortest(&names, &key("a"), |k| k.1 == "d").unwrap();
        assert_eq!(way.iter().map(|f| f.to.1.as_str()).collect::<Vec<_>>(), ["x", "d"]);
        assert!(shortest(&names, &key("a"), |k| k.1 == "a").is_none());
        assert!(shortest(&names, &key("z"), |_| true).is_none());
    }
}
