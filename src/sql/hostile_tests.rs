//! Whatever the text, the answer is a result or an error, never a panic.

use super::*;

const TEXTS: &[&str] = &[
    "numeric(10, 2) collate \"de_DE\" storage plain compression lz4 options (a 'b') default 'x'::text[] not null references s.t (id) on delete set null",
    "int generated always as identity (start 1) constraint a unique nulls not distinct check (a > 1) no inherit deferrable initially deferred",
    "constraint é foreign key (a, period b) references \"T\" (x) match full deferrable not valid",
    "unique (a, lower(b) desc) include (c) with (fillfactor = 70) tablespace x where a is not null",
    "constraint after insert or update of a, b from o referencing old table as x for each row when (a) execute function s.f('a')",
    "s.f(a int default 1, variadic b text[], out c numeric(1, 2) order by x)",
    "declare a int := 1; c cursor for select 1; begin <<l>> for i in 1..2 loop if case when a then b end then select 1 into strict x, y[1] from t; end if; end loop; exception when others then raise exception 'a' using hint = 'b'; end",
    "with recursive a as (select 1) select e'\\'', U&\"\\0061\", $x$ $$ $x$, /* /* */ */ b'1' -- x\n from t;\\restrict x\ncopy t from stdin;\n1\n\\.\n",
    "create function f() returns int begin atomic select case when a then b end; end; for values from (1) to (maxvalue) partition by range (a)",
];

fn all(text: &str) {
    _ = column("c", text);
    _ = table_constraint(text);
    _ = domain_constraint(text);
    _ = index(text);
    _ = trigger(text);
    _ = signature(text);
    _ = return_type(text);
    _ = qualified_name(text);
    _ = expression(text);
    _ = query(text);
    _ = type_name(text);
    _ = sequence_options(text);
    _ = partition_bound(text);
    _ = partition_key(text);
    _ = split_statements(text);
    _ = references_of_routine_body("plpgsql", text);
    _ = references_of_routine_body("sql", text);
    _ = references_of_type(text);
    _ = references_by_words(text);
    _ = same_tokens(text, "a");
}

#[test]
fn nothing_panics() {
    for text in TEXTS {
        let tokens = lexer::tokens(text).expect("a text to begin with");
        for (i, token) in tokens.iter().enumerate().step_by(2) {
            // Cut behind a token, inside it, in front of it; without it.
            all(&text[..token.end]);
            all(&text[token.start..]);
            let inside = (token.start + 1..token.end).find(|at| text.is_char_boundary(*at)).unwrap_or(token.start);
            all(&text[..inside]);
            all(&format!("{}{}", &text[..token.start], &text[token.end..]));
            if let Some(next) = tokens.get(i + 1) {
                all(&format!("{}{} {}{}", &text[..token.start], next.text(text), token.text(text), &text[next.end..]));
            }
        }
    }
}
