//! Fields of a request: what each may hold, read so that one response names every fault.
//!
//! Why this is own code: `serde` stops at the first fault. `eserde` continues, but gives neither stable codes
//! nor unknown fields. `deserr` does both, but cannot judge a value in a context, such as the schemes and the
//! lifetime that this deployment allows; a wrong origin would be reported only at the next attempt. Here one
//! table of fields both reads requests and writes their JSON Schema, which no derive macro would keep
//! together.
//!
//! Standards: JSON (RFC 8259); JSON Schema 2020-12, as in OpenAPI 3.1.
//! Invariants: the same [`Kind`] reads a field and describes it. Unknown names are faults. Codes are stable
//! and details constant, so a response repeats names of fields but no value of the request.
//! What it must not know: which request it reads.
//! What a mistake costs: a field that is ignored is a restriction that the operator relies on and nothing
//! enforces.

use super::admin_problem::AdminProblem;
use super::context::Context;
use crate::control::registry::command::FieldFault;
use crate::http::problem::Code;
use serde_json::{Map, Value, json};

/// The type of a field: how a value is read and described.
pub trait Kind: Sync {
    /// The Rust type of a value that was read.
    type Value;

    /// Reads `value`. A fault is reported under `at`, and the result is then `None`.
    fn read(
        &self,
        value: &Value,
        at: &str,
        context: &Context<'_>,
        faults: &mut Faults,
    ) -> Option<Self::Value>;

    /// The JSON Schema of the values that [`Kind::read`] accepts.
    fn schema(&self) -> Value;

    /// Converts the text of a query parameter into the JSON that [`Kind::read`] accepts.
    fn of_query(&self, text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

/// One field: its name, its kind, and what it is for.
pub struct Field<K> {
    /// The name in JSON or in the query.
    pub name: &'static str,
    /// One sentence for the documentation.
    pub about: &'static str,
    /// How its value is read.
    pub kind: K,
}

/// A field without the type of its value, for the schema and for query parameters.
pub trait Described: Sync {
    /// The name in JSON or in the query.
    fn name(&self) -> &'static str;
    /// The JSON Schema, including the description.
    fn schema(&self) -> Value;
    /// Converts the text of a query parameter into JSON.
    fn of_query(&self, text: &str) -> Value;
}

impl<K: Kind> Described for Field<K> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schema(&self) -> Value {
        let mut schema = self.kind.schema();
        if let Some(members) = schema.as_object_mut() {
            members.insert("description".to_owned(), json!(self.about));
        }
        schema
    }

    fn of_query(&self, text: &str) -> Value {
        self.kind.of_query(text)
    }
}

/// The fields that a request may have.
pub struct Shape {
    /// Fields that must be present.
    pub required: &'static [&'static dyn Described],
    /// Fields that may be present.
    pub optional: &'static [&'static dyn Described],
    /// Names that are not fields but that people try. Each gets a code that explains why it is refused.
    pub refused: &'static [Refused],
}

/// A name that is refused with a more helpful code than "unknown".
pub struct Refused {
    /// The name in the request.
    pub name: &'static str,
    /// Stable code of the fault, for programs.
    pub code: &'static str,
    /// Why the name is refused.
    pub detail: &'static str,
}

impl Shape {
    /// A request without fields.
    pub const EMPTY: Self = Self { required: &[], optional: &[], refused: &[] };

    /// All fields, required ones first.
    pub fn fields(&self) -> impl Iterator<Item = &'static dyn Described> + '_ {
        self.required.iter().chain(self.optional).copied()
    }

    /// The field with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'static dyn Described> {
        self.fields().find(|field| field.name() == name)
    }
}

/// The faults of a request, field by field.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldFault>);

impl Faults {
    /// Adds a fault. `code` is stable and `detail` constant.
    pub fn add(&mut self, field: &str, code: &str, detail: &str) {
        self.0.push(FieldFault { field: field.to_owned(), code: code.to_owned(), detail: detail.to_owned() });
    }
}

impl Faults {
    /// Whether there are no faults.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the faults in `inner`, which were found in the members of the object `at`.
    pub fn nest(&mut self, at: &str, inner: Self) {
        let nested = inner.0.into_iter();
        self.0.extend(nested.map(|fault| FieldFault { field: format!("{at}.{}", fault.field), ..fault }));
    }
}

/// The members of a request while they are being read.
pub struct Members<'a> {
    members: &'a Map<String, Value>,
    context: &'a Context<'a>,
    /// The faults found so far.
    pub faults: Faults,
}

impl<'a> Members<'a> {
    /// Starts to read `members`, which may have the fields of `shape`. Unknown fields and missing required
    /// fields are reported.
    #[must_use]
    pub fn new(members: &'a Map<String, Value>, shape: &Shape, context: &'a Context<'a>) -> Self {
        let mut faults = Faults::default();
        for name in members.keys().filter(|name| shape.find(name).is_none()) {
            match shape.refused.iter().find(|refused| refused.name == name) {
                Some(refused) => faults.add(name, refused.code, refused.detail),
                None => faults.add(name, "unknown_field", "no such field here"),
            }
        }
        for field in shape.required.iter().filter(|field| !members.contains_key(field.name())) {
            faults.add(field.name(), "required", "this field must be given");
        }
        Self { members, context, faults }
    }

    /// Whether the field is present, with any value.
    #[must_use]
    pub fn has<K>(&self, field: &Field<K>) -> bool {
        self.members.contains_key(field.name)
    }

    /// Reads one field; `None` when it is absent or has a fault, which is reported.
    pub fn take<K: Kind>(&mut self, field: &Field<K>) -> Option<K::Value> {
        let value = self.members.get(field.name)?;
        field.kind.read(value, field.name, self.context, &mut self.faults)
    }

    /// Returns `value`, read from a body, if there are no faults.
    ///
    /// # Errors
    /// 422 with all faults. If all faults are of one kind that has a code of its own, the problem has that
    /// code.
    pub fn finish<T>(self, value: T) -> Result<T, AdminProblem> {
        let faults = self.faults.0;
        if faults.is_empty() { Ok(value) } else { Err(AdminProblem::fields(code_of(&faults), faults)) }
    }

    /// Returns `value`, read from a query, if there are no faults.
    ///
    /// # Errors
    /// 400 with all faults.
    pub fn finish_query<T>(self, value: T) -> Result<T, AdminProblem> {
        let faults = self.faults.0;
        if faults.is_empty() { Ok(value) } else { Err(AdminProblem::fields(Code::InvalidRequest, faults)) }
    }
}

/// The problem for wrong fields. Two faults have a problem code of their own, which is used when there is no
/// other fault.
#[must_use]
pub fn code_of(faults: &[FieldFault]) -> Code {
    let all = |code| faults.iter().all(|fault| fault.code == code);
    match faults {
        [] => Code::InvalidFields,
        _ if all(EXPIRY_IMMUTABLE) => Code::ExpiryImmutable,
        _ if all(Code::PublicSuffixRule.code()) => Code::PublicSuffixRule,
        _ => Code::InvalidFields,
    }
}

/// Code of the fault "an expiry cannot be edited".
pub const EXPIRY_IMMUTABLE: &str = Code::ExpiryImmutable.code();
