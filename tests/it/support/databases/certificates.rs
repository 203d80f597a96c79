//! An authority, and what it signed: made anew for each server, since nothing that lies in a repository stays secret.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};

use super::{CERTIFIED_USER, SERVER_NAME};

/// Writes an authority, a server's and a client's certificate, and an authority that nobody should trust.
pub(super) fn write_certificates(dir: &Path) {
    let authority = authority("authority");
    let write = |name: &str, text: String| {
        fs::write(dir.join(name), text).expect("the directory is ours");
    };
    write("authority.pem", authority.pem());
    write("stranger.pem", self::authority("stranger").pem());
    let names = ["localhost", "127.0.0.1", SERVER_NAME].map(String::from);
    for (file, common_name, names, usage) in [
        (
            "server",
            "server",
            names.to_vec(),
            ExtendedKeyUsagePurpose::ServerAuth,
        ),
        (
            "client",
            CERTIFIED_USER,
            Vec::new(),
            ExtendedKeyUsagePurpose::ClientAuth,
        ),
    ] {
        let mut params = CertificateParams::new(names).expect("names as they should be");
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.extended_key_usages.push(usage);
        let key = KeyPair::generate().expect("there is randomness");
        let signed = params
            .signed_by(&key, &authority)
            .expect("an authority may sign");
        write(&format!("{file}.pem"), signed.pem());
        write(&format!("{file}.key"), key.serialize_pem());
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().expect("there is randomness");
    CertifiedIssuer::self_signed(params, key).expect("a key signs")
}
