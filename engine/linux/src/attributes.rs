//! The attributes of a netlink message (`struct nlattr`, linux/netlink.h), as bytes.

/// The bits of an attribute's kind that are flags: `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
const FLAGS: u16 = 0xc000;

/// The flag of an attribute that consists of attributes.
pub(crate) const NESTED: u16 = 0x8000;

/// The length of an attribute's header.
const HEADER: usize = 4;

/// The attributes in some bytes: kind, without flags, and value.
pub(crate) fn all(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (length, kind) = header(bytes)?;
        let value = bytes.get(HEADER..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some((kind, value))
    })
}

/// The same, to change values in place.
pub(crate) fn all_mut(mut bytes: &mut [u8]) -> impl Iterator<Item = (u16, &mut [u8])> {
    std::iter::from_fn(move || {
        let (length, kind) = header(bytes)?;
        if length < HEADER || length > bytes.len() {
            return None;
        }
        let end = length.next_multiple_of(4).min(bytes.len());
        let (attribute, rest) = std::mem::take(&mut bytes).split_at_mut(end);
        bytes = rest;
        Some((kind, &mut attribute[HEADER..length]))
    })
}

fn header(bytes: &[u8]) -> Option<(usize, u16)> {
    let length = usize::from(u16::from_ne_bytes([*bytes.first()?, *bytes.get(1)?]));
    let kind = u16::from_ne_bytes([*bytes.get(2)?, *bytes.get(3)?]);
    Some((length, kind & !FLAGS))
}

/// Appends an attribute.
pub(crate) fn put(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(value.len() + HEADER).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&length.to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}
