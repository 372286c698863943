//! A tab that has nothing meets a relay that has much.

use std::collections::VecDeque;
use std::time::Duration;

use shared::base::hlc::Stamp;
use shared::base::id::{RecordId, RelayId, ReplicaId};
use shared::base::sorted::SortedMap;
use shared::merge::document::{Document, Packed};
use shared::protocol::{Encoder, Frame, MAX_FRAME_BYTES};
use shared::replica::io::{Input, Message, Now, PeerId, PeerKind, Recovered};
use shared::replica::{Config, Replica, Role, Tuning};
use shared::schema::{FieldEdit, FieldId, FieldKind, Op, Schema};

const NOW: Now = Now { monotonic: Duration::ZERO, wall_ms: 1_700_000_100_000 };
const RECORDS: u64 = 100_000;

/// A relay whose disk holds many records.
fn full_relay() -> Replica {
    let author = ReplicaId(5);
    let mut document = Document::default();
    for person in 0..RECORDS {
        let dot = document.next_dot(author).expect("there are dots left");
        let text =
            |field, text| Op { field: FieldId(field), kind: KINDS[usize::from(field)], edit: FieldEdit::Assign(text) };
        let ops = vec![
            text(0, format!("Person {person}")),
            text(1, format!("member number {} since the founding, pays by the year", person * 7919 % 10_007)),
        ];
        let stamp = Stamp { wall_ms: 1_700_000_000_000 + person, logical: 0 };
        document.edit(RecordId(dot), dot, stamp, ops).expect("it is small");
    }
    let versions =
        |record| document.versions(record).into_iter().map(move |live| (live.dot, Packed::new(record, &live)));
    let records = document.records().map(|record| (record, versions(record).collect())).collect();
    let durable = Recovered { context: document.context().clone(), records, ..Recovered::default() };
    let addresses = SortedMap::from([(RelayId(1), String::new())]);
    let role = Role::Relay { voter: RelayId(1), addresses, seed: 1, tuning: Tuning::default() };
    Replica::recover(Config { replica: ReplicaId(1), schema: Schema::people(), role }, durable, NOW)
}

const KINDS: [FieldKind; 2] = [FieldKind::Mv, FieldKind::Lww];

/// What went over a link.
#[derive(Default)]
struct Seen {
    deltas: usize,
    /// How many rounds of deltas the tab had to ask for.
    rounds: usize,
    /// How many versions were still to come, after each delta.
    remaining: Vec<u64>,
}

/// Connects the two, and passes messages until there are none, or until so many deltas have arrived.
fn talk(relay: &mut Replica, tab: &mut Replica, link: PeerId, enough: usize) -> Seen {
    let (mut seen, mut encoder) = (Seen::default(), Encoder::default());
    let tab_id = tab.view().me();
    let mut inputs = VecDeque::from([
        (false, Input::PeerUp(link, PeerKind::Tab(tab_id))),
        (true, Input::PeerUp(link, PeerKind::Relay(RelayId(1), ReplicaId(1)))),
    ]);
    while let Some((to_tab, input)) = inputs.pop_front() {
        let is_delta = matches!(input, Input::Receive(_, Message::Delta(_)));
        seen.rounds += usize::from(matches!(input, Input::Receive(_, Message::More)));
        let replica = if to_tab { &mut *tab } else { &mut *relay };
        let output = replica.handle(NOW, input);
        assert!(output.cut.is_empty(), "{:?}", output.cut);
        if let Some(batch) = &output.write {
            inputs.push_back((to_tab, Input::Persisted(batch.id)));
        }
        if to_tab && is_delta {
            seen.deltas += 1;
            seen.remaining.push(tab.view().remaining_versions());
            if seen.deltas == enough {
                // What is durable stays so when the link breaks.
                inputs.retain(|(_, input)| matches!(input, Input::Persisted(_)));
                continue;
            }
        }
        for envelope in output.sends {
            let bytes = encoder.frame(&Frame::Message(envelope.message.clone()));
            assert!(bytes.len() <= MAX_FRAME_BYTES / 4, "a frame of {} bytes", bytes.len());
            inputs.push_back((!to_tab, Input::Receive(link, envelope.message)));
        }
    }
    for replica in [relay, tab] {
        let _ = replica.handle(NOW, Input::PeerDown(link));
    }
    seen
}

#[test]
fn a_hundred_thousand_records_arrive_in_bounded_deltas_and_go_on_where_they_broke_off() {
    let mut relay = full_relay();
    let mut tab = Replica::recover(
        Config { replica: ReplicaId(9), schema: Schema::people(), role: Role::Tab },
        Recovered::default(),
        NOW,
    );
    let first = talk(&mut relay, &mut tab, PeerId(1), 3);
    let arrived = tab.view().document().records().len();
    assert!((1..RECORDS as usize).contains(&arrived), "the link broke with {arrived} records there");
    assert!(first.remaining.is_sorted_by(|a, b| a > b), "progress: {:?}", first.remaining);
    assert_eq!(first.remaining[2], RECORDS - arrived as u64);
    let second = talk(&mut relay, &mut tab, PeerId(2), usize::MAX);
    assert!(second.remaining[0] < first.remaining[2], "it goes on where it broke off");
    assert_eq!(tab.view().document(), relay.view().document());
    assert_eq!(tab.view().remaining_versions(), 0);
    assert!(second.rounds >= 1, "there was more than one round of deltas");
}
