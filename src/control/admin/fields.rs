//! Fields of a request: what each may hold, read so that one answer names everything that is wrong.
//!
//! Own code, after a look at the libraries: `serde` stops at the first fault; `eserde` goes on, but gives neither stable
//! codes nor an unknown field; `deserr` does both, but a value cannot be judged in a context (which schemes and how long
//! a life this deployment allows), so a wrong origin would be told only after the next try. One table of fields here
//! reads requests and writes their JSON Schema, which no derive would keep together.
//!
//! Standard: JSON (RFC 8259); JSON Schema 2020-12, as OpenAPI 3.1 has it.
//! Invariants: a field is read by the same [`Kind`] that describes it; unknown names are faults; codes are stable and
//! details constant, so an answer holds no value of the request, only names of fields.
//! What it must not know: which request it reads.
//! What a mistake costs: a field that is ignored is a restriction that the operator believes in and nobody enforces.

use super::{AdminProblem, Context};
use crate::problem::Code;
use crate::registry::command::FieldFault;
use serde_json::{Map, Value, json};

/// What a field's value may be.
pub trait Kind: Sync {
    /// What it is read into.
    type Value;

    /// Reads `value`; on a fault it is reported under `at` and there is no value.
    fn read(
        &self,
        value: &Value,
        at: &str,
        context: &Context<'_>,
        faults: &mut Faults,
    ) -> Option<Self::Value>;

    /// The JSON Schema of what [`Kind::read`] takes.
    fn schema(&self) -> Value;

    /// The text of a query parameter as the JSON that [`Kind::read`] takes.
    fn of_query(&self, text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

/// One field: its name, what it may hold, and what it is for.
pub struct Field<K> {
    /// As it stands in JSON or in the query.
    pub name: &'static str,
    /// For people: one sentence.
    pub about: &'static str,
    /// What it may hold.
    pub kind: K,
}

/// A field without the type of its value: for the schema, and for query parameters.
pub trait Described: Sync {
    /// As it stands in JSON or in the query.
    fn name(&self) -> &'static str;
    /// JSON Schema, with the description.
    fn schema(&self) -> Value;
    /// The text of a query parameter as JSON.
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
    /// Must be there.
    pub required: &'static [&'static dyn Described],
    /// May be there.
    pub optional: &'static [&'static dyn Described],
    /// Not fields, but names that people try; they get a code that says why not.
    pub refused: &'static [Refused],
}

/// A name that is refused with more than "unknown".
pub struct Refused {
    /// As people write it.
    pub name: &'static str,
    /// Stable.
    pub code: &'static str,
    /// Why not.
    pub detail: &'static str,
}

impl Shape {
    /// No fields at all.
    pub const EMPTY: Self = Self { required: &[], optional: &[], refused: &[] };

    /// All fields, required ones first.
    pub fn fields(&self) -> impl Iterator<Item = &'static dyn Described> + '_ {
        self.required.iter().chain(self.optional).copied()
    }

    /// The field of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&'static dyn Described> {
        self.fields().find(|field| field.name() == name)
    }
}

/// What is wrong with a request, field by field.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldFault>);

impl Faults {
    /// Reports one. `code` is stable and `detail` constant.
    pub fn add(&mut self, field: &str, code: &str, detail: &str) {
        self.0.push(FieldFault { field: field.to_owned(), code: code.to_owned(), detail: detail.to_owned() });
    }
}

impl Faults {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over what is wrong with the members of the object `at`.
    pub fn nest(&mut self, at: &str, inner: Self) {
        let nested = inner.0.into_iter();
        self.0.extend(nested.map(|fault| FieldFault { field: format!("{at}.{}", fault.field), ..fault }));
    }
}

/// The members of a request, being read.
pub struct Members<'a> {
    members: &'a Map<String, Value>,
    context: &'a Context<'a>,
    /// Faults so far.
    pub faults: Faults,
}

impl<'a> Members<'a> {
    /// Starts to read `members`, which may have the fields of `shape`: others are reported, and so are required ones that
    /// are missing.
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

    /// Whether the field is there, with whatever value.
    #[must_use]
    pub fn has<K>(&self, field: &Field<K>) -> bool {
        self.members.contains_key(field.name)
    }

    /// Reads one field; `None` when it is not there or a fault was reported.
    pub fn take<K: Kind>(&mut self, field: &Field<K>) -> Option<K::Value> {
        let value = self.members.get(field.name)?;
        field.kind.read(value, field.name, self.context, &mut self.faults)
    }

    /// `value`, read from a body, when nothing was reported.
    ///
    /// # Errors
    /// 422 with everything that was. Its code is the faults' own where they are all of one kind that has a code.
    pub fn finish<T>(self, value: T) -> Result<T, AdminProblem> {
        let faults = self.faults.0;
        if faults.is_empty() { Ok(value) } else { Err(AdminProblem::fields(code_of(&faults), faults)) }
    }

    /// `value`, read from a query, when nothing was reported.
    ///
    /// # Errors
    /// 400 with everything that was.
    pub fn finish_query<T>(self, value: T) -> Result<T, AdminProblem> {
        let faults = self.faults.0;
        if faults.is_empty() { Ok(value) } else { Err(AdminProblem::fields(Code::InvalidRequest, faults)) }
    }
}

/// The problem that wrong fields make: two faults have a code of their own, which holds when nothing else is wrong.
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
