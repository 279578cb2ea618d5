//! Whether two texts are the same but for their looks.

use super::lexer::{Kind, Lexer};

/// Whether two texts have the same tokens: white space, comments and the case of bare words do not count. A hint only:
/// what is equal here means the same in the same context; what differs may still mean the same.
pub fn same_tokens(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let (mut left, mut right) = (Lexer::new(a), Lexer::new(b));
    loop {
        match (left.next_token(), right.next_token()) {
            (Ok(None), Ok(None)) => return true,
            (Ok(Some(x)), Ok(Some(y))) if x.kind == y.kind => {
                let word = x.kind == Kind::Word;
                let (x, y) = (x.text(a), y.text(b));
                let same = if word { x.eq_ignore_ascii_case(y) } else { x == y };
                if !same {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_do_not_count() {
        assert!(same_tokens("SELECT a , b -- x\nFROM t", "select A,b from /* y */ T"));
        assert!(same_tokens("", " -- nothing"));
        for (a, b) in [
            ("a", "\"a\""),
            ("'A'", "'a'"),
            ("\"A\"", "\"a\""),
            ("a b", "ab"),
            ("a", "a b"),
            ("1", "1.0"),
            ("$$A$$", "$$a$$"),
            ("'a", "'a'"),
        ] {
            assert!(!same_tokens(a, b), "{a} {b}");
        }
    }
}
