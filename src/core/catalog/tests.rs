//! A catalog that hides objects of another one is in no way another than one that was built without them.

use super::*;
use crate::kinds::component::{Comment, Owner};

/// Schemas with an owner and a comment each; the comment of each depends on the owner of the next.
fn catalog() -> Catalog {
    let mut builder = CatalogBuilder::new();
    let schema = |n: usize| ObjectId::root(KindTag::Schema, &format!("s{n}"));
    for n in 0..8 {
        builder.put(Owner::id(&schema(n)), Owner { role: format!("r{n}") });
        builder.put(Comment::id(&schema(n)), Comment { text: format!("the {n}th") });
        builder.depend(&Comment::id(&schema(n)), &Owner::id(&schema((n + 1) % 8)), Edge::Soft);
    }
    builder.finish_unchecked()
}

fn listed<'a>(objects: impl Iterator<Item = (&'a ObjectId, &'a Object)>) -> Vec<String> {
    objects.map(|(id, object)| format!("{id} {object:?}")).collect()
}

/// All that a catalog says of the ids that it has or hides.
fn said(catalog: &Catalog, ids: &[ObjectId]) -> Vec<String> {
    let mut said = listed(catalog.iter());
    said.push(format!("{} {}", catalog.len(), catalog.is_empty()));
    said.push(serde_json::to_string(&Snapshot::from(catalog)).unwrap());
    for id in ids {
        let edges =
            |found: Vec<(&ObjectId, Edge)>| found.iter().map(|(id, e)| format!("{id} {e:?}")).collect::<Vec<_>>();
        said.push(format!("{id}: {:?} {} {:?}", catalog.get(id), catalog.contains(id), catalog.entry(id)));
        said.extend(edges(catalog.dependencies(id).collect()));
        said.extend(edges(catalog.dependents(id).collect()));
        said.extend(listed(id.parent().iter().flat_map(|parent| catalog.below(parent))));
    }
    let ticks = catalog.ticks();
    ids.iter().step_by(2).for_each(|id| _ = catalog.tick(id, &ticks));
    said.extend(listed(catalog.unticked(&ticks)));
    said
}

#[test]
fn what_is_hidden_is_not_there() {
    let all = catalog();
    let ids: Vec<ObjectId> = all.iter().map(|(id, _)| id.clone()).collect();
    let keeps: [&dyn Fn(&ObjectId) -> bool; 5] = [
        &|_| true,
        &|id| id.kind() != KindTag::Comment || !id.as_str().contains("s3"),
        &|id| !id.as_str().contains("s0") && !id.as_str().contains("s7"),
        &|id| id.kind() == KindTag::Owner,
        &|_| false,
    ];
    for keep in keeps {
        let hiding = all.filtered(|id, _| keep(id));
        let built = all.builder_of(|id, _| keep(id)).finish_unchecked();
        assert!(Arc::ptr_eq(&hiding.objects, &all.objects), "so few are hidden, not left out");
        assert_eq!(said(&hiding, &ids), said(&built, &ids));

        // What is hidden stays so where more is.
        let fewer = hiding.filtered(|id, _| !id.as_str().contains("s5"));
        let built = built.builder_of(|id, _| !id.as_str().contains("s5")).finish_unchecked();
        assert_eq!(said(&fewer, &ids), said(&built, &ids));
        assert_eq!(listed(hiding.without(&fewer)), listed(hiding.iter().filter(|(id, _)| id.as_str().contains("s5"))));
        assert_eq!(listed(fewer.without(&hiding)), Vec::<String>::new());
        assert_eq!(hiding.is_same(&all), hiding.len() == all.len());
    }
}
