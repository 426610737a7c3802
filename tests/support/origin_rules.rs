//! Where the rows of `tests/vectors/origins.json` come from, and those of rules: written by hand,
//! expectations too.

pub(crate) const CONTRACT: &str = "Wayleave contract: origin rules";
pub(crate) const RFC_CASE: &str = "RFC 6454 section 4, step 5: the host in lower case";
pub(crate) const RFC_HEADER: &str =
    "RFC 6454 section 7.1: serialized-origin, without path, query or userinfo";
pub(crate) const RFC_OPAQUE: &str = "RFC 6454 section 6.2: an origin that is not a tuple is null";
pub(crate) const URL_HOST: &str = "URL standard section 3.5: host parsing";
pub(crate) const URL_PORT: &str = "URL standard section 4.2: default ports are not serialised";
pub(crate) const URL_DOT: &str = "URL standard section 3.1: example.com and example.com. are different \
    hosts; Wayleave contract: one final dot is removed";
pub(crate) const IDNA: &str = "UTS #46, as the URL standard section 3.3 uses it";
pub(crate) const PSL: &str = "publicsuffix.org: the list and its algorithm";
pub(crate) const SUFFIX: &str = "github.com/expressjs/cors issue 412: a suffix without a dot";
pub(crate) const PREFIX: &str = "CVE-2026-37737: an unanchored pattern";
pub(crate) const FETCH_NO_ORIGIN: &str =
    "Fetch standard, append a request Origin header: none on a no-CORS GET";
pub(crate) const FETCH_NULL: &str =
    "Fetch standard, append a request Origin header: null under no-referrer and after cross-origin redirects";
pub(crate) const METADATA: &str = "Fetch Metadata section 2.4: Sec-Fetch-Site";
pub(crate) const REFERER: &str = "RFC 9110 section 10.1.3: Referer";
pub(crate) const POLICY: &str = "Referrer Policy section 3: no-referrer, strict-origin-when-cross-origin";
pub(crate) const FIELD_LINES: &str =
    "RFC 9110 section 5.2: field lines of one name are combined with a comma";
pub(crate) const DROPPED: &str = "github.com/publicsuffix/list, pull request 1966: \
    cloudapp.azure.com left the list, its customers did not";
pub(crate) const SHARED: &str =
    "src/formats/origin/shared_hosts.rs: hosts of many customers that the Public Suffix List does not name";
pub(crate) const MISTAKE: &str = "Wayleave contract: a rule that cannot work as it was meant is warned of";
pub(crate) const CHROME_ID: &str =
    "developer.chrome.com, manifest key: an extension's id is 32 letters a to p, the same everywhere";
pub(crate) const FIREFOX_ID: &str =
    "MDN, web_accessible_resources: Firefox draws an extension's UUID at random for each installation";
pub(crate) const SAFARI_ID: &str =
    "MDN, web_accessible_resources: Safari draws an extension's UUID at each launch";
pub(crate) const LOOPBACK: &str = "Secure Contexts section 3.1: loopback";
pub(crate) const N: Option<&str> = None;

/// Source, rule as typed, canonical text or `!` and the code of its error.
pub(crate) type RuleRow = (&'static str, &'static str, &'static str);

#[rustfmt::skip]
pub(crate) const RULES: &[RuleRow] = &[
    (CONTRACT, "example.com", "https://example.com"),
    (CONTRACT, "https://example.com", "https://example.com"),
    (CONTRACT, "http://example.com", "http://example.com"),
    (CONTRACT, "*.example.com", "https://*.example.com"),
    (CONTRACT, "http://*.example.com:8080", "http://*.example.com:8080"),
    (CONTRACT, "example.com:8443", "https://example.com:8443"),
    (CONTRACT, "example.com:*", "https://example.com:*"),
    (CONTRACT, "*.example.com:*", "https://*.example.com:*"),
    (CONTRACT, "intranet", "https://intranet"),
    (CONTRACT, "my_host.example.com", "https://my_host.example.com"),
    (URL_PORT, "https://example.com:443", "https://example.com"),
    (URL_PORT, "http://example.com:80", "http://example.com"),
    (URL_PORT, "https://example.com:80", "https://example.com:80"),
    (URL_PORT, "http://example.com:443", "http://example.com:443"),
    (RFC_CASE, "HTTPS://Example.COM", "https://example.com"),
    (RFC_CASE, "*.EXAMPLE.com", "https://*.example.com"),
    (URL_DOT, "example.com.", "https://example.com"),
    (URL_DOT, "*.example.com.:8443", "https://*.example.com:8443"),
    (URL_DOT, "example.com..", "!rule_host"),
    (URL_DOT, ".", "!rule_host"),
    (LOOPBACK, "http://localhost:3000", "http://localhost:3000"),
    (LOOPBACK, "http://127.0.0.1", "http://127.0.0.1"),
    (LOOPBACK, "http://[::1]:5173", "http://[::1]:5173"),
    (LOOPBACK, "http://*.localhost:*", "http://*.localhost:*"),
    (LOOPBACK, "localhost", "https://localhost"),
    (URL_HOST, "192.0.2.1", "https://192.0.2.1"),
    (URL_HOST, "http://0x7f.1", "http://127.0.0.1"),
    (URL_HOST, "256.1.1.1", "!rule_host"),
    (URL_HOST, "[2001:DB8:0:0::1]:8443", "https://[2001:db8::1]:8443"),
    (URL_HOST, "2001:db8::1", "!rule_host"),
    (URL_HOST, "[::1", "!rule_host"),
    (URL_HOST, "[::1]x", "!rule_host"),
    (URL_HOST, "[not-v6]", "!rule_host"),
    (URL_HOST, "exa mple.com", "!rule_host"),
    (URL_HOST, " example.com", "!rule_host"),
    (URL_HOST, "example.com\t", "!rule_host"),
    (URL_HOST, "ex%61mple.com", "!rule_host"),
    (URL_HOST, "exa<mple.com", "!rule_host"),
    (URL_HOST, "a,b", "!rule_host"),
    (URL_HOST, "a..example.com", "!rule_host"),
    (URL_HOST, "https://", "!rule_host"),
    (URL_HOST, ":8080", "!rule_host"),
    (IDNA, "Bücher.example", "https://xn--bcher-kva.example"),
    (IDNA, "*.xn--bcher-kva.example", "https://*.xn--bcher-kva.example"),
    (IDNA, "http://\u{441}\u{430}\u{439}\u{442}.example:8080", "http://xn--80aswg.example:8080"),
    (IDNA, "faß.example", "https://xn--fa-hia.example"),
    (IDNA, "example\u{3002}com", "https://example.com"),
    (IDNA, "\u{ff45}xample.com", "https://example.com"),
    (IDNA, "xn--a.example", "!rule_host"),
    (PSL, "*.com", "!public_suffix_rule"),
    (PSL, "*.com:86", "!public_suffix_rule"),
    (PSL, "*.co.uk", "!public_suffix_rule"),
    (PSL, "*.github.io", "!public_suffix_rule"),
    (PSL, "*.pages.dev", "!public_suffix_rule"),
    (PSL, "*.vercel.app", "!public_suffix_rule"),
    (PSL, "*.netlify.app", "!public_suffix_rule"),
    (PSL, "http://*.GitHub.IO.", "!public_suffix_rule"),
    (PSL, "*.kawasaki.jp", "!public_suffix_rule"),
    (PSL, "*.corp", "!public_suffix_rule"),
    (PSL, "*.公司.cn", "!public_suffix_rule"),
    (PSL, "*.owner.github.io", "https://*.owner.github.io"),
    (PSL, "*.example.co.uk", "https://*.example.co.uk"),
    (PSL, "owner.pages.dev", "https://owner.pages.dev"),
    (PSL, "github.io", "https://github.io"),
    (PSL, "*.amazonaws.com", "!public_suffix_rule"),
    (DROPPED, "*.azure.com", "!public_suffix_rule"),
    (DROPPED, "*.westeurope.cloudapp.azure.com", "!public_suffix_rule"),
    (PSL, "*.on.aws", "!public_suffix_rule"),
    (PSL, "*.windows.net", "!public_suffix_rule"),
    (PSL, "*.core.windows.net", "!public_suffix_rule"),
    (PSL, "*.fastly.net", "!public_suffix_rule"),
    (PSL, "*.ovh.net", "!public_suffix_rule"),
    (PSL, "*.scw.cloud", "!public_suffix_rule"),
    (PSL, "*.fr-par.scw.cloud:8443", "!public_suffix_rule"),
    (PSL, "*.platform.sh", "!public_suffix_rule"),
    (PSL, "http://*.Amazonaws.COM.:*", "!public_suffix_rule"),
    (PSL, "*.amazonaws.com.cn", "!public_suffix_rule"),
    (PSL, "*.compute.amazonaws.com", "!public_suffix_rule"),
    (PSL, "*.eu-west-1.compute.amazonaws.com", "!public_suffix_rule"),
    (PSL, "*.xn--mre-og-romsdal-qqb.no", "!public_suffix_rule"),
    (PSL, "*.s3.amazonaws.com", "!public_suffix_rule"),
    (PSL, "amazonaws.com", "https://amazonaws.com"),
    (PSL, "*.example.amazonaws.com", "https://*.example.amazonaws.com"),
    (PSL, "*.ck", "!public_suffix_rule"),
    (PSL, "*.www.ck", "https://*.www.ck"),
    (PSL, "*.example.ck", "!public_suffix_rule"),
    (PSL, "*.shop.example.ck", "https://*.shop.example.ck"),
    (PSL, "*.city.kawasaki.jp", "https://*.city.kawasaki.jp"),
    (PSL, "*.uk.com", "!public_suffix_rule"),
    (PSL, "*.example.uk.com", "https://*.example.uk.com"),
    (PSL, "*.customer.pages.dev", "https://*.customer.pages.dev"),
    (PSL, "*.account.workers.dev", "https://*.account.workers.dev"),
    (PSL, "*.preview.customer.vercel.app", "https://*.preview.customer.vercel.app"),
    (PSL, "*.bucket.s3.amazonaws.com", "https://*.bucket.s3.amazonaws.com"),
    (PSL, "https://s3.amazonaws.com", "https://s3.amazonaws.com"),
    (PSL, "customer.github.io", "https://customer.github.io"),
    (SHARED, "*.nip.io", "https://*.nip.io"),
    (SHARED, "http://*.10-0-0-1.sslip.io:*", "http://*.10-0-0-1.sslip.io:*"),
    (SHARED, "*.westeurope.azurecontainerapps.io", "https://*.westeurope.azurecontainerapps.io"),
    (SHARED, "*.googleusercontent.com", "https://*.googleusercontent.com"),
    (SHARED, "shop.10-0-0-1.nip.io", "https://shop.10-0-0-1.nip.io"),
    (SHARED, "storage.googleapis.com", "https://storage.googleapis.com"),
    (SHARED, "notnip.io", "https://notnip.io"),
    (SHARED, "*.notnip.io", "https://*.notnip.io"),
    (MISTAKE, "any", "https://any"),
    (MISTAKE, "ANY:*", "https://any:*"),
    (MISTAKE, "http://any", "http://any"),
    (MISTAKE, "https://null", "https://null"),
    (MISTAKE, "file", "https://file"),
    (MISTAKE, "about", "https://about"),
    (MISTAKE, "abcdefghijklmnopabcdefghijklmnop", "https://abcdefghijklmnopabcdefghijklmnop"),
    (MISTAKE, "192.168.0.10:8443", "https://192.168.0.10:8443"),
    (MISTAKE, "http://192.168.0.10", "http://192.168.0.10"),
    (CONTRACT, "*", "!rule_wildcard"),
    (CONTRACT, "https://*", "!rule_wildcard"),
    (CONTRACT, "*example.com", "!rule_wildcard"),
    (CONTRACT, "project-*.vercel.app", "!rule_wildcard"),
    (CONTRACT, "a.*.example.com", "!rule_wildcard"),
    (CONTRACT, "*.*.example.com", "!rule_wildcard"),
    (CONTRACT, "*.192.0.2.1", "!rule_wildcard"),
    (CONTRACT, "*.[::1]", "!rule_wildcard"),
    (CONTRACT, "*.", "!rule_host"),
    (CONTRACT, "example.com:80*", "!rule_port"),
    (CONTRACT, "example.com:", "!rule_port"),
    (CONTRACT, "example.com:0", "!rule_port"),
    (CONTRACT, "example.com:0443", "!rule_port"),
    (CONTRACT, "example.com:+443", "!rule_port"),
    (CONTRACT, "example.com:65536", "!rule_port"),
    (CONTRACT, "example.com:443:8443", "!rule_host"),
    (CONTRACT, "javascript:alert", "!rule_port"),
    (CONTRACT, "https://example.com/", "!rule_path"),
    (CONTRACT, "example.com/app", "!rule_path"),
    (CONTRACT, "example.com?a", "!rule_path"),
    (CONTRACT, "example.com#a", "!rule_path"),
    (CONTRACT, "//example.com", "!rule_path"),
    (CONTRACT, "example.com\\a", "!rule_path"),
    (CONTRACT, "user@example.com", "!rule_userinfo"),
    (CONTRACT, "https://good.example:x@evil.example", "!rule_userinfo"),
    (CONTRACT, "null", "!rule_null"),
    (CONTRACT, "", "!rule_empty"),
    (CONTRACT, "ftp://example.com", "!rule_scheme"),
    (CONTRACT, "file://example.com", "!rule_scheme"),
    (CONTRACT, "://example.com", "!rule_scheme"),
    (CONTRACT, "*://example.com", "!rule_scheme"),
    (CONTRACT, "wss://example.com", "!rule_scheme"),
    (CONTRACT, "electron://app", "!rule_scheme"),
    (CONTRACT, "capacitor://localhost", "capacitor://localhost"),
    (CONTRACT, "tauri://localhost:1420", "tauri://localhost:1420"),
    (
        CONTRACT,
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    ),
    (CONTRACT, "chrome-extension://*", "!rule_wildcard"),
    (CONTRACT, "capacitor://*.localhost", "!rule_app_wildcard"),
    (CONTRACT, "ionic://localhost:*", "!rule_app_wildcard"),
    (CHROME_ID, "chrome-extension://my-extension", "chrome-extension://my-extension"),
    (
        CHROME_ID,
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop:443",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop:443",
    ),
    (
        FIREFOX_ID,
        "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
        "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
    ),
    (FIREFOX_ID, "moz-extension://my-extension", "moz-extension://my-extension"),
    (FIREFOX_ID, "moz-extension://my-extension@example.com", "!rule_userinfo"),
    (FIREFOX_ID, "moz-extension://*", "moz-extension://*"),
    (FIREFOX_ID, "MOZ-Extension://*", "moz-extension://*"),
    (FIREFOX_ID, "moz-extension://*:*", "!rule_app_wildcard"),
    (FIREFOX_ID, "moz-extension://*:443", "!rule_app_wildcard"),
    (FIREFOX_ID, "moz-extension://*.", "!rule_host"),
    (FIREFOX_ID, "moz-extension://**", "!rule_wildcard"),
    (FIREFOX_ID, "moz-extension://*.example.com", "!rule_app_wildcard"),
    (FIREFOX_ID, "moz-extension://*/", "!rule_path"),
    (FIREFOX_ID, "capacitor://*", "!rule_wildcard"),
    (SAFARI_ID, "safari-web-extension://*", "!rule_scheme"),
];

/// A rule and the codes of its warnings.
#[rustfmt::skip]
pub(crate) const WARNED: &[(&str, &str)] = &[
    ("https://example.com", ""),
    ("*.example.com:*", ""),
    ("http://localhost:3000", ""),
    ("http://*.localhost:*", ""),
    ("capacitor://localhost", ""),
    ("tauri://localhost:1420", ""),
    ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", ""),
    // A customer's page, and wildcards where a customer's own names lie below its name.
    ("customer.github.io", ""),
    ("a.customer.github.io", ""),
    ("*.customer.pages.dev", ""),
    ("*.account.workers.dev", ""),
    ("*.example.uk.com", ""),
    ("*.home.duckdns.org", ""),
    ("*.example.co.uk", ""),
    ("*.notnip.io", ""),
    ("shop.10-0-0-1.nip.io", ""),
    // Nobody has names there, or a stranger has.
    ("*.customer.github.io", "wildcard_below_customer"),
    ("*.preview.customer.vercel.app", "wildcard_below_customer"),
    ("*.bucket.s3.amazonaws.com", "wildcard_below_customer"),
    ("http://*.bucket.s3.amazonaws.com", "wildcard_below_customer http_origin"),
    ("*.nip.io", "shared_host"),
    ("*.foo.sslip.io", "shared_host"),
    ("*.storage.googleapis.com", "shared_host"),
    ("storage.googleapis.com", "shared_host"),
    ("*.google.com", "shared_host"),
    ("*.new-service.amazonaws.com", "shared_host"),
    ("s3.amazonaws.com", "suffix_host"),
    ("pages.dev", "suffix_host"),
    ("co.uk", "suffix_host"),
    ("westeurope.cloudapp.azure.com", "suffix_host"),
    // Words and half names.
    ("any", "word_as_host"),
    ("http://null:8080", "word_as_host http_origin"),
    ("moz-extension", "word_as_host"),
    ("intranet", "single_label_host"),
    ("localhost", "loopback_https"),
    ("bücher", "single_label_host international_name"),
    // Extensions.
    ("moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc", "one_installation"),
    ("moz-extension://2C127FA4-62C7-7E4F-90E5-472B45EECFDC", "one_installation"),
    ("moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfd", "extension_id_form"),
    ("moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc:443", "extension_id_form"),
    ("safari-web-extension://3fad6dae-0632-4de6-acba-13c69c5d62b5", "one_installation"),
    ("moz-extension://*", "every_installation"),
    ("safari-web-extension://*", "every_installation"),
    ("chrome-extension://my-extension", "extension_id_form"),
    ("chrome-extension://abcdefghijklmnopabcdefghijklmnoz", "extension_id_form"),
    // Scheme and port.
    ("192.168.0.10", "address_https"),
    ("[2001:db8::1]", "address_https"),
    ("127.0.0.1", "loopback_https"),
    ("https://example.com:80", "port_of_other_scheme"),
    ("http://localhost:443", "port_of_other_scheme"),
    ("http://example.com:443", "http_origin port_of_other_scheme"),
];
