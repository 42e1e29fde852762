use std::collections::BTreeSet;

use super::*;

/// All together: a page that is at hand at once, also over a slow line to a plant.
const MOST: usize = 120_000;

fn text(path: &str) -> &'static str {
    find(path).expect("a file of the console").text
}

fn scripts() -> impl Iterator<Item = &'static Asset> {
    ASSETS.iter().filter(|asset| asset.kind == SCRIPT)
}

/// What stands between a beginning and an end, each time.
fn between<'t>(text: &'t str, begin: &'t str, end: &'t str) -> impl Iterator<Item = &'t str> {
    let parts = text.split(begin).skip(1);
    parts.filter_map(move |part| part.split_once(end).map(|(inside, _)| inside))
}

#[test]
fn the_whole_console_is_small() {
    let size: usize = ASSETS.iter().map(|asset| asset.text.len()).sum();
    assert!(size < MOST, "{size} bytes");
}

#[test]
fn no_file_names_another_origin() {
    // The name of a vocabulary, which nobody fetches.
    let vocabulary = "http://www.w3.org/2000/svg";
    for asset in ASSETS {
        let text = asset.text.replace(vocabulary, "");
        for foreign in ["://", "\"//", "'//", "@import", "url("] {
            assert!(!text.contains(foreign), "{}: {foreign}", asset.path);
        }
    }
}

#[test]
fn what_a_page_or_a_module_names_is_there_and_nothing_lies_there_unnamed() {
    let mut named = BTreeSet::from(["/".to_owned()]);
    for attribute in ["src=\"", "href=\""] {
        let paths = between(text("/"), attribute, "\"");
        named.extend(
            paths
                .filter(|path| path.starts_with("/assets/"))
                .map(str::to_owned),
        );
    }
    for script in scripts() {
        let modules = between(script.text, "from './", "'");
        named.extend(modules.map(|module| format!("/assets/{module}")));
    }
    let there: BTreeSet<_> = ASSETS.iter().map(|asset| asset.path.to_owned()).collect();
    assert_eq!(named, there);
}

#[test]
fn text_is_never_taken_for_markup_or_for_a_script() {
    let ways = [
        "innerHTML",
        "outerHTML",
        "insertAdjacent",
        "document.write",
        "eval(",
        "Function(",
    ];
    for script in scripts() {
        for way in ways {
            assert!(!script.text.contains(way), "{}: {way}", script.path);
        }
    }
    // The policy of the page would refuse these, and then something would not work.
    for inline in [" style=", " onclick=", "<style", "<script>"] {
        assert!(!text("/").contains(inline), "{inline}");
    }
}

/// Texts that the page says in the reader's language: in calls of `t`, and marked in the page.
fn said() -> BTreeSet<&'static str> {
    let mut said = BTreeSet::new();
    for script in scripts() {
        for before in ["(", " ", "[", "{", "!"] {
            let call = format!("{before}t('");
            let calls = script.text.split(call.as_str()).skip(1);
            said.extend(calls.filter_map(|call| call.split_once('\'').map(|(text, _)| text)));
        }
    }
    for line in text("/").lines().filter(|line| line.contains(" data-t")) {
        for tag in line.split('<').filter(|tag| tag.contains(" data-t")) {
            let label = tag
                .split_once("aria-label=\"")
                .filter(|_| tag.contains("data-t-label"));
            said.extend(label.and_then(|(_, rest)| rest.split('"').next()));
            let (_, inside) = tag.split_once('>').expect("a tag");
            said.extend((!tag.contains("data-t-label")).then_some(inside));
        }
    }
    said
}

#[test]
fn every_text_of_the_page_has_its_german_and_no_german_is_without_its_text() {
    let german: BTreeSet<&str> = text("/assets/german.js")
        .lines()
        .filter_map(|line| line.strip_prefix("  '")?.split("': ").next())
        .collect();
    let said = said();
    let missing: Vec<_> = said.difference(&german).collect();
    assert!(missing.is_empty(), "without German: {missing:#?}");
    // The rest are words of the gateway itself.
    let sources = [
        include_str!("../openapi.json"),
        include_str!("../access.rs"),
        include_str!("../orders.rs"),
        include_str!("../answers.rs"),
        include_str!("../../gateway/report/certificates.rs"),
        include_str!("../../gateway/report/systems.rs"),
        include_str!("../../gateway/report/mod.rs"),
        include_str!("../../gateway/viewer.rs"),
        include_str!("../../preflight/report/mod.rs"),
        include_str!("../../telemetry/flow.rs"),
    ]
    .concat();
    let unknown = |text: &&&str| !said.contains(**text) && !sources.contains(**text);
    let left_over: Vec<_> = german.iter().filter(unknown).collect();
    assert!(left_over.is_empty(), "said by nobody: {left_over:#?}");
}

#[test]
fn a_browser_that_has_a_file_is_told_so_and_one_that_has_another_gets_it() {
    let page = find("/").expect("the page");
    let first = page.answer(&HeaderMap::new());
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(first.headers()["cache-control"], "no-cache");
    assert_eq!(first.headers()["content-type"], HTML);
    let tag = first.headers()[ETAG].clone();
    let with = |tag: HeaderValue| HeaderMap::from_iter([(IF_NONE_MATCH, tag)]);
    let again = page.answer(&with(tag.clone()));
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(again.headers()[ETAG], tag);
    let other = page.answer(&with(HeaderValue::from_static("\"other\"")));
    assert_eq!(other.status(), StatusCode::OK);
}
