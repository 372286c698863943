//! What the tabs of one browser that are in one room hear of one another.

use gloo::events::EventListener;
use js_sys::Uint8Array;
use shared::base::room::Room;
use shared::protocol::VERSION;
use wasm_bindgen::JsCast;
use web_sys::{BroadcastChannel, MessageEvent};

/// A channel that closes, and says no more, when it is dropped.
pub(super) struct Channel {
    channel: BroadcastChannel,
    _listener: EventListener,
}

impl Channel {
    /// `None` in a browser that forbids it.
    pub(super) fn open(room: &Room, tell: impl Fn(Vec<u8>) + 'static) -> Option<Self> {
        let channel = BroadcastChannel::new(&format!("duet/{}/{VERSION}", room.as_str())).ok()?;
        let listener = EventListener::new(&channel, "message", move |event| {
            let data = event.dyn_ref::<MessageEvent>().map(MessageEvent::data);
            if let Some(bytes) = data.and_then(|data| data.dyn_into::<Uint8Array>().ok()) {
                tell(bytes.to_vec());
            }
        });
        Some(Channel { channel, _listener: listener })
    }

    pub(super) fn post(&self, packet: &[u8]) {
        // Only a channel that is closed refuses.
        let _closed = self.channel.post_message(&Uint8Array::from(packet));
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.channel.close();
    }
}
