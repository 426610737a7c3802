//! Checks text that people read in lists, logs and the audit, so that two texts that look alike are the same.
//!
//! Standards: Unicode: the properties General_Category, Bidi_Control, Default_Ignorable_Code_Point (chapter
//! 4, UAX #44), Extended_Pictographic (UTS #51).
//! Invariants: every character of an accepted text is visible. The same rule applies to all fields.
//! What it must not know: which fields there are, how long they may be.
//! What a mistake costs: a label cannot be seen or reads like another one, so an operator revokes the wrong
//! token.

use icu_properties::props::{
    BidiControl, DefaultIgnorableCodePoint, ExtendedPictographic, GeneralCategory, GeneralCategoryGroup,
    NoncharacterCodePoint,
};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Why a text is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFault {
    /// Empty, or only spaces, or combining marks without a base character.
    Empty,
    /// A control character or a line end: it moves a terminal's cursor, or makes two lines of one.
    Control,
    /// A character that changes the writing direction of what follows.
    Direction,
    /// A character that is not drawn.
    Invisible,
}

impl TextFault {
    /// The stable code, for programs to compare.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Control => "control_character",
            Self::Direction => "direction_character",
            Self::Invisible => "invisible_character",
        }
    }

    /// What is wrong and what to do. Constant for each code.
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::Empty => "at least one visible character",
            Self::Control => "the text contains a control character: remove line ends, tabs and escape codes",
            Self::Direction => {
                "the text contains a character that changes the direction of writing (U+200E, U+202E, U+2066 \
                 …): type the text again; right-to-left scripts need no such character"
            }
            Self::Invisible => {
                "the text contains an invisible character (zero-width space or joiner, soft hyphen, filler, \
                 tag, variation selector …) or one that no font has: type the text again, because copied \
                 text may contain some"
            }
        }
    }
}

/// The fault of a one-line text for people. `None` when it has none.
#[must_use]
pub fn fault_of_line(text: &str) -> Option<TextFault> {
    let hidden = hidden(text, char::is_control);
    let shows = |char: char| !char.is_whitespace() && !is_mark(char);
    hidden.or_else(|| (!text.chars().any(shows)).then_some(TextFault::Empty))
}

/// The fault of a text that people read as JSON. C0 controls are allowed there: JSON writes them as visible
/// escapes.
#[must_use]
pub fn fault_in_json(text: &str) -> Option<TextFault> {
    hidden(text, |char| matches!(char, '\u{7f}'..='\u{9f}'))
}

/// The first fault among the text's characters: one that is not seen as what it is.
fn hidden(text: &str, is_refused_control: impl Fn(char) -> bool) -> Option<TextFault> {
    let mut before = None;
    text.chars().find_map(|char| {
        let fault = if is_refused_control(char) || matches!(char, '\u{2028}' | '\u{2029}') {
            Some(TextFault::Control)
        } else if CodePointSetData::new::<BidiControl>().contains(char) {
            Some(TextFault::Direction)
        } else if is_invisible(char) && !chooses_a_picture(before, char) {
            Some(TextFault::Invisible)
        } else {
            None
        };
        before = Some(char);
        fault
    })
}

/// Whether the character can be seen, or is a space.
#[must_use]
pub fn is_shown(char: char) -> bool {
    !is_invisible(char) && !CodePointSetData::new::<BidiControl>().contains(char)
}

/// Whether the character is not drawn: format characters, those that Unicode says to ignore, and symbols that
/// fonts draw as nothing; or drawn as one box with all others that have no picture of their own: private
/// ones, noncharacters, and the place of an object that was not copied along.
fn is_invisible(char: char) -> bool {
    if char.is_ascii() {
        return false;
    }
    let category = CodePointMapData::<GeneralCategory>::new().get(char);
    matches!(category, GeneralCategory::Format | GeneralCategory::PrivateUse)
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(char)
        || matches!(char, BRAILLE_BLANK | MUSICAL_NULL_NOTEHEAD | KHITAN_FILLER | OBJECT_REPLACEMENT)
        || CodePointSetData::new::<NoncharacterCodePoint>().contains(char)
}

/// Whether `char` is a variation selector that makes `before` an emoji: keyboards write `❤️` as a heart and a
/// selector. Elsewhere a selector would let two texts differ that look alike.
fn chooses_a_picture(before: Option<char>, char: char) -> bool {
    matches!(char, '\u{fe0e}' | '\u{fe0f}')
        && before.is_some_and(|before| CodePointSetData::new::<ExtendedPictographic>().contains(before))
}

fn is_mark(char: char) -> bool {
    GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(char))
}

const BRAILLE_BLANK: char = '\u{2800}';
const MUSICAL_NULL_NOTEHEAD: char = '\u{1d159}';
const KHITAN_FILLER: char = '\u{16fe4}';
const OBJECT_REPLACEMENT: char = '\u{fffc}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_character_of_unicode_is_refused() {
        let categories = CodePointMapData::<GeneralCategory>::new();
        let format = |char: &char| categories.get(*char) == GeneralCategory::Format;
        let all: Vec<char> = ('\0'..=char::MAX).filter(format).collect();
        // Unicode 15.1 has 170; the number only grows.
        assert!(all.len() >= 170, "{}", all.len());
        for char in all {
            for text in [format!("a{char}b"), format!("{char}"), format!("❤{char}")] {
                let fault = fault_of_line(&text);
                assert!(
                    matches!(fault, Some(TextFault::Direction | TextFault::Invisible)),
                    "U+{:04X}",
                    u32::from(char)
                );
                assert_eq!(fault_in_json(&text), fault);
            }
        }
    }

    #[test]
    fn what_has_no_picture_of_its_own_is_refused() {
        for char in ['\u{e000}', '\u{f8ff}', '\u{f0000}', '\u{10fffd}', '\u{fdd0}', '\u{fffe}', '\u{1ffff}'] {
            assert_eq!(fault_of_line(&format!("a{char}b")), Some(TextFault::Invisible), "{char:?}");
        }
        for char in ['\u{fffc}', '\u{16fe4}', '\u{2800}', '\u{1d159}', '\u{3164}', '\u{ffa0}'] {
            assert_eq!(fault_of_line(&format!("a{char}b")), Some(TextFault::Invisible), "{char:?}");
        }
        for text in ["\u{fffd}", "東京\u{3000}支店", "a\u{a0}b", "😀", "ß"] {
            assert_eq!(fault_of_line(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_variation_selector_stands_after_a_pictograph_alone() {
        for text in ["❤\u{fe0f}", "☎\u{fe0e} shop", "⚠\u{fe0f}⚠\u{fe0f}"] {
            assert_eq!(fault_of_line(text), None, "{text:?}");
        }
        for text in ["a\u{fe0f}", "1\u{fe0f}", "❤\u{fe0f}\u{fe0f}", "❤ \u{fe0f}", "❤\u{fe01}", "葛\u{e0100}"]
        {
            assert_eq!(fault_of_line(text), Some(TextFault::Invisible), "{text:?}");
        }
    }
}
