//! Where a browser shows the token.

use super::shell;

/// The page; `wrong` after a token that is not the one.
pub(crate) fn render(back: &str, wrong: bool) -> String {
    shell::bare("Log in", |html| {
        html.raw("<h1>Log in</h1>\n");
        if wrong {
            html.raw("<p class=\"said bad\" role=\"alert\">This is not the token.</p>\n");
        }
        html.raw("<form method=\"post\" action=\"/login\" class=\"login\">\n");
        super::hidden(html, "back", back);
        html.raw("<label for=\"token\">Token of <code>[http]</code></label>\n");
        html.raw("<input id=\"token\" name=\"token\" type=\"password\" autocomplete=\"current-password\" required autofocus>\n");
        html.raw("<button>Log in</button>\n</form>\n");
        html.raw("<p class=\"soft\">The one that <code>token</code> in the section <code>[http]</code> of the configuration names. ");
        html.raw("This browser stays logged in for 12 hours, or until commwatch is restarted.</p>\n");
    })
}
