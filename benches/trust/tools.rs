//! The programs that are tried: which, and in which versions.

use crate::programs;

/// A server under trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    Crmgate,
    Nginx,
    HaProxy,
}

impl Product {
    pub const ALL: [Self; 3] = [Self::Crmgate, Self::Nginx, Self::HaProxy];

    /// As it is written at the head of its column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crmgate => "crmgate",
            Self::Nginx => "nginx",
            Self::HaProxy => "HAProxy",
        }
    }

    /// The program, and the package that brings it.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Crmgate => env!("CARGO_BIN_EXE_crmgate"),
            Self::Nginx => "nginx",
            Self::HaProxy => "haproxy",
        }
    }

    const fn version_option(self) -> &'static str {
        match self {
            Self::Crmgate => "--version",
            Self::Nginx | Self::HaProxy => "-v",
        }
    }
}

/// Half of the clients are made of it.
const CLIENT: &str = "openssl";

/// The products that the command line names; all of them if it names none.
pub fn asked_for(arguments: impl Iterator<Item = String>) -> Result<Vec<Product>, String> {
    let mut products = Vec::new();
    for argument in arguments {
        let named = |product: &&Product| product.name().eq_ignore_ascii_case(&argument);
        match Product::ALL.iter().find(named) {
            Some(product) => products.push(*product),
            // cargo's own word for "measure".
            None if argument == "--bench" => {}
            None => {
                let all = Product::ALL.map(Product::name).join(", ");
                return Err(format!(
                    "\"{argument}\" is none of the servers that can be tried: {all}"
                ));
            }
        }
    }
    if products.is_empty() {
        products.extend(Product::ALL);
    }
    Ok(products)
}

/// What each product says of its version. Has those installed that are not there.
pub fn versions(products: &[Product]) -> Result<Vec<(Product, String)>, String> {
    let needed: Vec<_> = products.iter().map(|product| product.program()).collect();
    let advice = "name the servers to try: cargo bench --bench trust -- crmgate";
    programs::present(&[&needed[..], &[CLIENT]].concat(), advice)?;
    let version = |product: &Product| {
        let said = programs::said(product.program(), product.version_option())?;
        Ok((*product, programs::version_in(&said)))
    };
    products.iter().map(version).collect()
}
