//! The page `book/src/reference/interop.md` shows what is tried here. `POSTROAD_BLESS=1` writes its table anew.

use crate::rows::ROWS;

const BEGIN: &str = "<!-- the table is made by tests/interop -->\n";
const END: &str = "<!-- the end of the table -->\n";

fn table() -> String {
    let mut out = String::from("\n| program | what it does | what it says to the servers |\n|---|---|---|\n");
    for row in ROWS {
        let said: Vec<String> = row.speaks.iter().map(|claim| shown(claim)).collect();
        let said = if said.is_empty() { "questions".to_owned() } else { said.join(", ") };
        out.push_str(&format!("| {} {} | {} | {said} |\n", row.program, row.version, row.does));
    }
    out.push('\n');
    out
}

/// What is done and not said stands in words; the rest as it is said.
fn shown(claim: &str) -> String {
    match claim {
        "TLS" => "TLS from the first byte".to_owned(),
        "PIPELINING" => "several commands in one go".to_owned(),
        "LITERAL+" | "MULTIAPPEND" | "LIST-STATUS" => claim.to_owned(),
        said => format!("`{said}`"),
    }
}

#[test]
fn the_page_shows_what_is_tried() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/book/src/reference/interop.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let (before, rest) = page.split_once(BEGIN).expect("the page says where its table begins");
    let (_, after) = rest.split_once(END).expect("the page says where its table ends");
    let made = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("POSTROAD_BLESS").is_some() {
        std::fs::write(path, &made).expect("the page can be written");
        return;
    }
    assert!(page == made, "the table of {path} is not what is tried; POSTROAD_BLESS=1 writes it anew");
}
