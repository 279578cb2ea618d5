//! What `trueup sql` writes for the cases of tests/cases stays as it is, to the byte, unless a change means to change it.
//!
//! snapshots/scripts.txt has a line for each case, version and form: how many lines the script has, and the first digits of its SHA-256.
//! The texts themselves would be some eight megabytes. To read what a change does to them, write them before and after it:
//!
//!     export TRUEUP_FORMS=all
//!     TRUEUP_SCRIPTS_TO=/tmp/before cargo test --test script_texts
//!     TRUEUP_SCRIPTS_TO=/tmp/after cargo test --test script_texts
//!     diff -r /tmp/before /tmp/after
//!
//! Each case is tried with its offline script and with one of the other forms, as in tests/scripts.rs; with `TRUEUP_FORMS=all` with all of
//! them. `TRUEUP_BLESS=1` writes the list, of all forms. Servers print the text of a view in their own ways. So the test is skipped
//! where a run asks for another server than the default one.
#![allow(clippy::print_stdout, dead_code)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use support::case::{self, before, cases_on_versions};
use support::scripts::{self, FORMS, forms_of};
use support::servers::{Server, is_asked_for, server_of};

const HEAD: &str = "# The scripts of tests/cases: case, major version, form, lines, digest. Written by `TRUEUP_BLESS=1 cargo test --test script_texts`; \
                    tests/script_texts.rs says how to read what changed.\n";

#[test]
fn scripts_are_as_they_were() {
    if is_asked_for() || support::filter("TRUEUP_SCRATCH").is_some() {
        println!("SKIPPED: scripts are compared on the default version, and another server is asked for");
        return;
    }
    let bless = std::env::var_os("TRUEUP_BLESS").is_some();
    let forms = |case: &Path, major: u32| if bless { FORMS.to_vec() } else { forms_of(case, major) };
    let work = cases_on_versions();
    let results = support::in_parallel(&work, |_, (major, case)| {
        server_of(*major).map(|server| texts(server, case, &forms(case, *major)))
    });
    let to = support::filter("TRUEUP_SCRIPTS_TO");
    let mut now = BTreeMap::new();
    for ((major, case), texts) in work.iter().zip(results) {
        let name = case::name(case);
        let Some(texts) = texts else {
            println!("SKIPPED  {name} on {major}");
            continue;
        };
        let texts = texts.unwrap_or_else(|why| panic!("{name} on {major}: {why}"));
        for (form, text) in texts {
            if let Some(folder) = &to {
                let folder = Path::new(folder).join(format!("{name}-{major}"));
                std::fs::create_dir_all(&folder).expect("the folder can be made");
                std::fs::write(folder.join(format!("{form}.sql")), without_places(&text))
                    .expect("the file can be written");
            }
            now.insert(format!("{name} {major} {form}"), figures(&without_places(&text)));
        }
    }
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/scripts.txt");
    let mut then = listed(&std::fs::read_to_string(&list).unwrap_or_default());
    // Lines of a case that was removed, or is for other versions now. Those of a version without a server stay.
    let is_whole = ["TRUEUP_CASES", "TRUEUP_CASES_PART"].iter().all(|name| support::filter(name).is_none());
    let known: BTreeSet<String> = work.iter().map(|(major, case)| format!("{} {major} ", case::name(case))).collect();
    let is_of_no_case = |key: &str| is_whole && !known.iter().any(|start| key.starts_with(start));
    if bless {
        then.retain(|key, _| !is_of_no_case(key));
        then.extend(now);
        let lines: String = then.iter().map(|(key, figures)| format!("{key} {figures}\n")).collect();
        std::fs::write(&list, format!("{HEAD}{lines}")).expect("the list can be written");
        return;
    }
    let gone = then.keys().filter(|key| is_of_no_case(key));
    let other = now.iter().filter(|(key, figures)| then.get(*key) != Some(figures)).map(|(key, _)| key);
    let changed: Vec<&str> = gone.chain(other).map(String::as_str).collect();
    assert!(
        changed.is_empty(),
        "{} scripts are other than snapshots/scripts.txt says; the top of tests/script_texts.rs says how to read the change:\n{}",
        changed.len(),
        changed.join("\n")
    );
}

/// What is written for a case offline and in each of these forms; where nothing is, what is said instead.
fn texts(server: &Server, case: &Path, forms: &[&'static str]) -> Result<Vec<(&'static str, String)>, String> {
    let database = before(server, case)?;
    let project = case.join("after.yaml");
    let offline = scripts::sql(&project, server, &["--offline", "--for", "supabase-editor"]);
    let mut texts = vec![("offline", offline.unwrap_or_else(|why| refusal(&why)))];
    for form in forms {
        let text = match scripts::written(&database, &project, form) {
            // The time in the name of a migration's file is that of the run.
            Ok(files) if *form == "migration" => files.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n"),
            Ok(files) => files.into_iter().map(|(name, text)| format!("-- {name}\n{text}")).collect(),
            Err(why) => refusal(&why),
        };
        texts.push((form, text));
    }
    Ok(texts)
}

/// The codes of what is said where no script is written. The words are no part of a script, and are free to change.
fn refusal(said: &str) -> String {
    let codes = said.split("error[").skip(1).filter_map(|rest| rest.split_once(']')).map(|(code, _)| code);
    format!("-- not written: {}\n", codes.collect::<Vec<_>>().join(", "))
}

/// Without the comments that name the two states by where they are, which is another place in every run.
fn without_places(text: &str) -> String {
    let place = |line: &&str| line.contains("postgres://") || line.contains(env!("CARGO_MANIFEST_DIR"));
    let lines = text.lines().filter(|line| !(line.starts_with("--") && place(line)));
    lines.map(|line| format!("{line}\n")).collect()
}

fn figures(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{} {digits}", text.lines().count())
}

fn listed(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let mut words = line.splitn(4, ' ');
        let key = [words.next()?, words.next()?, words.next()?].join(" ");
        Some((key, words.next()?.to_owned()))
    };
    text.lines().filter(|line| !line.starts_with('#')).filter_map(line).collect()
}
