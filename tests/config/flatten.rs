//! Pretty debug text to one line for each value: `systems[0].requests.fault = Soap`.

/// Flattens what `{:#?}` prints.
pub(crate) fn flatten(pretty: &str) -> Vec<String> {
    let mut flat = Vec::new();
    let mut path: Vec<Step> = Vec::new();
    for line in pretty.lines().map(str::trim) {
        let line = line.strip_suffix(',').unwrap_or(line);
        if matches!(line, "}" | "]" | ")") {
            path.pop();
            continue;
        }
        let (name, value) = match path.last() {
            Some(step) if step.is_struct => line.split_once(": ").unwrap_or((line, "")),
            _ => ("", line),
        };
        let label = match path.last_mut() {
            Some(step) if step.is_list => {
                step.next += 1;
                format!("[{}]", step.next - 1)
            }
            _ => name.to_owned(),
        };
        if value.ends_with(['{', '[', '(']) {
            path.push(Step {
                label,
                is_list: value.ends_with('['),
                is_struct: value.ends_with('{'),
                next: 0,
            });
            let kind = value.trim_end_matches([' ', '{', '[', '(']);
            // Structs are told by their fields; the variants of an enum have names that matter.
            let is_variant = matches!(
                kind,
                "After" | "Combined" | "Grace" | "Http" | "Pair" | "Soap" | "Window"
            );
            if is_variant {
                flat.push(format!("{} = {kind}", joined(&path, "")));
            }
        } else {
            flat.push(format!("{} = {value}", joined(&path, &label)));
        }
    }
    flat
}

struct Step {
    label: String,
    is_list: bool,
    is_struct: bool,
    next: usize,
}

fn joined(path: &[Step], last: &str) -> String {
    let mut text = String::new();
    for label in path.iter().map(|step| step.label.as_str()).chain([last]) {
        if !text.is_empty() && !label.is_empty() && !label.starts_with('[') {
            text.push('.');
        }
        text.push_str(label);
    }
    text
}

#[test]
fn nested_values_become_one_line_each() {
    let pretty = "Settings {\n    systems: [\n        S {\n            a: Some(\n                \
                  1,\n            ),\n        },\n    ],\n    b: [],\n}";
    assert_eq!(flatten(pretty), ["systems[0].a = 1", "b = []"]);
}
