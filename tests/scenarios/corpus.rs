//! The corpus of the fuzz targets, replayed through their bodies without libFuzzer: what once broke
//! a reader does not break it again.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../fuzz/src/lib.rs"]
mod targets;

/// How long one input may take, in an unoptimized build on a busy machine.
const INPUT_LIMIT: Duration = Duration::from_secs(5);
/// How many bytes the whole corpus may have in the repository.
const CORPUS_BYTES_MAX: u64 = 1 << 20;

#[test]
fn every_target_takes_its_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut bytes_total = 0;
    for (name, target) in targets::TARGETS {
        let mut inputs = 0;
        for entry in
            fs::read_dir(corpus.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
        {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            bytes_total += bytes.len() as u64;
            let begun = Instant::now();
            if std::panic::catch_unwind(|| target(&bytes)).is_err() {
                panic!("{} breaks the target {name}", path.display());
            }
            assert!(begun.elapsed() < INPUT_LIMIT, "{} takes too long", path.display());
            inputs += 1;
        }
        assert!(inputs >= 10, "only {inputs} inputs for {name}");
    }
    assert!(bytes_total < CORPUS_BYTES_MAX, "the corpus has {bytes_total} bytes");
    let folders = fs::read_dir(&corpus).unwrap().count();
    assert_eq!(
        folders,
        targets::TARGETS.len(),
        "a folder without a target, or the other way round"
    );
}
