use super::*;

#[test]
fn a_use_is_kept_by_the_hour() {
    assert_eq!(use_hour(None), UnixMillis(0));
    assert_eq!(use_hour(Some(UnixMillis(LIST_USE_STEP_MS + 1))), UnixMillis(LIST_USE_STEP_MS));
}
