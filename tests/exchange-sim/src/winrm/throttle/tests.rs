//! The throttle's arithmetic, on instants of its own.

use super::*;

const PERIOD: Duration = Duration::from_millis(500);

fn throttle() -> Throttle {
    let throttle = Throttle::default();
    throttle.set_limits(Limits {
        shells_max: 2,
        tenant_shells_max: Some(3),
        powershell_cmdlets: Some(4),
        exchange_cmdlets: Some(2),
        period_ms: 500,
        commands_per_shell_max: Some(1000),
        ..Limits::default()
    });
    throttle
}

#[test]
fn a_full_period_refuses_until_the_next_and_says_how_long() {
    let (throttle, begun) = (throttle(), Instant::now());
    for _ in 0..4 {
        throttle.command("ann", 0, begun).unwrap();
    }
    let late = begun + PERIOD / 5;
    let text = throttle.command("ann", 0, late).unwrap_err().text().to_owned();
    assert!(text.contains("load quota of 4 requests per 0.5 seconds"), "{text}");
    assert!(text.contains("at least 400 milliseconds"), "{text}");
    throttle.command("bob", 0, late).unwrap();
    throttle.command("ann", 0, late + Duration::from_millis(400)).unwrap();
    let counts = throttle.view().accounts.remove("ann").unwrap();
    assert_eq!((counts.cmdlets, counts.stopped, counts.periods), (5, 1, vec![4, 1]));
}

#[test]
fn the_peak_is_that_of_any_stretch_of_a_period() {
    let (throttle, begun) = (throttle(), Instant::now());
    throttle.command("ann", 0, begun).unwrap();
    for after in [400, 450, 510, 520] {
        throttle.command("ann", 0, begun + Duration::from_millis(after)).unwrap();
    }
    let counts = throttle.view().accounts.remove("ann").unwrap();
    assert_eq!((counts.cmdlets_peak, counts.periods), (4, vec![3, 2]));
}

#[test]
fn the_soft_limit_delays_and_says_so() {
    let (throttle, begun) = (throttle(), Instant::now());
    assert_eq!(throttle.delay("ann", begun), None);
    assert_eq!(throttle.delay("ann", begun), None);
    let delay = throttle.delay("ann", begun + PERIOD / 2).unwrap();
    assert_eq!(delay, PERIOD / 2);
    assert!(micro_delay(delay).starts_with("Micro delay applied. Actual delayed: 250 msecs,"));
    assert_eq!(throttle.delay("ann", begun + PERIOD), None);
}

#[test]
fn shells_and_worn_shells_are_refused_and_counted() {
    let (throttle, now) = (throttle(), Instant::now());
    throttle.shell("ann", now).unwrap();
    throttle.shell("ann", now).unwrap();
    let own = throttle.shell("ann", now).unwrap_err();
    assert!(own.text().contains("maximum number of 2 concurrent shells"), "{}", own.text());
    throttle.shell("bob", now).unwrap();
    throttle.shell_closed("ann");
    throttle.shell("bob", now).unwrap();
    let all = throttle.shell("ann", now).unwrap_err();
    assert!(all.text().contains("concurrent shells for this tenant"), "{}", all.text());
    throttle.command("ann", 999, Instant::now()).unwrap();
    assert!(throttle.command("ann", 1000, Instant::now()).is_err());
    let counts = throttle.view().accounts.remove("ann").unwrap();
    assert_eq!((counts.shells, counts.shells_refused, counts.shells_peak), (2, 2, 2));
    assert_eq!((counts.commands_per_shell_peak, counts.worn_out), (1000, 1));
}

#[test]
fn new_shells_and_requests_of_a_period_are_counted() {
    let (throttle, now) = (Throttle::default(), Instant::now());
    throttle.set_limits(Limits {
        runspaces: Some(2),
        operations: Some(3),
        exchange_cmdlets: Some(0),
        delay_ms_max: Some(40),
        period_ms: 500,
        ..Limits::default()
    });
    for _ in 0..2 {
        throttle.shell("ann", now).unwrap();
        throttle.shell_closed("ann");
    }
    let text = throttle.shell("ann", now).unwrap_err().text().to_owned();
    assert!(text.contains("number of connections allowed : 2"), "{text}");
    for _ in 0..3 {
        throttle.operation("ann", now).unwrap();
    }
    let text = throttle.operation("ann", now + PERIOD / 5).unwrap_err().text().to_owned();
    assert!(text.contains("at least 400 milliseconds"), "{text}");
    assert_eq!(throttle.delay("ann", now), Some(Duration::from_millis(40)));
    throttle.operation("ann", now + PERIOD).unwrap();
    throttle.shell("ann", now + PERIOD).unwrap();
    let counts = throttle.view().accounts.remove("ann").unwrap();
    assert_eq!((counts.shells, counts.shells_refused), (3, 1));
    assert_eq!((counts.operations, counts.operations_refused), (4, 1));
    assert_eq!(counts.delayed_ms, 40);
}
