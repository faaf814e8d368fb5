//! Statistics of devices: who is asked, when, and what becomes of the answers.

use exgate_domain::statistics::{DeviceStatistics, MailboxStatistics, StatisticsOutcome};

use super::*;
use crate::store::{DeviceFilter, StoredStatistics};

const DAY: Span = Span::seconds(24 * 3600);

impl Agent {
    /// Hears which mailboxes it has to ask.
    async fn hear_order(&mut self) -> Vec<MailboxId> {
        let heard = self.hear().await.unwrap();
        let Heard::ReadStatistics(order) = heard else { panic!("no order: {heard:?}") };
        let id = |guid: &Vec<u8>| MailboxId::new(Uuid::from_slice(guid).unwrap());
        order.mailbox_guids.iter().map(id).collect()
    }

    async fn tell(&self, mailbox: MailboxId, outcome: StatisticsOutcome) {
        let generation = self.generation;
        self.tell_under(generation, mailbox, outcome).await;
    }

    async fn tell_under(&self, generation: u64, mailbox: MailboxId, outcome: StatisticsOutcome) {
        let generation = Generation::new(generation);
        let read = MailboxStatistics { mailbox, generation, outcome };
        self.say(Said::StatisticsRead(read.into())).await;
    }
}

fn read(id: &str) -> StatisticsOutcome {
    StatisticsOutcome::Read(vec![DeviceStatistics {
        device_id: id.parse().ok(),
        status: "DeviceOk".to_owned(),
        ..DeviceStatistics::default()
    }])
}

/// What is known of a device, once that holds.
async fn known(
    house: &House,
    id: &str,
    holds: impl Fn(Option<&StoredStatistics>) -> bool,
) -> Option<StoredStatistics> {
    eventually("the statistics are as expected", async || {
        let filter = DeviceFilter { device_id: id.parse().ok(), ..DeviceFilter::default() };
        let found = house.store.devices(&filter, None, 1).await.unwrap();
        let found = found.into_iter().next().unwrap().statistics;
        holds(found.as_ref()).then_some(found)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_sync_each_mailbox_with_a_device_is_asked_once() {
    let house = House::start_with(DAY).await;
    let mut agent = Agent::attach(&house, 1).await;
    let start = agent.hear_sync().await;
    let mut seen = everything(3);
    seen.push(Observation::Mailbox(mailbox(9, &[], &[])));
    agent.look(&start, &seen).await;

    let asked = agent.hear_order().await;
    let people: Vec<_> = (1..=3).map(|number| mailbox(number, &[], &[]).id).collect();
    assert_eq!(asked, people, "a mailbox without devices is not asked");
    let generation = agent.generation;
    agent.tell_under(generation + 1, people[0], read("A1")).await;
    agent.tell(mailbox(9, &[], &[]).id, read("A1")).await;
    agent.tell(people[0], read("a1")).await;
    agent.tell(people[1], StatisticsOutcome::Unknown("it is offline".to_owned())).await;
    agent.tell(people[2], StatisticsOutcome::Read(Vec::new())).await;

    let first = known(&house, "A1", |found| found.is_some()).await.unwrap();
    assert_eq!(first.said.unwrap().status, "DeviceOk");
    let second = known(&house, "A2", |found| found.is_some()).await.unwrap();
    assert_eq!((second.said, second.failure.as_str()), (None, "it is offline"));
    let third = known(&house, "A3", |found| found.is_some()).await.unwrap();
    assert_eq!((third.said, third.failure.as_str()), (None, ""), "it does not know the device");
    assert!(agent.hears_nothing().await, "all were asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nobody_can_be_asked_all_rest_and_nothing_is_stored() {
    let house = House::start_with(DAY).await;
    let mut agent = Agent::attach(&house, 1).await;
    let start = agent.hear_sync().await;
    agent.look(&start, &everything(2)).await;

    for mailbox in agent.hear_order().await {
        agent.tell(mailbox, StatisticsOutcome::NotAsked("no session".to_owned())).await;
    }

    assert!(agent.hears_nothing().await, "they are left alone for a while");
    assert_eq!(known(&house, "A1", |_| true).await, None);

    // Whoever attaches next may have found another way.
    drop(agent);
    let mut next = Agent::greet(&house, hello(super::agent(1), 0)).await.unwrap();
    next.take_lease().await;
    next.report_preflight(true).await;
    let asked = next.hear_order().await;
    next.tell(asked[0], read("A1")).await;
    assert!(known(&house, "A1", |found| found.is_some()).await.unwrap().said.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_unless_somebody_wants_to_know() {
    let house = House::start().await;
    let mut agent = Agent::attach(&house, 1).await;
    let start = agent.hear_sync().await;
    agent.look(&start, &everything(2)).await;
    assert!(agent.hears_nothing().await);
}
