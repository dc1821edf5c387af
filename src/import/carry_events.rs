//! Event counters and epoll sets in recordings.

use super::args::{nth, number_at, quoted};
use super::build::Context;
use super::calls::Carried;
use super::carry_process::{flag, unsuccessful};
use super::carry_things::{put, thing, waited_for};
use super::plan::{Value, text};
use super::things::Kind;

const CLOEXEC: i64 = 0o2_000_000;

pub fn counter(cx: &mut Context<'_, '_>) -> Carried {
    let Some(fd) = cx.call.value() else {
        return unsuccessful(cx.call);
    };
    let args = &cx.call.args;
    let on_exec = flag(nth(args, 1), "EFD_CLOEXEC", CLOEXEC);
    let initial = number_at(args, 0).unwrap_or(0).clamp(0, i64::from(u32::MAX));
    let Some(thing) = put(cx, fd, Kind::Counter, on_exec) else {
        return Carried::Work("more descriptors than a scenario can have");
    };
    let things = &mut cx.builder.things;
    things.all[thing].made = true;
    things.all[thing].sent = initial.unsigned_abs();
    if !things.fit(thing) {
        return Carried::Followed;
    }
    let mut fields = vec![("eventfd", text(things.all[thing].name.clone()))];
    if initial > 0 {
        fields.push(("initial", Value::Number(initial)));
    }
    fields.push(("semaphore", Value::Truth(true)));
    Carried::Steps(vec![fields])
}

pub fn epoll(cx: &mut Context<'_, '_>) -> Carried {
    let Some(fd) = cx.call.value() else {
        return unsuccessful(cx.call);
    };
    let on_exec = cx.call.args.contains("CLOEXEC");
    put(cx, fd, Kind::Epoll, on_exec);
    Carried::Followed
}

pub fn watch(cx: &mut Context<'_, '_>) -> Carried {
    if cx.call.value() != Some(0) {
        return unsuccessful(cx.call);
    }
    let fd = number_at(&cx.call.args, 2).unwrap_or(-1);
    let what = cx.process().table.get(fd).map(|descriptor| descriptor.what);
    if let (Some(set), Some(what)) = (thing(cx, 0), what) {
        let watched = &mut cx.builder.things.all[set].watched;
        watched.retain(|other| *other != what);
        if !["EPOLL_CTL_DEL", "2"].contains(&nth(&cx.call.args, 1)) {
            watched.push(what);
        }
    }
    Carried::Followed
}

pub fn watched(cx: &mut Context<'_, '_>) -> Carried {
    match cx.call.value() {
        Some(0) => Carried::Waits("until its time ran out"),
        Some(_) => {
            let set = thing(cx, 0).map_or_else(Vec::new, |set| cx.builder.things.all[set].watched.clone());
            let any = set.into_iter().any(|what| waited_for(cx, what));
            if any { Carried::LeftOut("the call behind it waits itself") } else { Carried::Waits("") }
        }
        None => unsuccessful(cx.call),
    }
}

/// The number in eight bytes that were recorded as a text.
pub fn word(argument: &str) -> Option<u64> {
    let mut rest = quoted(argument)?.as_bytes();
    let mut bytes = Vec::new();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (kind, behind) = rest.split_first()?;
        let (digits, radix, from) = match kind {
            b'x' => (2, 16, behind),
            b'0'..=b'7' => (3, 8, rest),
            other => {
                let named = b"tnvfr\"\\".iter().position(|name| name == other)?;
                bytes.push(b"\t\n\x0b\x0c\r\"\\"[named]);
                rest = behind;
                continue;
            }
        };
        let count = from.iter().take(digits).take_while(|digit| char::from(**digit).is_digit(radix)).count();
        let text = std::str::from_utf8(&from[..count]).ok()?;
        bytes.push(u8::try_from(u32::from_str_radix(text, radix).ok()?).ok()?);
        rest = &from[count..];
    }
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn what_a_counter_was_given_is_read_from_the_text() {
        assert_eq!(word(r#""\1\0\0\0\0\0\0\0""#), Some(1));
        assert_eq!(word(r#""\n\0\0\0\0\0\0\0""#), Some(10));
        assert_eq!(word(r#""\x02\x01\x00\x00\x00\x00\x00\x00""#), Some(258));
        assert_eq!(word(r#""A\0\0\0\0\0\0\0""#), Some(65));
        assert_eq!(word(r#""\1\0\0""#), None);
        assert_eq!(word("0x7ffe"), None);
    }
}
