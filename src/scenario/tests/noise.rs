//! Nothing that a file holds makes the reader panic.

use proptest::prelude::*;

use super::super::*;

const VALID: &[&str] =
    &[include_str!("../testdata/ping-pong.toml"), include_str!("../testdata/everything.toml")];

fn reads(bytes: &[u8]) {
    match Scenario::parse_bytes("noise.toml", bytes, &Overrides::default(), None) {
        Ok(scenario) => drop(scenario.warnings.render(false)),
        Err(diagnostics) => {
            assert!(diagnostics.errors() > 0);
            drop(diagnostics.render(true));
        }
    }
}

/// Pieces that have a meaning somewhere.
const PIECES: &[&str] = &[
    "\"",
    "{",
    "}",
    "[",
    "]",
    "=",
    "\n",
    "-1",
    "99999999999999999999",
    "\"10us\"",
    "true",
    "1.5",
    "{}",
    "[]",
    "\"\"",
    "\"x + \"",
    "\"{\"",
    "steps",
    "format",
    "\u{e9}",
    "\"1GiB\"",
    "\"64 GiB\"",
    "{ dist = \"uniform\" }",
    "\"18446744073709551615ns\"",
    "9223372036854775807",
    "nan",
    "2020-01-01",
    "\"s.a[\"",
    "'''",
    "\"é{\"",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        reads(&bytes);
    }

    #[test]
    fn a_damaged_scenario_is_read_or_refused(
        which in 0..VALID.len(),
        places in proptest::collection::vec((any::<prop::sample::Index>(), 0..24_usize, 0..PIECES.len()), 1..4),
    ) {
        let mut bytes = VALID[which].as_bytes().to_vec();
        for (index, length, piece) in places {
            let at = index.index(bytes.len());
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, PIECES[piece].bytes());
        }
        reads(&bytes);
    }

    #[test]
    fn a_value_replaced_by_another_is_read_or_refused(
        which in 0..VALID.len(),
        index in any::<prop::sample::Index>(),
        piece in 0..PIECES.len(),
    ) {
        let text = VALID[which];
        let values: Vec<usize> = text.match_indices("= ").map(|(at, _)| at + 2).collect();
        let at = values[index.index(values.len())];
        let rest = &text[at..];
        let end = rest.find([',', '\n', '}', ']']).unwrap_or(rest.len());
        let changed = format!("{}{}{}", &text[..at], PIECES[piece], &rest[end..]);
        reads(changed.as_bytes());
    }

    #[test]
    fn any_override_is_applied_or_refused(key in "[a-z.\"]{0,12}", value in ".{0,12}") {
        let overrides = Overrides { set: vec![(key, value.clone())], until: Some(value), ..Overrides::default() };
        if let Err(diagnostics) = Scenario::parse("x.toml", VALID[0], &overrides) {
            drop(diagnostics.render(false));
        }
    }
}
