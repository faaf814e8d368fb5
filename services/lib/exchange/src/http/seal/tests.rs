//! The frame, against the bytes of a real server's protocol documents.

use super::*;

/// A frame as [MS-WSMV] 4.10 shows it, around two bytes of header and three of body.
fn sample(boundary: &str, word: &str, length: &str) -> Vec<u8> {
    let mut bytes = format!(
        "{boundary}\r\n\tContent-Type: {word}\r\n\
         \tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={length}\r\n\
         {boundary}\r\n\tContent-Type: application/octet-stream\r\n"
    )
    .into_bytes();
    bytes.extend([2, 0, 0, 0, b'H', b'D', b'x', b'y', b'z']);
    bytes.extend(format!("{boundary}--\r\n").into_bytes());
    bytes
}

#[test]
fn a_frame_is_written_as_it_is_read() {
    for word in [SPNEGO, KERBEROS] {
        let written = frame(word, 3, b"HD", b"xyz");
        assert_eq!(written, sample("--Encrypted Boundary", word, "3"));
        let found = find(&written).unwrap();
        assert_eq!((found.header_length, found.bytes_length, found.length), (2, 3, 3));
        assert_eq!(&written[found.header_at..found.header_at + 5], b"HDxyz");
    }
}

#[test]
fn both_spellings_of_the_boundary_are_read() {
    let found = find(&sample("-- Encrypted Boundary", KERBEROS, "3")).unwrap();
    assert_eq!((found.header_length, found.bytes_length, found.length), (2, 3, 3));
}

#[test]
fn the_boundary_inside_the_sealed_bytes_ends_nothing() {
    let inside = b"--Encrypted Boundary--\r\n";
    let found = find(&frame(SPNEGO, 9, b"HD", inside)).unwrap();
    assert_eq!(found.bytes_length, inside.len());
}

#[test]
fn a_broken_frame_is_refused() {
    let whole = sample("--Encrypted Boundary", SPNEGO, "3");
    for length in 0..whole.len() - 2 {
        assert_eq!(find(&whole[..length]), None, "cut at {length}");
    }
    assert_eq!(find(&sample("--Another Boundary", SPNEGO, "3")), None);
    assert_eq!(find(&sample("--Encrypted Boundary", "text/plain", "3")), None);
    assert_eq!(find(&sample("--Encrypted Boundary", SPNEGO, "three")), None);
    let mut long = whole.clone();
    let at = memmem::find(&long, b"\x02\0\0\0HD").unwrap();
    long[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(find(&long), None);
    assert_eq!(find(&[b"--Encrypted Boundary\r\n".to_vec(), vec![b'a'; 5000]].concat()), None);
}

#[test]
fn only_the_sealed_type_is_sealed() {
    assert!(is_sealed("multipart/encrypted;protocol=\"x\";boundary=\"Encrypted Boundary\""));
    assert!(is_sealed("Multipart/Encrypted; boundary=x"));
    assert!(!is_sealed("application/soap+xml;charset=UTF-8"));
    assert!(!is_sealed(""));
}

#[test]
fn an_answer_belongs_to_its_request_alone() {
    let request = |id: &str| format!("<s:Header><a:MessageID>uuid:{id}</a:MessageID></s:Header>");
    let answer = |id: &str| format!("<a:RelatesTo s:x=\"1\"> uuid:{id} </a:RelatesTo><s:Body/>");
    let (one, two) =
        ("7D3A4E08-1F0B-4E3F-8D4E-0A1B2C3D4E5F", "00000000-0000-0000-0000-000000000000");
    let fits = |request: String, answer: String| answers(request.as_bytes(), answer.as_bytes());
    assert!(fits(request(one), answer(one)));
    assert!(fits(request(one), answer(&one.to_lowercase())));
    assert!(!fits(request(one), answer(two)));
    assert!(!fits(request(one), "<s:Body/>".into()));
    assert!(!fits(request(one), format!("{}{}", " ".repeat(ADDRESS_BYTES_MAX), answer(one))));
}
