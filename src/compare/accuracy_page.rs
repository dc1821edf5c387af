//! A page that keeps the accuracy's tables between two markers, and the text around them.

use std::fmt::Write;

use super::accuracy::{Accuracy, Case, Nature, Placement};
use super::statistics::rank;

const BEGIN: &str = "<!-- validate:begin -->\n";
const END: &str = "<!-- validate:end -->";
/// Names the scenarios that were looked at while rules of the model were found.
const LOOKED_AT: &str = "<!-- looked-at:";

impl Accuracy {
    /// The page with these figures in place of the earlier ones. None if it has no place for them.
    pub fn page(&self, page: &str) -> Option<String> {
        let begin = page.find(BEGIN)? + BEGIN.len();
        let end = begin + page[begin..].find(END)?;
        let tables = self.render(true, u16::MAX).replace("\n## ", "\n### ");
        let parts = self.parts(&looked_at(page));
        Some(format!("{}{tables}{parts}{}", &page[..begin], &page[end..]))
    }

    /// The errors of those scenarios that rules come from, and of those that say what to expect of
    /// others.
    fn parts(&self, looked_at: &[&str]) -> String {
        if looked_at.is_empty() {
            return String::new();
        }
        let new = |case: &Case| !looked_at.contains(&case.name.as_str());
        let mut text = String::from(
            "\n### What to expect of other scenarios\n\n| part | scenarios | median error | p90 |\n|---|---|---|---|\n",
        );
        type Meant<'a> = (&'static str, &'a dyn Fn(&Case) -> bool);
        let parts: [Meant<'_>; 5] = [
            ("looked at", &|case| !new(case)),
            ("not looked at", &new),
            ("not looked at, one CPU", &|case| new(case) && case.placement == Placement::OneCpu),
            ("not looked at, two CPUs pinned", &|case| new(case) && case.placement == Placement::Pinned),
            ("not looked at, IPC-dominated", &|case| {
                new(case) && case.nature == Nature::Ipc && case.placement != Placement::Unpinned
            }),
        ];
        for (name, is_meant) in parts {
            let mut errors: Vec<f64> =
                self.cases.iter().filter(|case| is_meant(case)).map(|case| case.error.abs()).collect();
            errors.sort_by(f64::total_cmp);
            if let (Some(median), Some(p90)) = (rank(&errors, 0.5), rank(&errors, 0.9)) {
                let (median, p90) = (median * 100.0, p90 * 100.0);
                // Writing to a string can't fail.
                let _ = writeln!(text, "| {name} | {} | {median:.1} % | {p90:.1} % |", errors.len());
            }
        }
        text
    }
}

fn looked_at(page: &str) -> Vec<&str> {
    let list = page.find(LOOKED_AT).map(|at| &page[at + LOOKED_AT.len()..]);
    let list = list.and_then(|list| list.split_once("-->")).map_or("", |(list, _)| list);
    list.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::verdict::Verdict;

    fn case(name: &str, simulated: f64) -> Case {
        Case {
            name: name.to_owned(),
            placement: Placement::OneCpu,
            nature: Nature::Ipc,
            simulated,
            measured: 100.0,
            error: simulated / 100.0 - 1.0,
            verdict: Verdict::Same,
            wrong_counts: Vec::new(),
            switches: Some(0.0),
            cause: "why".to_owned(),
            reason: None,
            between: None,
            disturbed: 0,
        }
    }

    #[test]
    fn a_page_keeps_its_text_and_gets_new_figures() {
        let cases = vec![case("a", 110.0), case("b", 98.0)];
        let found = Accuracy::new("p", "m", 11, cases, Vec::new());
        let page =
            "Text.\n<!-- looked-at: a\nz -->\n<!-- validate:begin -->\nold\n<!-- validate:end -->\nMore.\n";
        let new = found.page(page).unwrap();
        assert!(
            new.starts_with("Text.\n<!-- looked-at: a\nz -->\n<!-- validate:begin -->\n2 scenarios"),
            "{new}"
        );
        assert!(new.ends_with("<!-- validate:end -->\nMore.\n") && !new.contains("old"), "{new}");
        assert!(new.contains("| looked at | 1 | 10.0 % | 10.0 % |"), "{new}");
        assert!(new.contains("| not looked at, IPC-dominated | 1 | 2.0 % | 2.0 % |"), "{new}");
        assert_eq!(found.page(&new), Some(new));
    }

    #[test]
    fn a_page_without_a_place_is_refused() {
        assert_eq!(Accuracy::new("p", "m", 1, Vec::new(), Vec::new()).page("Text."), None);
    }
}
