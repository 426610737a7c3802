//! Tests of `client`.

use super::*;

#[test]
fn a_copy_that_is_current_costs_no_body() {
    let file = File::at("/client.js").unwrap();
    let whole = file.reply(None);
    assert_eq!((whole.status, whole.body.as_deref()), (200, Some(file.text)));
    let tag = whole.header("ETag").unwrap().to_owned();
    for current in [tag.clone(), format!("W/{tag}"), format!("\"a\", W/{tag}"), "*".to_owned()] {
        let reply = file.reply(Some(&current));
        assert_eq!((reply.status, reply.body.as_deref()), (304, None), "{current}");
        assert_eq!(reply.header("ETag"), Some(tag.as_str()));
        assert_eq!(reply.header("Cache-Control"), Some("public, max-age=3600"));
    }
    for other in ["", "\"a\"", &tag.replace('"', ""), "W/"] {
        assert_eq!(file.reply(Some(other)).status, 200, "{other}");
    }
    assert_ne!(File::at("/client.d.ts").unwrap().reply(None).header("ETag"), Some(tag.as_str()));
}
