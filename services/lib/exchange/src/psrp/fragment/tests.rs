//! Owns the tests of fragmentation: whatever is cut is put together again, in any
//! interleaving, and every bound and gap is an error.

use proptest::prelude::*;

use super::*;

fn collect(defragmenter: &mut Defragmenter, bytes: &[u8]) -> Result<Vec<Vec<u8>>, FragmentError> {
    let mut out = Vec::new();
    let mut objects = defragmenter.feed(bytes);
    while let Some(object) = objects.next_object()? {
        out.push(object.to_vec());
    }
    Ok(out)
}

fn raw(object: u64, id: u64, flags: u8, data: &[u8]) -> Vec<u8> {
    let mut fragments = Fragments::default();
    fragments.push(object, id, flags, data);
    fragments.as_bytes().to_vec()
}

#[test]
fn one_fragment_has_the_documented_header() {
    let mut fragments = Fragments::default();
    Fragmenter::new(32_768).split(&[b'x'; 0xC7], &mut fragments);
    let header = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0xC7];
    assert_eq!(&fragments.as_bytes()[..HEADER_BYTES], header);
}

#[test]
fn an_empty_message_is_one_fragment() {
    let mut fragments = Fragments::default();
    Fragmenter::new(100).split(b"", &mut fragments);
    assert_eq!(fragments.len(), 1);
    let mut defragmenter = Defragmenter::default();
    assert_eq!(collect(&mut defragmenter, fragments.as_bytes()).unwrap(), [b""]);
}

#[test]
fn interleaved_messages_are_parted() {
    let stream = [
        raw(1, 0, START, b"a"),
        raw(2, 0, START, b"1"),
        raw(3, 0, START | END, b"whole"),
        raw(2, 1, 0, b"2"),
        raw(1, 1, END, b"b"),
        raw(2, 2, END, b"3"),
    ]
    .concat();
    let mut defragmenter = Defragmenter::default();
    assert_eq!(collect(&mut defragmenter, &stream).unwrap(), [&b"whole"[..], b"ab", b"123"]);
    assert!(!defragmenter.is_waiting());
}

#[test]
fn gaps_repeats_and_late_starts_are_errors() {
    let out_of_order = |stream: &[Vec<u8>]| {
        let found = collect(&mut Defragmenter::default(), &stream.concat());
        assert!(matches!(found, Err(FragmentError::OutOfOrder { .. })), "{found:?}");
    };
    out_of_order(&[raw(1, 1, END, b"")]);
    out_of_order(&[raw(1, 0, START, b""), raw(1, 2, END, b"")]);
    out_of_order(&[raw(1, 0, START, b""), raw(1, 0, START, b"")]);
    out_of_order(&[raw(1, 0, START, b""), raw(1, 0, START | END, b"")]);
    out_of_order(&[raw(1, 0, 0, b"")]);
    out_of_order(&[raw(1, 0, START, b""), raw(1, 1, START | END, b"")]);
}

#[test]
fn cut_fragments_are_errors() {
    let whole = raw(1, 0, START | END, b"data");
    for len in 1..whole.len() {
        let found = collect(&mut Defragmenter::default(), &whole[..len]);
        assert_eq!(found, Err(FragmentError::Truncated));
    }
}

#[test]
fn memory_is_bounded() {
    let mut defragmenter = Defragmenter::new(10);
    let max = 10;
    assert_eq!(
        collect(&mut defragmenter, &raw(1, 0, START | END, &[0; 11])),
        Err(FragmentError::TooLarge { max })
    );
    let mut defragmenter = Defragmenter::new(10);
    assert!(collect(&mut defragmenter, &raw(1, 0, START, &[0; 6])).unwrap().is_empty());
    assert_eq!(
        collect(&mut defragmenter, &raw(2, 0, START, &[0; 6])),
        Err(FragmentError::TooLarge { max }),
        "the bound holds over all messages together"
    );
    let mut defragmenter = Defragmenter::default();
    let many = u64::try_from(INCOMPLETE_MAX).unwrap();
    for object in 0..many {
        assert!(collect(&mut defragmenter, &raw(object, 0, START, b"")).unwrap().is_empty());
    }
    assert_eq!(collect(&mut defragmenter, &raw(many, 0, START, b"")), Err(FragmentError::TooMany));
}

#[test]
fn a_message_of_endless_empty_fragments_ends() {
    let mut defragmenter = Defragmenter::default();
    for id in 0..FRAGMENTS_MAX {
        let flags = if id == 0 { START } else { 0 };
        assert!(collect(&mut defragmenter, &raw(1, id, flags, b"")).unwrap().is_empty());
    }
    let found = collect(&mut defragmenter, &raw(1, FRAGMENTS_MAX, END, b""));
    assert_eq!(found, Err(FragmentError::TooManyFragments));
}

#[test]
fn large_messages_pin_no_memory_beside_small_ones() {
    let mut defragmenter = Defragmenter::default();
    let large = vec![0; 1 << 20];
    for object in 0..20u64 {
        let pinning = raw(1_000 + object, 0, START, b"x");
        assert!(collect(&mut defragmenter, &pinning).unwrap().is_empty());
        let whole = [raw(object, 0, START, &large), raw(object, 1, END, b"")].concat();
        assert_eq!(collect(&mut defragmenter, &whole).unwrap(), [large.as_slice()]);
    }
    let incomplete = defragmenter.incomplete.values().map(|held| &held.data);
    let pinned: usize = incomplete.chain(&defragmenter.spare).map(Vec::capacity).sum();
    assert!(pinned <= 21 * SPARE_BYTES_MAX, "{pinned} bytes pinned");
}

#[test]
fn whole_fragments_are_taken_in_batches() {
    let mut fragments = Fragments::default();
    let mut fragmenter = Fragmenter::new(HEADER_BYTES + 10);
    fragmenter.split(&[1; 35], &mut fragments);
    assert_eq!(fragments.len(), 4);
    assert_eq!(fragments.iter().map(<[u8]>::len).collect::<Vec<_>>(), [31, 31, 31, 26]);

    assert_eq!(fragments.take(62).unwrap().len(), 62);
    assert_eq!(fragments.take(1).unwrap().len(), 31, "at least one");
    assert_eq!(fragments.byte_len(), 26);
    fragmenter.split(&[2; 1], &mut fragments);
    assert_eq!(fragments.iter().map(<[u8]>::len).collect::<Vec<_>>(), [26, 22]);
    assert_eq!(fragments.take(1000).unwrap().len(), 48);
    assert!(fragments.is_empty() && fragments.take(1000).is_none());
    fragmenter.split(&[3; 1], &mut fragments);
    assert_eq!(fragments.as_bytes().len(), 22, "used memory starts over");
}

proptest! {
    #[test]
    fn what_is_cut_is_put_together(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..12),
        bytes_max in 1usize..120,
        order in any::<u64>(),
    ) {
        let mut fragmenter = Fragmenter::new(bytes_max);
        let mut queues: Vec<Vec<Vec<u8>>> = messages.iter().map(|message| {
            let mut fragments = Fragments::default();
            fragmenter.split(message, &mut fragments);
            let mut queue: Vec<Vec<u8>> = fragments.iter().map(<[u8]>::to_vec).collect();
            queue.reverse();
            queue
        }).collect();
        let mut stream = Vec::new();
        let mut dice = order;
        while queues.iter().any(|queue| !queue.is_empty()) {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let pick = usize::try_from(dice >> 33).unwrap() % queues.len();
            if let Some(fragment) = queues[pick].pop() {
                stream.push(fragment);
            }
        }
        let mut defragmenter = Defragmenter::default();
        let mut found = Vec::new();
        for part in stream.chunks(3) {
            found.extend(collect(&mut defragmenter, &part.concat()).unwrap());
        }
        let mut sent = messages;
        sent.sort();
        found.sort();
        prop_assert_eq!(sent, found);
        prop_assert!(!defragmenter.is_waiting());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        drop(collect(&mut Defragmenter::new(50), &bytes));
    }
}
