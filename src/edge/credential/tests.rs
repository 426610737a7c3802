use super::*;

const TOKEN: &str = "wlp_AQEBAgMEBQYHCAkAAAAAAAAAAAAAAAAAAAAA";

fn sources(text: &str) -> CredentialSources {
    CredentialSources::parse(text).unwrap()
}

/// The kind of the fault, and the places.
type Fault = (FaultKind, Vec<String>);
/// The credential's text, the header to strip, and the remaining query.
type Found = Result<Option<(String, Option<String>, Option<String>)>, Fault>;

/// Finds the credential in these headers: the platform reads those that `sources` names, and reports which
/// others hold a token.
fn with<T>(
    listed: &str,
    sent: &[(&str, &str)],
    query: Option<&str>,
    look: impl FnOnce(Option<&Credential<'_>>, &Headers<'_>) -> T,
) -> Result<T, Fault> {
    let sources = sources(listed);
    let names = format!("origin\nreferer\ncookie\n{}", sources.header_names().join("\n"));
    let is_read = |name: &str| names.split('\n').any(|read| read == name);
    let value =
        |name: &str| sent.iter().find(|(header, _)| *header == name).map(|(_, value)| format!("={value}"));
    let lines: Vec<String> = names.split('\n').map(|name| value(name).unwrap_or_default()).collect();
    let lines = lines.join("\n");
    let holding = sent.iter().filter(|(name, value)| !is_read(name) && value.contains("wlp_"));
    let others = holding.map(|(name, _)| *name).collect::<Vec<_>>().join(",");
    let headers = Headers::read(&names, &lines);
    match sources.find(&Carriers { headers: &headers, others: &others, query }) {
        Ok(credential) => Ok(look(credential.as_ref(), &headers)),
        Err(fault) => Err((fault.kind, fault.places().collect())),
    }
}

fn find(listed: &str, headers: &[(&str, &str)], query: Option<&str>) -> Found {
    with(listed, headers, query, |found, _| {
        let credential = found?;
        let stays = query.and_then(|query| credential.strip_query(query)).map(Cow::into_owned);
        Some((credential.text().to_owned(), credential.header_to_strip().map(str::to_owned), stays))
    })
}

fn text(listed: &str, headers: &[(&str, &str)], query: Option<&str>) -> Result<Option<String>, Fault> {
    Ok(find(listed, headers, query)?.map(|(text, _, _)| text))
}

fn fault(listed: &str, headers: &[(&str, &str)], query: Option<&str>) -> Fault {
    text(listed, headers, query).expect_err(&format!("{headers:?} {query:?}"))
}

/// The subprotocols offered to the upstream when the token was among them. `None` when it was elsewhere.
fn protocols_left(listed: &str, value: &str) -> Result<Option<Option<String>>, Fault> {
    with(listed, &[("sec-websocket-protocol", value)], None, |found, headers| {
        found.and_then(|credential| credential.strip_protocols(headers))
    })
}

const ALL: &str = CREDENTIAL_SOURCES_DEFAULT;

#[test]
fn each_default_place_presents_one() {
    let presented = Ok(Some(TOKEN.to_owned()));
    assert_eq!(text(ALL, &[("authorization", &format!("Bearer {TOKEN}"))], None), presented);
    assert_eq!(text(ALL, &[("authorization", &format!("bEARER   {TOKEN}"))], None), presented);
    assert_eq!(text(ALL, &[("x-api-key", TOKEN)], None), presented);
    assert_eq!(text(ALL, &[], Some(&format!("a=1&token={TOKEN}"))), presented);
    assert_eq!(text(ALL, &[], Some("a=1")), Ok(None));
    assert_eq!(text(ALL, &[], None), Ok(None));
}

#[test]
fn a_listed_place_presents_whatever_is_in_it() {
    for value in
        ["", "Bearer", "Basic dTpw", TOKEN, "Digest username=\"u\", realm=\"r, s=t\"", &"x".repeat(10_000)]
    {
        assert_eq!(text(ALL, &[("authorization", value)], None), Ok(Some(String::new())), "{value}");
    }
    assert_eq!(text(ALL, &[("x-api-key", "")], None), Ok(Some(String::new())));
    assert_eq!(text(ALL, &[("x-api-key", "other")], None), Ok(Some("other".to_owned())));
    assert_eq!(text(ALL, &[("x-api-key", &"x".repeat(257))], None), Ok(Some(String::new())));
    for query in ["token", "token=", "%74oken=", "a=1&tok%65n&b"] {
        assert_eq!(text(ALL, &[], Some(query)), Ok(Some(String::new())), "{query}");
    }
    assert_eq!(text(ALL, &[], Some(&format!("token={}", "x".repeat(10_000)))), Ok(Some(String::new())));
}

#[test]
fn two_are_a_conflict_equal_or_not() {
    let bearer = format!("Bearer {TOKEN}");
    let twice = format!("{TOKEN}, {TOKEN}");
    let query = format!("token={TOKEN}");
    let query_twice = format!("token={TOKEN}&a=1&%74oken=");
    let bearer_twice = format!("{bearer}, {bearer}");
    let bearer_and_basic = format!("{bearer}, Basic dTpw");
    let empty_and_bearer = format!(", {bearer}");
    type Presented<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>, FaultKind, &'a [&'a str]);
    use FaultKind::{Twice, TwoPlaces};
    let cases: [Presented<'_>; 9] = [
        (
            &[("authorization", &bearer), ("x-api-key", TOKEN)],
            None,
            TwoPlaces,
            &["bearer", "header:x-api-key"],
        ),
        (&[("authorization", &bearer)], Some(&query), TwoPlaces, &["bearer", "query:token"]),
        (&[("authorization", ""), ("x-api-key", "")], None, TwoPlaces, &["bearer", "header:x-api-key"]),
        (&[("x-api-key", TOKEN)], Some("token"), TwoPlaces, &["header:x-api-key", "query:token"]),
        (&[("x-api-key", &twice)], None, Twice, &["header:x-api-key"]),
        (&[("authorization", &bearer_twice)], None, Twice, &["bearer"]),
        (&[("authorization", &bearer_and_basic)], None, Twice, &["bearer"]),
        (&[("authorization", &empty_and_bearer)], None, Twice, &["bearer"]),
        (&[], Some(&query_twice), Twice, &["query:token"]),
    ];
    for (headers, query, kind, places) in cases {
        assert_eq!(fault(ALL, headers, query), (kind, names(places)), "{headers:?} {query:?}");
    }
}

fn names(places: &[&str]) -> Vec<String> {
    places.iter().map(|place| (*place).to_owned()).collect()
}

#[test]
fn a_token_where_none_is_looked_for_is_never_ignored() {
    let cookie = format!("a=1; session={TOKEN}");
    let wrapped = format!("Bearer ({TOKEN})");
    for (headers, place) in [
        ([("x_api_key", TOKEN)], "header"),
        ([("x-auth-token", TOKEN)], "header"),
        ([("proxy-authorization", &wrapped)], "header"),
        ([("user-agent", TOKEN)], "header"),
        ([("wayleave-token", TOKEN)], "header"),
        ([("cookie", &cookie)], "cookie"),
        ([("cookie", TOKEN)], "cookie"),
        ([("sec-websocket-protocol", TOKEN)], "websocket-protocol"),
    ] {
        assert_eq!(fault(ALL, &headers, None), (FaultKind::Misplaced, names(&[place])), "{headers:?}");
        let bearer = format!("Bearer {TOKEN}");
        let both = [headers[0], ("authorization", &bearer)];
        let (kind, places) = fault(ALL, &both, None);
        assert_eq!(kind, FaultKind::TwoPlaces, "{both:?}");
        assert!(places.contains(&"bearer".to_owned()) && places.contains(&place.to_owned()), "{places:?}");
    }
    for query in [
        "Token=T",
        "TOKEN=T",
        "token[]=T",
        "tokens=T",
        "a=1;token=T",
        ";token=T",
        "t=Bearer%20T",
        "T",
        "T=1",
        "a[T]=1",
        "x=%77lp_x",
        "x=wlp%5fx",
        "%77%6c%70%5F=",
        "next=https%3A%2F%2Fh%2F%3Ftoken%3DT",
        "a=%zz%77lp_",
        "a=(T)",
        "api_key=T",
    ] {
        let query = query.replace('T', TOKEN);
        assert_eq!(fault(ALL, &[], Some(&query)), (FaultKind::Misplaced, names(&["query"])), "{query}");
        let with_one = format!("{query}&token={TOKEN}");
        assert_eq!(fault(ALL, &[], Some(&with_one)).0, FaultKind::TwoPlaces, "{with_one}");
    }
    // In a listed place, any text is a credential, if not a valid one.
    for (headers, query) in [
        ([("authorization", wrapped.as_str())].as_slice(), None),
        (&[("authorization", &format!("Token token={TOKEN}"))], None),
        (&[], Some(format!("token=Bearer%20{TOKEN}"))),
        (&[("x-api-key", "x-wlp_")], None),
    ] {
        let seen = with(ALL, headers, query.as_deref(), |found, _| found.map(Credential::may_be_token));
        assert_eq!(seen, Ok(Some(true)), "{headers:?} {query:?}");
        assert_ne!(text(ALL, headers, query.as_deref()), Ok(Some(TOKEN.to_owned())));
    }
}

#[test]
fn what_browsers_write_by_themselves_and_what_is_no_token_stay() {
    let page = format!("https://site.example/?token={TOKEN}");
    for headers in [
        [("referer", page.as_str())],
        [("origin", "https://wlp_x.example")],
        [("host", "wlp_x.example")],
        [("access-control-request-headers", "x-wlp_a")],
        [("cookie", "wlp_seen=1; a=2")],
        [("x-auth-token", "WLP_")],
        [("sec-websocket-protocol", "graphql-ws, chat")],
    ] {
        assert_eq!(text(ALL, &headers, Some("a=WLP_&wlp=_")), Ok(None), "{headers:?}");
    }
}

#[test]
fn a_websocket_may_offer_it_beside_its_protocols() {
    let offers = |text: &str| [("sec-websocket-protocol", text.replace('T', TOKEN))];
    for (offered, left) in [
        ("wayleave, T", None),
        ("wayleave,T", None),
        ("T,\twayleave", None),
        ("wayleave, T, mqtt, v2.chat", Some("mqtt, v2.chat")),
        ("mqtt, wayleave, T", Some("mqtt")),
    ] {
        let [(name, value)] = offers(offered);
        for listed in [ALL, "websocket-protocol", "bearer"] {
            assert_eq!(text(listed, &[(name, &value)], None), Ok(Some(TOKEN.to_owned())), "{value}");
            let left = left.map(str::to_owned);
            assert_eq!(protocols_left(listed, &value), Ok(Some(left)), "{value}");
        }
    }
    let [(name, two)] = offers("wayleave, T, T");
    assert_eq!(fault(ALL, &[(name, &two)], None), (FaultKind::Twice, names(&["websocket-protocol"])));
    let [(name, one)] = offers("wayleave, T");
    let query = format!("token={TOKEN}");
    let places = names(&["websocket-protocol", "query:token"]);
    assert_eq!(fault(ALL, &[(name, &one)], Some(&query)), (FaultKind::TwoPlaces, places));
    assert_eq!(text(ALL, &[(name, "wayleave")], None), Ok(Some(String::new())), "listed, so a credential");
    assert_eq!(text("bearer", &[(name, "wayleave, mqtt")], None), Ok(None), "the upstream's own");
    assert_eq!(text(ALL, &[(name, "wayleave, x.wlp_")], None), Ok(Some("x.wlp_".to_owned())));
}

#[test]
fn a_place_that_is_not_listed_is_the_upstreams_own() {
    let jwt = [("authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x")];
    assert_eq!(text("query:token", &jwt, None), Ok(None));
    assert_eq!(text("query:token", &jwt, Some(&format!("token={TOKEN}"))), Ok(Some(TOKEN.to_owned())));
    assert_eq!(text("query:key", &[("x-api-key", "a, b")], Some("token=1&token=2")), Ok(None));
}

#[test]
fn a_public_token_in_a_default_place_is_never_ignored() {
    let listed = "header:X-Key";
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(text(listed, &[("authorization", &bearer)], None), Ok(Some(TOKEN.to_owned())));
    assert_eq!(text(listed, &[("authorization", TOKEN)], None), Ok(Some(String::new())));
    assert_eq!(text(listed, &[("x-api-key", "wlp_")], None), Ok(Some("wlp_".to_owned())));
    for query in ["token=wlp_", "token=wlp%5F", "%74oken=%77lp_"] {
        assert_eq!(text(listed, &[], Some(query)), Ok(Some("wlp_".to_owned())), "{query}");
    }
    let long = format!("token=wlp_{}", "x".repeat(10_000));
    assert_eq!(text(listed, &[], Some(&long)), Ok(Some(String::new())));
    let two = [("x-key", TOKEN), ("x-api-key", TOKEN)];
    assert_eq!(fault(listed, &two, None).1, names(&["header:x-api-key", "header:x-key"]));
    let mixed = format!("Bearer eyJ, {bearer}");
    assert_eq!(fault(listed, &[("authorization", &mixed)], None).0, FaultKind::Twice);
}

#[test]
fn only_the_credential_is_cut_out() {
    for (query, stays) in [
        ("token=x", None),
        ("token=x&a=%7e", Some("a=%7e")),
        ("a=%7e&token=x", Some("a=%7e")),
        ("a=1+2&t%6fken=x&&b=token=y", Some("a=1+2&&b=token=y")),
        ("&token", Some("")),
    ] {
        let found = find(ALL, &[], Some(query)).unwrap().unwrap();
        assert_eq!((found.1, found.2.as_deref()), (None, stays), "{query}");
    }
    let found = find(ALL, &[("x-api-key", "x")], Some("a=%7e&&b")).unwrap().unwrap();
    assert_eq!((found.1.as_deref(), found.2.as_deref()), (Some("x-api-key"), Some("a=%7e&&b")));
    let found = find("query:key", &[], Some("token=mine&token=wlp_&c=d")).unwrap().unwrap();
    assert_eq!(found.2.as_deref(), Some("token=mine&c=d"));
}

#[test]
fn sources_are_parsed_whole_or_refused() {
    let default = ["authorization", "x-api-key", "sec-websocket-protocol"];
    assert_eq!(sources(ALL).header_names(), default);
    assert_eq!(sources("query:key").header_names(), default);
    assert_eq!(sources("header:X-Key,bearer").header_names(), [default.as_slice(), &["x-key"]].concat());
    assert_eq!(sources(ALL).listed(), ["bearer", "header:x-api-key", "query:token", "websocket-protocol"]);
    for wrong in
        ["", "bearer,", "Bearer", "cookie:a", "header:", "header:a b", "query:", "query:a=b", "query"]
    {
        assert_eq!(CredentialSources::parse(wrong), Err(CredentialSourcesError::Syntax), "{wrong}");
    }
    for wrong in [
        "bearer,bearer",
        "header:a,header:A",
        "query:a,bearer,query:a",
        "websocket-protocol,websocket-protocol",
    ] {
        assert_eq!(CredentialSources::parse(wrong), Err(CredentialSourcesError::Twice), "{wrong}");
    }
    for wrong in [
        "header:Sec-WebSocket-Protocol",
        "header:Authorization",
        "header:Cookie",
        "header:Wayleave-Token",
        "header:Sec-Key",
        "header:host",
    ] {
        assert_eq!(CredentialSources::parse(wrong), Err(CredentialSourcesError::ReservedHeader), "{wrong}");
    }
}
