//! From a YAML project to a catalog: load the files, give them meaning, resolve names, have PostgreSQL elaborate the result.

pub mod build;
pub mod context;
pub mod elaborate;
pub mod exposure;
mod keys;
pub mod load;
pub mod project;
pub mod refused;
pub mod resolve;
pub mod schema;
pub mod write;

/// Does something to each of many, on as many threads as the machine has; the results are in the order of what they are of.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(items.len());
    if workers < 2 {
        return items.iter().map(work).collect();
    }
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let chunk = items.len().div_ceil(workers);
    let work = &work;
    std::thread::scope(|scope| {
        for (items, results) in items.chunks(chunk).zip(results.chunks_mut(chunk)) {
            scope.spawn(move || {
                for (item, result) in items.iter().zip(results) {
                    *result = Some(work(item));
                }
            });
        }
    });
    results.into_iter().flatten().collect()
}
