//! The engine of a tab as a library for JavaScript: bytes in, bytes out. It is built to be weighed, beside the figures
//! that other engines publish of themselves.

use std::collections::VecDeque;
use std::time::Duration;

use shared::base::dot::Dot;
use shared::base::id::{RecordId, RelayId, ReplicaId};
use shared::ledger::Operation;
use shared::protocol::{Decoder, Encoder, Frame, MAX_FRAME_BYTES};
use shared::replica::io::{Command, CommandId, Input, Now, PeerId, PeerKind, Recovered};
use shared::replica::{Config, FieldView, Replica, Role};
use shared::schema::{FieldEdit, Schema};
use wasm_bindgen::prelude::wasm_bindgen;

const RELAY: PeerId = PeerId(1);

/// A tab that is linked to one relay.
#[wasm_bindgen]
pub struct Tab {
    replica: Replica,
    decoder: Decoder,
    encoder: Encoder,
    frames: VecDeque<Vec<u8>>,
    commands: u64,
}

#[wasm_bindgen]
impl Tab {
    #[wasm_bindgen(constructor)]
    pub fn new(id: u64, relay: u64, now_ms: u64) -> Tab {
        let config = Config { replica: ReplicaId(id), schema: Schema::people(), role: Role::Tab };
        let replica = Replica::recover(config, Recovered::default(), now(now_ms));
        let (decoder, encoder) = (Decoder::new(MAX_FRAME_BYTES), Encoder::default());
        let mut tab = Tab { replica, decoder, encoder, frames: VecDeque::new(), commands: 0 };
        tab.step(now_ms, Input::PeerUp(RELAY, PeerKind::Relay(RelayId(1), ReplicaId(relay))));
        tab
    }

    /// Takes a frame of the relay.
    pub fn receive(&mut self, now_ms: u64, frame: &[u8]) {
        if let Ok(Frame::Message(message)) = self.decoder.frame(frame) {
            self.step(now_ms, Input::Receive(RELAY, message));
        }
    }

    pub fn wake(&mut self, now_ms: u64) {
        self.step(now_ms, Input::Wake);
    }

    /// The next frame for the relay.
    pub fn next_frame(&mut self) -> Option<Vec<u8>> {
        self.frames.pop_front()
    }

    pub fn add(&mut self, now_ms: u64, name: String) {
        self.command(now_ms, Command::Add { fields: vec![("name".to_owned(), FieldEdit::Assign(name))] });
    }

    pub fn rename(&mut self, now_ms: u64, record: &[u64], name: String) {
        let edit = FieldEdit::Assign(name);
        if let Some(record) = record_of(record) {
            self.command(now_ms, Command::Edit { record, field: "name".to_owned(), edit, seen: None });
        }
    }

    pub fn remove(&mut self, now_ms: u64, record: &[u64]) {
        if let Some(record) = record_of(record) {
            self.command(now_ms, Command::Remove { record });
        }
    }

    pub fn assign(&mut self, now_ms: u64, record: &[u64], number: u64) {
        if let Some(record) = record_of(record) {
            self.command(now_ms, Command::Ask(Operation::Assign { record, number }));
        }
    }

    /// The ids of all records, two words each.
    pub fn records(&self) -> Vec<u64> {
        self.replica.view().records().flat_map(|record| [record.id.0.replica().0, record.id.0.counter()]).collect()
    }

    /// The name of a record, as it reads here and now.
    pub fn name(&self, record: &[u64]) -> Option<String> {
        let record = self.replica.view().record(record_of(record)?)?;
        match record.fields.get("name")? {
            FieldView::Register(candidates) => Some(candidates.first()?.value.clone()),
            FieldView::Counter(_) | FieldView::Set(_) => None,
        }
    }

    /// The number that a record has for good.
    pub fn number(&self, record: &[u64]) -> Option<u64> {
        self.replica.view().record(record_of(record)?)?.number.held.map(|number| number.into_inner().number)
    }

    pub fn undo(&mut self, now_ms: u64) {
        self.command(now_ms, Command::Undo);
    }
}

impl Tab {
    fn command(&mut self, now_ms: u64, command: Command) {
        self.commands += 1;
        self.step(now_ms, Input::Command(CommandId(self.commands), command));
    }

    /// Takes one input to its end. Nothing is durable here, so that every write is as durable as it will ever be.
    fn step(&mut self, now_ms: u64, input: Input) {
        let mut next = Some(input);
        while let Some(input) = next {
            let output = self.replica.handle(now(now_ms), input);
            let messages = output.sends.into_iter().map(|envelope| Frame::Message(envelope.message));
            self.frames.extend(messages.map(|frame| self.encoder.frame(&frame)));
            next = output.write.map(|batch| Input::Persisted(batch.id));
        }
    }
}

fn now(now_ms: u64) -> Now {
    Now { monotonic: Duration::from_millis(now_ms), wall_ms: now_ms }
}

/// A record by its replica and counter.
fn record_of(words: &[u64]) -> Option<RecordId> {
    match *words {
        [replica, counter] => Dot::try_new(ReplicaId(replica), counter).ok().map(RecordId),
        _ => None,
    }
}
