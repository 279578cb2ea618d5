//! The major versions of PostgreSQL, and what each of them brought that trueup has to know.
//!
//! Every comparison of a version in the source names one of these constants; a number says neither what changed nor where to
//! look when it is wrong (`tests/tidy.rs` holds this). A constant is the first major that can do it, so `major >= NAME` asks
//! whether a server can. In the catalog queries (`.sql`), `{{15: …}}` marks do the same; the column beside them says what it is.
//!
//! Source of each: the section "Migration to Version …" and the list of changes in the release notes of that major,
//! <https://www.postgresql.org/docs/release/>.

/// The oldest major that is supported. The community ended its support of 14 on 12 November 2026; databases on it are still
/// there, and trueup is how some of them leave.
pub const OLDEST_MAJOR: u32 = 14;

/// The newest major that trueup has been tried on, for questions where no server is asked: which privileges `all` stands for,
/// which image to start, which package to name.
pub const NEWEST_MAJOR: u32 = 19;

/// 15: a new role may no longer create objects in the schema `public` of a new database.
pub const PUBLIC_SCHEMA_CLOSED: u32 = 15;

/// 15: sequences can be unlogged, and the sequence of an identity column follows its table.
pub const UNLOGGED_SEQUENCES: u32 = 15;

/// 15: `ALTER TABLE` and `ALTER MATERIALIZED VIEW … SET ACCESS METHOD`.
pub const SET_ACCESS_METHOD: u32 = 15;

/// 15: `CREATE DATABASE … STRATEGY`.
pub const DATABASE_STRATEGY: u32 = 15;

/// 15: `NULLS NOT DISTINCT` in unique keys and indexes.
pub const NULLS_NOT_DISTINCT: u32 = 15;

/// 15: `security_invoker` among the options of a view.
pub const SECURITY_INVOKER: u32 = 15;

/// 15: `ON DELETE SET NULL` and `SET DEFAULT` with a list of columns.
pub const ON_DELETE_COLUMNS: u32 = 15;

/// 16: `pg_input_is_valid` tells whether a text would be a value of a type.
pub const INPUT_IS_VALID: u32 = 16;

/// 16: `SET STORAGE DEFAULT`.
pub const STORAGE_DEFAULT: u32 = 16;

/// 17: NOT NULL of a domain is a constraint with a name.
pub const NAMED_DOMAIN_NOT_NULL: u32 = 17;

/// 17: the privilege MAINTAIN.
pub const MAINTAIN: u32 = 17;

/// 17: `ALTER COLUMN … SET EXPRESSION`.
pub const SET_EXPRESSION: u32 = 17;

/// 17: identity columns of partitioned tables, which their partitions share.
pub const PARTITIONED_IDENTITY: u32 = 17;

/// 17: exclusion constraints of partitioned tables.
pub const PARTITIONED_EXCLUSION: u32 = 17;

/// 17: `transaction_timeout`.
pub const TRANSACTION_TIMEOUT: u32 = 17;

/// 17: `sslnegotiation=direct`.
pub const DIRECT_TLS: u32 = 17;

/// 18: NOT NULL of a column is a constraint with a name and properties (NOT VALID, NO INHERIT).
pub const NAMED_NOT_NULL: u32 = 18;

/// 18: a foreign key of a partitioned table may be NOT VALID.
pub const PARTITIONED_KEY_NOT_VALID: u32 = 18;

/// 18: virtual generated columns.
pub const VIRTUAL_COLUMNS: u32 = 18;

/// 18: keys over ranges: `WITHOUT OVERLAPS` and `PERIOD`.
pub const TEMPORAL_KEYS: u32 = 18;

/// 18: constraints that are `NOT ENFORCED`.
pub const NOT_ENFORCED: u32 = 18;

/// 19: `SET EXPRESSION` of a virtual column of a table that has checks.
pub const SET_EXPRESSION_BESIDE_CHECKS: u32 = 19;

/// The major of a `server_version_num`, such as 15 of 150020.
pub const fn major_of(server_version_num: u32) -> u32 {
    server_version_num / 10_000
}

/// The smallest `server_version_num` of a major, for SQL that asks the server itself.
pub const fn first_number_of(major: u32) -> u32 {
    major * 10_000
}
