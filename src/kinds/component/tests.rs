//! Plans and completions over small catalogs; what the server makes of the statements is tested end to end.

use super::acl::{Privileges, all};
use super::*;
use crate::core::catalog::CatalogBuilder;
use crate::kinds::view::View;
use crate::plan::{PlanOptions, plan};

const MAJOR: u32 = 16;

fn set(words: &[&str]) -> Privileges {
    words.iter().map(|w| ((*w).to_owned(), false)).collect()
}

fn view() -> ObjectId {
    ObjectId::in_schema(KindTag::View, "public", "v")
}

fn state() -> CatalogBuilder {
    let mut builder = CatalogBuilder::new();
    builder.origin.role = "postgres".to_owned();
    builder.origin.major = MAJOR;
    builder
}

fn with_view(owner: &str, grants: &[(&str, Privileges)]) -> CatalogBuilder {
    let mut builder = state();
    builder.put(
        view(),
        View {
            columns: Vec::new(),
            aliases: Vec::new(),
            query: "select 1 as a".to_owned(),
            options: Default::default(),
        },
    );
    builder.put(Owner::id(&view()), Owner { role: owner.to_owned() });
    for (grantee, privileges) in grants {
        builder.put(Grant::id(&view(), grantee), Grant::of_owner(privileges.clone()));
    }
    builder
}

fn default_privilege(builder: &mut CatalogBuilder, grantee: &str, privileges: Privileges) {
    let object = DefaultPrivilege {
        role: "postgres".to_owned(),
        schema: Some("public".to_owned()),
        object_type: "tables".to_owned(),
        grantee: grantee.to_owned(),
        privileges,
    };
    builder.put(object.id(), object);
}

fn sql(from: CatalogBuilder, to: CatalogBuilder) -> Vec<String> {
    let options = PlanOptions::new(MAJOR, false, &["public".to_owned()]);
    let plan = plan(&from.finish().unwrap(), &to.finish().unwrap(), &options).unwrap();
    plan.steps().map(|s| s.sql.clone()).filter(|s| !s.starts_with("CREATE")).collect()
}

#[test]
fn a_new_object_ends_with_what_it_should_have_whatever_default_privileges_gave() {
    let mut from = state();
    default_privilege(&mut from, "anon", all('r', false, MAJOR));
    default_privilege(&mut from, "service", all('r', false, MAJOR));
    default_privilege(&mut from, "we\"ird", set(&["SELECT"]));
    let mut to = with_view(
        "postgres",
        &[("anon", set(&["SELECT"])), ("service", all('r', false, MAJOR)), ("new", set(&["SELECT"]))],
    );
    for (id, object) in from.iter() {
        to.put(id.clone(), object.clone());
    }
    let mut steps = sql(from, to);
    steps.sort();
    assert_eq!(
        steps,
        [
            "GRANT SELECT ON TABLE public.v TO new",
            "REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON TABLE public.v FROM anon",
            "REVOKE SELECT ON TABLE public.v FROM \"we\"\"ird\"",
        ]
    );
}

#[test]
fn a_change_of_owner_restates_what_the_two_roles_have() {
    // The new owner's own grant goes up in its ownership; the old owner keeps what is declared.
    let from = with_view("a", &[("b", set(&["SELECT"]))]);
    let to = with_view("b", &[("a", set(&["SELECT"]))]);
    assert_eq!(sql(from, to), ["ALTER VIEW public.v OWNER TO b", "GRANT SELECT ON TABLE public.v TO a"]);
    // An owner that has not everything passes that on.
    let from = with_view("a", &[("a", set(&["SELECT"]))]);
    assert_eq!(
        sql(from, with_view("b", &[])),
        [
            "ALTER VIEW public.v OWNER TO b",
            "GRANT INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON TABLE public.v TO b"
        ]
    );
}

#[test]
fn an_owner_that_revoked_everything_from_itself_is_a_state_of_its_own() {
    let bare = || with_view("a", &[("a", Privileges::new())]);
    assert_eq!(sql(with_view("a", &[]), bare()), ["REVOKE ALL ON TABLE public.v FROM a"]);
    assert_eq!(sql(bare(), with_view("a", &[])), ["GRANT ALL ON TABLE public.v TO a"]);
}

#[test]
fn completion_settles_what_is_left_unsaid() {
    let mut live = with_view("boss", &[("stranger", set(&["SELECT"])), ("anon", set(&["SELECT"]))]);
    default_privilege(&mut live, "anon", all('r', false, MAJOR));
    let live = live.finish().unwrap();
    let mut declared = with_view("x", &[("anon", Privileges::new()), ("boss", [("ALL".to_owned(), false)].into())]);
    declared.remove(&Owner::id(&view()));
    complete(&mut declared, Some(&live), &ManageAccess::default(), &ObjectId::clone);
    let declared = declared.finish().unwrap();
    assert_eq!(Owner::get(&declared, &Owner::id(&view())).unwrap().role, "boss");
    // The owner has everything anyway; anon is to have nothing; nobody spoke of the stranger.
    let grants: Vec<_> = declared.children(&view(), KindTag::Grant).map(|(id, _)| id.name().into_owned()).collect();
    assert_eq!(grants, ["stranger"]);
    assert_eq!(declared.roots(KindTag::DefaultPrivilege).count(), 1);
}

#[test]
fn completion_gives_new_objects_the_default_privileges() {
    let mut live = state();
    default_privilege(&mut live, "anon", set(&["SELECT"]));
    let live = live.finish().unwrap();
    let mut declared = with_view("postgres", &[]);
    complete(&mut declared, Some(&live), &ManageAccess::default(), &ObjectId::clone);
    let grant = Grant::get(&declared.finish().unwrap(), &Grant::id(&view(), "anon")).cloned();
    // No file says that, which whoever has it created should know.
    let unsaid = ["SELECT".to_owned()].into();
    assert_eq!(grant, Some(Grant { unsaid, ..Grant::of_owner(set(&["SELECT"])) }));
}

#[test]
fn a_list_of_privileges_is_complete_but_for_roles_that_are_left_alone() {
    let mut live = state();
    for grantee in ["anon", "named", "stranger"] {
        default_privilege(&mut live, grantee, set(&["SELECT"]));
    }
    let live = live.finish().unwrap();
    let other = ObjectId::in_schema(KindTag::View, "public", "w");
    let of = |is_complete: bool| {
        let mut declared = with_view("postgres", &[("public", set(&["SELECT"]))]);
        let view = declared.get(&view()).cloned().unwrap();
        declared.put(other.clone(), view);
        declared.put(Grant::id(&other, "named"), Grant::of_owner(set(&["INSERT"])));
        if is_complete {
            declared.put(Grant::complete_list(&self::view()), Grant::of_owner(Privileges::new()));
        }
        let manage = ManageAccess { api_roles: &["anon"], ..ManageAccess::default() };
        complete(&mut declared, Some(&live), &manage, &ObjectId::clone);
        let declared = declared.finish().unwrap();
        let target = self::view();
        let grants = declared.children(&target, KindTag::Grant).map(|(id, _)| id.name().into_owned());
        grants.collect::<Vec<_>>()
    };
    assert_eq!(of(true), ["public", "stranger"]);
    assert_eq!(of(false), ["anon", "named", "public", "stranger"]);
}

#[test]
fn default_privileges_are_minimal_statements() {
    let revoked = || {
        let mut builder = state();
        let object = DefaultPrivilege {
            role: "a b".to_owned(),
            schema: None,
            object_type: "functions".to_owned(),
            grantee: "public".to_owned(),
            privileges: Privileges::new(),
        };
        builder.put(object.id(), object);
        builder
    };
    assert_eq!(
        sql(state(), revoked()),
        ["ALTER DEFAULT PRIVILEGES FOR ROLE \"a b\" REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"]
    );
    assert_eq!(
        sql(revoked(), state()),
        ["ALTER DEFAULT PRIVILEGES FOR ROLE \"a b\" GRANT EXECUTE ON FUNCTIONS TO PUBLIC"]
    );
}

#[test]
fn a_new_signature_keeps_the_privileges_of_the_old_one() {
    let routine = |signature: &str| ObjectId::in_schema(KindTag::Routine, "public", signature);
    let (old, new) = (routine("\"a(b\"(integer)"), routine("\"a(b\"(bigint)"));
    let mut live = state();
    live.put(old.clone(), crate::kinds::routine::Routine::default());
    live.put(Owner::id(&old), Owner { role: "boss".to_owned() });
    // EXECUTE was taken from everybody, and given to one.
    live.put(Grant::id(&old, "anon"), Grant::of_owner(set(&["EXECUTE"])));
    let live = live.finish().unwrap();
    let completed = |ids: &[&ObjectId]| {
        let mut declared = state();
        for id in ids {
            declared.put((*id).clone(), crate::kinds::routine::Routine::default());
        }
        complete(&mut declared, Some(&live), &ManageAccess::default(), &ObjectId::clone);
        declared.finish().unwrap()
    };
    let replaced = completed(&[&new]);
    assert_eq!(Owner::get(&replaced, &Owner::id(&new)).unwrap().role, "boss");
    assert!(Grant::get(&replaced, &Grant::id(&new, "anon")).is_some());
    assert!(Grant::get(&replaced, &Grant::id(&new, "public")).is_none());
    // Beside the old one, or as one of two, it is another function.
    let other = routine("\"a(b\"(text)");
    for ids in [vec![&old, &new], vec![&new, &other]] {
        let apart = completed(&ids);
        assert!(Grant::get(&apart, &Grant::id(&new, "anon")).is_none());
        assert!(Grant::get(&apart, &Grant::id(&new, "public")).is_some());
    }
}
