//! One WebSocket, which carries frames.

use gloo::events::EventListener;
use js_sys::{ArrayBuffer, Uint8Array};
use shared::wire::{DecodeError, Decoder, Encoder, Frame, MAX_FRAME_BYTES};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, MessageEvent, WebSocket};

/// What a socket tells its owner.
#[derive(Debug)]
pub enum SocketEvent {
    Opened,
    Received(Result<Frame, DecodeError>),
    Closed,
}

/// A WebSocket that closes, and says no more, when it is dropped.
pub struct Socket {
    socket: WebSocket,
    encoder: Encoder,
    _listeners: [EventListener; 3],
}

impl Socket {
    /// # Errors
    /// If the address cannot be that of a WebSocket.
    pub fn open(url: &str, tell: impl Fn(SocketEvent) + Clone + 'static) -> Result<Self, JsValue> {
        let socket = WebSocket::new(url)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let (on_open, on_message, on_close) = (tell.clone(), tell.clone(), tell);
        let mut decoder = Decoder::new(MAX_FRAME_BYTES);
        let listeners = [
            EventListener::new(&socket, "open", move |_| on_open(SocketEvent::Opened)),
            EventListener::new(&socket, "message", move |event| {
                on_message(SocketEvent::Received(decoder.frame(&bytes_of(event))));
            }),
            // An `error` needs no listener: it is always followed by a `close`.
            EventListener::new(&socket, "close", move |_| on_close(SocketEvent::Closed)),
        ];
        Ok(Socket { socket, encoder: Encoder::default(), _listeners: listeners })
    }

    /// A frame that the socket does not take any more is lost with the link, and resent over the next one.
    pub fn send(&mut self, frame: &Frame) {
        let _lost_with_the_link = self.socket.send_with_u8_array(&self.encoder.frame(frame));
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _closed_already = self.socket.close();
    }
}

/// The bytes of a binary message; none for a text message, which no relay sends and no decoder takes.
fn bytes_of(event: &web_sys::Event) -> Vec<u8> {
    let data = event.dyn_ref::<MessageEvent>().map(MessageEvent::data);
    let buffer = data.and_then(|data| data.dyn_into::<ArrayBuffer>().ok());
    buffer.map(|buffer| Uint8Array::new(&buffer).to_vec()).unwrap_or_default()
}
