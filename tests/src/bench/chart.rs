//! Grouped bars as SVG.

use std::fmt::Write;

/// Panels side by side, and their size.
const COLUMNS: usize = 2;
const WIDTH: usize = 470;
const HEIGHT: usize = 210;
/// Room left for names, and between bars.
const NAME_WIDTH: usize = 80;
const BAR_STEP: usize = 32;
const BAR_HEIGHT: usize = 22;
const TOP: usize = 40;
/// Longest bar; behind it stands its number.
const BAR_MAX: f64 = 290.0;

/// One group of bars.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What the bars show.
    pub title: String,
    /// Name and value; `None`: did not take part.
    pub bars: Vec<(String, Option<f64>)>,
}

/// Draws the panels; bars called `own` stand out.
pub fn draw(panels: &[Panel], own: &str) -> String {
    let (width, height) = (WIDTH * COLUMNS, HEIGHT * panels.len().div_ceil(COLUMNS));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (number, panel) in panels.iter().enumerate() {
        let (x, y) = (number % COLUMNS * WIDTH, number / COLUMNS * HEIGHT);
        let _ = writeln!(svg, "<g transform=\"translate({x} {y})\">");
        draw_panel(&mut svg, panel, own);
        svg += "</g>\n";
    }
    svg + "</svg>\n"
}

fn draw_panel(svg: &mut String, panel: &Panel, own: &str) {
    let title = escape(&panel.title);
    let _ = writeln!(svg, "<text x=\"12\" y=\"24\" font-weight=\"bold\" fill=\"#222222\">{title}</text>");
    let most = panel.bars.iter().filter_map(|(_, value)| *value).fold(0.0, f64::max);
    for (number, (name, value)) in panel.bars.iter().enumerate() {
        let y = TOP + number * BAR_STEP;
        let text_y = y + BAR_HEIGHT - 6;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{text_y}\" text-anchor=\"end\" fill=\"#222222\">{}</text>",
            NAME_WIDTH - 8,
            escape(name)
        );
        let (length, label) = match value {
            Some(value) if most > 0.0 => (value / most * BAR_MAX, number_label(*value)),
            _ => (0.0, "-".into()),
        };
        let fill = if name == own { "#0b6e99" } else { "#b8c4cc" };
        let _ = writeln!(
            svg,
            "<rect x=\"{NAME_WIDTH}\" y=\"{y}\" width=\"{length:.1}\" height=\"{BAR_HEIGHT}\" fill=\"{fill}\"/>\
             <text x=\"{:.1}\" y=\"{text_y}\" fill=\"#222222\">{label}</text>",
            NAME_WIDTH as f64 + length + 6.0
        );
    }
}

/// Three digits that matter, and thousands apart.
fn number_label(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 1_000.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut label = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            label.push(' ');
        }
        label.push(digit);
    }
    label
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_is_the_most_and_who_is_absent_has_none() {
        let bars = vec![("one".into(), Some(2.0)), ("own".into(), Some(1.0)), ("absent".into(), None)];
        let svg = draw(&[Panel { title: "a < b".into(), bars }], "own");
        assert!(svg.contains("width=\"290.0\"") && svg.contains("width=\"145.0\"") && svg.contains("width=\"0.0\""));
        assert!(svg.contains("a &lt; b"));
        assert_eq!(svg.matches("#0b6e99").count(), 1);
    }

    #[test]
    fn numbers_are_short() {
        for (value, expected) in [(1.4711, "1.47"), (80.0, "80.0"), (28_123.4, "28 123"), (1_000_000.0, "1 000 000")] {
            assert_eq!(number_label(value), expected);
        }
    }
}
