//! Which relay an isolate uses: one of those of the location hint nearest to it.
//!
//! Cloudflare places an object near the hint with which it is first asked for. The nine hints:
//! <https://developers.cloudflare.com/durable-objects/reference/data-location/#provide-a-location-hint>.
//! What a mistake costs: a change takes a longer way. Any choice is right.

/// Where a request came from, as the platform says: `cf.continent`, `cf.country`, `cf.longitude`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place<'a> {
    pub continent: &'a str,
    pub country: &'a str,
    /// In degrees, west of Greenwich below zero.
    pub longitude: Option<f64>,
}

/// A relay's name, and the hint for the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayName {
    pub name: String,
    pub hint: &'static str,
}

/// Where the platform says nothing of the place.
const HINT_DEFAULT: &str = "enam";
/// Between western and eastern North America: about Denver to Chicago.
const AMERICA_MIDDLE_DEGREES: f64 = -97.0;
/// Between western and eastern Europe: between Berlin and Warsaw.
const EUROPE_MIDDLE_DEGREES: f64 = 15.0;
const MIDDLE_EAST: [&str; 15] =
    ["AE", "BH", "IL", "IQ", "IR", "JO", "KW", "LB", "OM", "PS", "QA", "SA", "SY", "TR", "YE"];

impl Place<'_> {
    fn hint(&self) -> &'static str {
        let is_east_of = |degrees: f64| self.longitude.is_none_or(|longitude| longitude >= degrees);
        if MIDDLE_EAST.contains(&self.country) {
            return "me";
        }
        match self.continent {
            "NA" if is_east_of(AMERICA_MIDDLE_DEGREES) => "enam",
            "NA" => "wnam",
            "SA" => "sam",
            "EU" if self.longitude.is_some() && is_east_of(EUROPE_MIDDLE_DEGREES) => "eeur",
            "EU" => "weur",
            "AS" => "apac",
            "OC" => "oc",
            "AF" => "afr",
            _ => HINT_DEFAULT,
        }
    }
}

impl RelayName {
    /// The relay of the isolate with this random number, with `relays` for each hint.
    #[must_use]
    pub fn choose(place: &Place<'_>, isolate: u64, relays: u32) -> Self {
        let hint = place.hint();
        let number = isolate.checked_rem(relays.into()).unwrap_or(0);
        Self { name: format!("{hint}-{number}"), hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_isolate_uses_a_relay_of_the_hint_nearest_to_it() {
        for (continent, country, longitude, hint) in [
            ("NA", "US", Some(-122.3), "wnam"),
            ("NA", "US", Some(-74.0), "enam"),
            ("NA", "MX", Some(-99.1), "wnam"),
            ("NA", "CA", None, "enam"),
            ("SA", "BR", Some(-46.6), "sam"),
            ("EU", "DE", Some(8.7), "weur"),
            ("EU", "PL", Some(21.0), "eeur"),
            ("EU", "FR", None, "weur"),
            ("AS", "TR", Some(28.9), "me"),
            ("AS", "AE", Some(55.3), "me"),
            ("AS", "JP", Some(139.7), "apac"),
            ("AS", "IN", Some(72.8), "apac"),
            ("OC", "AU", Some(151.2), "oc"),
            ("AF", "ZA", Some(18.4), "afr"),
            ("AN", "AQ", Some(0.0), "enam"),
            ("", "T1", None, "enam"),
            ("", "", None, "enam"),
        ] {
            let place = Place { continent, country, longitude };
            let chosen = RelayName::choose(&place, 12, 5);
            assert_eq!((chosen.hint, chosen.name), (hint, format!("{hint}-2")), "{place:?}");
        }
        assert_eq!(RelayName::choose(&Place::default(), 7, 0).name, "enam-0");
    }
}
