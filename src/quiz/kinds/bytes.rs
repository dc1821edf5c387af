//! How many bytes go through a channel?

use crate::ids::ObjectId;
use crate::random::Stream;
use crate::trace::Kind;

use crate::quiz::observed::Run;
use crate::quiz::question::{Answer, Place, Question};

use super::{KindRow, Look};

pub const ROW: KindRow = KindRow {
    name: "bytes",
    summary: "How many bytes are taken out of a channel?",
    doc: "What programs read from a pipe, socket, queue or file, added up. A read may give less than it asked for. \
          The answer may have a unit, such as 3KiB.",
    needs: "a channel from which something is read",
    look: Look::Tables,
    places,
    ask,
};

fn places(run: &Run<'_>) -> Vec<Place> {
    let mut found: Vec<ObjectId> = run
        .events()
        .iter()
        .filter_map(|event| match event.kind {
            Kind::MessageReceive { object, bytes } if bytes > 0 => Some(object),
            _ => None,
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(Place::Object).collect()
}

fn ask(run: &Run<'_>, place: Place, _: &mut Stream) -> Option<Question> {
    let Place::Object(object) = place else { return None };
    let entry = run.trace.header.objects.get(object.index())?;
    let alike = |kind: &str, name: &str| kind == entry.kind && name == entry.name;
    if run.trace.header.objects.iter().filter(|other| alike(&other.kind, &other.name)).count() > 1 {
        return None;
    }
    let used = run.summary.objects.iter().find(|used| alike(&used.kind, &used.name))?;
    let (sent, left) = (used.sent_bytes, used.sent_bytes.checked_sub(used.received_bytes));
    let rest = match left {
        _ if sent == 0 => {
            "no program has put any in, so they were there before or come from outside".to_owned()
        }
        Some(0) => "all that was put in".to_owned(),
        Some(left) => format!("{left}B of the {sent}B that were put in are left"),
        None => format!("{sent}B were put in during the run"),
    };
    Some(Question {
        kind: ROW.name,
        place,
        moment: None,
        text: format!("How many bytes do programs take out of {} in this run?", run.object(object)),
        state: Vec::new(),
        answer: Answer::Bytes(used.received_bytes),
        reason: format!("They are taken out in {}: {rest}.", pieces(used.received)),
    })
}

fn pieces(number: u64) -> String {
    if number == 1 { "one piece".to_owned() } else { format!("{number} pieces") }
}
