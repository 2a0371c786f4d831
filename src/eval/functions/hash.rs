//! Checksums, and identifiers that are computed from names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use uuid::Uuid;

use super::args::FunctionResult;
use super::filesystem;
use super::function::{Call, Copes, Function};

macro_rules! digests {
    ($($name:literal, $file:literal, $digest:ty, $encode:expr, $what:literal;)*) => {
        pub(super) const TABLE: &[Function] = &[
            $(
                Function {
                    name: $name,
                    params: &["text"],
                    about: concat!("The ", $what, " of the text."),
                    copes: Copes::NOTHING,
                    run: |call| {
                        let encode: fn(&[u8]) -> String = $encode;
                        Ok(encode(&<$digest>::digest(call.text(0)?)).into())
                    },
                },
                Function {
                    name: $file,
                    params: &["path"],
                    about: concat!("The ", $what, " of a file's content."),
                    copes: Copes::NOTHING,
                    run: |call| {
                        let encode: fn(&[u8]) -> String = $encode;
                        Ok(encode(&<$digest>::digest(filesystem::read(call, 0)?)).into())
                    },
                },
            )*
            Function {
                name: "uuidv5",
                params: &["namespace", "name"],
                about: "The UUID of a name in a namespace: `dns`, `url`, `oid`, `x500` or a UUID.",
                copes: Copes::NOTHING,
                run: uuidv5,
            },
        ];
    };
}

digests! {
    "base64sha256", "filebase64sha256", Sha256, |b| STANDARD.encode(b), "SHA-256 checksum in Base64";
    "base64sha512", "filebase64sha512", Sha512, |b| STANDARD.encode(b), "SHA-512 checksum in Base64";
    "md5", "filemd5", Md5, |b| HEXLOWER.encode(b), "MD5 checksum in hexadecimal";
    "sha1", "filesha1", Sha1, |b| HEXLOWER.encode(b), "SHA-1 checksum in hexadecimal";
    "sha256", "filesha256", Sha256, |b| HEXLOWER.encode(b), "SHA-256 checksum in hexadecimal";
    "sha512", "filesha512", Sha512, |b| HEXLOWER.encode(b), "SHA-512 checksum in hexadecimal";
}

fn uuidv5(call: &Call<'_>) -> FunctionResult {
    let namespace = match call.text(0)?.as_str() {
        "dns" => Uuid::NAMESPACE_DNS,
        "url" => Uuid::NAMESPACE_URL,
        "oid" => Uuid::NAMESPACE_OID,
        "x500" => Uuid::NAMESPACE_X500,
        other => Uuid::parse_str(other).map_err(|_| {
            call.bad(0, format_args!("`{other}` is not `dns`, `url`, `oid`, `x500` or a UUID"))
        })?,
    };
    Ok(Uuid::new_v5(&namespace, call.text(1)?.as_bytes()).to_string().into())
}
