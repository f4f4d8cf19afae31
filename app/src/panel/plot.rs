//! Small plots, drawn here as SVG: lines over time, with words for whoever cannot see them.

use std::fmt::Write as _;

use maud::{Markup, html};

/// Height of a plot in its own units; the width is one unit a step.
const HEIGHT: f64 = 100.0;

/// How wide a single value is drawn, in steps.
const SINGLE: f64 = 0.25;

/// A line.
pub(super) struct Line {
    /// How it looks: a class of the style.
    pub(super) class: &'static str,
    /// Its values, the oldest first; none where there was nothing to measure.
    pub(super) values: Vec<Option<f64>>,
}

/// What is drawn.
pub(super) struct Plot<'a> {
    /// Tells it apart from all others of the page.
    pub(super) id: &'a str,
    /// What it shows.
    pub(super) title: &'a str,
    /// What there is to see in it, in words.
    pub(super) about: &'a str,
    /// The lines, the most telling one last: it lies on top.
    pub(super) lines: Vec<Line>,
    /// What reaches to the top; at least 1.
    pub(super) top: f64,
}

impl Plot<'_> {
    /// The drawing.
    pub(super) fn draw(&self) -> Markup {
        let steps = self.lines.iter().map(|line| line.values.len()).max().unwrap_or(0).max(2);
        let width = u32::try_from(steps.saturating_sub(1)).unwrap_or(u32::MAX);
        let (title, about) = (format!("{}-title", self.id), format!("{}-about", self.id));
        html! {
            svg.plot viewBox=(format!("0 0 {width} {HEIGHT}")) preserveAspectRatio="none" role="img"
                aria-labelledby=(format!("{title} {about}")) {
                title id=(title) { (self.title) }
                desc id=(about) { (self.about) }
                @for line in &self.lines {
                    @for points in self.runs(&line.values, f64::from(width)) { polyline.(line.class) points=(points) {} }
                }
            }
        }
    }

    /// The points of each run of values without a gap. A single value is drawn as a short line, so that it is seen; nothing
    /// is drawn beyond the right edge, where nobody would see it.
    fn runs(&self, values: &[Option<f64>], width: f64) -> Vec<String> {
        let top = self.top.max(1.0);
        let (mut runs, mut run, mut last) = (Vec::new(), String::new(), None);
        let end = |run: &mut String, last: &mut Option<(f64, f64)>, runs: &mut Vec<String>| {
            if let Some((x, y)) = last.take() {
                let _ = write!(run, "{:.2},{y:.1}", (x + SINGLE).min(width));
                runs.push(std::mem::take(run));
            }
        };
        let mut x = 0.0_f64;
        for value in values {
            match value {
                Some(value) => {
                    let y = HEIGHT - (value / top).clamp(0.0, 1.0) * HEIGHT;
                    let from = if last.is_none() { x.min(width - SINGLE) } else { x };
                    let _ = write!(run, "{from:.2},{y:.1} ");
                    last = Some((x, y));
                }
                None => end(&mut run, &mut last, &mut runs),
            }
            x += 1.0;
        }
        end(&mut run, &mut last, &mut runs);
        runs
    }
}

/// The greatest of these values.
pub(super) fn highest<'a>(values: impl IntoIterator<Item = &'a Option<f64>>) -> f64 {
    values.into_iter().flatten().fold(0.0, |most, value| most.max(*value))
}

#[cfg(test)]
mod tests {
    use super::{Line, Plot, highest};

    #[test]
    fn gaps_stay_gaps_and_hostile_words_stay_words() {
        let values = vec![Some(0.0), Some(10.0), None, Some(5.0), None];
        assert!((highest(&values) - 10.0).abs() < 1e-9);
        let lines = vec![Line { class: "first", values }];
        let plot = Plot { id: "p", title: "<b>", about: "\"words\"", lines, top: 10.0 };
        let drawn = plot.draw().into_string();
        assert_eq!(drawn.matches("<polyline").count(), 2, "{drawn}");
        assert!(
            drawn.contains("0.00,100.0 1.00,0.0 1.25,0.0") && drawn.contains("3.00,50.0 3.25,50.0"),
            "{drawn}"
        );
        assert!(drawn.contains("viewBox=\"0 0 4 100\"") && drawn.contains("&lt;b&gt;"), "{drawn}");
        assert!(!drawn.contains("style="), "{drawn}");
    }

    #[test]
    fn what_is_higher_than_the_top_or_nothing_at_all_is_drawn_within() {
        let lines = vec![Line { class: "first", values: vec![Some(7.0), Some(-1.0)] }];
        let drawn = Plot { id: "p", title: "", about: "", lines, top: 0.0 }.draw().into_string();
        assert!(drawn.contains("\"0.00,0.0 1.00,100.0 1.00,100.0\""), "{drawn}");
        let drawn = Plot { id: "p", title: "", about: "", lines: Vec::new(), top: 0.0 }.draw().into_string();
        assert!(!drawn.contains("polyline"), "{drawn}");
    }

    #[test]
    fn the_first_value_ever_is_drawn_within_at_the_right_edge() {
        let lines = vec![Line { class: "first", values: vec![None, None, None, Some(5.0)] }];
        let drawn = Plot { id: "p", title: "", about: "", lines, top: 10.0 }.draw().into_string();
        assert!(drawn.contains("viewBox=\"0 0 3 100\""), "{drawn}");
        assert!(drawn.contains("points=\"2.75,50.0 3.00,50.0\""), "{drawn}");
    }
}
