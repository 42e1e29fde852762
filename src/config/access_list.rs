//! Access lists of Windows: whom a file lets in besides those who are meant.
//!
//! Windows is asked through its own `icacls.exe`, which writes the list down in a form that is the same
//! in every language; a call of our own would need `unsafe`. Judging that form is pure.

/// Groups that anybody of the machine or of the domain is in: their names in the list, their numbers,
/// and what they are called.
const OUTSIDERS: [(&str, &str, &str); 9] = [
    ("WD", "S-1-1-0", "Everyone"),
    ("AN", "S-1-5-7", "Anonymous"),
    ("NU", "S-1-5-2", "Network"),
    ("IU", "S-1-5-4", "Interactive"),
    ("AU", "S-1-5-11", "Authenticated Users"),
    ("BU", "S-1-5-32-545", "Users"),
    ("BG", "S-1-5-32-546", "Guests"),
    ("DU", "", "Domain Users"),
    ("DG", "", "Domain Guests"),
];

/// The system and administrators.
const INSIDERS: [&str; 4] = ["SY", "BA", "S-1-5-18", "S-1-5-32-544"];

/// What the numbers of services begin with.
const SERVICES: &str = "S-1-5-80-";

/// To read or write data, or to change the file, its owner or its list.
const TOO_MUCH: u32 = 0x0001 | 0x0002 | 0x0004 | 0x0001_0000 | 0x0004_0000 | 0x0008_0000 | GENERIC;

/// To do anything, to read, or to write, in general terms.
const GENERIC: u32 = 0x1000_0000 | 0x8000_0000 | 0x4000_0000;

/// What two letters stand for, of what is [`TOO_MUCH`].
const LETTERS: [&str; 10] = ["GA", "GR", "GW", "FA", "FR", "FW", "WD", "WO", "SD", "CC"];

/// The same for rights that are written one by one: to write and to append data.
const LETTERS_OF_DATA: [&str; 2] = ["DC", "LC"];

/// What an access list comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// The groups that anybody is in and that can get at the data.
    pub outsiders: Vec<&'static str>,
    /// Nothing is handed down from above, and nobody is let in but the system, administrators and
    /// services.
    pub is_closed: bool,
}

/// What a security descriptor in Microsoft's text form comes to.
pub fn judged(descriptor: &str) -> Access {
    let Some((_, list)) = descriptor.split_once("D:") else {
        return Access::default();
    };
    // Behind it may stand who is watched.
    let list = list.split_once("S:").map_or(list, |(list, _)| list);
    if list.starts_with("NO_ACCESS_CONTROL") {
        return Access {
            outsiders: vec!["Everyone"],
            is_closed: false,
        };
    }
    let flags = list.split('(').next().unwrap_or_default();
    let mut is_closed = flags.starts_with('P');
    let mut found = Vec::new();
    for entry in list.split('(').skip(1) {
        let entry = entry.split(')').next().unwrap_or_default();
        let parts: Vec<&str> = entry.split(';').collect();
        let [kind, flags, rights, _, _, who, ..] = parts.as_slice() else {
            continue;
        };
        let is_meant = INSIDERS.contains(who) || who.starts_with(SERVICES);
        is_closed &= is_meant || !matches!(*kind, "A" | "XA" | "OA");
        // For those that come later in a folder, and not for the folder.
        let is_handed_down_only = pairs(flags).any(|flag| flag == "IO");
        if !matches!(*kind, "A" | "XA" | "OA") || is_handed_down_only || !is_too_much(rights) {
            continue;
        }
        let group = OUTSIDERS
            .iter()
            .find(|(letters, number, _)| who == letters || (!number.is_empty() && who == number));
        if let Some((_, _, name)) = group
            && !found.contains(name)
        {
            found.push(*name);
        }
    }
    Access {
        outsiders: found,
        is_closed,
    }
}

fn is_too_much(rights: &str) -> bool {
    let mask = rights
        .strip_prefix("0x")
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    match mask {
        Some(mask) => mask & TOO_MUCH != 0,
        None => pairs(rights).any(|two| LETTERS.contains(&two) || LETTERS_OF_DATA.contains(&two)),
    }
}

fn pairs(text: &str) -> impl Iterator<Item = &str> {
    (0..text.len())
        .step_by(2)
        .filter_map(move |at| text.get(at..at.saturating_add(2)))
}

/// What the access list of a file or a folder comes to; `None` where that cannot be found out.
#[cfg(windows)]
pub fn access(path: &std::path::Path) -> Option<Access> {
    let written = tempfile::NamedTempFile::new().ok()?.into_temp_path();
    let asked = icacls()
        .arg(path)
        .arg("/save")
        .arg(&written)
        .arg("/q")
        .output()
        .ok()?;
    if !asked.status.success() {
        return None;
    }
    let text = from_utf16(&std::fs::read(&written).ok()?);
    // The first line is the name of the file, which may look like anything.
    let (_, descriptor) = text.split_once('\n')?;
    descriptor.contains("D:").then(|| judged(descriptor.trim()))
}

/// The system's own program for access lists, by its whole path: no other of that name may come in
/// between.
#[cfg(windows)]
pub fn icacls() -> std::process::Command {
    let root = std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
    let program = std::path::Path::new(&root).join(r"System32\icacls.exe");
    std::process::Command::new(program)
}

/// What the program writes, with or without a mark in front.
#[cfg(any(windows, test))]
fn from_utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .filter_map(|two| Some(u16::from_le_bytes(two.try_into().ok()?)))
        .collect();
    let text = String::from_utf16_lossy(&units);
    text.trim_start_matches('\u{feff}').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "S-1-5-80-3141592653-589793238-462643383-279502884-197169399";

    fn outsiders_of(descriptor: &str) -> Vec<&'static str> {
        judged(descriptor).outsiders
    }

    #[test]
    fn a_list_for_the_system_the_administrators_and_the_service_lets_no_outsider_in() {
        let list = format!("D:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x1200a9;;;{SERVICE})");
        assert!(outsiders_of(&list).is_empty());
    }

    #[test]
    fn a_folder_is_closed_if_nothing_comes_from_above_and_nobody_else_is_named() {
        let closed = format!("(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;{SERVICE})");
        assert!(judged(&format!("D:PAI{closed}")).is_closed);
        assert!(!judged(&format!("D:AI{closed}")).is_closed);
        for somebody in ["BU", "S-1-5-21-1-2-3-1001", "CO"] {
            let list = format!("D:PAI{closed}(A;OICIIO;FR;;;{somebody})");
            assert!(!judged(&list).is_closed, "{somebody}");
        }
        assert!(!judged("D:NO_ACCESS_CONTROL").is_closed);
    }

    #[test]
    fn what_a_folder_of_programs_hands_down_lets_users_read() {
        let list = "D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)(A;ID;0x1200a9;;;AC)";
        assert_eq!(outsiders_of(list), ["Users"]);
    }

    #[test]
    fn groups_are_known_by_letters_and_by_numbers_and_each_is_named_once() {
        let list = "D:(A;;FR;;;WD)(A;;GA;;;S-1-1-0)(A;;FR;;;S-1-5-11)(A;;CCSW;;;IU)";
        let named = ["Everyone", "Authenticated Users", "Interactive"];
        assert_eq!(outsiders_of(list), named);
    }

    #[test]
    fn whoever_may_change_the_list_or_the_owner_can_get_at_the_file() {
        for right in ["WD", "WO", "0x40000", "0x80000", "FW", "GW", "SD"] {
            let list = format!("D:(A;;{right};;;BU)");
            assert_eq!(outsiders_of(&list), ["Users"], "{right}");
        }
    }

    #[test]
    fn to_run_to_look_at_attributes_or_to_be_refused_is_no_access() {
        for entry in [
            "A;;FX;;;WD",
            "A;;0x120080;;;WD",
            "D;;FA;;;WD",
            "A;OICIIO;FA;;;WD",
        ] {
            let list = format!("D:({entry})");
            assert!(outsiders_of(&list).is_empty(), "{entry}");
        }
    }

    #[test]
    fn without_a_list_everyone_is_let_in_and_whoever_is_watched_is_not() {
        assert_eq!(outsiders_of("D:NO_ACCESS_CONTROL"), ["Everyone"]);
        assert!(outsiders_of("D:(A;;FA;;;SY)S:(AU;SAFA;FA;;;WD)").is_empty());
    }

    #[test]
    fn what_the_system_s_program_writes_is_read_with_and_without_a_mark() {
        let bytes = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let plain: Vec<u8> = bytes("k.pem\r\nD:(A;;FA;;;SY)\r\n");
        let marked: Vec<u8> = bytes("\u{feff}k.pem\r\nD:(A;;FA;;;SY)\r\n");
        assert_eq!(from_utf16(&plain), "k.pem\r\nD:(A;;FA;;;SY)\r\n");
        assert_eq!(from_utf16(&marked), from_utf16(&plain));
    }
}
