//! Round trips from YAML to objects and back, for the tests of kinds.

use crate::core::catalog::Catalog;
use crate::core::diagnostic::{Result, Source};
use crate::core::id::ObjectId;
use crate::declare::context::DeclareContext;
use crate::kinds::Object;
use crate::kinds::common::{Declare, WriteContext};
use crate::yaml::{Out, parse, to_yaml};

/// The objects that entries of one kind declare.
pub(crate) fn declared<K: Declare>(yaml: &str) -> Result<Catalog> {
    let node = parse(&Source::new("a.yaml", yaml))?;
    let mut cx = DeclareContext::new("public", None);
    for (key, value) in node.entries().unwrap_or_default() {
        K::declare(None, key, value, &mut cx)?;
    }
    cx.builder.finish()
}

/// With the owners and privileges that are left unsaid, as they are whenever something is written.
fn completed(catalog: Catalog) -> Catalog {
    let mut builder = catalog.to_builder();
    let manage = crate::kinds::component::ManageAccess::default();
    crate::kinds::component::complete(&mut builder, None, &manage, &ObjectId::clone);
    builder.finish_unchecked()
}

/// Reads entries of one kind, writes them, and sees that what was written reads as the same objects. Gives what was
/// written.
pub(crate) fn round_trip<K: Declare>(yaml: &str, of: impl Fn(&Object) -> Option<&K>) -> String {
    let first = completed(declared::<K>(yaml).unwrap());
    let cx = WriteContext { catalog: &first, schema: "public" };
    let write = |(id, object): (&ObjectId, _)| Some((id.name().into_owned(), of(object)?.write(id, &cx)));
    let text = to_yaml(&Out::Map(first.iter().filter_map(write).collect()));
    let second = completed(declared::<K>(&text).unwrap_or_else(|e| panic!("{e}\n{text}")));
    assert!(first.iter().eq(second.iter()), "{first:#?}\n{text}\n{second:#?}");
    text
}
