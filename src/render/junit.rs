//! Test results as JUnit XML, which CI systems read.

use std::fmt::Write as _;

use crate::verify::{Mutant, TestResult};

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no way to write these.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// One case of a suite: its name, the seconds it took, what was not as it must be.
type Case<'a> = (&'a str, f64, Vec<String>);

fn suite(name: &str, cases: &[Case<'_>], out: &mut String) {
    let failed = cases.iter().filter(|(_, _, failures)| !failures.is_empty()).count();
    let _ = writeln!(out, "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failed}\">", cases.len());
    for (name, seconds, failures) in cases {
        let _ = write!(out, "    <testcase name=\"{}\" time=\"{seconds:.3}\"", escape(name));
        if failures.is_empty() {
            out.push_str("/>\n");
        } else {
            let first = failures.first().map(String::as_str).unwrap_or_default();
            let _ = writeln!(
                out,
                ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
                escape(first),
                escape(&failures.join("\n"))
            );
        }
    }
    out.push_str("  </testsuite>\n");
}

/// Writes the document: the tests, and in a suite of its own each change of a policy, which fails where no test noticed it.
pub fn render(results: &[TestResult], mutants: &[Mutant]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    let tests: Vec<Case<'_>> = results.iter().map(|r| (r.name.as_str(), r.seconds, r.failures.clone())).collect();
    suite("trueup", &tests, &mut out);
    if !mutants.is_empty() {
        let unnoticed = |mutant: &Mutant| match mutant.noticed_by.is_empty() {
            true => vec!["no test noticed it".to_owned()],
            false => Vec::new(),
        };
        let changes: Vec<Case<'_>> = mutants.iter().map(|m| (m.what.as_str(), 0.0, unnoticed(m))).collect();
        suite("trueup --mutate", &changes, &mut out);
    }
    out.push_str("</testsuites>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_escaped() {
        let results = [
            TestResult { name: "a & b".to_owned(), failures: vec![], seconds: 0.5 },
            TestResult { name: "c".to_owned(), failures: vec!["1 < 2".to_owned()], seconds: 0.0 },
        ];
        let mutants = [
            Mutant { what: "policy \"p\" dropped".to_owned(), noticed_by: vec!["c".to_owned()] },
            Mutant { what: "policy q dropped".to_owned(), noticed_by: Vec::new() },
        ];
        let xml = render(&results, &mutants);
        assert!(xml.contains("name=\"a &amp; b\" time=\"0.500\"/>"));
        assert!(xml.contains("<failure message=\"1 &lt; 2\">1 &lt; 2</failure>"));
        assert!(xml.contains("name=\"trueup\" tests=\"2\" failures=\"1\""));
        assert!(xml.contains("name=\"trueup --mutate\" tests=\"2\" failures=\"1\""));
        assert!(xml.contains("policy &quot;p&quot; dropped\" time=\"0.000\"/>"));
        assert!(xml.contains("message=\"no test noticed it\""));
    }
}
