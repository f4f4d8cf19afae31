//! Directories: what a company knows of its people. One module per kind, and what the kinds share.

mod fields;
mod file;
mod http;
mod ldap;

use std::collections::BTreeMap;
use std::sync::Arc;

use switchboard_ports::clock::Clock;
use switchboard_ports::directory::DirectoryKind;

use self::file::FileKind;
use self::http::HttpKind;
use self::ldap::LdapKind;
use crate::net::Network;

pub use crate::net::signature;

/// Every kind there is, by its name in settings.
#[must_use]
pub fn kinds(clock: &Arc<dyn Clock>, network: &Network) -> BTreeMap<&'static str, Arc<dyn DirectoryKind>> {
    let kinds: [Arc<dyn DirectoryKind>; 3] = [
        Arc::new(FileKind),
        Arc::new(HttpKind::new(Arc::clone(clock), network.clone())),
        Arc::new(LdapKind::new(network.clone())),
    ];
    kinds.into_iter().map(|kind| (kind.kind(), kind)).collect()
}
