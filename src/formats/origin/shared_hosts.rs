//! Two short lists that supplement the Public Suffix List: services that it does not name, and suffixes of
//! its own below which a customer has further names.
//!
//! Invariants: they only add or remove warnings and never refuse a rule. A test fails when the Public Suffix
//! List comes to cover a name listed here.
//! What it must not know: rules, schemes, ports.
//! What a mistake costs: a warning too few or too many.

use super::public_suffix::{is_of_an_owner_of_suffixes, private_suffix};

/// Whether other people have pages below `name`, or at names that `*.` + `name` matches, although the Public
/// Suffix List does not say so.
pub(super) fn wildcard_is_shared(name: &str) -> bool {
    let overlaps = |shared: &&str| *shared == name || is_below(shared, name) || is_below(name, shared);
    SHARED_HOSTS.iter().any(overlaps) || is_of_an_owner_of_suffixes(name)
}

/// Whether several owners have pages at `name` itself, in different folders.
pub(super) fn is_shared(name: &str) -> bool {
    SHARED_HOSTS.contains(&name)
}

/// Whether `name` belongs to one customer of a service that gives a customer no names below it.
pub(super) fn is_of_one_customer(name: &str) -> bool {
    private_suffix(name).is_some_and(|suffix| !NAMES_BELOW_CUSTOMERS.contains(&suffix))
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

/// Services at which each customer has a name below, or a folder. The comments show what their addresses look
/// like.
#[rustfmt::skip]
const SHARED_HOSTS: [&str; 36] = [
    // Services that map a name to every IP address.
    "nip.io",     // <anything>.<address>.nip.io
    "sslip.io",   // <anything>.<address>.<anything>.sslip.io
    "traefik.me", // <anything>.<address>.traefik.me
    // Tunnels to a developer's machine.
    "devtunnels.ms", // Visual Studio: <id>-<port>.<region>.devtunnels.ms
    "gradio.live",   // <id>.gradio.live
    "lhr.life",      // localhost.run: <id>.lhr.life
    "loca.lt",       // localtunnel: <name>.loca.lt
    "pinggy.link",   // <id>.a.pinggy.link, <id>.a.free.pinggy.link
    "serveo.net",    // <name>.serveo.net
    // Hosted development machines.
    "cloudshell.dev", // Google: <port>-<id>.<region>.cloudshell.dev
    "github.dev",     // Codespaces: <name>-<port>.app.github.dev
    "gitpod.io",      // <port>-<name>.<region>.gitpod.io
    // Pages, files and sites of customers.
    "aliyuncs.com",           // Alibaba: <bucket>.oss-<region>.aliyuncs.com
    "appdomain.cloud",        // IBM: <app>.<region>.codeengine.appdomain.cloud, buckets
    "azurecontainerapps.io",  // <app>.<environment>.<region>.azurecontainerapps.io
    "b-cdn.net",              // bunny.net: <zone>.b-cdn.net
    "backblazeb2.com",        // <bucket>.s3.<region>.backblazeb2.com, f000.backblazeb2.com/file/<bucket>
    "cdpn.io",                // CodePen: cdpn.io/<user>/<pen>
    "googleusercontent.com",  // files and translations of Google's users, at names and in folders
    "ipfs.io",                // ipfs.io/ipfs/<site>
    "itch.io",                // <user>.itch.io
    "myqcloud.com",           // Tencent: <bucket>.cos.<region>.myqcloud.com
    "neocities.org",          // <user>.neocities.org
    "output.jsbin.com",       // output.jsbin.com/<bin>
    "sites.google.com",       // sites.google.com/view/<site>
    "sourceforge.io",         // <project>.sourceforge.io
    "squarespace.com",        // <site>.squarespace.com
    "storage.googleapis.com", // <bucket>.storage.googleapis.com, storage.googleapis.com/<bucket>
    "strikingly.com",         // <site>.strikingly.com
    "substack.com",           // <letter>.substack.com
    "tiiny.site",             // <site>.tiiny.site
    "tumblr.com",             // <user>.tumblr.com
    "wasabisys.com",          // s3.<region>.wasabisys.com/<bucket>, <bucket>.s3.<region>.wasabisys.com
    "weebly.com",             // <site>.weebly.com
    "wordpress.com",          // <site>.wordpress.com
    "wpengine.com",           // <site>.wpengine.com
];

/// Suffixes of the list's private section at which a customer's own names are below the customer's name. Not
/// complete: a missing one causes an unnecessary warning.
#[rustfmt::skip]
const NAMES_BELOW_CUSTOMERS: [&str; 34] = [
    "amplifyapp.com", // AWS Amplify: <branch>.<app>.amplifyapp.com
    "deno.net",       // Deno Deploy: <app>.<organisation>.deno.net
    "duckdns.org",    // whatever is below <name>.duckdns.org leads to the same address
    "pages.dev",      // developers.cloudflare.com/pages, preview deployments: <hash>.<project>.pages.dev
    "ts.net",         // Tailscale: <machine>.<tailnet>.ts.net
    "workers.dev",    // Cloudflare Workers: <worker>.<account>.workers.dev
    // Whole domains that companies run like registries: CentralNic and others, as the list has them.
    "ae.org", "br.com", "cn.com", "co.com", "co.nl", "co.no", "com.de", "com.se", "de.com", "eu.com",
    "eu.org", "gb.net", "gr.com", "hu.net", "in.net", "jp.net", "jpn.com", "mex.com", "ru.com", "sa.com",
    "se.net", "uk.com", "uk.net", "us.com", "us.kg", "us.org", "za.bz", "za.com",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::origin::public_suffix::{covers_a_public_suffix, is_public_suffix};

    #[test]
    fn what_the_public_suffix_list_refuses_is_not_listed_again() {
        for name in SHARED_HOSTS {
            assert!(!covers_a_public_suffix(name), "{name} is covered by the list: drop it");
        }
    }

    #[test]
    fn what_has_names_below_customers_is_a_private_suffix() {
        for name in NAMES_BELOW_CUSTOMERS {
            assert!(is_public_suffix(name), "{name} is no suffix: drop it");
            assert_eq!(private_suffix(&format!("customer.{name}")), Some(name));
        }
    }
}
