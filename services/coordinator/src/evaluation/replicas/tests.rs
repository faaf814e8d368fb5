//! Facts about whom is asked. What real evaluators do when they are killed is a scenario of its own.

use exgate_runtime::Tasks;
use exgate_runtime::backoff::Backoff;

use super::seats::State;
use super::*;

fn state() -> State {
    State {
        asked: 0,
        last_asked: 0,
        down: None,
        backoff: Backoff::seeded(1),
        heard: None,
        cases: 0,
    }
}

#[test]
fn a_silent_one_is_left_alone_then_asked_one_question() {
    let now = Instant::now();
    let mut state = state();
    assert_eq!(state.seats(now), QUESTIONS_PER_EVALUATOR_MAX);
    state.asked = QUESTIONS_PER_EVALUATOR_MAX;
    assert_eq!(state.seats(now), 0);
    assert!(state.is_usable(now), "it is worth waiting for");

    let until = now + Duration::from_secs(1);
    state = State {
        down: Some(Down { problem: "refused".to_owned(), until, is_distrust: false }),
        ..state
    };
    state.asked = 0;
    assert_eq!((state.seats(now), state.is_usable(now)), (0, false));
    assert_eq!((state.seats(until), state.is_usable(until)), (1, true));
    state.asked = 1;
    assert_eq!(state.seats(until), 0);
}

/// Evaluators at ports where nobody listens.
async fn absent(count: usize) -> (tempfile::TempDir, Evaluators) {
    exgate_runtime::install_crypto_provider();
    let folder = tempfile::tempdir().unwrap();
    let key = SigningKey::load_or_make(&folder.path().join("key")).unwrap();
    let mut endpoints = Vec::new();
    for _ in 0..count {
        let listener = exgate_runtime::listen::bind("test", "127.0.0.1:0").await.unwrap();
        endpoints.push(Endpoint::of(listener.local_addr().unwrap()));
    }
    (folder, Evaluators::new(&endpoints, key, Clock::system(), Metrics::new()))
}

#[tokio::test]
async fn when_nobody_answers_each_is_asked_once_and_the_problem_is_known() {
    let (_folder, evaluators) = absent(2).await;
    assert_eq!(evaluators.problem(), None, "nobody was asked");
    for _ in 0..2 {
        let error = evaluators.check(&[]).await.unwrap_err();
        assert!(matches!(error, EvaluatorError::Unavailable(_)), "{error:?}");
    }
    let problem = evaluators.problem().unwrap();
    assert!(problem.starts_with("evaluator is not available"), "{problem}");
    let states = evaluators.states();
    assert_eq!(states.len(), 2);
    assert!(states.iter().all(|it| it.problem.is_some() && it.answered_at.is_none()), "{states:?}");
    assert!(evaluators.0.replicas.iter().all(|replica| replica.state().asked == 0));
}

#[tokio::test]
async fn who_is_gone_is_found_out_without_a_question() {
    let (_folder, evaluators) = absent(1).await;
    let tasks = Tasks::new();
    tasks.spawn("watch", evaluators.clone().watch(tasks.clone()));
    let begun = std::time::Instant::now();
    while evaluators.problem().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", evaluators.states());
        tokio::task::yield_now().await;
    }
    tasks.shutdown(Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn those_with_as_much_to_do_are_asked_in_turn() {
    let (_folder, evaluators) = absent(3).await;
    let free = [false; 3];
    let mut asked = Vec::new();
    for _ in 0..6 {
        asked.push(evaluators.seat(&free).await.unwrap().number);
    }
    assert_eq!(asked, [0, 1, 2, 0, 1, 2]);
    // Who has less to do comes first, whoever's turn it is.
    let first = evaluators.seat(&free).await.unwrap();
    let second = evaluators.seat(&free).await.unwrap();
    drop(first);
    let third = evaluators.seat(&free).await.unwrap();
    assert_eq!([second.number, third.number], [1, 2]);
    assert_eq!(evaluators.seat(&free).await.unwrap().number, 0);
}

#[tokio::test]
async fn without_any_endpoint_nobody_is_waited_for() {
    let (_folder, evaluators) = absent(0).await;
    let error = evaluators.check(&[]).await.unwrap_err();
    assert!(error.to_string().contains("no endpoint is configured"), "{error}");
    assert_eq!(evaluators.questions_max(), 0);
}

#[tokio::test]
async fn one_that_takes_no_bundle_of_ours_stays_told_until_it_takes_one() {
    let (_folder, evaluators) = absent(1).await;
    let replica = &evaluators.0.replicas[0];
    evaluators.failed(replica, &EvaluatorError::Distrusted("not signed".to_owned()));
    evaluators.answered(replica, false);
    let problem = evaluators.problem().unwrap();
    assert!(problem.contains("does not take bundles of this coordinator"), "{problem}");
    evaluators.answered(replica, true);
    assert_eq!(evaluators.problem(), None);
}
