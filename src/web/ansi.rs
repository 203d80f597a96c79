//! Output of commands as HTML: colours and styles of terminals as classes, all other control sequences dropped.
//!
//! The style at the end of a part is a number, so that a page that follows a run can ask for the next part and go on
//! with it. Colours of 256 and of true colour become the nearest of the 16 that the style sheet knows, which are
//! readable on light and on dark.

use maud::{Markup, html};

/// How text looks: a packed number, 0 being plain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Style {
    /// 1 to 16, or 0 for the default.
    foreground: u8,
    background: u8,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
    inverse: bool,
}

/// A stretch of text in one style.
type Piece = (Style, String);

impl Style {
    /// The style as a number, for [`unpack`](Self::unpack).
    pub(super) fn pack(self) -> u32 {
        let flags = [
            self.bold,
            self.dim,
            self.italic,
            self.underline,
            self.inverse,
        ];
        let flags = flags
            .iter()
            .fold(0, |bits, flag| bits << 1 | u32::from(*flag));
        flags << 10 | u32::from(self.background) << 5 | u32::from(self.foreground)
    }

    /// The style of that number; what makes no sense is plain.
    pub(super) fn unpack(number: u32) -> Style {
        let colour = |bits: u32| if bits & 31 > 16 { 0 } else { (bits & 31) as u8 };
        let flag = |place: u32| number >> (10 + place) & 1 == 1;
        Style {
            foreground: colour(number),
            background: colour(number >> 5),
            bold: flag(4),
            dim: flag(3),
            italic: flag(2),
            underline: flag(1),
            inverse: flag(0),
        }
    }

    fn classes(self) -> String {
        let (foreground, background) = match self.inverse {
            true => (self.background, self.foreground),
            false => (self.foreground, self.background),
        };
        let mut classes = Vec::new();
        if foreground > 0 {
            classes.push(format!("f{foreground}"));
        }
        if background > 0 {
            classes.push(format!("b{background}"));
        }
        for (on, class) in [
            (self.bold, "bold"),
            (self.dim, "dim"),
            (self.italic, "italic"),
            (self.underline, "underline"),
            (
                self.inverse && self.foreground == 0 && self.background == 0,
                "inverse",
            ),
        ] {
            if on {
                classes.push(class.to_owned());
            }
        }
        classes.join(" ")
    }

    /// Takes in the numbers of an SGR sequence (ECMA-48, 8.3.117).
    fn apply(&mut self, numbers: &[u16]) {
        let mut rest = numbers;
        while let [number, after @ ..] = rest {
            rest = after;
            match *number {
                0 => *self = Style::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                3 => self.italic = true,
                4 => self.underline = true,
                7 => self.inverse = true,
                22 => (self.bold, self.dim) = (false, false),
                23 => self.italic = false,
                24 => self.underline = false,
                27 => self.inverse = false,
                30..=37 => self.foreground = (*number - 29) as u8,
                38 => (self.foreground, rest) = extended(after),
                39 => self.foreground = 0,
                40..=47 => self.background = (*number - 39) as u8,
                48 => (self.background, rest) = extended(after),
                49 => self.background = 0,
                90..=97 => self.foreground = (*number - 81) as u8,
                100..=107 => self.background = (*number - 91) as u8,
                _ => {}
            }
        }
    }
}

/// The colour that `5;n` or `2;r;g;b` stands for, and what follows it.
fn extended(numbers: &[u16]) -> (u8, &[u16]) {
    match numbers {
        [5, colour, rest @ ..] => (palette(*colour), rest),
        [2, red, green, blue, rest @ ..] => (nearest(*red, *green, *blue), rest),
        _ => (0, &[]),
    }
}

fn palette(colour: u16) -> u8 {
    match colour {
        0..=15 => colour as u8 + 1,
        16..=231 => {
            let level = |step: u16| if step == 0 { 0 } else { 55 + 40 * step };
            let cube = colour - 16;
            nearest(level(cube / 36), level(cube / 6 % 6), level(cube % 6))
        }
        _ => {
            let grey = 8 + 10 * (colour.min(255) - 232);
            nearest(grey, grey, grey)
        }
    }
}

/// The colour of 16 that is on where the channels are, bright where they are strong.
fn nearest(red: u16, green: u16, blue: u16) -> u8 {
    let strongest = red.max(green).max(blue);
    let weakest = red.min(green).min(blue);
    if strongest < 48 {
        return 1;
    }
    if strongest - weakest < 32 {
        return match strongest {
            0..128 => 9,
            128..224 => 8,
            _ => 16,
        };
    }
    let on = |channel: u16| u8::from(channel - weakest > (strongest - weakest) / 2);
    let hue = on(red) | on(green) << 1 | on(blue) << 2;
    if strongest > 224 { hue + 9 } else { hue + 1 }
}

/// The pieces that `bytes` are made of, beginning in `style`, and the style at their end.
fn pieces(bytes: &[u8], mut style: Style) -> (Vec<Piece>, Style) {
    let text = String::from_utf8_lossy(bytes);
    let mut pieces: Vec<Piece> = vec![(style, String::new())];
    let mut rest = &*text;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\n' && c != '\t') {
        push(&mut pieces, style, &rest[..at]);
        rest = &rest[at..];
        let (numbers, after) = control(rest);
        if let Some(numbers) = numbers {
            style.apply(&numbers);
        }
        rest = after;
    }
    push(&mut pieces, style, rest);
    (pieces, style)
}

fn push(pieces: &mut Vec<Piece>, style: Style, text: &str) {
    match pieces.last_mut() {
        Some((last, so_far)) if *last == style => so_far.push_str(text),
        _ => pieces.push((style, text.to_owned())),
    }
}

/// Reads the control character or sequence at the beginning of `text`: its numbers if it sets a style, and what follows.
fn control(text: &str) -> (Option<Vec<u16>>, &str) {
    let skip_one = || text.char_indices().nth(1).map_or("", |(at, _)| &text[at..]);
    let Some(sequence) = text.strip_prefix("\x1b[") else {
        // An operating system command goes on until BEL or ESC \, on one line; with it titles and links are dropped.
        return match text.strip_prefix("\x1b]") {
            None => (None, skip_one()),
            Some(command) => {
                let end = command
                    .find(['\x07', '\x1b', '\n'])
                    .unwrap_or(command.len());
                let after = command[end..].trim_start_matches('\x07');
                (None, after.strip_prefix("\x1b\\").unwrap_or(after))
            }
        };
    };
    let end = sequence.find(|c: char| !matches!(c, ' '..='?'));
    let Some(end) = end else { return (None, "") };
    let last = sequence[end..].chars().next().unwrap_or_default();
    if !('@'..='~').contains(&last) {
        return (None, &sequence[end..]);
    }
    let after = &sequence[end + last.len_utf8()..];
    let numbers = sequence[..end]
        .split([';', ':'])
        .map(|number| number.parse().unwrap_or(0));
    ((last == 'm').then(|| numbers.collect()), after)
}

/// `bytes` as HTML, beginning in `style`; each place that has `wanted` in it, in whatever case, is marked. Answers how
/// many there are and the style at the end.
pub(super) fn render(bytes: &[u8], style: Style, wanted: &str) -> (Markup, usize, Style) {
    let (pieces, style) = pieces(bytes, style);
    let plain: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
    let found = places(&plain, wanted);
    let mut end = 0;
    let begins = pieces.iter().map(|(_, text)| {
        end += text.len();
        end - text.len()
    });
    let markup = html! {
        @for ((style, text), begin) in pieces.iter().zip(begins) {
            @let classes = style.classes();
            @if classes.is_empty() { (marked(text, begin, &found)) }
            @else { span class=(classes) { (marked(text, begin, &found)) } }
        }
    };
    (markup, found.len(), style)
}

/// Where `wanted` begins and ends in `text`. In ASCII case does not matter; folding all of Unicode would move the places.
fn places(text: &str, wanted: &str) -> Vec<(usize, usize)> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let (text, wanted) = (text.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    text.match_indices(&wanted)
        .map(|(at, found)| (at, at + found.len()))
        .collect()
}

/// `text`, which begins at byte `begin` of the whole, with its parts of the found places marked.
fn marked(text: &str, begin: usize, found: &[(usize, usize)]) -> Markup {
    let end = begin + text.len();
    let mut parts = Vec::new();
    let mut at = begin;
    let first = found.partition_point(|(_, to)| *to <= begin);
    for &(from, to) in found[first..].iter().take_while(|(from, _)| *from < end) {
        let (from, to) = (from.max(begin), to.min(end));
        parts.push((false, &text[at - begin..from - begin]));
        parts.push((true, &text[from - begin..to - begin]));
        at = to;
    }
    parts.push((false, &text[at - begin..]));
    html! {
        @for (is_found, part) in parts {
            @if is_found { mark { (part) } } @else { (part) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html_of(text: &str) -> String {
        render(text.as_bytes(), Style::default(), "")
            .0
            .into_string()
    }

    #[test]
    fn ok_styles() {
        for (text, expected) in [
            ("plain <b> & \"q\"", "plain &lt;b&gt; &amp; &quot;q&quot;"),
            ("\x1b[31mred\x1b[0m no", "<span class=\"f2\">red</span> no"),
            (
                "\x1b[1;92mok\x1b[22;39m.",
                "<span class=\"f11 bold\">ok</span>.",
            ),
            ("\x1b[38;5;196mx\x1b[m", "<span class=\"f10\">x</span>"),
            ("\x1b[48;2;0;0;200mx", "<span class=\"b5\">x</span>"),
            ("\x1b[7mx", "<span class=\"inverse\">x</span>"),
            ("\x1b[2K\x1b[1Gx\x1b[?25h", "x"),
            ("\x1b]0;title\x07x\x1b]8;;http://a\x1b\\link", "xlink"),
            ("bell\x07 null\0 back\x08", "bell null back"),
            ("\x1b", ""),
            ("\x1b[", ""),
            ("\x1b[31", ""),
            ("\x1b[31\u{e9}x", "\u{e9}x"),
            ("\x1b[99999999mx", "x"),
            ("\u{202e}rtl", "\u{202e}rtl"),
        ] {
            assert_eq!(html_of(text), expected, "{text:?}");
        }
        assert_eq!(
            render(b"\xff\xfe", Style::default(), "").0.into_string(),
            "\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn a_style_goes_on_in_the_next_part() {
        let (_, _, style) = render(b"\x1b[1;4;38;5;200;44mx", Style::default(), "");
        assert_eq!(Style::unpack(style.pack()), style);
        let next = render(b"y", Style::unpack(style.pack()), "")
            .0
            .into_string();
        assert!(next.contains("bold underline"), "{next}");
        for number in [u32::MAX, 31, 1 << 20] {
            let _ = Style::unpack(number).classes();
        }
    }

    #[test]
    fn what_is_searched_for_is_marked_across_styles() {
        let (html, found, _) = render(b"Error: \x1b[31mer\x1b[0mror <", Style::default(), "error");
        assert_eq!(found, 2);
        assert_eq!(
            html.into_string(),
            "<mark>Error</mark>: <span class=\"f2\"><mark>er</mark></span><mark>ror</mark> &lt;"
        );
    }
}
