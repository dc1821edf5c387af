//! Pages of docs/ whose tables come from the registries.

use std::path::Path;

/// Holds a page to what a registry says, between `<!-- NAME:begin -->` and `<!-- NAME:end -->`; with
/// `UPDATE_DOCS=1` it is written there.
pub fn holds(page: &str, name: &str, generated: &str) {
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    let document = std::fs::read_to_string(&path).expect("the page");
    let from = document.find(&begin).expect("the begin marker") + begin.len();
    let to = document.find(&end).expect("the end marker");
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        let updated = format!("{}{generated}{}", &document[..from], &document[to..]);
        std::fs::write(&path, updated).expect("the page can be written");
        return;
    }
    assert!(document[from..to] == *generated, "docs/{page} is out of date: run this test with UPDATE_DOCS=1");
}
