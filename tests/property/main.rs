//! Random pairs of schemas converge: from any schema to any other, most often one that a few mutations made of the first.
//!
//! For each case a database is filled with the first schema and another with the second; the plan from one catalog to the other
//! runs; then both catalogs are equal, a second plan is empty, an independent reading of the system catalogs agrees, and no step
//! says CASCADE.
//!
//! `TRUEUP_PROPERTY_CASES` is how many (500 where it is not set), `TRUEUP_PROPERTY_SEED` the number of the first case, which is
//! also what a failure reports: `TRUEUP_PROPERTY_SEED=17 TRUEUP_PROPERTY_CASES=1 cargo test --test property` runs case 17 alone and
//! prints both schemas and the plan, or, where it fails, the smallest pair found that fails in the same way. `TRUEUP_MAJOR` chooses the server.
#![allow(clippy::print_stdout, dead_code)]

use std::sync::Mutex;

mod model;
mod random;
mod rows;
mod run;
mod shrink;
#[path = "../support/mod.rs"]
mod support;
mod write;
mod write_table;

use model::Model;
use random::Random;
use run::Desk;
use shrink::shrink;

/// Cases that failed once, to be run besides those of the range.
const FIXED: &[u64] = &[];

/// The two schemas of a case.
fn pair(seed: u64) -> (Model, Model) {
    let mut random = Random::new(seed);
    let first = Model::new(&mut random);
    // One in ten is another schema altogether.
    let second = if random.chance(10) { Model::new(&mut random) } else { first.mutated(&mut random) };
    (first, second)
}

fn number(variable: &str) -> Option<u64> {
    support::filter(variable).and_then(|text| text.parse().ok())
}

#[test]
fn random_pairs_converge() {
    let Some(server) = support::servers::server() else {
        return;
    };
    run::prepare(server);
    let first = number("TRUEUP_PROPERTY_SEED");
    let count = number("TRUEUP_PROPERTY_CASES").unwrap_or(500);
    let start = first.unwrap_or(1);
    let mut seeds: Vec<u64> = (start..start + count).collect();
    if first.is_none() {
        seeds.splice(0..0, FIXED.iter().copied());
    }
    let began = std::time::Instant::now();
    let desks: Vec<_> = (0..support::workers()).map(|_| Mutex::new(Desk::new(server))).collect();
    let results = support::in_parallel(&seeds, |worker, seed| {
        let (a, b) = pair(*seed);
        let mut desk = desks[worker].lock().expect("another case panicked");
        let result = desk.case(*seed, &a, &b, false);
        if let Err(why) = &result {
            println!("FAILED   seed {seed} (TRUEUP_PROPERTY_SEED={seed} TRUEUP_PROPERTY_CASES=1)\n  {why}");
            if count == 1 {
                let (a, b) = shrink(a, b, why, |a, b| desk.case(*seed, a, b, false).err());
                println!("-- as small as it gets");
                let _ = desk.case(*seed, &a, &b, true);
            }
        } else if count == 1 {
            let _ = desk.case(*seed, &a, &b, true);
        }
        result
    });
    let (mut failed, mut written, mut loaded, mut steps, mut tables) = (0, 0, 0, 0, 0);
    for result in &results {
        match result {
            Ok(done) => {
                written += done.written;
                loaded += done.loaded;
                steps += done.steps;
                tables += done.rows;
            }
            Err(_) => failed += 1,
        }
    }
    println!(
        "{} cases from seed {start} in {:.0?}: {loaded} of {written} statements loaded, {steps} steps planned, {tables} tables kept their rows",
        seeds.len(),
        began.elapsed()
    );
    assert_eq!(failed, 0, "{failed} of {} cases fail", seeds.len());
    // The server refuses what makes no sense; when it refuses much, the cases say little.
    assert!(loaded * 10 >= written * 6, "only {loaded} of {written} statements are accepted by the server");
}
