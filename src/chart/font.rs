//! The typeface, and how much room a text takes.
//!
//! PNG files use the embedded Inter (SIL Open Font License, assets/fonts/OFL.txt). SVG files name
//! it and common typefaces of about its width, since embedding it would make every file large.

use std::sync::Once;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// The first is the embedded one; a viewer takes the first that it has.
pub const FAMILY: &str = "Inter, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif";

/// Viewers without Inter may take a wider typeface.
const SAFETY: f64 = 1.08;
/// Widths are measured at this size, so that rounding to pixels doesn't matter.
const MEASURED: f64 = 1_000.0;
/// The crate takes a font's line height and not its size; this is its factor.
pub const LINE: f64 = 1.24;

static REGULAR: &[u8] = include_bytes!("../../assets/fonts/Inter-Regular.otf");
static STRONG: &[u8] = include_bytes!("../../assets/fonts/Inter-SemiBold.otf");

/// How heavy a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Regular,
    Strong,
}

/// The typeface in a size in pixels.
pub fn font(size: f64, weight: Weight) -> FontDesc<'static> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // A font that can't be read shows itself as soon as something is drawn or measured.
        let _ = register_font(FAMILY, FontStyle::Normal, REGULAR);
        let _ = register_font(FAMILY, FontStyle::Bold, STRONG);
    });
    let style = match weight {
        Weight::Regular => FontStyle::Normal,
        Weight::Strong => FontStyle::Bold,
    };
    FontDesc::new(FontFamily::Name(FAMILY), size * LINE, style)
}

/// What a sign takes that the typeface doesn't have, so that a viewer takes it from another one; in parts of the size.
const FOREIGN: f64 = 1.3;

/// How wide a text is, in pixels, with some to spare.
pub fn width(text: &str, size: f64, weight: Weight) -> f64 {
    let foreign = text.chars().filter(|&character| is_foreign(character)).count();
    let measured = |text: &str| font(MEASURED, weight).box_size(text).map_or(0, |(width, _)| width);
    let own = match foreign {
        0 => measured(text),
        _ => measured(&text.chars().filter(|&character| !is_foreign(character)).collect::<String>()),
    };
    (f64::from(own) / MEASURED * SAFETY + foreign as f64 * FOREIGN) * size
}

/// Scripts that write wide signs, and pictures. Letters of other scripts are about as wide as the typeface's own.
const fn is_foreign(character: char) -> bool {
    matches!(character, '\u{1100}'..='\u{11ff}' | '\u{2600}'..='\u{27bf}' | '\u{2e80}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{1f000}'..)
}

/// As much of a text as has room, with an ellipsis if it was cut; nothing if not even that fits.
pub fn fit(text: &str, room: f64, size: f64, weight: Weight) -> Option<String> {
    if width(text, size, weight) <= room {
        return Some(text.to_owned());
    }
    let ends: Vec<usize> = text.char_indices().map(|(place, _)| place).collect();
    let fits = |&place: &usize| width(&format!("{}…", text[..place].trim_end()), size, weight) <= room;
    let kept = ends.partition_point(fits).checked_sub(1)?;
    let kept = text[..ends[kept]].trim_end();
    (kept.chars().count() >= 2).then(|| format!("{kept}…"))
}

/// A text in lines that have room, broken between words; the last of `most` is cut if there is more.
pub fn wrap(text: &str, room: f64, size: f64, weight: Weight, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let whole = lines.len() + 1 == most || width(rest, size, weight) <= room;
        let fits = |end: &usize| width(rest[..*end].trim_end(), size, weight) <= room;
        let gaps: Vec<usize> = rest.match_indices(' ').map(|(place, _)| place).collect();
        let end = gaps[..gaps.partition_point(fits)].last().copied().filter(|_| !whole);
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        lines.extend(fit(line.trim_end(), room, size, weight));
        rest = after.trim_start();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bold_text_is_wider() {
        let text = "interrupt";
        assert!(width(text, 12.0, Weight::Strong) > width(text, 12.0, Weight::Regular));
        assert!((40.0..80.0).contains(&width(text, 12.0, Weight::Regular)));
    }

    #[test]
    fn a_long_name_is_cut_with_an_ellipsis() {
        let cut = fit("a-rather-long-name-of-a-process", 80.0, 12.0, Weight::Regular).unwrap();
        assert!(cut.ends_with('…') && cut.starts_with("a-rat"), "{cut}");
        assert!(width(&cut, 12.0, Weight::Regular) <= 80.0);
        assert_eq!(fit("name", 5.0, 12.0, Weight::Regular), None);
        assert_eq!(fit("", 5.0, 12.0, Weight::Regular).as_deref(), Some(""));
    }

    #[test]
    fn a_long_question_is_broken_between_words_and_cut_in_its_last_line() {
        let text = "What happens to a question that is too long for one line of the picture?";
        let lines = wrap(text, 200.0, 14.0, Weight::Regular, 3);
        assert_eq!(lines.len(), 3);
        assert_eq!(lines.join(" "), text);
        let cut = wrap(text, 200.0, 14.0, Weight::Regular, 2);
        assert_eq!(cut.len(), 2);
        assert!(cut[1].ends_with('…') && cut.iter().all(|line| width(line, 14.0, Weight::Regular) <= 200.0));
        assert_eq!(wrap(" ", 200.0, 14.0, Weight::Regular, 2), Vec::<String>::new());
    }
}
