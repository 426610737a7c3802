//! [`Database`] over rusqlite, as similar to a Durable Object as possible, which can fail or die at any
//! statement.

#![allow(dead_code, reason = "each test that includes this uses a part of it")]

use rusqlite::Connection;
use rusqlite::types::{Value as Sql, ValueRef};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;
use wayleave::base::database::{Database, DatabaseError, Row, Value};

/// A database over which several registries can be opened one after the other.
#[derive(Clone)]
pub(crate) struct Sqlite(Rc<Inner>);

struct Inner {
    connection: Connection,
    /// Statements until a fault; `None`: no fault.
    until_fault: Cell<Option<u32>>,
    /// After the fault nothing works any more, not even ROLLBACK, as if the process was killed.
    kills: Cell<bool>,
    dead: Cell<bool>,
    in_transaction: Cell<bool>,
    /// Every statement, and whether it was inside a transaction.
    statements: RefCell<Vec<(String, bool)>>,
    /// Statements that were already checked.
    seen: RefCell<BTreeSet<String>>,
}

impl Sqlite {
    pub(crate) fn in_memory() -> Self {
        Self::over(Connection::open_in_memory().unwrap())
    }

    pub(crate) fn file(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        // A simulated kill ends a connection, not the machine, so nothing needs to reach the disk.
        connection.pragma_update(None, "synchronous", "OFF").unwrap();
        Self::over(connection)
    }

    fn over(connection: Connection) -> Self {
        connection.set_prepared_statement_cache_capacity(200);
        Self(Rc::new(Inner {
            connection,
            until_fault: Cell::new(None),
            kills: Cell::new(false),
            dead: Cell::new(false),
            in_transaction: Cell::new(false),
            statements: RefCell::new(Vec::new()),
            seen: RefCell::default(),
        }))
    }

    /// Lets the statement after the next `statements` fail, once.
    pub(crate) fn fail_after(&self, statements: u32) {
        self.0.kills.set(false);
        self.0.until_fault.set(Some(statements));
    }

    /// Kills the process before the statement after the next `statements`, COMMIT included.
    pub(crate) fn kill_after(&self, statements: u32) {
        self.0.kills.set(true);
        self.0.until_fault.set(Some(statements));
    }

    /// Whether the requested fault has not happened yet. Cancels it.
    pub(crate) fn fault_pending(&self) -> bool {
        self.0.until_fault.take().is_some()
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.0.dead.get()
    }

    /// Recovers as for a new process: no open transaction, and a working database.
    pub(crate) fn recover(&self) {
        self.0.until_fault.set(None);
        if self.0.dead.replace(false) && !self.0.connection.is_autocommit() {
            self.0.connection.execute_batch("ROLLBACK").unwrap();
        }
        self.0.in_transaction.set(false);
    }

    /// An independent copy in memory.
    pub(crate) fn fork(&self) -> Self {
        let mut connection = Connection::open_in_memory().unwrap();
        let backup = rusqlite::backup::Backup::new(&self.0.connection, &mut connection).unwrap();
        backup.run_to_completion(1_000, std::time::Duration::ZERO, None).unwrap();
        drop(backup);
        Self::over(connection)
    }

    /// Rows written since the connection was opened.
    pub(crate) fn rows_written(&self) -> u64 {
        self.0.connection.total_changes()
    }

    pub(crate) fn take_statements(&self) -> Vec<(String, bool)> {
        self.0.statements.take()
    }

    /// All rows of all tables, to check that nothing changed.
    pub(crate) fn dump(&self) -> String {
        let rows = |sql: &str| self.run(sql, &[]).unwrap();
        let tables = rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
        let mut dump = String::new();
        for table in tables {
            let Some(Value::Text(name)) = table.into_iter().next() else { panic!("a table has a name") };
            dump.push_str(&format!("{name}: {:?}\n", rows(&format!("SELECT * FROM {name}"))));
        }
        dump
    }

    pub(crate) fn one(&self, sql: &str) -> Value {
        self.run(sql, &[]).unwrap().remove(0).remove(0)
    }

    pub(crate) fn plan(&self, sql: &str) -> String {
        let nulls = vec![Value::Null; sql.matches('?').count()];
        format!("{:?}", self.run(&format!("EXPLAIN QUERY PLAN {sql}"), &nulls).unwrap())
    }

    fn step(&self) -> Result<(), DatabaseError> {
        let inner = &self.0;
        if inner.dead.get() {
            return Err(DatabaseError("killed".into()));
        }
        match inner.until_fault.get() {
            Some(0) => {
                inner.until_fault.set(None);
                inner.dead.set(inner.kills.get());
                Err(DatabaseError("disk I/O error".into()))
            }
            Some(left) => {
                inner.until_fault.set(Some(left - 1));
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn run(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        let fault = |error: rusqlite::Error| DatabaseError(error.to_string());
        let mut statement = self.0.connection.prepare_cached(sql).map_err(fault)?;
        let columns = statement.column_count();
        let bound = rusqlite::params_from_iter(parameters.iter().map(bind));
        let mut rows = statement.query(bound).map_err(fault)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next().map_err(fault)? {
            all.push((0..columns).map(|at| read(row.get_ref(at).unwrap())).collect());
        }
        Ok(all)
    }
}

impl Database for Sqlite {
    fn query(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, DatabaseError> {
        self.0.statements.borrow_mut().push((sql.to_owned(), self.0.in_transaction.get()));
        self.step()?;
        if self.0.seen.borrow_mut().insert(sql.to_owned()) {
            // Refuse what a Durable Object refuses.
            for word in ["BEGIN", "SAVEPOINT", "COMMIT", "ROLLBACK", "PRAGMA", "ATTACH", "VACUUM", "LIKE"] {
                assert!(
                    !sql.split_whitespace().any(|part| part.eq_ignore_ascii_case(word)),
                    "{word} in {sql}"
                );
            }
        }
        assert!(parameters.len() <= 100, "at most 100 parameters");
        self.run(sql, parameters)
    }

    fn transaction<T, E: From<DatabaseError>>(
        &self,
        body: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        assert!(!self.0.in_transaction.replace(true), "transactions are not nested");
        let result = self.begin_and_commit(body);
        self.0.in_transaction.set(false);
        result
    }
}

impl Sqlite {
    fn begin_and_commit<T, E: From<DatabaseError>>(
        &self,
        body: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        let batch = |sql: &str| {
            self.0.connection.execute_batch(sql).map_err(|error| DatabaseError(error.to_string()))
        };
        self.step()?;
        batch("BEGIN IMMEDIATE")?;
        let result = body(self).and_then(|value| self.step().map(|()| value).map_err(E::from));
        match result {
            Ok(value) => batch("COMMIT").map(|()| value).map_err(E::from),
            Err(error) => {
                if !self.is_dead() {
                    batch("ROLLBACK")?;
                }
                Err(error)
            }
        }
    }
}

/// A Durable Object binds every JavaScript number as a double.
fn bind(value: &Value) -> Sql {
    match value {
        Value::Null => Sql::Null,
        Value::Integer(integer) => {
            assert!(integer.abs() <= 1 << 53, "{integer} does not cross JavaScript");
            Sql::Real(*integer as f64)
        }
        Value::Text(text) => Sql::Text(text.clone()),
        Value::Blob(blob) => Sql::Blob(blob.clone()),
    }
}

fn read(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) if real.fract() == 0.0 =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number, by the check before")]
            Value::Integer(real as i64)
        }
        ValueRef::Real(real) => panic!("{real} is no whole number"),
        ValueRef::Text(text) => Value::Text(String::from_utf8(text.to_vec()).unwrap()),
        ValueRef::Blob(blob) => Value::Blob(blob.to_vec()),
    }
}
