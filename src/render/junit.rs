//! Test results as JUnit XML, which CI systems read.

use std::fmt::Write as _;

use crate::verify::TestResult;

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

/// Writes the document.
pub fn render(results: &[TestResult]) -> String {
    let failed = results.iter().filter(|r| !r.failures.is_empty()).count();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ =
        writeln!(out, "<testsuites>\n  <testsuite name=\"trueup\" tests=\"{}\" failures=\"{failed}\">", results.len());
    for result in results {
        let _ = write!(out, "    <testcase name=\"{}\" time=\"{:.3}\"", escape(&result.name), result.seconds);
        if result.failures.is_empty() {
            out.push_str("/>\n");
        } else {
            let text = result.failures.join("\n");
            let first = result.failures.first().map(String::as_str).unwrap_or_default();
            let _ = writeln!(
                out,
                ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
                escape(first),
                escape(&text)
            );
        }
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
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
        let xml = render(&results);
        assert!(xml.contains("name=\"a &amp; b\" time=\"0.500\"/>"));
        assert!(xml.contains("<failure message=\"1 &lt; 2\">1 &lt; 2</failure>"));
        assert!(xml.contains("tests=\"2\" failures=\"1\""));
    }
}
