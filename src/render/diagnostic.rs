//! Diagnostics, drawn for people: message, code, the excerpt with what is wrong underlined, notes, help.

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::core::diagnostic::{Diagnostic, Location, Severity};

use super::{clean, clean_line};

/// How to draw.
#[derive(Clone, Copy, Debug)]
pub struct Drawing {
    /// With colours (ANSI escapes).
    pub color: bool,
    /// Columns to draw within; longer lines of an excerpt are cut around the place.
    pub width: usize,
}

/// Excerpts show no lines farther than this from the first, whatever the span covers.
const MOST_LINES: usize = 40;
/// And no line longer than this (bytes) is handed to the layout; it is cut around the place.
const LONGEST_LINE: usize = 4000;

/// A place to be marked in an excerpt.
struct Mark<'a> {
    location: &'a Location,
    label: Option<&'a str>,
    primary: bool,
}

/// Draws one diagnostic, with a final line feed.
pub fn draw(diagnostic: &Diagnostic, how: Drawing) -> String {
    let level = match diagnostic.severity {
        Severity::Info => Level::INFO,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
        Severity::Refused => Level::ERROR.with_name("refused"),
    };
    let title = level.primary_title(clean(&diagnostic.message)).id(diagnostic.code);
    let mut group = Group::with_title(title);
    for excerpt in excerpts(diagnostic) {
        group = group.element(excerpt);
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(clean(note)));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(clean(help)));
    }
    let renderer = if how.color { Renderer::styled() } else { Renderer::plain() };
    let drawn = renderer.term_width(how.width.max(40)).decor_style(DecorStyle::Ascii).render(&[group]);
    format!("{}\n", drawn.trim_end_matches('\n'))
}

/// Snippets: marks near each other in one source share one.
fn excerpts(diagnostic: &Diagnostic) -> Vec<Snippet<'_, annotate_snippets::Annotation<'_>>> {
    let mut marks: Vec<Mark<'_>> = Vec::new();
    if let Some(location) = &diagnostic.location {
        marks.push(Mark { location, label: diagnostic.label.as_deref(), primary: true });
    }
    marks.extend(diagnostic.related.iter().map(|(location, what)| Mark {
        location,
        label: Some(what),
        primary: false,
    }));
    let mut clusters: Vec<Vec<Mark<'_>>> = Vec::new();
    for mark in marks {
        let near = clusters.iter_mut().find(|cluster| {
            cluster.first().is_some_and(|first| {
                let apart = line_of(first.location).abs_diff(line_of(mark.location));
                first.location.source == mark.location.source && apart < MOST_LINES
            })
        });
        match near {
            Some(cluster) => cluster.push(mark),
            None => clusters.push(vec![mark]),
        }
    }
    clusters.iter().map(|cluster| snippet(cluster)).collect()
}

fn line_of(location: &Location) -> usize {
    location.source.line_column(location.span.start).0
}

fn snippet<'a>(marks: &[Mark<'a>]) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let Some(source) = marks.first().map(|m| &m.location.source) else { return Snippet::source("") };
    let text = source.text.as_str();
    let first = marks.iter().map(|m| m.location.span.start).min().unwrap_or(0);
    let last = marks.iter().map(|m| m.location.span.end.max(m.location.span.start)).max().unwrap_or(first);
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    // Whole lines, but neither too many nor too long.
    let mut start = text[..floor(first)].rfind('\n').map_or(0, |i| i + 1);
    start = start.max(floor(first.saturating_sub(LONGEST_LINE / 2)));
    let rest = &text[start..];
    let mut end = start + rest.match_indices('\n').nth(MOST_LINES * 2).map_or(rest.len(), |(i, _)| i);
    end = end.min(text[floor(last)..].find('\n').map_or(text.len(), |i| floor(last) + i));
    end = end.min(floor(last.max(first) + LONGEST_LINE)).max(start);
    end = end.min(floor(start + LONGEST_LINE * 4));
    let window = &text[start..end];
    let line = text[..start].bytes().filter(|b| *b == b'\n').count() + 1;
    // The layout shows C0 controls as symbols; C1 ones, two bytes each, it would pass on.
    let window: String = window.chars().map(|c| if ('\u{80}'..='\u{9f}').contains(&c) { '¿' } else { c }).collect();
    let length = window.len();
    let mut snippet = Snippet::source(window.clone()).line_start(line).path(clean_line(&source.name).into_owned());
    for mark in marks {
        let at = |offset: usize| floor(offset).saturating_sub(start).min(length);
        let from = at(mark.location.span.start);
        // What covers several lines is marked on its first: that is where it begins, and the layout stays short.
        let line_end = window[from..].find('\n').map_or(length, |i| from + i);
        let span = from..at(mark.location.span.end).clamp(from, line_end);
        let kind = if mark.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let mut annotation = kind.span(span);
        if let Some(label) = mark.label {
            annotation = annotation.label(clean_line(label).into_owned());
        }
        snippet = snippet.annotation(annotation);
    }
    snippet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::diagnostic::Source;
    use crate::render::sample;

    const PLAIN: Drawing = Drawing { color: false, width: 100 };

    #[test]
    fn diagnostics() {
        let drawn: Vec<String> = sample::notes().iter().map(|d| draw(d, PLAIN)).collect();
        sample::snapshots(|| insta::assert_snapshot!("diagnostics", drawn.join("\n")));
    }

    #[test]
    fn long_lines_are_cut_and_controls_are_shown() {
        let text = format!("{}\u{1b}[31m\u{9b}WRONG{}", "a ".repeat(50_000), " b".repeat(50_000));
        let start = text.find("WRONG").unwrap();
        let source = Source::new("<sql>", text);
        let problem = Diagnostic::error("syntax", "bad \u{1b}[0m word")
            .at(Location::new(&source, start..start + 5))
            .label("here");
        let drawn = draw(&problem, PLAIN);
        assert!(drawn.lines().all(|l| l.chars().count() < 140), "{drawn}");
        assert!(drawn.contains("WRONG") && !drawn.contains(['\u{1b}', '\u{9b}']), "{drawn}");
    }

    #[test]
    fn any_span_can_be_drawn() {
        let source = Source::new("é.yaml", "é\n\nü\n");
        for start in 0..9 {
            for end in 0..9 {
                let place = Location { source: source.clone(), span: start..end };
                draw(&Diagnostic::error("x", "y").at(place.clone()).related(place, "z"), PLAIN);
            }
        }
        let empty = Source::new("empty", "");
        draw(&Diagnostic::error("x", "y").at(Location::new(&empty, 0..0)), PLAIN);
    }
}
