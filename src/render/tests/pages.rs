//! Pages: what stands in a cell where a row stands as a block, and the word of the verdict.

use super::*;
use crate::isolation::section::PathChange;

fn page(plan: &Plan) -> String {
    rendered(plan, Format::Html, &Style::plain())
}

#[test]
fn every_cell_of_a_record_says_which_column_it_is() {
    let page = page(&realistic());
    let tables = page.split("<table class=\"records\"").skip(1);
    let tables: Vec<&str> = tables.map(|t| t.split_once("</table>").expect("an end").0).collect();
    assert!(tables.len() > 1, "{page}");
    for table in tables {
        let columns: Vec<&str> = table
            .split("role=\"columnheader\">")
            .skip(1)
            .map(|part| part.split_once("</th>").expect("an end").0)
            .collect();
        for row in table.split("<tr role=\"row\">").skip(2) {
            let labels: Vec<&str> = row
                .split("data-label=\"")
                .skip(1)
                .map(|part| part.split_once('"').expect("an end").0)
                .collect();
            let named = columns.len() - row.matches("role=\"rowheader\"").count();
            assert_eq!(labels, &columns[columns.len() - named..], "{row}");
        }
    }
}

#[test]
fn what_stood_before_is_broken_and_not_refused() {
    let mut plan = realistic();
    let word = |plan: &Plan| {
        let page = page(plan);
        let rest = page.split_once("<span class=\"word\">").expect("a banner").1.to_owned();
        rest.split_once('<').expect("an end").0.to_owned()
    };
    assert_eq!(word(&plan), "Refused");
    for path in &mut plan.isolation.violations {
        path.change = PathChange::Standing;
    }
    plan.isolation.changes.clear();
    assert_eq!(word(&plan), "Broken");
}
