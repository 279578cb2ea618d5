//! A schema as a tree of items, each with genes.
//!
//! A gene is a random number from which one attribute of the item is derived when the schema is written as SQL. So one way of
//! mutating serves every attribute of every kind: throw a gene anew. What a gene refers to (a table, a type) is chosen among
//! what there is by rendezvous hashing: as long as the chosen one stays, nothing that comes or goes changes the choice.

use super::random::{Random, mix};

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Schema,
    Extension,
    Enum,
    Domain,
    Composite,
    Sequence,
    Function,
    Table,
    Column,
    Constraint,
    Index,
    Trigger,
    Policy,
    Partition,
    View,
    Materialized,
    Comment,
    Grant,
    DefaultPrivilege,
}

/// How many genes an item has; more than any kind reads.
pub const GENES: usize = 18;

/// One item.
#[derive(Clone, Debug)]
pub struct Item {
    /// Never changes; its name is derived from it.
    pub id: u64,
    /// What it is.
    pub what: What,
    /// What its attributes are derived from.
    pub genes: [u64; GENES],
    /// What is part of it.
    pub children: Vec<Item>,
}

/// How deep partitions are nested.
const LEVELS: usize = 3;

impl Item {
    fn new(random: &mut Random, what: What) -> Self {
        Self::at(random, what, 0)
    }

    fn at(random: &mut Random, what: What, level: usize) -> Self {
        let mut item = Self { id: random.next(), what, genes: [0; GENES], children: Vec::new() };
        for gene in &mut item.genes {
            *gene = random.next();
        }
        let parts: &[(What, usize, usize)] = match what {
            What::Partition if level < LEVELS => &[(What::Partition, 0, 3)],
            What::View => &[(What::Trigger, 0, 2)],
            What::Table => &[
                (What::Column, 2, 5),
                (What::Constraint, 0, 4),
                (What::Index, 0, 3),
                (What::Trigger, 0, 2),
                (What::Policy, 0, 2),
                (What::Partition, 0, 3),
            ],
            What::Materialized => &[(What::Index, 0, 2)],
            _ => &[],
        };
        for (what, least, more) in parts {
            for _ in 0..least + random.below(*more) {
                item.children.push(Item::at(random, *what, level + 1));
            }
        }
        item
    }

    /// What a gene says: the beginning of a source of its own.
    pub fn gene(&self, index: usize) -> Random {
        Random::new(self.genes[index])
    }

    /// The parts of one kind.
    pub fn parts(&self, what: What) -> impl Iterator<Item = &Item> {
        self.children.iter().filter(move |child| child.what == what)
    }
}

/// A schema.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its items.
    pub items: Vec<Item>,
}

/// How often each kind appears at the top, of a hundred.
const FREQUENT: &[(What, usize)] = &[
    (What::Table, 24),
    (What::Function, 15),
    (What::View, 12),
    (What::Enum, 8),
    (What::Domain, 6),
    (What::Composite, 5),
    (What::Sequence, 6),
    (What::Materialized, 4),
    (What::Comment, 9),
    (What::Grant, 9),
    (What::DefaultPrivilege, 3),
    (What::Schema, 1),
    (What::Extension, 1),
];

fn any(random: &mut Random) -> Item {
    let mut number = random.below(FREQUENT.iter().map(|(_, weight)| weight).sum());
    for (what, weight) in FREQUENT {
        if number < *weight {
            return Item::new(random, *what);
        }
        number -= weight;
    }
    Item::new(random, What::Table)
}

impl Model {
    /// A schema of 10 to 25 objects.
    pub fn new(random: &mut Random) -> Self {
        let mut items = vec![Item::new(random, What::Schema), Item::new(random, What::Schema)];
        items.push(Item::new(random, What::Table));
        for _ in 0..9 + random.below(15) {
            items.push(any(random));
        }
        Self { items }
    }

    /// The same with a few things changed.
    pub fn mutated(&self, random: &mut Random) -> Self {
        let mut model = self.clone();
        for _ in 0..1 + random.below(8) {
            match random.below(10) {
                0 => {
                    let item = any(random);
                    model.items.push(item);
                }
                1 if model.items.len() > 3 => {
                    // The first two are the schemas that most others are in.
                    let index = 2 + random.below(model.items.len() - 2);
                    model.items.remove(index);
                }
                2 => {
                    if let Some(table) = pick_table(&mut model.items, random) {
                        let what =
                            [What::Column, What::Constraint, What::Index, What::Trigger, What::Policy, What::Partition]
                                [random.below(6)];
                        table.children.push(Item::new(random, what));
                    }
                }
                3 => {
                    if let Some(table) = pick_table(&mut model.items, random)
                        && table.children.len() > 2
                    {
                        let index = random.below(table.children.len());
                        table.children.remove(index);
                    }
                }
                _ => {
                    let index = random.below(model.items.len());
                    let mut item = &mut model.items[index];
                    while !item.children.is_empty() && random.chance(75) {
                        let part = random.below(item.children.len());
                        item = &mut item.children[part];
                    }
                    item.genes[random.below(GENES)] = random.next();
                }
            }
        }
        model
    }

    /// The items of one kind.
    pub fn all(&self, what: What) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.what == what)
    }

    /// The item that `gene` refers to.
    pub fn refer<'a>(&self, gene: u64, among: impl Iterator<Item = &'a Item>) -> Option<&'a Item> {
        among.max_by_key(|item| mix(gene ^ item.id))
    }
}

fn pick_table<'a>(items: &'a mut [Item], random: &mut Random) -> Option<&'a mut Item> {
    let count = items.iter().filter(|item| item.what == What::Table).count();
    let wanted = random.below(count);
    items.iter_mut().filter(|item| item.what == What::Table).nth(wanted)
}
