//! R11: what the real evaluator, a process of its own, costs when cases stream through it in batches, over
//! the cost of the decisions themselves, beside a server that does nothing with the same messages. And
//! what it holds in memory when nobody takes its answers.

mod raw;
mod wire;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use tonic::transport::Endpoint;

use exgate_evaluator::api::CASES_MAX;
use exgate_evaluator::verdict;
use exgate_proto::evaluator::v1::evaluator_service_client::EvaluatorServiceClient;
use exgate_proto::evaluator::v1::{EvaluateRequest, EvaluateResponse, LoadBundleRequest};
use exgate_proto::types::v1 as pb;

use crate::arguments::Plan;
use crate::decide::{Fleet, POLICY, bundle, policy_text};
use crate::process::Process;
use crate::processes::unless_interrupted;
use crate::report::{Kind, Result, Side, Verdict};
use crate::statistics::{Sample, cost_of, process_cpu};

pub(crate) use raw::serve;
use wire::Stream;

/// How many different devices there are.
const DEVICES: usize = 20_000;
/// How often they all go through in one turn.
const PASSES: usize = 5;
/// How many times the hop it may cost beyond the decisions.
const OVER_HOP: (f64, f64) = (1.3, 1.15);
/// How much memory the evaluator may take when nobody takes its answers.
const MEMORY_MIB: (f64, f64) = (64.0, 40.0);
/// How many batches are offered to it then; it must not have taken them all.
const OFFERED_BATCHES: usize = 1_000;

/// Both servers, and what is sent to them.
struct Lanes {
    ours: Process,
    raw: Process,
    batches: Vec<Arc<EvaluateRequest>>,
    /// What the evaluator has to answer to each batch.
    answers: Vec<EvaluateResponse>,
    _folder: TempDir,
}

/// Measures both; a wrong answer is an error.
pub(crate) fn measure(plan: &Plan) -> anyhow::Result<Vec<Result>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(unless_interrupted(measured(plan))).context("R11")
}

async fn measured(plan: &Plan) -> anyhow::Result<Vec<Result>> {
    let fleet = Fleet::make(DEVICES, plan.seed);
    let mut lanes = Lanes::start(&fleet).await?;
    let held = lanes.unread().await?;
    let (mut ratio, mut ours, mut raw, mut inside) =
        (Sample::default(), Sample::default(), Sample::default(), Sample::default());
    let bundle = bundle(POLICY)?;
    for round in 0..=plan.rounds {
        // A B B A, and the decisions themselves in the middle.
        let first = lanes.turn(false).await?;
        let mine = lanes.turn(true).await?;
        let (decisions, _) = cost_of(|| {
            fleet.cases.iter().for_each(|case| {
                std::hint::black_box(verdict::decide(&bundle, case));
            });
        });
        let mine = (mine + lanes.turn(true).await?) / 2;
        let floor = (first + lanes.turn(false).await?) / 2;
        let micros = |cost: Duration, cases: usize| cost.as_secs_f64() * 1e6 / cases as f64;
        let (mine, floor) = (micros(mine, DEVICES * PASSES), micros(floor, DEVICES * PASSES));
        let decisions = micros(decisions, DEVICES);
        if round > 0 {
            ratio.push((mine - decisions) / floor);
            ours.push(mine);
            raw.push(floor);
            inside.push(decisions);
        }
    }
    println!(
        "R11: {} B a case and {} B a decision: ours {:.2} µs, of which the decision is {:.2}; the hop {:.2} \
         µs/case, CPU of both sides",
        lanes.request_bytes() / DEVICES,
        lanes.answer_bytes() / DEVICES,
        ours.median(),
        inside.median(),
        raw.median(),
    );
    let side = |sample: &Sample| Side { cpu_us_per_unit: Some(sample.median()), ..Side::default() };
    let (target, stretch) = OVER_HOP;
    let (memory_max, memory_stretch) = MEMORY_MIB;
    let row = Result {
        id: "R11 stream, beyond R7",
        kind: Kind::Ratio,
        n: DEVICES * PASSES,
        value: ratio.median(),
        unit: "x hop",
        target: Some(target),
        stretch: Some(stretch),
        spread: Some(ratio.spread()),
        rounds: Some(plan.rounds),
        ours: Some(side(&ours)),
        floor: Some(side(&raw)),
        verdict: Verdict::of(ratio.median(), target, stretch, ratio.spread()),
    };
    let memory = Result {
        id: "R11 ... memory, nobody reads",
        kind: Kind::Memory,
        n: OFFERED_BATCHES * CASES_MAX,
        value: held,
        unit: "MiB",
        target: Some(memory_max),
        stretch: Some(memory_stretch),
        spread: None,
        rounds: None,
        ours: None,
        floor: None,
        verdict: Verdict::of(held, memory_max, memory_stretch, 0.0),
    };
    Ok(vec![row, memory])
}

impl Lanes {
    async fn start(fleet: &Fleet) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("exgate-bench-").tempdir()?;
        let myself = std::env::current_exe()?;
        let beside = myself.parent().context("this program lies nowhere")?;
        let ours = evaluator(beside, folder.path())?;
        let arguments = ["raw-hop".to_owned(), path(folder.path(), "raw.json")];
        let raw = Process::start(
            &myself,
            &arguments,
            &folder.path().join("raw.json"),
            &folder.path().join("raw.log"),
        )?;
        let bundle = bundle(POLICY)?;
        let digest = bundle.digest().as_bytes().to_vec();
        let mut batches = Vec::new();
        let mut answers = Vec::new();
        for (batch, cases) in (0_u64..).zip(fleet.cases.chunks(CASES_MAX)) {
            let decided = cases.iter().map(|case| verdict::decide(&bundle, case).into());
            answers.push(EvaluateResponse { batch, decisions: decided.collect() });
            let cases = cases.iter().map(pb::Case::from).collect();
            batches.push(Arc::new(EvaluateRequest { bundle_digest: digest.clone(), batch, cases }));
        }
        let mut client =
            EvaluatorServiceClient::connect(format!("http://{}", ours.address)).await?;
        let content = policy_text(POLICY).into_bytes();
        let files = vec![pb::PolicyFile { path: "policies.yaml".to_owned(), content }];
        let loaded = client
            .load_bundle(LoadBundleRequest { files, ..LoadBundleRequest::default() })
            .await?
            .into_inner();
        ensure!(loaded.bundle_digest == digest, "the evaluator has another digest");
        Ok(Self { ours, raw, batches, answers, _folder: folder })
    }

    fn request_bytes(&self) -> usize {
        self.batches.iter().map(|batch| prost::Message::encoded_len(&**batch)).sum()
    }

    fn answer_bytes(&self) -> usize {
        self.answers.iter().map(prost::Message::encoded_len).sum()
    }

    /// What everything through one server costs both sides.
    async fn turn(&self, is_ours: bool) -> anyhow::Result<Duration> {
        let server = if is_ours { &self.ours } else { &self.raw };
        let channel =
            Endpoint::from_shared(format!("http://{}", server.address))?.connect().await?;
        let batches: Vec<_> =
            (0..PASSES).flat_map(|_| self.batches.iter().map(Arc::clone)).collect();
        let before = process_cpu() + server.cpu()?;
        let mut stream = Stream::open(channel, batches).await?;
        let (mut number, mut bytes) = (0, 0);
        while let Some(answer) = stream.next().await? {
            let due = &self.answers[number % self.answers.len()];
            if is_ours && number < self.answers.len() {
                ensure!(answer == *due, "batch {number} is answered otherwise");
            }
            ensure!(
                answer.decisions.len() == due.decisions.len(),
                "decisions of {number} are lost"
            );
            bytes += prost::Message::encoded_len(&answer);
            number += 1;
        }
        let cost = process_cpu() + server.cpu()? - before;
        ensure!(number == self.batches.len() * PASSES, "only {number} batches were answered");
        let due = self.answer_bytes() * PASSES;
        ensure!(
            bytes.abs_diff(due) * 50 <= due,
            "the raw server answers {bytes} bytes in place of {due}"
        );
        Ok(cost)
    }

    /// The evaluator's largest resident size when many batches are sent and no answer is read, in MiB.
    /// Afterwards all of them are read, and every batch that was sent is answered.
    async fn unread(&mut self) -> anyhow::Result<f64> {
        let server = format!("http://{}", self.ours.address);
        let channel = Endpoint::from_shared(server)?.connect().await?;
        let batches: Vec<_> = self.batches.iter().cycle().take(OFFERED_BATCHES).cloned().collect();
        let mut stream = Stream::open(channel, batches).await?;
        let taken = stream.until_it_stops().await?;
        ensure!(taken < OFFERED_BATCHES, "all {taken} batches were taken while nobody read");
        let held = self.ours.peak_kib()? as f64 / 1024.0;
        println!(
            "R11: {taken} of {OFFERED_BATCHES} batches were taken while nobody read: {held:.1} MiB"
        );
        let mut answered = 0;
        while stream.next().await?.is_some() {
            answered += 1;
        }
        ensure!(
            answered == OFFERED_BATCHES,
            "{answered} of {OFFERED_BATCHES} batches are answered"
        );
        Ok(held)
    }
}

fn evaluator(beside: &Path, folder: &Path) -> anyhow::Result<Process> {
    let config = folder.join("exgate-evaluator.toml");
    let addresses = folder.join("evaluator.json");
    let text = format!(
        "addresses_file = {addresses:?}\n[server]\nlisten = \"127.0.0.1:0\"\n\
         [telemetry]\nmetrics_listen = \"off\"\n"
    );
    std::fs::write(&config, text)?;
    let arguments = ["--config".to_owned(), config.display().to_string()];
    let program = beside.join("exgate-evaluator");
    Process::start(&program, &arguments, &addresses, &folder.join("evaluator.log"))
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}
