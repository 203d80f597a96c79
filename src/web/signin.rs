//! The page that asks for a token. It is shown to everybody, so it tells nothing of the server but its name.
//!
//! What the form sends never comes here: whoever guards the pages takes it, and answers with a session or with a word for
//! what went wrong.

use maud::{DOCTYPE, html};

use crate::http::Answer;

use super::form::Fields;
use super::viewer::Viewer;
use super::{answer, page};

/// `GET /webui/sign-in`.
pub(super) fn show(viewer: &Viewer, query: &Fields) -> Answer {
    let trouble = match query.get("why") {
        "wrong" => Some("This is no token of this server, or no longer one."),
        "often" => {
            Some("Too many wrong tokens came from your address. Wait a moment, then try again.")
        }
        _ => None,
    };
    let markup = html! {
        (DOCTYPE)
        html lang="en" data-theme=[viewer.theme.forced()] {
            (page::head(viewer, "Sign in", &html! {}))
            body.entry {
                main #main {
                    p.brand { (page::eye()) "Nimesha" }
                    form.card.fields method="post" action="/webui/sign-in" {
                        h1 { "Sign in" }
                        @if let Some(words) = trouble { p.banner.bad role="alert" { (words) } }
                        @if query.get("why") == "out" { p.faint role="status" { "You are signed out." } }
                        div.field {
                            label for="token" { "Token" }
                            input #token type="password" name="token" required autofocus
                                autocomplete="current-password" autocapitalize="none" spellcheck="false"
                                aria-describedby="token-note";
                            p.note #token-note { "Whoever runs this server has it. It opens the pages for 12 hours." }
                        }
                        button.primary { "Sign in" }
                    }
                }
            }
        }
    };
    answer::html(200, markup)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{get, web};

    #[test]
    fn only_words_of_ours_are_shown() {
        for (why, words) in [
            ("", "<h1>Sign in</h1>"),
            ("wrong", "This is no token"),
            ("often", "Too many wrong tokens"),
            ("out", "You are signed out"),
            ("%3Cb%3E", "type=\"password\""),
        ] {
            let (status, page) = get(&web(), &format!("/webui/sign-in?why={why}"));
            assert_eq!(status, 200);
            assert!(page.contains(words) && !page.contains("<b>"), "{page}");
        }
    }
}
