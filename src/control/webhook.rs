//! Webhooks: where notices are sent, how they are signed, and what each response means.
//!
//! Standard: Standard Webhooks 1.0.0 (standardwebhooks.com): headers `webhook-id`, `webhook-timestamp` and
//! `webhook-signature`, HMAC-SHA256 over `id.timestamp.body`, secrets `whsec_` + base64.
//! Invariants: a notice crosses a network only encrypted; unencrypted it stays on the machine (loopback). The
//! secret is never shown. Only a 2xx response means delivery.
//! What it must not know: what a notice says, when it is retried, how it is transported.
//! What a mistake costs: a receiver accepts a forged notice, or never gets a genuine one.

use crate::base::time::UnixSeconds;
use crate::formats::key::TagKey;
use crate::limits::{WEBHOOK_SECRET_MAX_BYTES, WEBHOOK_SECRET_MIN_BYTES};
use base64::prelude::*;
use serde::{Deserialize, Serialize};
use url::{Host, Url};
use zeroize::Zeroizing;

/// The receiver of notices: `WEBHOOK_URL` and `WEBHOOK_SECRET`.
#[derive(Clone, Debug)]
pub struct Webhook {
    url: String,
    secret: TagKey,
}

/// One request to the receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRequest {
    pub url: String,
    /// Pairs of name and value.
    pub headers: [(&'static str, String); 4],
    pub body: String,
}

/// Why a delivery failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFault {
    /// The response's status was neither 2xx nor 3xx.
    Refused,
    /// The response was a redirect. It is not followed, because the operator configured the URL itself.
    Redirected,
    /// No response in time.
    TimedOut,
    /// No connection, no TLS, or no HTTP.
    Unreachable,
    /// The registry stopped while it waited for the response. The receiver may have accepted the webhook.
    Interrupted,
}

impl WebhookFault {
    pub const ALL: [Self; 5] =
        [Self::Refused, Self::Redirected, Self::TimedOut, Self::Unreachable, Self::Interrupted];

    /// The name in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Redirected => "redirected",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Interrupted => "interrupted",
        }
    }

    /// Parses a name; `None` for any other text.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.code() == code)
    }
}

/// The outcome of one request, as the platform saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    Status(u16),
    /// No response in time.
    Late,
    /// No response is possible.
    Failed,
}

impl Answered {
    /// Whether the webhook was delivered.
    ///
    /// # Errors
    /// [`WebhookFault`]: why it was not.
    pub const fn verdict(self) -> Result<(), WebhookFault> {
        match self {
            Self::Status(200..=299) => Ok(()),
            Self::Status(300..=399) => Err(WebhookFault::Redirected),
            Self::Status(_) => Err(WebhookFault::Refused),
            Self::Late => Err(WebhookFault::TimedOut),
            Self::Failed => Err(WebhookFault::Unreachable),
        }
    }
}

/// Which of the two variables is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingFault {
    Url,
    Secret,
}

impl SettingFault {
    /// What was expected, for the operator's log.
    #[must_use]
    pub const fn expected(self) -> &'static str {
        match self {
            Self::Url => {
                "an https URL (http only to this machine: localhost, 127.0.0.1, [::1]) without user, \
                 password or fragment"
            }
            Self::Secret => {
                "base64 of 24 to 64 random bytes, with or without whsec_ before it: echo whsec_$(openssl \
                 rand -base64 32)"
            }
        }
    }
}

impl Webhook {
    /// Parses the two variables.
    ///
    /// # Errors
    /// [`SettingFault`]: which of them is wrong.
    pub fn parse(url: &str, secret: &str) -> Result<Self, SettingFault> {
        let url = Url::parse(url.trim()).ok().filter(is_fit).ok_or(SettingFault::Url)?;
        let secret = parse_secret(secret.trim()).ok_or(SettingFault::Secret)?;
        Ok(Self { url: url.into(), secret })
    }

    /// The receiver's origin, for display. The path is left out because it may contain a secret.
    #[must_use]
    pub fn origin(&self) -> String {
        // The URL was parsed before; otherwise this shows nothing.
        Url::parse(&self.url).map_or_else(|_| String::new(), |url| url.origin().ascii_serialization())
    }

    /// The request that delivers `body` as notice `id` at time `at`. The signature covers the time, so each
    /// attempt has another one.
    #[must_use]
    pub fn request(&self, id: &str, body: String, at: UnixSeconds) -> WebhookRequest {
        let timestamp = at.0.to_string();
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body.as_bytes()];
        let signature = format!("v1,{}", BASE64_STANDARD.encode(self.secret.mac(&signed)));
        WebhookRequest {
            url: self.url.clone(),
            headers: [
                ("content-type", "application/json".to_owned()),
                ("webhook-id", id.to_owned()),
                ("webhook-timestamp", timestamp),
                ("webhook-signature", signature),
            ],
            body,
        }
    }
}

fn is_fit(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => return false,
    };
    let is_private = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    is_private && url.username().is_empty() && url.password().is_none() && url.fragment().is_none()
}

fn parse_secret(text: &str) -> Option<TagKey> {
    let base64 = text.strip_prefix("whsec_").unwrap_or(text);
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(base64).ok()?);
    let is_fit = (WEBHOOK_SECRET_MIN_BYTES..=WEBHOOK_SECRET_MAX_BYTES).contains(&bytes.len());
    if is_fit { TagKey::shared(&bytes) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// A test vector of the specification's libraries.
    #[test]
    fn a_request_is_signed_as_the_standard_has_it() {
        let webhook = Webhook::parse("https://hooks.example/wayleave", SECRET).unwrap();
        let body = r#"{"test": 2432232314}"#.to_owned();
        let request =
            webhook.request("msg_p5jXN8AQM9LWM0D4loKWxJek", body.clone(), UnixSeconds(1_614_265_330));
        assert_eq!(webhook.origin(), "https://hooks.example");
        assert_eq!(request.url, "https://hooks.example/wayleave");
        assert_eq!(request.body, body);
        let expected = [
            ("content-type", "application/json"),
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ];
        assert_eq!(request.headers, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn a_url_is_encrypted_or_of_this_machine_and_names_nobody() {
        for fit in [
            "https://hooks.example",
            "https://hooks.example:8443/a?b=c",
            "http://localhost:9000/",
            "http://127.0.0.1/x",
            "http://127.9.9.9",
            "http://[::1]:1/",
            " https://hooks.example ",
        ] {
            assert!(Webhook::parse(fit, SECRET).is_ok(), "{fit}");
        }
        for wrong in [
            "",
            "hooks.example",
            "http://hooks.example",
            "http://localhost.hooks.example",
            "http://127.0.0.1.hooks.example",
            "http://128.0.0.1",
            "ftp://localhost/",
            "https://user@hooks.example",
            "https://:password@hooks.example",
            "https://hooks.example/#part",
            "data:text/plain,x",
        ] {
            assert_eq!(Webhook::parse(wrong, SECRET).err(), Some(SettingFault::Url), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_24_to_64_bytes_and_never_shown() {
        let of = |bytes: usize| BASE64_STANDARD.encode(vec![7; bytes]);
        for fit in [SECRET.to_owned(), of(24), of(64), format!("whsec_{}", of(32)), format!(" {} ", of(32))] {
            assert!(Webhook::parse("https://hooks.example", &fit).is_ok(), "{fit}");
        }
        for wrong in ["hunter2", "whsec_", &of(23), &of(65), &format!("WHSEC_{}", of(32)), "whsec_%%%%"] {
            let error = Webhook::parse("https://hooks.example", wrong).err();
            assert_eq!(error, Some(SettingFault::Secret), "{wrong}");
        }
        let shown = format!("{:?}", Webhook::parse("https://hooks.example", SECRET).unwrap());
        assert!(shown.contains("redacted") && !shown.contains("MfKQ9"), "{shown}");
    }

    #[test]
    fn a_secret_has_one_spelling() {
        let text = BASE64_STANDARD.encode([7; 25]);
        for wrong in [text.replace('=', ""), text.replace("w==", "x=="), text.replacen('B', "B ", 1)] {
            assert_ne!(wrong, text);
            let error = Webhook::parse("https://hooks.example", &wrong).err();
            assert_eq!(error, Some(SettingFault::Secret), "{wrong}");
        }
    }

    #[test]
    fn only_2xx_means_that_it_was_taken() {
        for taken in [200, 202, 204, 299] {
            assert_eq!(Answered::Status(taken).verdict(), Ok(()), "{taken}");
        }
        for (answered, fault) in [
            (Answered::Status(199), WebhookFault::Refused),
            (Answered::Status(302), WebhookFault::Redirected),
            (Answered::Status(304), WebhookFault::Redirected),
            (Answered::Status(410), WebhookFault::Refused),
            (Answered::Status(500), WebhookFault::Refused),
            (Answered::Late, WebhookFault::TimedOut),
            (Answered::Failed, WebhookFault::Unreachable),
        ] {
            assert_eq!(answered.verdict(), Err(fault), "{answered:?}");
        }
    }
}
