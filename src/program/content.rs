//! What the bytes of a message hold: what every verb that sends some can say of them.

use crate::kernel::bytes::Bytes;

use super::at::{At, SizeAmount, Value};
use super::form::Step;
use super::image::Image;
use super::instruction::TextId;
use super::lower::Lower;
use super::problem::{Code, Problem};
use super::userland::User;
use super::value::{Amount, Operand};

/// What the bytes that a call sends hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Zeros,
    /// The first eight bytes hold a value.
    Value(Operand),
    Text(TextId),
    /// What the thread has read last.
    Buffer,
    /// What a stream's buffer begins with.
    Stream(u16),
}

/// The keys of a step that sends bytes.
#[derive(Debug)]
pub struct Content<'a> {
    pub bytes: Option<&'a At<SizeAmount>>,
    pub value: Option<&'a At<Value>>,
    pub text: Option<&'a At<String>>,
    pub buffer: bool,
}

impl<'a> Content<'a> {
    /// The keys as a form has them.
    pub fn of(
        bytes: &'a Option<At<SizeAmount>>,
        value: &'a Option<At<Value>>,
        text: &'a Option<At<String>>,
        buffer: Option<bool>,
    ) -> Content<'a> {
        let (bytes, value, text) = (bytes.as_ref(), value.as_ref(), text.as_ref());
        Content { bytes, value, text, buffer: buffer.unwrap_or(false) }
    }
}

impl What {
    /// The `length` bytes that a thread sends.
    pub fn bytes(self, user: &User, image: &Image, length: u64) -> Bytes {
        let mut bytes = match self {
            What::Zeros => Bytes::zeros(length),
            What::Value(value) => Bytes::word(length, user.value(value, image) as u64),
            What::Text(text) => Bytes::text(user.format(&image.texts[text.0 as usize], image).as_bytes()),
            What::Buffer => user.buffer().cloned().unwrap_or_default(),
            What::Stream(stream) => user.stream_buffer(stream).slice(0, length),
        };
        bytes.resize(length);
        bytes
    }
}

impl Lower<'_> {
    /// How many bytes a step sends, and what they hold.
    pub fn content(&mut self, step: &Step, content: Content<'_>) -> (Amount, What) {
        let Content { bytes, value, text, buffer } = content;
        let said = [value.is_some(), text.is_some(), buffer];
        if said.iter().filter(|given| **given).count() > 1 {
            let message = "only one of `value`, `text` and `buffer` can say what the bytes hold";
            self.problems.error(Code::MissingKey, step.span.clone(), message);
        }
        let (length, what) = match (value, text, buffer) {
            (Some(value), _, _) => (Some(Amount::Const(8)), What::Value(self.operand(value))),
            (_, Some(text), _) => {
                let text = super::control::print::text(text, self);
                let id = self.text(text);
                (Some(Amount::Text(id)), What::Text(id))
            }
            (_, _, true) => {
                self.uses_buffer();
                (Some(Amount::Buffer), What::Buffer)
            }
            (None, None, false) => (None, What::Zeros),
        };
        let bytes = bytes.map(|bytes| self.size(bytes));
        let Some(bytes) = bytes.or(length) else {
            let message = "this step needs `bytes`, `value`, `text` or `buffer`";
            let problem = Problem::error(Code::MissingKey, step.span.clone(), message);
            self.problems.push(problem.help("for example `bytes = \"64B\"` or `value = \"x\"`"));
            return (Amount::Const(8), what);
        };
        (bytes, what)
    }
}
