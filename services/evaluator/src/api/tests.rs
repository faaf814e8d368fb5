//! The calls over a real server and a real client on loopback.

use std::time::Duration;

use futures_util::stream;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use exgate_domain::decision::Decision;
use exgate_domain::policy::Access;
use exgate_proto::evaluator::v1::evaluator_service_client::EvaluatorServiceClient;
use exgate_proto::evaluator::v1::{
    CheckBundleRequest, EvaluateRequest, ExplainRequest, LoadBundleRequest,
};
use exgate_proto::types::v1 as pb;
use exgate_runtime::Tasks;
use exgate_runtime::grpc::Channel;
use exgate_runtime::listen::Endpoint;
use exgate_runtime::signing::SigningKey;

use super::{CASES_MAX, MESSAGE_BYTES_MAX};
use crate::Evaluator;
use crate::bundles::BUNDLE_BYTES_MAX;
use crate::config::Config;
use crate::explain::{Language, explain};
use crate::verdict::fixture::{POLICIES, at, bundle, case, owner, record};
use crate::verdict::{decide, decide_and_tell};

type Client = EvaluatorServiceClient<Channel>;

/// A running evaluator and its client.
async fn evaluator() -> (Client, Tasks) {
    evaluator_with(Config::default()).await
}

async fn evaluator_with(mut config: Config) -> (Client, Tasks) {
    config.server.listen = "127.0.0.1:0".to_owned();
    let tasks = Tasks::new();
    let evaluator = Evaluator::start(config, tasks.clone()).await.unwrap();
    let [(_, address)] = evaluator.addresses() else { panic!("{evaluator:?}") };
    let client = EvaluatorServiceClient::new(Channel::new(&Endpoint::of(*address)))
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    (client, tasks)
}

async fn stop(tasks: Tasks) {
    tasks.shutdown(Duration::from_secs(10)).await.unwrap();
}

fn files(text: &str) -> Vec<pb::PolicyFile> {
    vec![pb::PolicyFile { path: "policies.yaml".to_owned(), content: text.into() }]
}

async fn load(client: &mut Client) -> Vec<u8> {
    let request = LoadBundleRequest { files: files(POLICIES), ..LoadBundleRequest::default() };
    client.load_bundle(request).await.unwrap().into_inner().bundle_digest
}

/// One case of many, each unlike its neighbours.
fn numbered(number: usize) -> exgate_domain::case::Case {
    let mut case = case();
    case.device.device_id = format!("Appl{number:04}").parse().unwrap();
    record(&mut case).os_version = if number.is_multiple_of(3) { "16.7" } else { "17.4" }.into();
    if number.is_multiple_of(2) {
        case.noncompliant_since = Some(at("2026-01-01T00:00:00Z"));
    }
    if number.is_multiple_of(5) {
        owner(&mut case).groups.clear();
    }
    case
}

fn batch(digest: &[u8], batch: u64, cases: impl Iterator<Item = usize>) -> EvaluateRequest {
    let cases = cases.map(|number| numbered(number).into()).collect();
    EvaluateRequest { bundle_digest: digest.to_vec(), batch, cases }
}

/// All answers of one call, and how it ended.
async fn evaluate(
    client: &mut Client,
    requests: Vec<EvaluateRequest>,
) -> (Vec<(u64, Vec<Decision>)>, Result<(), Status>) {
    let mut answers = Vec::new();
    let mut stream = match client.evaluate(stream::iter(requests)).await {
        Ok(response) => response.into_inner(),
        Err(status) => return (answers, Err(status)),
    };
    loop {
        match stream.message().await {
            Ok(Some(answer)) => {
                let decisions = answer.decisions.into_iter().map(|one| one.try_into().unwrap());
                answers.push((answer.batch, decisions.collect()));
            }
            Ok(None) => return (answers, Ok(())),
            Err(status) => return (answers, Err(status)),
        }
    }
}

#[track_caller]
fn assert_refused(status: &Status, code: Code, reason: &str) {
    assert_eq!(status.code(), code, "{status:?}");
    let info = status.get_details_error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, "exgate.dev"));
}

#[tokio::test]
async fn batches_are_answered_in_their_order_and_as_the_verdict_says() {
    let (mut client, tasks) = evaluator().await;
    let digest = load(&mut client).await;
    assert_eq!(digest, bundle().digest().as_bytes());

    let requests = vec![
        batch(&digest, 7, 0..500),
        batch(&digest, 8, 500..1_000),
        batch(&digest, 9, 1_000..1_200),
    ];
    let (answers, end) = evaluate(&mut client, requests).await;

    end.unwrap();
    let numbers: Vec<_> = answers.iter().map(|(batch, some)| (*batch, some.len())).collect();
    assert_eq!(numbers, [(7, 500), (8, 500), (9, 200)]);
    let decisions: Vec<_> = answers.into_iter().flat_map(|(_, decisions)| decisions).collect();
    for (number, decision) in decisions.iter().enumerate() {
        assert_eq!(*decision, decide(bundle(), &numbered(number)));
    }
    let count = |access| decisions.iter().filter(|decision| decision.access == access).count();
    assert_eq!([Access::Allow, Access::Quarantine, Access::Leave].map(count), [800, 160, 240]);
    stop(tasks).await;
}

#[tokio::test]
async fn a_bundle_that_is_not_at_hand_is_asked_for() {
    let (mut client, tasks) = evaluator().await;
    let digest = bundle().digest().as_bytes().to_vec();

    let (answers, end) = evaluate(&mut client, vec![batch(&digest, 1, 0..2)]).await;
    assert!(answers.is_empty());
    let status = end.unwrap_err();
    assert_refused(&status, Code::FailedPrecondition, "BUNDLE_UNKNOWN");
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata["bundle"], bundle().digest().to_string());

    load(&mut client).await;
    let (answers, end) = evaluate(&mut client, vec![batch(&digest, 1, 0..2)]).await;
    end.unwrap();
    assert_eq!(answers.len(), 1);
    stop(tasks).await;
}

#[tokio::test]
async fn a_bad_bundle_is_refused_and_the_old_one_stays() {
    let (mut client, tasks) = evaluator().await;
    let digest = load(&mut client).await;

    let bad = POLICIES.replace("gracePeriod: 3d", "gracePeriod: soon").replace("[Tablets]", "[]");
    let request = LoadBundleRequest { files: files(&bad), ..LoadBundleRequest::default() };
    let status = client.load_bundle(request).await.unwrap_err();

    assert_refused(&status, Code::InvalidArgument, "POLICY_INVALID");
    assert_eq!(
        status.message(),
        "the policies have 2 mistakes, the first at policies.yaml:9:14: gracePeriod: \"soon\" is \
         not a span of time (write a span such as 14d, 12h or 1d12h)"
    );
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations.len(), 2);
    let (answers, end) = evaluate(&mut client, vec![batch(&digest, 1, 0..1)]).await;
    end.unwrap();
    assert_eq!(answers[0].1, [decide(bundle(), &numbered(0))]);
    stop(tasks).await;
}

/// The policies in `malformed/` that are refused leave the bundle in force where it is.
#[tokio::test]
async fn no_malformed_policy_takes_the_place_of_the_bundle_in_force() {
    let (mut client, tasks) = evaluator().await;
    let digest = load(&mut client).await;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/malformed");
    let mut refused = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|it| it != "yaml") {
            continue;
        }
        let file = pb::PolicyFile {
            path: path.display().to_string(),
            content: std::fs::read(&path).unwrap(),
        };
        // What is only a warning is checked, not loaded.
        let request = CheckBundleRequest { files: vec![file.clone()] };
        if client.check_bundle(request).await.unwrap().into_inner().bundle_digest.is_empty() {
            let request = LoadBundleRequest { files: vec![file], ..LoadBundleRequest::default() };
            let status = client.load_bundle(request).await.unwrap_err();
            assert_refused(&status, Code::InvalidArgument, "POLICY_INVALID");
            refused += 1;
            let (answers, end) = evaluate(&mut client, vec![batch(&digest, 1, 0..1)]).await;
            end.unwrap();
            assert_eq!(answers[0].1, [decide(bundle(), &numbered(0))], "{}", path.display());
        }
    }
    assert!(refused >= 60, "{refused} are refused");
    stop(tasks).await;
}

#[tokio::test]
async fn a_batch_that_is_too_large_or_malformed_ends_the_call() {
    let (mut client, tasks) = evaluator().await;
    let digest = load(&mut client).await;

    let requests = vec![batch(&digest, 1, 0..1), batch(&digest, 2, 0..CASES_MAX + 1)];
    let (answers, end) = evaluate(&mut client, requests).await;
    assert_eq!(answers.len(), 1);
    let status = end.unwrap_err();
    assert_refused(&status, Code::InvalidArgument, "BATCH_TOO_LARGE");
    assert_eq!(status.message(), "batch 2 has 501 cases, and 500 are the most");

    let mut request = batch(&digest, 3, 0..2);
    request.cases[1].now_at = None;
    let (_, end) = evaluate(&mut client, vec![request]).await;
    let status = end.unwrap_err();
    assert_refused(&status, Code::InvalidArgument, "MALFORMED");
    assert!(status.message().contains("cases[1].now_at"), "{status:?}");

    let (_, end) = evaluate(&mut client, vec![batch(b"short", 4, 0..1)]).await;
    assert_refused(&end.unwrap_err(), Code::InvalidArgument, "MALFORMED");
    stop(tasks).await;
}

#[tokio::test]
async fn a_check_keeps_nothing() {
    let (mut client, tasks) = evaluator().await;

    let request = CheckBundleRequest { files: files(POLICIES) };
    let found = client.check_bundle(request).await.unwrap().into_inner();
    assert_eq!(found.bundle_digest, bundle().digest().as_bytes());
    assert!(found.diagnostics.is_empty());
    let policies: Vec<_> =
        found.policies.iter().map(|one| (one.kind.as_str(), one.name.as_str(), one.line)).collect();
    assert_eq!(policies.len(), 5);
    assert_eq!(policies[0], ("CompliancePolicy", "phones", 2));
    let (_, end) = evaluate(&mut client, vec![batch(&found.bundle_digest, 1, 0..1)]).await;
    assert_refused(&end.unwrap_err(), Code::FailedPrecondition, "BUNDLE_UNKNOWN");

    let request = CheckBundleRequest { files: files(&POLICIES.replace("[Tablets]", "[]")) };
    let found = client.check_bundle(request).await.unwrap().into_inner();
    assert!(found.bundle_digest.is_empty() && found.policies.is_empty());
    let [mistake] = &found.diagnostics[..] else { panic!("{found:?}") };
    let place = (mistake.path.as_str(), mistake.line, mistake.column, mistake.key.as_str());
    assert_eq!(place, ("policies.yaml", 21, 17, "includedGroups"));
    stop(tasks).await;
}

#[tokio::test]
async fn a_case_is_explained_as_it_is_decided() {
    let (mut client, tasks) = evaluator().await;
    let digest = load(&mut client).await;
    let case = numbered(6);

    let request = ExplainRequest {
        bundle_digest: digest,
        case: Some(case.clone().into()),
        language: String::new(),
    };
    for (asked, language) in [
        ("", Language::English),
        ("en-GB", Language::English),
        ("nl-BE", Language::Dutch),
        ("fr", Language::English),
        ("?", Language::English),
    ] {
        let request = ExplainRequest { language: asked.to_owned(), ..request.clone() };
        let answer = client.explain(request).await.unwrap().into_inner();

        let decision: Decision = answer.decision.unwrap().try_into().unwrap();
        let expected = explain(bundle(), &case, language);
        assert_eq!(decision, expected.decision);
        assert_eq!((answer.sentences, answer.cures), (expected.sentences, expected.cures));
        assert_eq!(answer.language, language.tag(), "{asked}");
        let alone = decide_and_tell(bundle(), &case);
        assert_eq!(decision == alone, language == Language::English);
    }
    let status = client.explain(ExplainRequest { case: None, ..request }).await.unwrap_err();
    assert_refused(&status, Code::InvalidArgument, "MALFORMED");
    stop(tasks).await;
}

#[tokio::test]
async fn the_longest_bundle_fits_into_one_message() {
    let (mut client, tasks) = evaluator().await;
    let comment = format!("#{}\n", "x".repeat(1022));
    let rest = BUNDLE_BYTES_MAX - POLICIES.len();
    let text = POLICIES.to_owned() + &comment.repeat(rest / comment.len());

    let request = LoadBundleRequest { files: files(&text), ..LoadBundleRequest::default() };
    client.load_bundle(request).await.unwrap();
    stop(tasks).await;
}

#[tokio::test]
async fn with_trusted_keys_only_signed_bundles_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::load_or_make(&folder.path().join("a.key")).unwrap();
    let stranger = SigningKey::load_or_make(&folder.path().join("b.key")).unwrap();
    let mut config = Config::default();
    config.bundles.trusted_keys_file = key.public_file().to_owned();
    let (mut client, tasks) = evaluator_with(config).await;
    let digest = bundle().digest();
    let request = |key_id: &str, signature| LoadBundleRequest {
        files: files(POLICIES),
        key_id: key_id.to_owned(),
        signature,
    };
    let signed = |key: &SigningKey| request(key.id().as_str(), key.sign(&digest.signed_message()));
    let forged = request(key.id().as_str(), stranger.sign(&digest.signed_message()));
    for (wrong, reason) in [
        (request("", Vec::new()), "BUNDLE_UNSIGNED"),
        (signed(&stranger), "BUNDLE_SIGNATURE_INVALID"),
        (forged, "BUNDLE_SIGNATURE_INVALID"),
    ] {
        let status = client.load_bundle(wrong).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
        assert_eq!(status.get_details_error_info().unwrap().reason, reason);
        assert!(
            status.message().contains("trusted_keys_file") || status.message().contains("a.pub")
        );
        let (_, end) = evaluate(&mut client, vec![batch(digest.as_bytes(), 0, 0..1)]).await;
        assert_eq!(end.unwrap_err().code(), Code::FailedPrecondition, "nothing was taken in");
    }
    let check = CheckBundleRequest { files: files(POLICIES) };
    assert!(!client.check_bundle(check).await.unwrap().into_inner().bundle_digest.is_empty());

    let taken = client.load_bundle(signed(&key)).await.unwrap().into_inner();
    assert_eq!(taken.bundle_digest, digest.as_bytes());
    // Old and new key in the file: the new one's bundles are taken without a restart.
    let both = [&key, &stranger].map(|key| std::fs::read_to_string(key.public_file()).unwrap());
    std::fs::write(key.public_file(), both.concat()).unwrap();
    client.load_bundle(signed(&stranger)).await.unwrap();
    stop(tasks).await;
}
