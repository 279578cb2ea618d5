//! What a script that may meet any state says of an object again, after it made sure that it is there: the properties that CREATE …
//! IF NOT EXISTS leaves as they are, and what no earlier name may keep.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::catalog::Catalog;
use crate::core::id::ObjectId;
use crate::core::name::{Ident, dollar_quoted, literal, qualified};
use crate::core::options::Options;
use crate::core::versions;
use crate::kinds::ensure::{BY_APPLY, CONSTRAINT_TEXT, attempted, index_name, labels, regclass, when};
use crate::kinds::options::Holder;
use crate::kinds::said::{counts_as, options_of};
use crate::kinds::table::constraint::ConstraintType;
pub(crate) use crate::kinds::table::make_logged;
use crate::kinds::table::options_sql;
use crate::kinds::table::partition::{IndexAttachment, table_of};
use crate::kinds::{KindTag, Object};

/// What is said again at once, and what waits for the rows to be mended.
#[derive(Default)]
pub struct Restated {
    /// At once.
    pub now: Vec<String>,
    /// Once no row is in the way.
    pub late: Vec<String>,
}

/// What is said of an object again.
pub fn restated(id: &ObjectId, object: &Object, major: u32) -> Restated {
    let mut said = Restated::default();
    match object {
        Object::Sequence(sequence) => {
            // Only whoever may read it is asked where it stands, and that is asked only where something is to be changed.
            let options = sequence.all_options(id);
            let body = format!(
                "\nBEGIN\n  IF NOT EXISTS (SELECT FROM pg_catalog.pg_sequence s WHERE s.seqrelid = {} AND {}) THEN\n    \
                 IF {} THEN\n      EXECUTE {};\n    END IF;\n    EXECUTE {};\n  END IF;\nEND\n",
                regclass(&id.sql()),
                counts_as(sequence),
                sequence.must_begin_anew(id),
                literal(&format!("{options} RESTART")),
                literal(&options)
            );
            said.now.push(format!("DO {}", dollar_quoted(&body)));
            let (there, word) = if sequence.unlogged { ("p", "UNLOGGED") } else { ("u", "LOGGED") };
            // Sequences have a persistence of their own since 15.
            said.now.push(when(
                &format!(
                    "EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = {} AND relpersistence = '{there}')",
                    regclass(&id.sql())
                ),
                &[format!("ALTER SEQUENCE {} SET {word}", id.sql())],
            ));
        }
        Object::Domain(domain) => {
            if let Some(default) = &domain.default {
                let other = format!(
                    "EXISTS (SELECT FROM pg_catalog.pg_type WHERE oid = to_regtype({}) AND pg_get_expr(typdefaultbin, 0) IS DISTINCT FROM {})",
                    literal(&id.sql()),
                    literal(default)
                );
                said.now.push(when(&other, &[format!("ALTER DOMAIN {} SET DEFAULT {default}", id.sql())]));
            }
            if domain.not_null {
                let may_be_null = format!(
                    "EXISTS (SELECT FROM pg_catalog.pg_type WHERE oid = to_regtype({}) AND NOT typnotnull)",
                    literal(&id.sql())
                );
                let what = format!("domain {} cannot be made NOT NULL", id.sql_path());
                let demand = [domain.demand(id, major)];
                said.late.push(attempted(&may_be_null, &demand, "feature_not_supported", &what, BY_APPLY));
                if major >= versions::NAMED_DOMAIN_NOT_NULL {
                    said.late.push(domain.name_constraint(id));
                }
            }
        }
        Object::DomainConstraint(constraint) if constraint.validated => {
            let unproved = format!(
                "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE contypid = to_regtype({}) AND conname = {} AND NOT convalidated)",
                literal(&id.top_sql()),
                literal(&id.name())
            );
            let validate = format!("ALTER DOMAIN {} VALIDATE CONSTRAINT {}", id.top_sql(), Ident(&id.name()));
            said.late.push(when(&unproved, &[validate]));
        }
        Object::Index(index) if !index.options.is_empty() => {
            said.now.push(index_options(&id.sql(), Holder::index(&index.definition), &index.options));
        }
        Object::Constraint(constraint) if !constraint.options.is_empty() => {
            let holder = Holder::constraint(constraint);
            said.late.push(index_options(&index_name(id), holder, &constraint.options));
        }
        Object::MaterializedView(view) if !view.options.is_empty() => {
            let holder = Holder::table(view.access_method.as_deref());
            let set = format!("ALTER MATERIALIZED VIEW {} SET ({})", id.sql(), options_sql(&view.options));
            said.now.push(when(&format!("NOT {}", options_of(&id.sql(), holder, &view.options)), &[set]));
        }
        _ => {}
    }
    said
}

/// The storage parameters of an index; PostgreSQL changes none of a partitioned one. A key of another name that demands the same is
/// left as it is.
fn index_options(index: &str, holder: Holder, options: &Options) -> String {
    let there = format!("EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = {} AND relkind = 'i')", regclass(index));
    let set = format!("ALTER INDEX {index} SET ({})", options_sql(options));
    when(&format!("{there} AND NOT {}", options_of(index, holder, options)), &[set])
}

/// Takes away what a run that was cut off built beside what it was to replace: constraints and indexes of the tables.
pub fn without_leftovers(to: &Catalog) -> Option<String> {
    let tables: Vec<String> = to
        .iter()
        .filter(|(_, object)| matches!(object, Object::Table(_) | Object::MaterializedView(_)))
        .map(|(id, _)| regclass(&id.sql()))
        .collect();
    if tables.is_empty() {
        return None;
    }
    let in_passing = |name: &str| format!("({name} ~ '__trueup_(new|old)$' OR {name} ~ '^trueup_.*_not_null$')");
    let body = format!(
        "\nDECLARE\n  tables regclass[] := ARRAY[{}]::regclass[];\n  remains text;\nBEGIN\n  \
         FOR remains IN\n    SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)\n    \
         FROM pg_catalog.pg_constraint WHERE conrelid = ANY (tables) AND coninhcount = 0 AND {}\n    UNION ALL\n    \
         SELECT format('DROP INDEX %s', i.indexrelid::regclass)\n    \
         FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid\n    WHERE i.indrelid = ANY (tables) AND {} \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conindid = c.oid)\n  LOOP\n    EXECUTE remains;\n  END LOOP;\nEND\n",
        tables.join(", "),
        in_passing("conname"),
        in_passing("c.relname")
    );
    Some(format!("DO {}", dollar_quoted(&body)))
}

/// Gives what columns count with the names that are declared (column, sequence), so that it goes on counting. In a chain, each is
/// renamed once its name is free.
pub fn counters_follow(counters: &[(ObjectId, ObjectId)]) -> Option<String> {
    let row = |(column, sequence): &(ObjectId, ObjectId)| {
        let (table, name) = (literal(&column.top_sql()), literal(&column.name()));
        format!("({table}, {name}, {}, {})", literal(&sequence.sql()), literal(&sequence.name()))
    };
    let rows: Vec<String> = counters.iter().map(row).collect();
    let body = format!(
        "\nDECLARE\n  d record;\n  counter text;\n  again boolean := true;\nBEGIN\n  WHILE again LOOP\n    again := false;\n    \
         FOR d IN SELECT * FROM (VALUES\n      {}\n    ) AS v (relation, col, wanted, name) LOOP\n      \
         CONTINUE WHEN to_regclass(d.wanted) IS NOT NULL OR NOT EXISTS (SELECT FROM pg_catalog.pg_attribute \
         WHERE attrelid = to_regclass(d.relation) AND attname = d.col AND NOT attisdropped);\n      \
         counter := pg_get_serial_sequence(d.relation, d.col);\n      CONTINUE WHEN counter IS NULL;\n      \
         EXECUTE format('ALTER SEQUENCE %s RENAME TO %I', counter, d.name);\n      again := true;\n    END LOOP;\n  END LOOP;\nEND\n",
        rows.join(",\n      ")
    );
    (!rows.is_empty()).then(|| format!("DO {}", dollar_quoted(&body)))
}

/// Gives NOT NULL constraints, which have names from 18 on, those that follow from the names of their columns.
pub fn not_nulls_follow(to: &Catalog, is_renamed: &dyn Fn(&ObjectId) -> bool) -> Option<String> {
    let mut rows = Vec::new();
    for (id, object) in to.iter() {
        let Object::Column(column) = object else { continue };
        if let Some(not_null) = column.not_null.as_ref().filter(|_| is_renamed(id)) {
            let (column, name) = (id.name(), not_null.name_of(id));
            rows.push(format!("({}, {}, {})", literal(&id.top_sql()), literal(&column), literal(&name)));
        }
    }
    if rows.is_empty() {
        return None;
    }
    let body = format!(
        "\nDECLARE\n  d record;\nBEGIN\n  FOR d IN SELECT v.*, k.conname FROM (VALUES\n      {}\n    ) AS v (relation, col, name)\n    \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass(v.relation) AND a.attname = v.col AND NOT a.attisdropped\n    \
         JOIN pg_catalog.pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum] AND k.coninhcount = 0 AND k.conname <> v.name\n    \
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint o WHERE o.conrelid = a.attrelid AND o.conname = v.name)\n  LOOP\n    \
         EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', d.relation, d.conname, d.name);\n  END LOOP;\nEND\n",
        rows.join(",\n      ")
    );
    Some(format!("DO {}", dollar_quoted(&body)))
}

/// Gives keys of renamed tables the names that are declared, where those that they have are declared for others: the index of a
/// key has its name for itself in a schema.
pub fn keys_follow(to: &Catalog, renamed: &BTreeSet<ObjectId>) -> Option<String> {
    let mut taken: BTreeMap<(String, String), BTreeSet<ObjectId>> = BTreeMap::new();
    let mut keys = Vec::new();
    for (id, object) in to.iter() {
        let schema = id.schema().unwrap_or_default().into_owned();
        let owner = match object {
            Object::Constraint(constraint)
                if !matches!(constraint.constraint_type, ConstraintType::Check | ConstraintType::ForeignKey) =>
            {
                if renamed.contains(&id.top()) {
                    keys.push((id, constraint));
                }
                id.top()
            }
            Object::Index(index) => index.relation.clone(),
            object if object.kind().info().is_relation() => id.clone(),
            _ => continue,
        };
        taken.entry((schema, id.name().into_owned())).or_default().insert(owner);
    }
    let mut rows = Vec::new();
    for (id, constraint) in keys {
        let table = id.top();
        let schema = id.schema().unwrap_or_default();
        let others: Vec<String> = taken
            .iter()
            .filter(|((of, _), owners)| *of == *schema && !owners.contains(&table))
            .map(|((_, name), _)| name.clone())
            .collect();
        if !others.is_empty() {
            rows.push(format!(
                "({}, {}, {}, {}, {})",
                literal(&table.sql()),
                literal(&constraint.printed(true)),
                literal(&id.name()),
                literal(&qualified(&schema, &id.name())),
                labels(&others)
            ));
        }
    }
    if rows.is_empty() {
        return None;
    }
    let body = format!(
        "\nDECLARE\n  d record;\n  again boolean := true;\nBEGIN\n  WHILE again LOOP\n    again := false;\n    \
         FOR d IN SELECT v.*, conname FROM (VALUES\n      {}\n    ) AS v (relation, text, name, wanted, others)\n      \
         JOIN pg_catalog.pg_constraint ON conrelid = to_regclass(v.relation) AND {CONSTRAINT_TEXT} = v.text AND conname = ANY (v.others)\n    \
         LOOP\n      CONTINUE WHEN to_regclass(d.wanted) IS NOT NULL;\n      \
         EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', d.relation, d.conname, d.name);\n      again := true;\n    \
         END LOOP;\n  END LOOP;\nEND\n",
        rows.join(",\n      ")
    );
    Some(format!("DO {}", dollar_quoted(&body)))
}

/// Gives an index or key, which is declared as a part of a partitioned one, its name: attaching a table makes parts under names of the
/// server's choice, and a table that was renamed has them under its old one. What it is a part of comes first. `id` is the part, or
/// what attaches it.
pub fn parts_follow(id: &ObjectId, catalog: &Catalog) -> Vec<String> {
    let mut statements = Vec::new();
    let mut part = match id.kind() {
        KindTag::IndexAttachment => id.parent(),
        _ => Some(id.clone()),
    };
    while let Some(id) = part {
        let attachment = IndexAttachment::get(catalog, &id.child(KindTag::IndexAttachment, ""));
        statements.extend(attachment.map(|attachment| part_follows(&id, attachment, catalog)));
        part = attachment.map(|attachment| attachment.parent.clone());
    }
    statements.reverse();
    statements
}

fn part_follows(id: &ObjectId, attachment: &IndexAttachment, catalog: &Catalog) -> String {
    let table = table_of(id, catalog);
    // Of keys, also one that demands the same and is nobody's part yet.
    let equal = match catalog.get(id) {
        Some(Object::Constraint(key)) => {
            let declared: Vec<String> =
                catalog.children(&id.top(), KindTag::Constraint).map(|(id, _)| id.name().into_owned()).collect();
            format!(
                ", (SELECT conindid::regclass FROM pg_catalog.pg_constraint WHERE conrelid = {} AND {CONSTRAINT_TEXT} = {}\n    \
                 AND conname <> ALL ({}) AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = conindid) ORDER BY conname LIMIT 1)",
                regclass(&table.sql()),
                literal(&key.printed(true)),
                labels(&declared)
            )
        }
        _ => String::new(),
    };
    let body = format!(
        "\nDECLARE\n  part text := coalesce((SELECT i.inhrelid::regclass FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_index x ON x.indexrelid = i.inhrelid\n    \
         WHERE i.inhparent = {} AND x.indrelid = {}){equal});\nBEGIN\n  IF part IS NOT NULL AND {} IS NULL THEN\n    \
         EXECUTE format('ALTER INDEX %s RENAME TO %I', part, {});\n  END IF;\nEND\n",
        regclass(&index_name(&attachment.parent)),
        regclass(&table.sql()),
        regclass(&index_name(id)),
        literal(&id.name())
    );
    format!("DO {}", dollar_quoted(&body))
}

/// Gives constraints the names that were chosen for them, where the same demand stands under a name that is not declared.
pub fn chosen_names(to: &Catalog, unnamed: &[ObjectId]) -> Option<String> {
    let mut rows = Vec::new();
    for (id, object) in to.iter() {
        let Object::Constraint(constraint) = object else { continue };
        if constraint.inherited || unnamed.contains(id) {
            continue;
        }
        let declared: Vec<String> =
            to.children(&id.top(), KindTag::Constraint).map(|(id, _)| id.name().into_owned()).collect();
        rows.push(format!(
            "({}, {}, {}, {})",
            literal(&id.top_sql()),
            literal(&constraint.printed(true)),
            literal(&id.name()),
            labels(&declared)
        ));
    }
    if rows.is_empty() {
        return None;
    }
    let body = format!(
        "\nDECLARE\n  d record;\nBEGIN\n  FOR d IN SELECT DISTINCT ON (v.relation, v.name) v.relation, v.name, v.declared, conname FROM (VALUES\n      {}\n    ) AS v (relation, text, name, declared)\n    \
         JOIN pg_catalog.pg_constraint c ON conrelid = to_regclass(v.relation) AND {CONSTRAINT_TEXT} = v.text AND conname <> ALL (v.declared) AND coninhcount = 0\n    \
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_constraint o WHERE o.conrelid = c.conrelid AND o.conname = v.name)\n    \
         ORDER BY v.relation, v.name, conname\n  LOOP\n    \
         CONTINUE WHEN NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = to_regclass(d.relation) AND conname = d.conname);\n    \
         EXECUTE format('ALTER TABLE %s RENAME CONSTRAINT %I TO %I', d.relation, d.conname, d.name);\n  END LOOP;\nEND\n",
        rows.join(",\n      ")
    );
    Some(format!("DO {}", dollar_quoted(&body)))
}

/// Renames the columns of views that show a renamed column under its name: CREATE OR REPLACE VIEW keeps the names that there are.
pub fn view_columns_follow(to: &Catalog, renames: &BTreeMap<ObjectId, ObjectId>) -> Vec<String> {
    let mut statements = Vec::new();
    let mut queue: Vec<(ObjectId, ObjectId)> =
        renames.iter().filter(|(new, _)| new.kind() == KindTag::Column).map(|(n, o)| (n.clone(), o.clone())).collect();
    let mut seen = BTreeSet::new();
    while let Some((new, old)) = queue.pop() {
        let views =
            to.dependents(&new).filter(|(id, _)| matches!(id.kind(), KindTag::View | KindTag::MaterializedView));
        for (view, _) in views {
            let column = view.child(KindTag::ViewColumn, &new.name());
            if !to.contains(&column) || !seen.insert(column.clone()) {
                continue;
            }
            let (was, is) = (old.name(), new.name());
            let has = |name: &str| {
                format!(
                    "EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = {} AND attname = {} AND NOT attisdropped)",
                    regclass(&view.sql()),
                    literal(name)
                )
            };
            let word = if view.kind() == KindTag::View { "VIEW" } else { "MATERIALIZED VIEW" };
            let letter = if view.kind() == KindTag::View { 'v' } else { 'm' };
            let kind = format!(
                "EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = {} AND relkind = '{letter}')",
                regclass(&view.sql())
            );
            statements.push(when(
                &format!("{kind} AND {} AND NOT {}", has(&was), has(&is)),
                &[format!("ALTER {word} {} RENAME COLUMN {} TO {}", view.sql(), Ident(&was), Ident(&is))],
            ));
            queue.push((column, view.child(KindTag::ViewColumn, &was)));
        }
    }
    statements
}
