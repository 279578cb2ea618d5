//! Replica identity (`pg_class.relreplident`; ALTER TABLE … REPLICA IDENTITY). The default is no object.

use crate::core::catalog::Edge;
use crate::core::diagnostic::Result;
use crate::core::id::ObjectId;
use crate::core::name::Ident;
use crate::core::step::{LockMode, Step};
use crate::introspect::{Reader, Row};
use crate::kinds::common::Introspect;
use crate::kinds::{Attribute, Kind, KindInfo, KindTag, Mention, Mentions};
use crate::plan::context::PlanContext;

attributes! {
    /// A replica identity other than the default.
    pub struct ReplicaIdentity {
        /// `full`, `nothing` or `index`.
        mode: String => Restate,
        /// The index or key, for `index`.
        index: Option<ObjectId> => Restate,
    }
}

impl Kind for ReplicaIdentity {
    const INFO: KindInfo = KindInfo::new("replica_identity", "replica identity");
    const ATTRIBUTES: &'static [Attribute<Self>] = Self::LIST;

    fn after_renames(&self, id: &ObjectId, now: &dyn Fn(&ObjectId) -> ObjectId) -> Option<(ObjectId, Self)> {
        Some((id.clone(), Self { index: self.index.as_ref().map(now), ..self.clone() }))
    }

    fn address(&self, id: &ObjectId) -> String {
        format!("TABLE {}", id.top_sql())
    }

    fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
        let table = id.top();
        let clause = match &self.index {
            Some(index) => format!("USING INDEX {}", Ident(&index.name())),
            None => self.mode.to_uppercase(),
        };
        let mut step = Step::create(id, format!("ALTER TABLE ONLY {} REPLICA IDENTITY {clause}", table.sql()));
        step.requires.extend(self.index.clone());
        vec![cx.locked(step, LockMode::AccessExclusive, &table)]
    }

    fn drop(&self, id: &ObjectId, _cx: &PlanContext<'_>) -> Vec<Step> {
        let table = id.top();
        vec![
            Step::drop(id, format!("ALTER TABLE ONLY {} REPLICA IDENTITY DEFAULT", table.sql()))
                .lock(LockMode::AccessExclusive, &table),
        ]
    }

    fn mentions(&self, _id: &ObjectId, out: &mut Mentions) {
        if let Some(index) = &self.index {
            out.add(Mention::Object(index.clone()));
        }
    }
}

impl Introspect for ReplicaIdentity {
    const QUERY: &'static str = include_str!("replica_identity.sql");

    fn read(row: &Row<'_>, out: &mut Reader) -> Result<()> {
        let Some(table) = out.at("pg_class", row.number("relation")?, 0).cloned() else { return Ok(()) };
        let mode = match row.char("identity")? {
            'f' => "full",
            'n' => "nothing",
            _ => "index",
        };
        let index = row.opt_number("index")?.and_then(|oid| out.handle("pg_class", oid, 0));
        let identity = Self { mode: mode.to_owned(), index: index.map(|h| out.builder.id(h).clone()) };
        let own = out.builder.put(table.child(KindTag::ReplicaIdentity, ""), identity);
        if let Some(index) = index {
            out.depend(own, index, Edge::Hard);
        }
        Ok(())
    }
}
