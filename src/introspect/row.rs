//! One row of a catalog query, in the text form of the simple protocol.

use std::cell::Cell;

use crate::core::diagnostic::{Diagnostic, Result};

/// One row of a catalog query. Columns are looked up by name; asking in the order of the query costs one comparison each.
pub struct Row<'a> {
    row: &'a tokio_postgres::SimpleQueryRow,
    next: Cell<usize>,
    kind: &'static str,
}

impl<'a> Row<'a> {
    /// A row of the query of a kind (the word is for error messages).
    pub fn new(row: &'a tokio_postgres::SimpleQueryRow, kind: &'static str) -> Self {
        Self { row, next: Cell::new(0), kind }
    }

    fn broken(&self, column: &str, what: &str) -> Box<Diagnostic> {
        Diagnostic::error(
            "catalog-row",
            format!("the catalog query of kind `{}` returned {what} in column `{column}`", self.kind),
        )
        .note("the server may be of a version or a fork that trueup does not know")
        .help("please report this with the server's `select version()`")
    }

    /// A value, or `None` for NULL.
    pub fn opt(&self, column: &str) -> Result<Option<&'a str>> {
        let columns = self.row.columns();
        let n = columns.len();
        let next = self.next.get().min(n);
        for i in (next..n).chain(0..next) {
            if columns[i].name() == column {
                self.next.set(i + 1);
                return self.row.try_get(i).map_err(|_| self.broken(column, "an unreadable value"));
            }
        }
        Err(self.broken(column, "nothing"))
    }

    /// A text that is never NULL.
    pub fn text(&self, column: &str) -> Result<&'a str> {
        self.opt(column)?.ok_or_else(|| self.broken(column, "NULL"))
    }

    /// A text that is never NULL, owned.
    pub fn string(&self, column: &str) -> Result<String> {
        self.text(column).map(str::to_owned)
    }

    /// A text or NULL, owned.
    pub fn opt_string(&self, column: &str) -> Result<Option<String>> {
        Ok(self.opt(column)?.map(str::to_owned))
    }

    /// A boolean; NULL is false.
    pub fn bool(&self, column: &str) -> Result<bool> {
        Ok(self.opt(column)? == Some("t"))
    }

    /// The first character of a `"char"` column; a space for an empty one.
    pub fn char(&self, column: &str) -> Result<char> {
        Ok(self.text(column)?.chars().next().unwrap_or(' '))
    }

    /// A number that is never NULL.
    pub fn number<T: std::str::FromStr>(&self, column: &str) -> Result<T> {
        self.text(column)?.parse().map_err(|_| self.broken(column, "something that is no number"))
    }

    /// A number or NULL.
    pub fn opt_number<T: std::str::FromStr>(&self, column: &str) -> Result<Option<T>> {
        self.opt(column)?.map(|t| t.parse().map_err(|_| self.broken(column, "something that is no number"))).transpose()
    }

    /// An array in its text form (`{a,"b c",NULL}`); NULL is an empty list, NULL elements are empty texts.
    pub fn list(&self, column: &str) -> Result<Vec<String>> {
        Ok(self.opt(column)?.map(array).unwrap_or_default())
    }

    /// An array of `key=value` options, as in `reloptions`.
    pub fn options(&self, column: &str) -> Result<crate::core::options::Options> {
        Ok(self
            .list(column)?
            .into_iter()
            .map(|o| {
                o.split_once('=').map_or_else(|| (o.clone(), String::new()), |(k, v)| (k.to_owned(), v.to_owned()))
            })
            .collect())
    }
}

/// Reads the text form of a one-dimensional array.
pub fn array(text: &str) -> Vec<String> {
    let mut items = Vec::new();
    // A lower bound other than 1 is written in front: [0:1]={…}
    let body = text.find('{').map_or("", |i| &text[i + 1..]);
    let body = body.strip_suffix('}').unwrap_or(body);
    if body.is_empty() {
        return items;
    }
    let mut chars = body.chars();
    loop {
        let mut item = String::new();
        let mut quoted = false;
        let mut more = false;
        while let Some(c) = chars.next() {
            match c {
                '"' => quoted = !quoted,
                '\\' => item.extend(chars.next()),
                ',' if !quoted => {
                    more = true;
                    break;
                }
                c => item.push(c),
            }
        }
        items.push(item);
        if !more {
            return items;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::array;

    #[test]
    fn arrays_in_text_form() {
        assert_eq!(array("{}"), Vec::<String>::new());
        assert_eq!(array("{a,\"b, \\\"c\\\\\",\"\"}"), ["a", "b, \"c\\", ""]);
        assert_eq!(array("[0:1]={x,y}"), ["x", "y"]);
    }
}
