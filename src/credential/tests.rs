use super::*;

const TOKEN: &str = "wlp_AQEBAgMEBQYHCAkAAAAAAAAAAAAAAAAAAAAA";

fn sources(text: &str) -> CredentialSources {
    CredentialSources::parse(text).unwrap()
}

/// Text, header to strip and query that stays; `Err` is a conflict.
type Found = Result<Option<(String, Option<String>, Option<String>)>, CredentialConflict>;

fn find(listed: &str, headers: &[(&str, &str)], query: Option<&str>) -> Found {
    let sources = sources(listed);
    let header = |name: &str| headers.iter().find(|(header, _)| *header == name).map(|(_, value)| *value);
    let found = sources.find(header, query)?;
    Ok(found.map(|credential| {
        let stays = query.and_then(|query| credential.strip_query(query)).map(Cow::into_owned);
        (credential.text().to_owned(), credential.header_to_strip().map(str::to_owned), stays)
    }))
}

fn text(
    listed: &str,
    headers: &[(&str, &str)],
    query: Option<&str>,
) -> Result<Option<String>, CredentialConflict> {
    Ok(find(listed, headers, query)?.map(|(text, _, _)| text))
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
    type Presented<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>);
    let cases: [Presented<'_>; 9] = [
        (&[("authorization", &bearer), ("x-api-key", TOKEN)], None),
        (&[("authorization", &bearer)], Some(&query)),
        (&[("authorization", ""), ("x-api-key", "")], None),
        (&[("x-api-key", TOKEN)], Some("token")),
        (&[("x-api-key", &twice)], None),
        (&[("authorization", &bearer_twice)], None),
        (&[("authorization", &bearer_and_basic)], None),
        (&[("authorization", &empty_and_bearer)], None),
        (&[], Some(&query_twice)),
    ];
    for (headers, query) in cases {
        assert_eq!(text(ALL, headers, query), Err(CredentialConflict), "{headers:?} {query:?}");
    }
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
    assert_eq!(text(listed, &[("x-key", TOKEN), ("x-api-key", TOKEN)], None), Err(CredentialConflict));
    let mixed = format!("Bearer eyJ, {bearer}");
    assert_eq!(text(listed, &[("authorization", &mixed)], None), Err(CredentialConflict));
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
    assert_eq!(sources(ALL).header_names(), ["authorization", "x-api-key"]);
    assert_eq!(sources("query:key").header_names(), ["authorization", "x-api-key"]);
    assert_eq!(sources("header:X-Key,bearer").header_names(), ["authorization", "x-api-key", "x-key"]);
    for wrong in
        ["", "bearer,", "Bearer", "cookie:a", "header:", "header:a b", "query:", "query:a=b", "query"]
    {
        assert_eq!(CredentialSources::parse(wrong), Err(CredentialSourcesError::Syntax), "{wrong}");
    }
    for wrong in ["bearer,bearer", "header:a,header:A", "query:a,bearer,query:a"] {
        assert_eq!(CredentialSources::parse(wrong), Err(CredentialSourcesError::Twice), "{wrong}");
    }
    for wrong in
        ["header:Authorization", "header:Cookie", "header:Wayleave-Token", "header:Sec-Key", "header:host"]
    {
        assert_eq!(CredentialSources::parse(wrong), Err(CredentialSourcesError::ReservedHeader), "{wrong}");
    }
}
