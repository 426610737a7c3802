//! What a rate class means for one request: counted or not, and against which limits.
//!
//! Invariants: nothing counted for one class is used for another; the address is counted before the token,
//! so that what one address has too much is not taken from all.
//! What it must not know: who counts.
//! What a mistake costs: a limit that is not the one meant.

use super::client::ClientAddress;
use super::question::{AskedLimit, Fact, Question, RateStanding, Verdict};
use crate::formats::rate_class::{Class, ClassName, CountedBy, RateClasses, binding, token_binding};
use crate::formats::token::Serial;

impl RateClasses {
    /// What the rate class means for a request that the gate has admitted. `name` is the class in the token's
    /// record; `fact` is what was counted so far.
    #[must_use]
    pub fn standing(
        &self,
        name: Option<&ClassName>,
        serial: Serial,
        client: ClientAddress,
        fact: &Fact,
    ) -> RateStanding {
        let Some((name, class)) = name.and_then(|name| self.find(name)) else {
            return RateStanding::Free;
        };
        match fact {
            Fact::Counted { class, verdict: Verdict::Within } if class == name => RateStanding::Free,
            Fact::Counted { class, verdict: Verdict::Exceeded { retry_after_seconds } } if class == name => {
                RateStanding::Exceeded { retry_after_seconds: *retry_after_seconds }
            }
            // Not counted yet, or counted under the class of an earlier record.
            Fact::Counted { .. } | Fact::NotCounted => {
                RateStanding::Ask(class.question(name, serial, client))
            }
        }
    }
}

impl Class {
    /// The limits to count against, the address's first: a request above that limit then does not use up the
    /// total.
    fn question(&self, name: &ClassName, serial: Serial, client: ClientAddress) -> Question {
        let is_bound = self.counted_by == CountedBy::Binding;
        let token = format!("{} tok_{}", name.as_str(), serial.0);
        let mut limits = vec![AskedLimit {
            key: format!("{token} {client}"),
            requests: self.requests,
            per_seconds: self.per_seconds,
            binding: is_bound.then(|| binding(name)),
        }];
        limits.extend(self.token_requests.map(|requests| AskedLimit {
            key: token,
            requests,
            per_seconds: self.per_seconds,
            binding: is_bound.then(|| token_binding(name)),
        }));
        Question::new(name.clone(), limits, client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::UnixMillis;
    use crate::formats::rate_class::RatesFault;

    const PAGE: &str = r#"{"page": {"requests": 3, "per_seconds": 10, "token_requests": 5}}"#;

    fn name() -> ClassName {
        ClassName::parse("page").unwrap()
    }

    fn unbound(json: &str) -> Result<RateClasses, RatesFault> {
        RateClasses::parse(json, |_| false)
    }

    fn standing(classes: &RateClasses, fact: &Fact) -> RateStanding {
        classes.standing(Some(&name()), Serial(7), ClientAddress::read(Some("192.0.2.1")), fact)
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for json in ["", "[]", "{\"page\":{}}", r#"{"page":{"requests":1,"per_seconds":10,"burst":1}}"#] {
            assert_eq!(unbound(json), Err(RatesFault::Form), "{json}");
        }
        assert_eq!(unbound(&PAGE.replace("3,", "3.5,")), Err(RatesFault::Form));
        let twice = r#"{"page":{"requests":1,"per_seconds":10},"page":{"requests":9,"per_seconds":10}}"#;
        assert_eq!(unbound(twice), Err(RatesFault::Form));
        for name in ["", "Page", "a_b", "1a", &"a".repeat(33)] {
            assert_eq!(unbound(&PAGE.replace("page", name)), Err(RatesFault::Name), "{name}");
        }
        for (from, to) in [("3,", "0,"), ("3,", "1000001,"), ("10", "30"), ("5}", "2}"), ("5}", "1000001}")] {
            assert_eq!(unbound(&PAGE.replace(from, to)), Err(RatesFault::Number), "{to}");
        }
        let many: Vec<String> =
            (0..21).map(|n| format!(r#""c{n}":{{"requests":1,"per_seconds":60}}"#)).collect();
        assert_eq!(unbound(&format!("{{{}}}", many.join(","))), Err(RatesFault::TooMany));
    }

    #[test]
    fn a_class_is_counted_by_its_bindings_or_by_isolates_never_by_half() {
        let by = |json: &str, bound: &[&str]| {
            let classes = RateClasses::parse(json, |name| bound.contains(&name))?;
            Ok(classes.iter().next().unwrap().1.counted_by)
        };
        let without_total = PAGE.replace(r#", "token_requests": 5"#, "");
        assert_eq!(by(PAGE, &[]), Ok(CountedBy::Isolate));
        assert_eq!(by(PAGE, &["RATE_PAGE", "RATE_PAGE_TOKEN"]), Ok(CountedBy::Binding));
        assert_eq!(by(PAGE, &["RATE_PAGE"]), Err(RatesFault::HalfBound));
        assert_eq!(by(PAGE, &["RATE_PAGE_TOKEN"]), Err(RatesFault::HalfBound));
        assert_eq!(by(&without_total, &["RATE_PAGE"]), Ok(CountedBy::Binding));
    }

    #[test]
    fn the_address_is_counted_first_then_the_token() {
        let classes = unbound(PAGE).unwrap();
        let RateStanding::Ask(question) = standing(&classes, &Fact::NotCounted) else { panic!("not asked") };
        let limits: Vec<_> =
            question.limits().iter().map(|limit| (limit.key.as_str(), limit.requests)).collect();
        assert_eq!(limits, [("page tok_7 192.0.2.1", 3), ("page tok_7", 5)]);
    }

    #[test]
    fn what_was_counted_holds_for_the_class_that_it_was_counted_for() {
        let classes = unbound(PAGE).unwrap();
        let RateStanding::Ask(question) = standing(&classes, &Fact::NotCounted) else { panic!("not asked") };
        let within = question.clone().within();
        assert_eq!(standing(&classes, &within), RateStanding::Free);
        let exceeded = question.exceeded(UnixMillis(12_000));
        assert_eq!(standing(&classes, &exceeded), RateStanding::Exceeded { retry_after_seconds: 8 });
        let others = unbound(&PAGE.replace("page", "other")).unwrap();
        let other = ClassName::parse("other");
        for fact in [exceeded, within] {
            let anew = others.standing(other.as_ref(), Serial(7), ClientAddress::read(None), &fact);
            assert!(matches!(anew, RateStanding::Ask(_)), "{fact:?}");
        }
    }

    #[test]
    fn no_class_and_one_that_is_not_known_here_limit_nothing() {
        let classes = unbound(PAGE).unwrap();
        let client = ClientAddress::read(None);
        assert_eq!(classes.standing(None, Serial(7), client, &Fact::NotCounted), RateStanding::Free);
        assert_eq!(standing(&RateClasses::default(), &Fact::NotCounted), RateStanding::Free);
    }
}
