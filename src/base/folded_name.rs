//! Names of people and teams, compared so that two spellings that read alike are one name.
//!
//! Standards: Unicode Normalization Forms (UAX #15): NFKC; caseless matching (chapter 3.13), by upper and
//! then lower case.
//! Invariants: folding a folded name changes nothing. What people cannot see or hear, such as case, width,
//! composition, invisible characters and the number of spaces, makes no difference.
//! What it must not know: whose names they are.
//! What a mistake costs: an owner who was switched off gets a token under another spelling (false accept).

use super::readable_text::is_shown;
use icu_normalizer::ComposingNormalizerBorrowed;

/// The form of `name` in which equal names are equal texts.
#[must_use]
pub fn folded(name: &str) -> String {
    let nfkc = ComposingNormalizerBorrowed::new_nfkc();
    let once = |text: &str| nfkc.normalize(text).to_uppercase().to_lowercase();
    let shown: String = name.chars().filter(|char| is_shown(*char)).collect();
    // Case can undo composition, and composition can make letters that have case: after two rounds both rest.
    let folded = nfkc.normalize(&once(&once(&shown))).into_owned();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_read_alike_are_one_name() {
        for (one, other) in [
            ("Ann", "ANN"),
            ("Ann", " aNN "),
            ("Ann Lee", "ann  lee"),
            ("Ann Lee", "Ann\u{a0}Lee"),
            ("Ann", "A\u{200b}n\u{ad}n"),
            ("Ann", "\u{feff}Ann\u{2060}"),
            ("Ann", "Ａｎｎ"),
            ("René", "Rene\u{301}"),
            ("RENÉ", "rene\u{301}"),
            ("Straße", "STRASSE"),
            ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
            ("ﬁx", "FIX"),
            ("K", "\u{212a}"),
            ("İ", "i\u{307}"),
        ] {
            assert_eq!(folded(one), folded(other), "{one:?} {other:?}");
        }
        for (one, other) in [("Ann", "Anne"), ("Ann", "Änn"), ("Ann Lee", "AnnLee"), ("Ann", "Аnn")] {
            assert_ne!(folded(one), folded(other), "{one:?} {other:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_folded_name_rests(name in "\\PC{0,12}") {
            let once = folded(&name);
            proptest::prop_assert_eq!(folded(&once), once);
        }
    }
}
