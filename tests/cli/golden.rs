//! What the program prints, word by word.

use std::path::Path;

use crmgate::simulate::Deployment;

use crate::support::World;
use crate::{requests, shows};

/// A directory that is in order.
fn good() -> World {
    let world = World::new();
    requests(&world).write(world.path()).expect("ini files");
    world
}

/// A directory with a mistake in each file, one of them near a known word.
fn bad() -> World {
    let world = World::new();
    let mut deployment = requests(&world);
    let ssl = deployment.ssl.as_mut().expect("TLS");
    ssl.set("SSL", "METHOD", 3)
        .set("SSL_SERVER_CLIENT", "CA_FILE", "./ssl/company.pem");
    deployment.system.set("Requests", "SideA", "127.0.0.1:8080");
    deployment
        .system
        .set("Requests", "SidB", "http://127.0.0.1:8081");
    deployment.gateway.set("Runtime", "Threads", "many");
    deployment.write(world.path()).expect("ini files");
    world
}

/// A directory that is usable and has something to be said about.
fn warned() -> World {
    let world = World::new();
    let mut deployment = requests(&world);
    deployment.gateway.set("Limits", "IdleTimeout", "5s");
    deployment.write(world.path()).expect("ini files");
    world
}

const CHECK: &[&str] = &["check", "--config", "DIR"];
const CHECK_JSON: &[&str] = &["check", "--config", "DIR", "--format", "json"];
const RUN: &[&str] = &["run", "--config", "DIR"];

#[test]
fn check_of_a_good_directory_says_what_would_run() {
    shows("check_good", good().path(), CHECK);
    shows("check_good_json", good().path(), CHECK_JSON);
}

#[test]
fn check_of_a_bad_directory_says_every_mistake_with_its_place_and_a_hint() {
    shows("check_bad", bad().path(), CHECK);
    shows("check_bad_json", bad().path(), CHECK_JSON);
}

#[test]
fn check_of_a_directory_with_warnings_fails_only_when_told_to() {
    shows("check_warned", warned().path(), CHECK);
    let strict = &["check", "--config", "DIR", "--deny-warnings"];
    shows("check_warned_strictly", warned().path(), strict);
}

#[test]
fn check_of_nothing_says_what_is_missing() {
    let empty = tempfile::tempdir().expect("a directory");
    shows("check_empty", empty.path(), CHECK);
    shows("check_nowhere", &empty.path().join("nowhere"), CHECK);
    let file = empty.path().join("file");
    std::fs::write(&file, "x").expect("written");
    shows("check_file", &file, CHECK);
}

#[test]
fn check_names_every_flow_of_every_system() {
    let world = World::new();
    let crm = "https://crm.example.com:44300".parse().expect("a URL");
    let mut first = requests(&world)
        .events(([127, 0, 0, 1], 8081).into(), &crm)
        .static_route(
            ([127, 0, 0, 1], 44300).into(),
            ([10, 0, 0, 9], 44300).into(),
        );
    first
        .system
        .set("Requests", "SideB", "https://side-b.example:8443");
    first.write(world.path()).expect("ini files");
    let mut second = Deployment::new("SAP2");
    second.system.set("Config", "TpiDllParameter", "SSL");
    second
        .system
        .set("Requests", "Listen", "8444")
        .set("Requests", "Mode", "passthrough")
        .set("Requests", "SideA", "https://side-a.example:8443")
        .set("Requests", "SideB", "https://side-b.example:8443");
    let file = world.path().join("CRMConnectorSAP_SAP2.ini");
    std::fs::write(file, second.system.to_string()).expect("written");
    shows("check_all_flows", world.path(), CHECK);
}

#[test]
fn run_of_a_bad_directory_says_the_same_as_check_and_that_it_does_not_start() {
    shows("run_bad", bad().path(), RUN);
}

#[test]
fn run_of_nothing_says_how_to_name_a_directory() {
    let empty = tempfile::tempdir().expect("a directory");
    shows("run_nowhere", &empty.path().join("nowhere"), RUN);
}

#[test]
fn help_and_version_are_complete() {
    let nowhere = Path::new("nowhere");
    shows("help", nowhere, &["--help"]);
    shows("help_run", nowhere, &["run", "--help"]);
    shows("help_check", nowhere, &["check", "--help"]);
    shows("help_demo", nowhere, &["demo", "--help"]);
    for command in [
        "status",
        "top",
        "reload",
        "switch",
        "logs",
        "console",
        "completions",
        "man",
    ] {
        shows(&format!("help_{command}"), nowhere, &[command, "--help"]);
    }
    shows("help_certs", nowhere, &["certs", "--help"]);
    for verb in [
        "list", "init", "inspect", "convert", "csr", "sign", "renew", "watch",
    ] {
        let name = format!("help_certs_{verb}");
        shows(&name, nowhere, &["certs", verb, "--help"]);
    }
    shows("help_service", nowhere, &["service", "--help"]);
    let install = ["service", "install", "--help"];
    shows("help_service_install", nowhere, &install);
    shows("help_explain", nowhere, &["explain", "--help"]);
    shows("help_preflight", nowhere, &["preflight", "--help"]);
    shows("version", nowhere, &["--version"]);
}

#[test]
fn a_wrong_command_line_says_what_is_right() {
    let nowhere = Path::new("nowhere");
    shows("usage_nothing", nowhere, &[]);
    shows("usage_command", nowhere, &["chekc"]);
    shows("usage_option", nowhere, &["run", "--conf", "x"]);
    shows("usage_format", nowhere, &["check", "--format", "xml"]);
    shows("usage_value", nowhere, &["run", "--config"]);
}

#[test]
fn explain_says_what_a_code_means_and_what_to_do_here_and_in_sap() {
    let nowhere = Path::new("nowhere");
    shows(
        "explain_code",
        nowhere,
        &["explain", "SSSLERR_PEER_CERT_UNTRUSTED"],
    );
    shows("explain_number", nowhere, &["explain", "-10"]);
    let line = "dev_icm: rc=-1 ICM_HTTP_SSL_ERROR, then alert unknown_ca";
    shows("explain_line", nowhere, &["explain", line]);
    shows(
        "explain_json",
        nowhere,
        &["explain", "GW-503-CUT", "--output", "json"],
    );
    shows("explain_slip", nowhere, &["explain", "unkown_ca"]);
    shows("explain_nothing", nowhere, &["explain", "horse"]);
    shows("explain_list", nowhere, &["explain", "--list"]);
}

#[test]
fn preflight_prints_the_checklist_and_what_to_do() {
    let world = good();
    let only = "config,own,listener";
    let line = &[
        "preflight",
        "--config",
        "DIR",
        "--only",
        only,
        "--skip",
        "own-dates",
    ];
    shows("preflight_good", world.path(), line);
    let line = &[
        "preflight",
        "--config",
        "DIR",
        "--only",
        "config",
        "--output",
        "short",
    ];
    shows("preflight_bad", bad().path(), line);
    shows(
        "preflight_list",
        Path::new("nowhere"),
        &["preflight", "--list"],
    );
    let line = &["preflight", "--config", "DIR", "--only", "peer-nam"];
    shows("preflight_unknown", world.path(), line);
    shows(
        "preflight_nowhere",
        Path::new("nowhere"),
        &["preflight", "--config", "DIR"],
    );
}
