use super::*;

fn sandbox() -> Sandbox {
    let root = |rights| Root {
        path: "/srv/a".into(),
        id: (1, 2),
        rights,
    };
    Sandbox {
        confinement: Confinement {
            landlock: 7,
            seccomp: true,
        },
        home: "/etc/crmgate".into(),
        roots: vec![root(Rights::Read), root(Rights::Run), root(Rights::Write)],
    }
}

#[test]
fn what_a_process_hands_on_is_what_the_next_one_knows() {
    let bequest = Bequest::of(&sandbox());
    let text = serde_json::to_string(&bequest).expect("written");
    let read: Bequest = serde_json::from_str(&text).expect("read");
    assert_eq!(read.read(), sandbox());
}

#[test]
fn a_start_without_what_is_required_says_what_is_missing_and_what_to_do() {
    let error = SandboxError::Lacking {
        file: "/etc/crmgate/crmgate.ini".to_owned(),
        why: "Landlock: it is not in the kernel's lsm= list".to_owned(),
    };
    assert_eq!(
        error.to_string(),
        "Sandbox=require in [Runtime] of \"/etc/crmgate/crmgate.ini\" cannot be met: Landlock: it is not \
         in the kernel's lsm= list"
    );
    assert!(error.hint().contains("or write Sandbox=auto"));
}
