//! What the operation table of the admin API documents is what the registry does: each operation's request is read by the
//! admin API and put to the registry.

use crate::world::World;
use wayleave::admin::operation::{OPERATIONS, Operation};
use wayleave::admin_key::Role;
use wayleave::registry::command::{Answer, Fault};

/// A request to the operation, as path and body, that any token or key suits. None of them asks for what an owner alone
/// may set.
fn sample(operation: &Operation, token: &str) -> (String, String) {
    let path = operation.path.replace("/tokens/{id}", "/tokens/tok_1").replace("{id}", "key_1");
    let body = match operation.id {
        "createToken" => r#"{"label":"a","origins":"any"}"#.to_owned(),
        "editToken" => r#"{"label":"b"}"#.to_owned(),
        "lookupToken" => format!(r#"{{"token":"{token}"}}"#),
        "revokeToken" => r#"{"force":true}"#.to_owned(),
        "testOrigin" => r#"{"origins":"any","origin":"https://a.example"}"#.to_owned(),
        "createAdminKey" => r#"{"label":"a","role":"viewer"}"#.to_owned(),
        _ => String::new(),
    };
    (path, body)
}

#[test]
fn each_operation_needs_the_role_that_it_documents() {
    for operation in &OPERATIONS {
        let Some(least) = operation.least_role else { continue };
        for role in Role::ALL {
            let mut world = World::new();
            let (_, token) = world.create(crate::world::new_token("a"));
            let (path, body) = sample(operation, &token);
            let command = world.request_command(operation.method, &path, &body);
            // So that key_1 is not the last owner's.
            world.admin_key(Role::Owner);
            let (_, key) = world.admin_key(role);
            world.call_as(&key);
            let answer = world.ask(command);
            if role >= least {
                assert!(!matches!(answer, Answer::Refused(_)), "{} as {role:?}: {answer:?}", operation.id);
            } else {
                assert_eq!(answer, Answer::Refused(Fault::Forbidden), "{} as {role:?}", operation.id);
            }
        }
    }
}
