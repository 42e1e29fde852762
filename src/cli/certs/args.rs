//! The options of `crmgate certs`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::passphrase::PassphraseArgs;
use crate::cli::args::ConfigDir;
use crate::model::HostPort;

/// What to do with certificates; without a verb, list those that the configuration uses.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = CODES)]
pub(in crate::cli) struct CertsArgs {
    #[command(subcommand)]
    pub(super) verb: Option<Verb>,
    #[command(flatten)]
    pub(super) list: ListArgs,
}

const CODES: &str =
    "Exit codes: 0 done, 1 something is refused, has ended or ends soon, 2 wrong usage,
  65 a file holds something else, 66 there is no such file, 69 nobody answers there,
  73 a file is there already, 77 not permitted, 78 the configuration cannot be used

Passphrases are read from --passphrase-file, from CRMGATE_PASSPHRASE, or at the terminal; they are
never an argument, which every account of the machine could read.";

/// One verb each for one question.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List every certificate and revocation list that the configuration uses, what ends first in front.
    List(ListArgs),
    /// Make a PKI for a trial: CAs, and certificates for the gateway, both sides, SAP CRM and an admin.
    Init(InitArgs),
    /// Say what a file, a directory or a server holds, what it is good for, and who would refuse it.
    Inspect(InspectArgs),
    /// Turn .cer, DER, P7B and PFX into the PEM that crmgate reads, or into what STRUST imports.
    Convert(ConvertArgs),
    /// Make a certificate request, for a key at hand or for a new one.
    Csr(CsrArgs),
    /// Make a certificate of a request, with the authority of a trial.
    Sign(SignArgs),
    /// Plan a renewal, prepare its requests, and install the answer.
    Renew(RenewArgs),
    /// Tell what ends in 60, 30, 14, 7 or 1 days, once or for as long as it runs.
    Watch(WatchArgs),
}

/// How something is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// Options of `certs list`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crmgate certs --config DIR
  crmgate certs list --config DIR --output json")]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) dir: ConfigDir,
    /// How to print the table.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(super) output: Output,
}

/// Options of `certs init`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crmgate certs init trial/ssl
  crmgate certs init trial/ssl --gateway gw.example.com,10.0.0.5 --crm crm.example.com --separate-cas

It is for a trial: whoever has company-ca.key can make any certificate that the trial believes.")]
pub(super) struct InitArgs {
    /// The directory for the files; it is made if it is not there.
    #[arg(value_name = "DIR")]
    pub(super) dir: PathBuf,
    /// Give SAP CRM a CA of its own, as where two departments run one each.
    #[arg(long)]
    pub(super) separate_cas: bool,
    /// The kind of all keys. RSA with 2048 bits is what every release of SAP knows.
    #[arg(long, value_enum, default_value_t = Key::Rsa)]
    pub(super) key: Key,
    /// How certificate and key lie in files.
    #[arg(long, value_enum, default_value_t = Layout::Both)]
    pub(super) layout: Layout,
    /// Host names and addresses of the gateway; the first one is the common name.
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "gateway.crmgate.test,localhost,127.0.0.1"
    )]
    pub(super) gateway: Vec<String>,
    /// The same of connector side A.
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "side-a.crmgate.test,localhost,127.0.0.1"
    )]
    pub(super) side_a: Vec<String>,
    /// The same of connector side B.
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "side-b.crmgate.test,localhost,127.0.0.1"
    )]
    pub(super) side_b: Vec<String>,
    /// The same of SAP CRM.
    #[arg(
        long,
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "sap-crm.crmgate.test,localhost,127.0.0.1"
    )]
    pub(super) crm: Vec<String>,
    /// Days until the certificates end; the CAs last ten years.
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub(super) days: u16,
    /// Print what was made as one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

/// The kind of a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Key {
    /// RSA with 2048 bits.
    Rsa,
    /// ECDSA on P-256: the cheaper handshake.
    Ec,
}

/// How certificate and key lie in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Layout {
    /// One .pem with both, for `PEM_FILE`.
    Pem,
    /// A .crt and a .key, for `CRT_FILE` and `KEY_FILE`.
    Pair,
    /// All three.
    Both,
}

/// Options of `certs inspect`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crmgate certs inspect ssl/gateway.pem
  crmgate certs inspect ssl/
  crmgate certs inspect from-windows.pfx --passphrase-file pass.txt
  crmgate certs inspect crm.example.com:44300 --ca ssl/company-ca.pem --identity ssl/gateway.pem
  crmgate certs inspect crm.example.com:44300 --via 10.0.0.5:44300 --output json

Exit codes: 0 nobody refuses anything of it, 1 somebody does, 65 nothing in it is known,
  66 there is no such file, 69 nobody answers there")]
pub(super) struct InspectArgs {
    /// A file of any form, a directory, or a server as host:port.
    #[arg(value_name = "FILE|DIR|HOST:PORT")]
    pub(super) what: String,
    #[command(flatten)]
    pub(super) passphrase: PassphraseArgs,
    /// Judge the chain by the authorities in this file, as the daemon would with it as `CA_FILE`.
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
    /// The host that a server's certificate has to be for, where it is not the one that is called.
    #[arg(long, value_name = "HOST")]
    pub(super) servername: Option<String>,
    /// Call the server through this static route or proxy host.
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) via: Option<HostPort>,
    /// Show this certificate to the server: a PEM file with certificate and key.
    #[arg(long, value_name = "FILE")]
    pub(super) identity: Option<PathBuf>,
    /// How long the server has to answer, in seconds.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=300))]
    pub(super) timeout: u16,
    /// Print how the certificates belong together, and nothing else.
    #[arg(long)]
    pub(super) chain: bool,
    /// How to print it; pem prints the certificates themselves.
    #[arg(long, value_enum, default_value_t = InspectOutput::Text)]
    pub(super) output: InspectOutput,
}

/// How what was looked into is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum InspectOutput {
    /// For people.
    Text,
    /// One JSON object.
    Json,
    /// The certificates, as they may be put into `CA_FILE`.
    Pem,
}

/// Options of `certs convert`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crmgate certs convert from-windows.pfx --to pem --out ssl/gateway.pem
  crmgate certs convert company-ca.cer --to pem --out ssl/company-ca.pem
  crmgate certs convert ssl/gateway.pem --to pfx --out gateway.pfx --out-passphrase-file pass.txt
  crmgate certs convert ssl/gateway.pem --to strust --out for-sap/")]
pub(super) struct ConvertArgs {
    /// A file of any form.
    #[arg(value_name = "IN")]
    pub(super) input: PathBuf,
    /// Further certificates, such as intermediates; they go behind the first.
    #[arg(long, value_name = "FILE")]
    pub(super) add: Vec<PathBuf>,
    /// The form to write.
    #[arg(long, value_enum)]
    pub(super) to: Target,
    /// The file to write; for strust a directory.
    #[arg(long, value_name = "FILE|DIR")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) passphrase: PassphraseArgs,
    /// The first line of this file locks the PFX, or the key in a PEM; else `CRMGATE_OUT_PASSPHRASE`, or
    /// the terminal (for a PFX).
    #[arg(long, value_name = "FILE")]
    pub(super) out_passphrase_file: Option<PathBuf>,
    /// Lock the PFX the old way (triple DES), for Windows before 2019 and old CommonCryptoLib.
    #[arg(long)]
    pub(super) legacy: bool,
    /// Replace files that are there already.
    #[arg(long)]
    pub(super) force: bool,
}

/// A form to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Target {
    /// What crmgate reads: the certificate, its chain, its key.
    Pem,
    /// One certificate in DER.
    Der,
    /// All certificates in a P7B.
    P7b,
    /// Certificate, chain and key, locked with a passphrase.
    Pfx,
    /// What STRUST imports: .cer each, the chain as .p7b, and a PFX for sapgenpse where there is a key.
    Strust,
}

/// Options of `certs csr`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crmgate certs csr --new-key rsa --key ssl/gateway.key --like ssl/gateway.pem --out gateway.csr
  crmgate certs csr --key ssl/gateway.key --subject \"CN=gw.example.com,O=Example,C=CH\" \\
      --san gw.example.com,10.0.0.5 --out gateway.csr")]
pub(super) struct CsrArgs {
    /// The private key; with --new-key the file to write it to.
    #[arg(long, value_name = "FILE")]
    pub(super) key: PathBuf,
    /// Make a new key of this kind.
    #[arg(long, value_enum, value_name = "KIND")]
    pub(super) new_key: Option<Key>,
    /// The subject, most specific part first, as in RFC 4514.
    #[arg(long, value_name = "DN", required_unless_present = "like")]
    pub(super) subject: Option<String>,
    /// Alternative names: hosts and addresses, or uri:... and email:..., with commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) san: Vec<String>,
    /// Take subject and names from this certificate where they are not given.
    #[arg(long, value_name = "FILE")]
    pub(super) like: Option<PathBuf>,
    /// The file for the request.
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) passphrase: PassphraseArgs,
    /// Replace files that are there already.
    #[arg(long)]
    pub(super) force: bool,
}

/// Options of `certs sign`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crmgate certs sign --ca trial/ssl/company-ca.pem --csr gateway.csr --out gateway.crt
  crmgate certs sign --ca trial/ssl/company-ca.pem --csr sap.csr --purpose client --days 90 \\
      --out sap.crt

It is for the PKI of a trial that certs init has made. Of the request it takes the subject, the key and
the alternative names; what the certificate allows is settled here, whatever was asked for.

Exit codes: 0 done, 65 a file holds something else or the request is refused, 66 there is no such file,
  73 the file to write is there already, 77 not permitted")]
pub(super) struct SignArgs {
    /// The authority's certificate.
    #[arg(long, value_name = "FILE")]
    pub(super) ca: PathBuf,
    /// Its private key; without it, the file of the same name with .key in the place of its end.
    #[arg(long, value_name = "FILE")]
    pub(super) ca_key: Option<PathBuf>,
    /// The certificate request, in PEM or DER.
    #[arg(long, value_name = "FILE")]
    pub(super) csr: PathBuf,
    /// What the certificate is for.
    #[arg(long, value_enum, default_value_t = Purpose::Both)]
    pub(super) purpose: Purpose,
    /// Alternative names in the place of those of the request, as with certs csr.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(super) san: Vec<String>,
    /// Days until the certificate ends.
    #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub(super) days: u16,
    /// The file for the certificate. One that is there already is never replaced.
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) passphrase: PassphraseArgs,
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Purpose {
    /// To be shown by who is called and by who calls, as the gateway needs it.
    Both,
    /// To be shown by who is called alone.
    Server,
    /// To be shown by who calls alone.
    Client,
}

/// Options of `certs renew`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crmgate certs renew --config DIR --dry-run    # what, by when, and who has to do what
  crmgate certs renew --config DIR              # keys and requests beside the present files
  crmgate certs renew --config DIR --install gateway-signed.p7b

The daemon reads the installed files by itself, or with HUP; the former ones stay as .bak-DATE.")]
pub(super) struct RenewArgs {
    #[command(flatten)]
    pub(super) dir: ConfigDir,
    /// Say what would be done and write nothing.
    #[arg(long, conflicts_with = "install")]
    pub(super) dry_run: bool,
    /// Renew what ends within so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=36500))]
    pub(super) within: u32,
    /// The kind of the new keys; without it, that of the present ones.
    #[arg(long, value_enum, value_name = "KIND")]
    pub(super) key: Option<Key>,
    /// Install the certificate that an authority has made of a request of this command.
    #[arg(long, value_name = "CERT")]
    pub(super) install: Option<PathBuf>,
    /// Install it although it has another subject or lacks names of the present one.
    #[arg(long, requires = "install")]
    pub(super) other_names: bool,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    pub(super) output: Output,
}

/// Options of `certs watch`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  crmgate certs watch --config DIR --once
  crmgate certs watch --config DIR --nagios --warn 30 --crit 7

Exit codes with --once: 0 nothing has reached a step, 1 something has, 78 the configuration cannot be
  used. With --nagios: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN")]
pub(super) struct WatchArgs {
    #[command(flatten)]
    pub(super) dir: ConfigDir,
    /// Look once and end.
    #[arg(long)]
    pub(super) once: bool,
    /// Look once, print one line as monitoring plug-ins do, and end with their codes.
    #[arg(long)]
    pub(super) nagios: bool,
    /// With --nagios: WARNING for what ends within so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=36500))]
    pub(super) warn: u32,
    /// With --nagios: CRITICAL for what ends within so many days.
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(0..=36500))]
    pub(super) crit: u32,
    /// How many minutes lie between two looks.
    #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10080))]
    pub(super) every: u32,
}
