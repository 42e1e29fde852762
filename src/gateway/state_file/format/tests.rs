use proptest::prelude::*;

use super::*;

/// A few certificates, so that some stand in several chains.
fn chains() -> impl Strategy<Value = Chain> {
    let certificates = proptest::collection::vec(proptest::collection::vec(1_u8..4, 1..3), 0..4);
    certificates.prop_map(Chain::from)
}

fn refusals() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[A-Za-z0-9][A-Za-z0-9-]{0,20}")
}

fn clients() -> impl Strategy<Value = Client> {
    let roles = (any::<[Option<i64>; 2]>(), refusals()).prop_map(|(lasts, refused)| {
        let each = TlsRole::BOTH.into_iter().zip(lasts);
        let seen = each.filter_map(|(role, last)| {
            Some(SeenAs {
                role,
                last: WallTime(last?),
                refused: refused.clone(),
            })
        });
        seen.collect::<Vec<_>>()
    });
    let client = (
        any::<i64>(),
        any::<[u8; 32]>(),
        "[0-9a-f]{1,40}",
        chains(),
        "[^\\r\\n]{0,40}",
        roles,
    );
    client.prop_map(
        |(last, fingerprint, serial, chain, subject, roles)| Client {
            subject,
            serial,
            chain,
            fingerprint: Fingerprint(fingerprint),
            last: WallTime(last),
            roles,
        },
    )
}

fn uses() -> impl Strategy<Value = Vec<AuthorityUse>> {
    let one = (
        "[A-Za-z0-9_-]{1,8}",
        any::<[u8; 32]>(),
        any::<i64>(),
        any::<usize>(),
        "[^\\r\\n]{0,40}",
        proptest::collection::vec(clients(), 0..4),
    );
    let one = one.prop_map(|(role, key, not_after, more, name, clients)| AuthorityUse {
        role,
        authority: Authority {
            key: AuthorityKey(key),
            name,
            not_after: WallTime(not_after),
        },
        clients,
        more,
    });
    proptest::collection::vec(one, 0..4)
}

fn memories() -> impl Strategy<Value = Memory> {
    let server = (
        "[A-Za-z0-9_-]{1,8}",
        "[a-z]{1,8}(\\.[a-z]{1,8})?",
        1_u16..,
        chains(),
        any::<i64>(),
        refusals(),
    );
    let server = server.prop_map(|(system, host, port, chain, last, refused)| Server {
        system,
        target: format!("{host}:{port}").parse().expect("a target"),
        chain,
        last: WallTime(last),
        refused,
    });
    let servers = proptest::collection::vec(server, 0..4);
    let lack = prop_oneof![
        Just(Lack::Certificate),
        Just(Lack::Question),
        Just(Lack::Tls),
    ];
    let role = prop_oneof![Just(TlsRole::Requests), Just(TlsRole::Events)];
    let nameless = ("[A-Za-z0-9_-]{1,8}", role, lack, any::<i64>(), refusals());
    let nameless = nameless.prop_map(|(system, role, lack, last, refused)| Nameless {
        system,
        role,
        lack,
        last: WallTime(last),
        refused,
    });
    let nameless = proptest::collection::vec(nameless, 0..4);
    let step = prop_oneof![
        any::<i64>().prop_map(Step::left),
        Just(Step::Ended),
        Just(Step::GraceEnded),
    ];
    let alarms = proptest::collection::vec((any::<[u8; 32]>(), step), 0..4);
    (uses(), nameless, servers, alarms).prop_map(|(uses, nameless, servers, alarms)| Memory {
        uses,
        nameless,
        servers,
        alarms,
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(memory in memories(), at in any::<i64>()) {
        let written = WallTime(at);
        let told = Recalled { written: Some(written), memory };
        prop_assert_eq!(parse(&text(&told.memory, written)), Ok(told));
    }

    #[test]
    fn no_text_makes_reading_panic(lines in "(crmgate state [23]\n)?((written|alarm|certificate|authority|client|seen|nameless|server|end) [ 0-9a-f:]{0,80}\n){0,4}") {
        let _either = parse(&lines).is_ok();
    }

    #[test]
    fn a_text_that_was_cut_is_not_read(memory in memories(), keep in 0.0..1.0) {
        let whole = text(&memory, WallTime(0));
        let lines: Vec<&str> = whole.lines().collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a share of a small number")]
        let kept = (lines.len() as f64 * keep) as usize;
        prop_assert!(parse(&lines[..kept].join("\n")).is_err());
    }
}

fn client(number: u8) -> Client {
    Client {
        subject: String::new(),
        serial: "01".to_owned(),
        fingerprint: Fingerprint([number; 32]),
        chain: vec![vec![number], vec![0xca, 0xfe]].into(),
        last: WallTime(0),
        roles: Vec::new(),
    }
}

fn remembering(clients: Vec<Client>) -> Memory {
    let one = AuthorityUse {
        role: "SAP1".to_owned(),
        authority: Authority {
            key: AuthorityKey([0; 32]),
            name: String::new(),
            not_after: WallTime(0),
        },
        clients,
        more: 0,
    };
    Memory {
        uses: vec![one],
        ..Memory::default()
    }
}

#[test]
fn a_certificate_of_many_chains_is_written_once() {
    let mut memory = remembering((1..=9).map(client).collect());
    memory.servers.push(Server {
        system: "SAP1".to_owned(),
        target: "side.example:443".parse().expect("a target"),
        chain: client(1).chain,
        last: WallTime(0),
        refused: None,
    });
    let text = text(&memory, WallTime(0));
    assert_eq!(text.matches("certificate cafe\n").count(), 1, "{text}");
    assert_eq!(text.matches("\ncertificate ").count(), 10, "{text}");
    let strange = text.replace(" 0,1 ", " 0,77 ");
    assert!(parse(&text).is_ok() && parse(&strange).is_err());
}

#[test]
fn the_form_before_this_one_is_read_and_tells_not_as_what_a_client_was_there() {
    let memory = remembering(vec![client(1)]);
    let text = text(&memory, WallTime(7));
    let before = text
        .replace("crmgate state 3", "crmgate state 2")
        .replace("written 7\n", "")
        .replace("end 5", "end 4");
    let told = parse(&before);
    assert_eq!(
        told,
        Ok(Recalled {
            written: None,
            memory
        })
    );
}

#[test]
fn a_line_of_a_later_release_is_left_out_and_counted() {
    let memory = remembering(vec![client(1)]);
    let text = text(&memory, WallTime(7));
    let more = text.replace("\nclient ", "\nmood good and bad\nclient ");
    assert_eq!(parse(&more), Err(Broken::Line(8)));
    let counted = more.replace("end 5", "end 6");
    assert_eq!(parse(&counted), parse(&text));
}

#[test]
fn what_is_wrong_with_a_text_is_said() {
    let said = |text: &str| parse(text).expect_err("broken").to_string();
    assert_eq!(
        said("crmgate state 1\nend 0\n"),
        "its first line is not \"crmgate state 3\""
    );
    for line in [
        "client 1 2",
        "certificate 300",
        "end 1",
        "written soon",
        "alarm 00 30D",
        "seen requests 1 -",
        "nameless SAP1 requests no-money 1 -",
        "server SAP1 nowhere 1 - -",
        "authority",
    ] {
        assert_eq!(
            said(&format!("crmgate state 3\n{line}\nend 1\n")),
            "line 2 is not of its form",
            "{line}"
        );
    }
    let above = "authority SAP1 00 0 0 x".replace("00", &"00".repeat(32));
    assert_eq!(
        said(&format!(
            "crmgate state 3\n{above}\nseen events 1 -\nend 2\n"
        )),
        "line 3 is not of its form"
    );
    assert_eq!(said("crmgate state 3\n"), "its end is missing");
}
