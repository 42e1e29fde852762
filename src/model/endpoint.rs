//! Addresses as values: parsed once, printed the same way, never strings again.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// Why a text is not an address. The message completes "`VALUE` is not an address: ...".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// There is nothing between the separators.
    #[error("the host is missing")]
    NoHost,
    /// A port is needed and none is there.
    #[error("the port is missing")]
    NoPort,
    /// The port is no number from 1 to 65535.
    #[error("the port \"{0}\" is not a number from 1 to 65535")]
    BadPort(String),
    /// A host holds a character that no host name, IPv4 or bracketed IPv6 address has.
    #[error("the host \"{0}\" holds a character that no host name has")]
    BadHost(String),
    /// A URL with another scheme than the two that are served.
    #[error("it has to start with http:// or https://")]
    BadScheme,
    /// A URL with more than scheme, host and port.
    #[error("only scheme, host and port are allowed, not the path \"{0}\"")]
    HasPath(String),
    /// A listen address whose host is a name.
    #[error(
        "a listener needs an IP address such as 0.0.0.0, [::] or 127.0.0.1, not the name \"{0}\""
    )]
    NameNotAllowed(String),
}

/// A host, by name or address, and a port.
///
/// Names are kept in lower case, so that two spellings of one host are one key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    host: String,
    port: u16,
}

impl HostPort {
    /// A host and a port that are known to be well formed, such as a bound address.
    pub fn from_addr(addr: SocketAddr) -> Self {
        Self {
            host: addr.ip().to_string(),
            port: addr.port(),
        }
    }

    /// Joins a bare host (no brackets needed) and a port.
    pub fn new(host: &str, port: u16) -> Result<Self, EndpointError> {
        Ok(Self {
            host: checked_host(host)?.to_ascii_lowercase(),
            port,
        })
    }

    /// The host: a lower-case name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The address, if the host is one and not a name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The same host with another port.
    #[must_use]
    pub fn with_port(&self, port: u16) -> Self {
        Self {
            host: self.host.clone(),
            port,
        }
    }

    /// Whether this is the host and the port that were [`HostPort::read`].
    pub fn is(&self, (host, port): (&str, u16)) -> bool {
        self.port == port && self.host.eq_ignore_ascii_case(host)
    }

    /// Splits `host`, `host:port`, `[v6]` or `[v6]:port`, with a port to use where none is given.
    pub fn parse_with_default(
        text: &str,
        default_port: Option<u16>,
    ) -> Result<Self, EndpointError> {
        let (host, port) = Self::read(text, default_port)?;
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    /// The same for who only compares: the host stays as it is written, and nothing is copied.
    pub fn read(text: &str, default_port: Option<u16>) -> Result<(&str, u16), EndpointError> {
        let (host, port) = split_host_port(text)?;
        let port = match (port, default_port) {
            (Some(port), _) => parse_port(port)?,
            (None, Some(port)) => port,
            (None, None) => return Err(EndpointError::NoPort),
        };
        Ok((checked_host(host)?, port))
    }
}

impl FromStr for HostPort {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::parse_with_default(text, None)
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Where a listener binds: an IP address and a port. A port alone means all IPv4 addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenAddr(SocketAddr);

impl ListenAddr {
    /// Wraps a socket address.
    pub const fn new(addr: SocketAddr) -> Self {
        Self(addr)
    }

    /// The address to bind.
    pub const fn addr(self) -> SocketAddr {
        self.0
    }

    /// Whether two listeners cannot both be bound: same port, and one address covers the other.
    pub fn collides_with(self, other: Self) -> bool {
        let covers =
            |a: IpAddr, b: IpAddr| a == b || (a.is_unspecified() && a.is_ipv4() == b.is_ipv4());
        // Port 0 asks the system for any free port, so two of them never meet.
        self.0.port() != 0
            && self.0.port() == other.0.port()
            && (covers(self.0.ip(), other.0.ip()) || covers(other.0.ip(), self.0.ip()))
    }
}

impl FromStr for ListenAddr {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if let Ok(port) = text.parse::<u16>() {
            return Ok(Self(SocketAddr::new(
                IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                port,
            )));
        }
        let (host, port) = split_host_port(text)?;
        let port_text = port.ok_or(EndpointError::NoPort)?;
        // Unlike a target, a listener may ask for port 0: the system picks a free one.
        let port = if port_text == "0" {
            0
        } else {
            parse_port(port_text)?
        };
        let ip = match host {
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            _ => host
                .parse()
                .map_err(|_not_an_address| EndpointError::NameNotAllowed(host.to_owned()))?,
        };
        Ok(Self(SocketAddr::new(ip, port)))
    }
}

impl fmt::Display for ListenAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How the far end is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP in TLS; the gateway proves who it is with its certificate.
    Https,
}

impl Scheme {
    /// The port a URL of this scheme means when it names none.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

/// A scheme with host and port: a side, or the CRM.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// Host and port.
    pub target: HostPort,
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            _ => return Err(EndpointError::BadScheme),
        };
        let (authority, path) = rest
            .find(['/', '?', '#'])
            .map_or((rest, ""), |at| rest.split_at(at));
        if !matches!(path, "" | "/") {
            return Err(EndpointError::HasPath(path.to_owned()));
        }
        let target = HostPort::parse_with_default(authority, Some(scheme.default_port()))?;
        Ok(Self { scheme, target })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.target)
    }
}

/// Splits off a port; brackets around an IPv6 address are removed.
fn split_host_port(text: &str) -> Result<(&str, Option<&str>), EndpointError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest
            .split_once(']')
            .ok_or_else(|| EndpointError::BadHost(text.to_owned()))?;
        if host.parse::<Ipv6Addr>().is_err() {
            return Err(EndpointError::BadHost(host.to_owned()));
        }
        return match after {
            "" => Ok((host, None)),
            _ => match after.strip_prefix(':') {
                Some(port) => Ok((host, Some(port))),
                None => Err(EndpointError::BadHost(text.to_owned())),
            },
        };
    }
    match text.rsplit_once(':') {
        // An IPv6 address without brackets: which colon begins the port is anybody's guess.
        Some((host, _)) if host.contains(':') => Err(EndpointError::BadHost(text.to_owned())),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

fn parse_port(text: &str) -> Result<u16, EndpointError> {
    // `u16::from_str` takes a leading plus sign; a port does not.
    let digits_only = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits_only && port > 0 => Ok(port),
        _ if text.is_empty() => Err(EndpointError::NoPort),
        _ => Err(EndpointError::BadPort(text.to_owned())),
    }
}

fn checked_host(host: &str) -> Result<&str, EndpointError> {
    if host.is_empty() {
        return Err(EndpointError::NoHost);
    }
    let name = host
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if name || host.parse::<Ipv6Addr>().is_ok() {
        Ok(host)
    } else {
        Err(EndpointError::BadHost(host.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back_as_the_same_value() {
        for text in ["crm.example.com:44300", "10.0.0.5:1", "[2001:db8::1]:65535"] {
            let parsed: HostPort = text.parse().expect(text);
            assert_eq!(parsed.to_string(), text);
        }
        for text in ["http://side-a:8080", "https://[::1]:443"] {
            let parsed: Endpoint = text.parse().expect(text);
            assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn a_host_name_is_kept_in_lower_case() {
        let parsed: HostPort = "CRM.Example.COM:44300".parse().expect("valid");
        assert_eq!(parsed.host(), "crm.example.com");
    }

    #[test]
    fn what_is_read_without_a_copy_is_compared_as_what_is_kept() {
        let kept: HostPort = "crm.example.com:443".parse().expect("valid");
        for text in [
            "crm.example.com:443",
            "CRM.Example.COM:443",
            "crm.example.com",
        ] {
            let read = HostPort::read(text, Some(443)).expect(text);
            assert!(kept.is(read), "{text}");
        }
        for text in ["crm.example.com:444", "crm.example.co", "[::1]:443"] {
            let read = HostPort::read(text, Some(443)).expect(text);
            assert!(!kept.is(read), "{text}");
        }
        assert_eq!(HostPort::read("crm", None), Err(EndpointError::NoPort));
    }

    #[test]
    fn a_url_without_port_means_the_port_of_its_scheme() {
        let parsed: Endpoint = "HTTPS://crm.example.com/".parse().expect("valid");
        assert_eq!(parsed.target.port(), 443);
    }

    #[test]
    fn broken_targets_are_refused_with_the_reason() {
        let refused = |text: &str| text.parse::<HostPort>().expect_err(text);
        assert_eq!(refused("crm"), EndpointError::NoPort);
        assert_eq!(refused("crm:"), EndpointError::NoPort);
        assert_eq!(refused(":44300"), EndpointError::NoHost);
        for port in ["0", "65536", "+80", "8o80", " 80"] {
            assert_eq!(
                refused(&format!("crm:{port}")),
                EndpointError::BadPort(port.to_owned())
            );
        }
        assert_eq!(refused("cr m:1"), EndpointError::BadHost("cr m".to_owned()));
        assert_eq!(
            refused("2001:db8::1:443"),
            EndpointError::BadHost("2001:db8::1:443".to_owned())
        );
        assert_eq!(refused("[crm]:1"), EndpointError::BadHost("crm".to_owned()));
    }

    #[test]
    fn an_endpoint_with_a_path_or_another_scheme_is_refused() {
        assert_eq!(
            "http://side/ici".parse::<Endpoint>(),
            Err(EndpointError::HasPath("/ici".to_owned()))
        );
        assert_eq!(
            "ftp://side".parse::<Endpoint>(),
            Err(EndpointError::BadScheme)
        );
        assert_eq!(
            "side:8080".parse::<Endpoint>(),
            Err(EndpointError::BadScheme)
        );
    }

    #[test]
    fn a_listener_takes_a_port_alone_an_address_or_localhost() {
        let listen = |text: &str| text.parse::<ListenAddr>().expect(text).to_string();
        assert_eq!(listen("44300"), "0.0.0.0:44300");
        assert_eq!(listen("localhost:1"), "127.0.0.1:1");
        assert_eq!(listen("[::]:8443"), "[::]:8443");
        assert_eq!(listen("127.0.0.1:0"), "127.0.0.1:0");
    }

    #[test]
    fn a_listener_on_all_addresses_collides_with_one_on_a_single_address() {
        let listen = |text: &str| text.parse::<ListenAddr>().expect(text);
        assert!(listen("0.0.0.0:8443").collides_with(listen("127.0.0.1:8443")));
        assert!(listen("127.0.0.1:8443").collides_with(listen("0.0.0.0:8443")));
        assert!(!listen("127.0.0.1:8443").collides_with(listen("127.0.0.2:8443")));
        assert!(!listen("127.0.0.1:0").collides_with(listen("127.0.0.1:0")));
        assert!(!listen("0.0.0.0:8443").collides_with(listen("[::1]:8443")));
    }
}
