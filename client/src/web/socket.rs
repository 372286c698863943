//! One WebSocket, which carries frames.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Duration;

use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use js_sys::{ArrayBuffer, Uint8Array};
use shared::protocol::{DecodeError, Decoder, Encoder, Frame, MAX_FRAME_BYTES};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, MessageEvent, WebSocket};

use super::global;
use crate::impairment::{Fate, Impairment, Lane};

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
    out: Rc<Course>,
    _listeners: [EventListener; 3],
}

impl Socket {
    /// A socket over a network that is as bad as `impairment` says at each moment.
    ///
    /// # Errors
    /// If the address cannot be that of a WebSocket.
    pub fn open(
        url: &str,
        impairment: &Rc<Cell<Impairment>>,
        tell: impl Fn(SocketEvent) + Clone + 'static,
    ) -> Result<Self, JsValue> {
        let socket = WebSocket::new(url)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let (on_open, on_message, on_close) = (tell.clone(), tell.clone(), tell);
        let decoder = RefCell::new(Decoder::new(MAX_FRAME_BYTES));
        let receive = move |bytes: Vec<u8>| {
            let frame = decoder.borrow_mut().frame(&bytes);
            on_message(SocketEvent::Received(frame));
        };
        let sink = socket.clone();
        // A frame that the socket does not take any more is lost with the link, and resent over the next one.
        let send = move |bytes: Vec<u8>| drop(sink.send_with_u8_array(&bytes));
        let out = Course::new(&socket, impairment, Box::new(send));
        let back = Course::new(&socket, impairment, Box::new(receive));
        let listeners = [
            EventListener::new(&socket, "open", move |_| on_open(SocketEvent::Opened)),
            EventListener::new(&socket, "message", move |event| back.carry(bytes_of(event))),
            // An `error` needs no listener: it is always followed by a `close`.
            EventListener::new(&socket, "close", move |_| on_close(SocketEvent::Closed)),
        ];
        Ok(Socket { socket, encoder: Encoder::default(), out, _listeners: listeners })
    }

    pub fn send(&mut self, frame: &Frame) {
        let bytes = self.encoder.frame(frame).to_vec();
        self.out.carry(bytes);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _closed_already = self.socket.close();
    }
}

/// One direction: what was sent and has not arrived.
struct Course {
    socket: WebSocket,
    impairment: Rc<Cell<Impairment>>,
    deliver: Box<dyn Fn(Vec<u8>)>,
    transit: RefCell<Transit>,
    own: Weak<Course>,
}

struct Transit {
    lane: Lane,
    /// What arrives when; nothing arrives at the end of the link.
    frames: VecDeque<(Duration, Option<Vec<u8>>)>,
    timer: Option<Timeout>,
}

impl Course {
    fn new(socket: &WebSocket, impairment: &Rc<Cell<Impairment>>, deliver: Box<dyn Fn(Vec<u8>)>) -> Rc<Self> {
        let lane = Lane::new(global::random_number());
        let transit = RefCell::new(Transit { lane, frames: VecDeque::new(), timer: None });
        let (socket, impairment) = (socket.clone(), Rc::clone(impairment));
        Rc::new_cyclic(|own| Course { socket, impairment, deliver, transit, own: own.clone() })
    }

    fn carry(&self, bytes: Vec<u8>) {
        let impairment = self.impairment.get();
        if impairment.is_none() && self.transit.borrow().frames.is_empty() {
            return (self.deliver)(bytes);
        }
        let mut transit = self.transit.borrow_mut();
        let frame = match transit.lane.send(global::now().monotonic, impairment) {
            Fate::Arrives(at) => (at, Some(bytes)),
            Fate::BreaksTheLink(at) => (at, None),
        };
        transit.frames.push_back(frame);
        if transit.timer.is_none() {
            self.wait(&mut transit);
        }
    }

    /// Until the next frame arrives.
    fn wait(&self, transit: &mut Transit) {
        transit.timer = transit.frames.front().map(|&(at, _)| {
            let millis = at.saturating_sub(global::now().monotonic).as_micros().div_ceil(1000);
            let own = self.own.clone();
            Timeout::new(u32::try_from(millis).unwrap_or(u32::MAX), move || {
                if let Some(course) = own.upgrade() {
                    course.arrive();
                }
            })
        });
    }

    /// Whoever gets a frame may send others, or drop the socket: nothing is borrowed meanwhile.
    fn arrive(&self) {
        let now = global::now().monotonic;
        loop {
            let arrived = self.transit.borrow_mut().frames.pop_front_if(|(at, _)| *at <= now);
            match arrived {
                Some((_, Some(bytes))) => (self.deliver)(bytes),
                Some((_, None)) => drop(self.socket.close()),
                None => break,
            }
        }
        self.wait(&mut self.transit.borrow_mut());
    }
}

/// The bytes of a binary message; none for a text message, which no relay sends and no decoder takes.
fn bytes_of(event: &web_sys::Event) -> Vec<u8> {
    let data = event.dyn_ref::<MessageEvent>().map(MessageEvent::data);
    let buffer = data.and_then(|data| data.dyn_into::<ArrayBuffer>().ok());
    buffer.map(|buffer| Uint8Array::new(&buffer).to_vec()).unwrap_or_default()
}
