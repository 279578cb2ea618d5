//! The major versions of PostgreSQL, and what each of them brought that trueup has to know.
//!
//! Every comparison of a version in the source names one of these constants; a number says neither what changed nor where to
//! look when it is wrong (`tests/tidy` holds this). A constant is the first major that can do it, so `major >= NAME` asks
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

/// The major whose grammar `pg_query` has: what came later, only a server can read.
pub const GRAMMAR: u32 = 18;

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

/// 16: membership in a role is granted with an option SET, which allows to give objects to it.
pub const SET_OPTION: u32 = 16;

/// 16: `SET STORAGE DEFAULT`.
pub const STORAGE_DEFAULT: u32 = 16;

/// 16: `SYSTEM_USER`, and the constructors `JSON_ARRAY`, `JSON_OBJECT` and their aggregates.
pub const SQL_JSON_CONSTRUCTORS: u32 = 16;

/// 17: `JSON`, `JSON_SCALAR`, `JSON_VALUE`, `JSON_TABLE` and so on, and `MERGE_ACTION`.
pub const SQL_JSON_FUNCTIONS: u32 = 17;

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

/// 18: integers are cast to `bytea` and back, by their bytes.
pub const INTEGERS_AS_BYTES: u32 = 18;

/// 19: `SET EXPRESSION` of a virtual column of a table that has checks.
pub const SET_EXPRESSION_BESIDE_CHECKS: u32 = 19;

/// 19: `uuid` is cast to `bytea` and back, by its bytes.
pub const UUIDS_AS_BYTES: u32 = 19;

/// 19: `IGNORE NULLS` and `RESPECT NULLS` of window functions.
pub const NULL_TREATMENT: u32 = 19;

/// 19: `ON CONFLICT DO SELECT`.
pub const CONFLICT_DO_SELECT: u32 = 19;

/// 19: `CREATE PUBLICATION … FOR ALL SEQUENCES`.
pub const PUBLISHED_SEQUENCES: u32 = 19;

/// 19: the commands `REPACK` and `WAIT FOR`.
pub const REPACK: u32 = 19;

/// 19: the types `oid8` and `regdatabase`.
pub const OID8: u32 = 19;

/// 19: `JSON_ARRAY` of a query without rows is `[]`; up to 18 it is NULL, and printed as a subquery with `JSON_ARRAYAGG`.
pub const JSON_ARRAY_OF_QUERY: u32 = 19;

/// 19: `inet_ops` is the default GiST operator class of `inet` and `cidr`, which up to 18 are those of the extension btree_gist.
pub const GIST_INET_DEFAULT: u32 = 19;

/// The major of a `server_version_num`, such as 15 of 150020.
pub const fn major_of(server_version_num: u32) -> u32 {
    server_version_num / 10_000
}

/// The smallest `server_version_num` of a major, for SQL that asks the server itself.
pub const fn first_number_of(major: u32) -> u32 {
    major * 10_000
}
