//! Whether the admin API answers on every public host, as an isolate finds out from its requests.
//!
//! Invariants: the operator is warned once per isolate. A request's URL is parsed at most once for each
//! origin in a row: requests to this machine, of which a development server has many, cost a comparison.

use super::settings::Config;

/// What an isolate has found out so far.
#[derive(Debug, Default)]
pub struct ExposureCheck {
    has_warned: bool,
    /// The origin (`scheme://host[:port]`) of the last request that was not public.
    private_origin: String,
}

impl ExposureCheck {
    /// Whether the request to `url` is the first to show that the admin API answers on every public host.
    pub fn is_due(&mut self, config: &Config, url: &str) -> bool {
        if self.has_warned || !config.has_admin_api_on_all_hosts() || self.is_known(url) {
            return false;
        }
        self.has_warned = config.admin_api_is_on_every_host(url);
        if !self.has_warned {
            self.private_origin.clear();
            self.private_origin.push_str(origin(url));
        }
        self.has_warned
    }

    fn is_known(&self, url: &str) -> bool {
        !self.private_origin.is_empty() && origin(url) == self.private_origin
    }
}

/// Scheme and authority of an absolute URL, as written; `""` when there are none.
fn origin(url: &str) -> &str {
    let Some((scheme, rest)) = url.split_once("://") else { return "" };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    url.get(..scheme.len() + "://".len() + authority).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::read;

    #[test]
    fn one_warning_is_due_and_requests_to_this_machine_are_judged_once() {
        let shared = read(&[]).unwrap();
        let mut check = ExposureCheck::default();
        let local = "http://localhost:8787/x?y";
        assert!(!check.is_known(local));
        assert!(!check.is_due(&shared, local));
        assert!(check.is_known(local) && check.is_known("http://localhost:8787"));
        for other in ["http://localhost:87871/x", "https://localhost:8787/x", "http://localhost", "", "x"] {
            assert!(!check.is_known(other), "{other}");
        }
        assert!(!check.is_due(&shared, "http://127.0.0.1/"));
        assert!(check.is_due(&shared, "https://api.example/"));
        assert!(!check.is_due(&shared, "https://api.example/"), "the operator was warned");
        let apart = read(&[("CONTROL_HOSTS", "control.example")]).unwrap();
        assert!(!ExposureCheck::default().is_due(&apart, "https://api.example/"));
    }
}
