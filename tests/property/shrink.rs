//! Makes a failing pair smaller: what can be left out of both schemas while the case fails in the same way is left out.

use super::model::{Item, Model};

/// The smallest pair found that `fails` in the way of `why`.
pub fn shrink(
    mut a: Model,
    mut b: Model,
    why: &str,
    mut fails: impl FnMut(&Model, &Model) -> Option<String>,
) -> (Model, Model) {
    let wanted = manner(why);
    loop {
        let before = size(&a) + size(&b);
        let mut ids: Vec<u64> = ids(&a.items);
        ids.extend(self::ids(&b.items));
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let (smaller_a, smaller_b) = (without(&a, id), without(&b, id));
            if size(&smaller_a) + size(&smaller_b) < size(&a) + size(&b)
                && fails(&smaller_a, &smaller_b).is_some_and(|why| manner(&why) == wanted)
            {
                (a, b) = (smaller_a, smaller_b);
            }
        }
        if size(&a) + size(&b) == before {
            return (a, b);
        }
    }
}

/// The first line of a failure without the names in it: the same mistake with another object reads the same.
fn manner(why: &str) -> String {
    let mut quoted = false;
    why.lines()
        .find(|line| !line.ends_with('['))
        .unwrap_or_default()
        .chars()
        .filter(|c| {
            if matches!(c, '"' | '`') {
                quoted = !quoted;
            }
            !quoted && !c.is_ascii_digit()
        })
        .collect()
}

fn ids(items: &[Item]) -> Vec<u64> {
    // Tables first: with one, most of what is about it goes.
    items.iter().map(|item| item.id).chain(items.iter().flat_map(|item| ids(&item.children))).collect()
}

fn size(model: &Model) -> usize {
    ids(&model.items).len()
}

fn without(model: &Model, id: u64) -> Model {
    fn prune(items: &[Item], id: u64) -> Vec<Item> {
        items
            .iter()
            .filter(|item| item.id != id)
            .map(|item| Item { children: prune(&item.children, id), ..item.clone() })
            .collect()
    }
    Model { items: prune(&model.items, id) }
}
