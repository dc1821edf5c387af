//! The colours. They are those of Okabe and Ito ("Color universal design", 2008), which people
//! with any of the common kinds of colour blindness can tell apart. User and kernel mode are the
//! light and the dark of one hue, so that a crossing of the boundary is seen as one.

use super::canvas::Rgb;
use super::columns::Paint;
use super::hatch::Fill;

const ALARM: Rgb = (213, 94, 0);

/// On what the picture will be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    #[default]
    Light,
    Dark,
    /// Paper: black and white, with patterns; only what went wrong has a colour.
    Print,
}

/// The colours of everything that isn't a state.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    pub theme: Theme,
    pub background: Rgb,
    /// Behind every other row.
    pub band: Rgb,
    pub grid: Rgb,
    pub text: Rgb,
    /// Labels of less weight.
    pub muted: Rgb,
    pub arrow: Rgb,
    pub message: Rgb,
    /// A line that is raised and not yet recognised.
    pub pending: Rgb,
    /// What went wrong, on paper too.
    pub alarm: Rgb,
}

impl Theme {
    pub const fn palette(self) -> Palette {
        match self {
            Theme::Light => Palette {
                theme: self,
                background: (255, 255, 255),
                band: (246, 248, 250),
                grid: (226, 230, 235),
                text: (28, 33, 40),
                muted: (98, 108, 120),
                arrow: (60, 66, 74),
                message: (0, 128, 94),
                pending: (243, 190, 150),
                alarm: ALARM,
            },
            Theme::Dark => Palette {
                theme: self,
                background: (20, 24, 30),
                band: (27, 32, 39),
                grid: (48, 55, 64),
                text: (232, 236, 240),
                muted: (152, 162, 174),
                arrow: (206, 212, 220),
                message: (50, 190, 150),
                pending: (130, 72, 30),
                alarm: ALARM,
            },
            Theme::Print => Palette {
                theme: self,
                background: (255, 255, 255),
                band: (255, 255, 255),
                grid: (222, 222, 222),
                text: (0, 0, 0),
                muted: (70, 70, 70),
                arrow: (0, 0, 0),
                message: (90, 90, 90),
                pending: (200, 200, 200),
                alarm: ALARM,
            },
        }
    }
}

impl Theme {
    /// Every colour of the theme with its name, for pictures that are drawn elsewhere.
    pub fn colours(self) -> Vec<(&'static str, Rgb)> {
        let palette = self.palette();
        let mut colours = vec![
            ("background", palette.background),
            ("band", palette.band),
            ("grid", palette.grid),
            ("text", palette.text),
            ("muted", palette.muted),
            ("arrow", palette.arrow),
            ("message", palette.message),
            ("pending", palette.pending),
        ];
        colours.extend(Paint::ALL.map(|paint| (paint.name(), palette.paint(paint))));
        colours
    }
}

impl Palette {
    /// The colour of a state; on paper the tone of its pattern.
    pub const fn paint(&self, paint: Paint) -> Rgb {
        match (paint, self.theme) {
            (Paint::Blocked | Paint::Idle, Theme::Print) => (110, 110, 110),
            (_, Theme::Print) => paint.hatch().grey(),
            (Paint::User, Theme::Light | Theme::Dark) => (86, 180, 233),
            (Paint::Kernel, Theme::Light) => (0, 114, 178),
            (Paint::Kernel, Theme::Dark) => (18, 112, 184),
            (Paint::Fault, Theme::Light | Theme::Dark) => (204, 121, 167),
            (Paint::Interrupt, Theme::Light | Theme::Dark) => ALARM,
            (Paint::Deferred, Theme::Light | Theme::Dark) => (230, 159, 0),
            (Paint::Switch, Theme::Light) => (120, 128, 138),
            (Paint::Switch, Theme::Dark) => (128, 136, 148),
            (Paint::Ready, Theme::Light) => (250, 224, 160),
            (Paint::Ready, Theme::Dark) => (122, 100, 44),
            (Paint::Blocked | Paint::Idle, Theme::Light) => (176, 184, 194),
            (Paint::Blocked | Paint::Idle, Theme::Dark) => (88, 98, 110),
        }
    }

    /// The colour of an interrupt's ticks.
    pub const fn tick(&self) -> Rgb {
        match self.theme {
            Theme::Light | Theme::Dark => self.paint(Paint::Interrupt),
            Theme::Print => self.text,
        }
    }

    /// What a state is filled with.
    pub const fn fill(&self, paint: Paint) -> Fill {
        Fill { colour: self.paint(paint), hatch: paint.hatch() }
    }

    /// Black or white, whichever can be read better on the colour.
    pub fn on(&self, colour: Rgb) -> Rgb {
        let (red, green, blue) = (f64::from(colour.0), f64::from(colour.1), f64::from(colour.2));
        // Relative luminance with a gamma of 2, which is close enough to choose between two.
        let luminance =
            (0.2126 * red * red + 0.7152 * green * green + 0.0722 * blue * blue) / (255.0 * 255.0);
        if luminance > 0.2 { (16, 20, 24) } else { (255, 255, 255) }
    }
}
