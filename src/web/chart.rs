//! Charts as SVG: plain numbers in, shapes out. Colours are the style's; each chart says in words what it shows.

use maud::{Markup, html};

/// A column of a chart.
pub(super) struct Column {
    /// Its height.
    pub(super) value: f64,
    /// How much of it is marked as bad, from the foot up.
    pub(super) bad: f64,
    /// Further classes.
    pub(super) class: &'static str,
    /// What a pointer that rests on it is told.
    pub(super) title: String,
}

/// Columns side by side over the whole width, as high as the largest value. `words` says what they show.
pub(super) fn columns(columns: &[Column], height: u32, words: &str) -> Markup {
    let largest = columns
        .iter()
        .map(|column| column.value)
        .fold(1e-12, f64::max);
    let tall = f64::from(height);
    let scaled = |value: f64| match value {
        0.0 => 0.0,
        // A single run beside thousands must still be seen.
        value => (value / largest * tall).max(2.0),
    };
    html! {
        svg.chart viewBox={ "0 0 " (columns.len() * 10) " " (height) } preserveAspectRatio="none" height=(height)
            role="img" aria-label=(words) {
            @for (place, column) in columns.iter().enumerate() {
                g.column.(column.class) {
                    @if !column.title.is_empty() {
                        title { (column.title) }
                        rect.hit x=(place * 10) y="0" width="10" height=(height) {}
                    }
                    @if column.value > 0.0 {
                        rect.bar x=(place * 10 + 1) y=(short(tall - scaled(column.value))) width="8"
                            height=(short(scaled(column.value))) {}
                    }
                    @if column.bad > 0.0 {
                        rect.bar.bad x=(place * 10 + 1) y=(short(tall - scaled(column.bad))) width="8"
                            height=(short(scaled(column.bad))) {}
                    }
                }
            }
        }
    }
}

/// Lines over the whole width, as high as the largest value: each a class and its values, a missing one leaving a hole.
pub(super) fn lines(lines: &[(&str, Vec<Option<f64>>)], height: u32, words: &str) -> Markup {
    let all = lines.iter().flat_map(|(_, values)| values.iter().flatten());
    let largest = all.copied().fold(1e-12, f64::max);
    let length = lines
        .iter()
        .map(|(_, values)| values.len())
        .max()
        .unwrap_or(0);
    html! {
        svg.chart.lines viewBox={ "0 0 " (length.max(2) * 10 - 10) " " (height) } preserveAspectRatio="none"
            height=(height) role="img" aria-label=(words) {
            @for (class, values) in lines {
                path.(*class) d=(path(values, largest, f64::from(height))) vector-effect="non-scaling-stroke" {}
            }
        }
    }
}

/// A path through the values. One that stands alone becomes a dash, or it would not be seen.
fn path(values: &[Option<f64>], largest: f64, height: f64) -> String {
    let mut path = String::new();
    let mut is_drawing = false;
    for (place, value) in values.iter().enumerate() {
        let Some(value) = value else {
            is_drawing = false;
            continue;
        };
        let y = short(height - 2.0 - value / largest * (height - 4.0));
        let command = if is_drawing { 'L' } else { 'M' };
        path.push_str(&format!("{command}{} {y}", place * 10));
        if !is_drawing && values.get(place + 1).is_none_or(Option::is_none) {
            path.push_str("h6");
        }
        is_drawing = true;
    }
    path
}

/// A coordinate with one decimal at most.
pub(super) fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(value: f64, bad: f64) -> Column {
        Column {
            value,
            bad,
            class: "",
            title: "<t>".to_owned(),
        }
    }

    #[test]
    fn columns_are_scaled_to_the_largest() {
        let svg = columns(
            &[column(10.0, 0.0), column(5.0, 1.0), column(0.0, 0.0)],
            40,
            "three",
        )
        .into_string();
        assert!(svg.contains(r#"viewBox="0 0 30 40""#), "{svg}");
        assert!(
            svg.contains(r#"x="1" y="0" width="8" height="40""#),
            "{svg}"
        );
        assert!(
            svg.contains(r#"x="11" y="20" width="8" height="20""#),
            "{svg}"
        );
        assert!(
            svg.contains(r#"x="11" y="36" width="8" height="4""#),
            "{svg}"
        );
        assert!(!svg.contains("<t>") && svg.contains("&lt;t&gt;"), "{svg}");
    }

    #[test]
    fn a_line_has_holes_where_nothing_was() {
        assert_eq!(
            path(&[Some(1.0), Some(0.5), None, Some(1.0)], 1.0, 24.0),
            "M0 2L10 12M30 2h6"
        );
        assert_eq!(path(&[None, None], 1.0, 24.0), "");
    }

    #[test]
    fn nothing_is_no_fault() {
        columns(&[], 40, "nothing");
        lines(&[("mean", Vec::new())], 40, "nothing");
    }
}
