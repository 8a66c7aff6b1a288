use serde_json::json;

use super::*;

fn document() -> Value {
    json!({
        "kind": "StuckNamespaceList",
        "items": [
            {"name": "rodrigo", "ageSeconds": 2400, "specFinalizers": ["kubernetes"], "conditions": [
                {"type": "A", "status": "True", "message": "one"}, {"type": "B", "status": "False", "message": "two"}]},
            {"name": "zombie", "ageSeconds": 90, "specFinalizers": [], "x.y/z": {"deep": true}, "none": null},
        ],
    })
}

fn rendered(template: &str) -> String {
    Template::from_str(template).unwrap_or_else(|error| panic!("{template}: {error}")).render(&document())
}

/// What kubectl prints for the same template and document.
#[test]
fn templates_mean_what_they_mean_to_kubectl() {
    let cases = [
        ("plain text", "plain text"),
        ("{.kind}", "StuckNamespaceList"),
        ("{$.kind} {@.kind}", "StuckNamespaceList StuckNamespaceList"),
        ("{.items[*].name}", "rodrigo zombie"),
        ("{.items[0].name}{\"\\n\"}", "rodrigo\n"),
        ("{.items[-1].name}", "zombie"),
        ("{.items[0:1].name}", "rodrigo"),
        ("{.items[5].name}", ""),
        ("{.items[*]['name','ageSeconds']}", "rodrigo 2400 zombie 90"),
        ("{.items[1].x\\.y/z.deep} {.items[1]['x.y/z']}", "true {\"deep\":true}"),
        ("{range .items[*]}{.name}\t{.ageSeconds}{\"\\n\"}{end}", "rodrigo\t2400\nzombie\t90\n"),
        (
            "{range .items[*]}{.name}:{range .conditions[*]} {.type}={.status}{end};{end}",
            "rodrigo: A=True B=False;zombie:;",
        ),
        ("{.items[?(@.name==\"zombie\")].ageSeconds}", "90"),
        ("{.items[?(@.ageSeconds>100)].name}", "rodrigo"),
        ("{.items[?(@.conditions)].name}", "rodrigo"),
        ("{.items[0].conditions[?(@.status!='True')].message}", "two"),
        ("{..message}", "one two"),
        ("{.items[0].specFinalizers}", "[\"kubernetes\"]"),
        ("{.items[1].none}", "null"),
        ("{.nothing.at.all}", ""),
        ("{'quoted } brace'}", "quoted } brace"),
        (
            "{.items[*].name} {range .items[*]}{$.kind},{end}",
            "rodrigo zombie StuckNamespaceList,StuckNamespaceList,",
        ),
    ];
    for (template, expected) in cases {
        assert_eq!(rendered(template), expected, "{template}");
    }
}

#[test]
fn what_kubectl_does_not_know_is_refused_when_it_is_read() {
    let cases = [
        ("{.items", "not closed"),
        ("{range .items[*]}{.name}", "{range} without {end}"),
        ("{.name}{end}", "{end} without {range}"),
        ("{items}", "begins with a dot"),
        ("{}", "nothing between"),
        ("{.items[}", "not closed"),
        ("{.items[a]}", "neither a number nor a quoted name"),
        ("{.items[?(@.a==1 && @.b==2)]}", "no &&"),
        ("{.items[?(@.a=~/x/)]}", "no &&"),
        ("{.items.length()}{\"", "not closed"),
    ];
    for (template, why) in cases {
        let error = Template::from_str(template).unwrap_err().to_string();
        assert!(error.contains(why), "{template}: {error}");
    }
}

#[test]
fn a_path_may_lack_its_braces_and_its_dot() {
    for path in ["ageSeconds", ".ageSeconds", "{.ageSeconds}", "$.ageSeconds"] {
        assert_eq!(
            Path::from_str(path).unwrap().cell(&document()["items"][0]).as_deref(),
            Some("2400"),
            "{path}"
        );
    }
    assert_eq!(
        Path::from_str(".conditions[*].type").unwrap().cell(&document()["items"][0]).as_deref(),
        Some("A,B")
    );
    assert_eq!(Path::from_str(".nothing").unwrap().cell(&document()["items"][0]), None);
    assert!(Path::from_str("").is_err() && Path::from_str("{}").is_err());
}

/// Each of them would double what is found: a line of them took longer than anybody waits.
#[test]
fn what_is_asked_for_over_and_over_is_found_once() {
    let many = |step: &str| format!("{{{}name}}", step.repeat(200));
    assert_eq!(rendered(&many("..")), rendered("{..name}"));
}
