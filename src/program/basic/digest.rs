//! `digest`: a number that tells whether two texts are the same.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::program::at::At;
use crate::program::form::{Form, Step, parse, schema};
use crate::program::instruction::{InMemory, Instruction};
use crate::program::lower::Lower;
use crate::program::value::Amount;
use crate::program::verb::{Level, Real, VerbRow};

pub const ROW: VerbRow = VerbRow {
    name: "digest",
    level: Level::Instruction,
    summary: "computes a digest of what was read last",
    doc: "Computes FNV-1a (64 bits) of what the thread has read last, a line's newline left out, and takes a nanosecond for each byte. The same bytes give the same number. It isn't cryptographic: anybody can find another text with the same digest, so that a real password needs a slow hash with a salt.",
    example: r#"{ digest = "d" }"#,
    real: Real::Yes("the same computation"),
    blocks: &[],
    parse: parse::<DigestForm>,
    schema: schema::<DigestForm>,
};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DigestForm {
    /// The variable that gets it.
    digest: At<String>,
}

impl Form for DigestForm {
    fn lower(&self, _step: &Step, cx: &mut Lower<'_>) {
        cx.uses_buffer();
        let into = cx.assign(&self.digest);
        cx.emit(Instruction::Compute(Amount::Buffer));
        cx.emit(Instruction::InMemory(InMemory::Digest { into }));
    }
}

/// FNV-1a with 64 bits, of bytes up to a newline at their end.
pub fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    let mut bytes = bytes.peekable();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    while let Some(byte) = bytes.next() {
        if byte == b'\n' && bytes.peek().is_none() {
            break;
        }
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::fnv;

    /// The published test vectors (draft-eastlake-fnv, 64-bit FNV-1a).
    #[test]
    fn digests_are_those_of_the_published_vectors() {
        for (text, digest) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(fnv(text.bytes()), digest, "{text}");
            assert_eq!(fnv(format!("{text}\n").bytes()), digest, "{text} and a newline");
        }
    }
}
