//! The cookbook's page, made from its cases and from what their commands print.

use super::excerpt::{Directive, Printed};
use super::front::question;
use super::made::{MARK, Made, said, sources};
use super::page::slug;
use postroad::explain::cookbook::{Case, cases};
use std::collections::{BTreeMap, BTreeSet};

const INTRO: &str = "\
This page is for a mail that does not arrive. Find the line that your server or the bounce shows, by its code or by its
words. Then read who said it: most time is lost by asking the wrong one.

Three things first.

1. **The first digit decides.** 4 means not now: the letter waits, and nobody needs to do anything. 5 means no
   ([RFC 5321 §4.2.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1)).
2. **The words behind the code are the server's own.** Two servers say the same thing in different words, and different
   things with the same code.
3. **Look at the whole line.** In a bounce it is the Diagnostic-Code
   ([RFC 3464 §2.3.6](https://www.rfc-editor.org/rfc/rfc3464#section-2.3.6)).

`postroad explain \"550 5.7.1 relay denied\"` looks a line up here; `postroad explain bounce.eml` reads a whole bounce, and
`postroad explain mail.log` the lines of a log.

<div class=\"ladder\">

![Ladder diagram: mx1.example.net refuses the recipient with 550, and mail.example.com writes the bounce](pictures/unknown-user.svg)

</div>

The usual case. One server refuses a recipient, and *another* one writes the bounce: the one that had taken the letter.
";

const ASK: &str = "you get a bounce from `mail.example.com` that says `550 5.1.1`. Whom do you ask for help: \
                   the people who run `mail.example.com`, or those of the server that is named behind `Remote-MTA`?";
const ANSWER: &str = "Neither, at first: `5.1.1` says that nobody of that name is there, so look at the address. If it is \
                      right, ask the side that refused. The server that wrote the bounce only tells you.";

const OWN: &str = "\
## See your own line in a whole story

Put the line that you got into a [scenario](reference/scenario.md), and see what every host does about it:

<!-- scenario -->
```toml
extends = \"journey\"
title = \"What comes of this answer?\"

[[fault]]
kind = \"reply\"
host = \"mx1.example.net\"
service = \"mta\"
verb = \"RCPT\"
reply = \"550 5.7.26 This mail is unauthenticated\"
times = 0
```

```console
$ postroad journey --scenario mine.toml
```
";

/// Lines of an excerpt; a longer one is left to the command.
const LONGEST: usize = 14;

/// The page. `run` gives what the program prints for a command line without the program's name.
///
/// # Errors
/// What is wrong with a case: a command that fails, or that does not show what the case says.
pub fn page(run: &mut dyn FnMut(&str) -> Result<Printed, String>) -> Result<Made, String> {
    let asked = question(ASK, ANSWER, &["RFC 3463 §3.2", "RFC 3464 §2.3.5", "RFC 5321 §6.1"]);
    let mut text = format!("{MARK}\n\n# When a mail does not arrive\n\n{INTRO}{asked}\n## By code\n\n");
    for (code, cases) in by_code() {
        let links: Vec<String> = cases.iter().map(|case| link(case)).collect();
        text += &format!("- **{code}** {}\n", links.join(" · "));
    }
    let (mut group, mut wrong) = ("", String::new());
    for case in cases() {
        if case.group != group {
            group = &case.group;
            text += &format!("\n## {group}\n");
        }
        match told(case, run) {
            Ok(told) => text += &told,
            Err(problem) => wrong += &format!("\n{}: postroad {}: {problem}", case.id, case.see),
        }
    }
    text += &format!("\n{OWN}");
    if wrong.is_empty() { Ok(Made { name: "book/src/cookbook.md".to_owned(), text }) } else { Err(wrong) }
}

/// The cases of each code of three digits: those that have it in their titles, or all of them where none has.
fn by_code() -> BTreeMap<&'static str, Vec<&'static Case>> {
    let listed = cases().iter().flat_map(|case| &case.codes);
    let codes: BTreeSet<&str> = listed.filter_map(|code| code.split(' ').next()).collect();
    let of = |code: &str, case: &Case| case.codes.iter().any(|listed| listed.split(' ').next() == Some(code));
    let all = |code: &str| cases().iter().filter(|case| of(code, case)).collect::<Vec<_>>();
    let titled =
        |code: &str| all(code).into_iter().filter(|case| case.title.contains(code)).collect::<Vec<_>>();
    let chosen = |code: &str| if titled(code).is_empty() { all(code) } else { titled(code) };
    codes.into_iter().map(|code| (code, chosen(code))).collect()
}

fn link(case: &Case) -> String {
    format!("[{}](#{})", said(&case.title), slug(&case.title))
}

fn told(case: &Case, run: &mut dyn FnMut(&str) -> Result<Printed, String>) -> Result<String, String> {
    let mut out = format!("\n### {}\n\n", said(&case.title));
    out += &format!("**You see:** {}\n\n{}\n\n", said(&case.symptom), said(&case.means));
    out += &format!("**Who says it:** {}\n\n", said(&case.said_by));
    out += "**What to do:**\n\n";
    for (number, step) in case.do_this.iter().enumerate() {
        out += &format!("{}. {}\n", number + 1, said(step));
    }
    let printed = run(&case.see)?;
    let command = format!("postroad {}", case.see);
    if case.step.is_empty() {
        // The words must be there; the page need not say twice what the catalogue says.
        Directive::parse(&format!("{command} | line {:?}", case.line))?.select(&printed)?;
        out += &format!("\nSee it: `{command}`\n");
    } else {
        let lines = Directive::parse(&format!("{command} | step {:?}", case.step))?.select(&printed)?;
        let shown = lines.get(..LONGEST).unwrap_or(&lines);
        out += &format!("\n```console\n$ {command}\n```\n\n```text\n{}\n", shown.join("\n"));
        if shown.len() < lines.len() {
            out += "      …\n";
        }
        out += "```\n";
    }
    Ok(out + &format!("\n{}\n", sources(&case.source)))
}
