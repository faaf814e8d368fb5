//! Owns long answers: a JSON array whose elements are made as the client takes them.
//!
//! Invariant: what is held at once is one chunk, however long the array is.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;

use super::handle::Views;

/// How many elements are made at once.
const CHUNK_ELEMENTS: usize = 64;

/// The answer that is this array.
pub(super) fn array<T: Serialize + Send + 'static>(views: Views<T>) -> Response {
    let body = Body::from_stream(futures_util::stream::iter(chunks(views)));
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

fn chunks<T: Serialize>(
    views: impl Iterator<Item = T>,
) -> impl Iterator<Item = Result<Bytes, serde_json::Error>> {
    let mut views = views.peekable();
    let mut opening = Some(b'[');
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let mut text: Vec<u8> = opening.take().into_iter().collect();
        for _ in 0..CHUNK_ELEMENTS {
            let Some(view) = views.next() else { break };
            if let Err(error) = serde_json::to_writer(&mut text, &view) {
                is_over = true;
                return Some(Err(error));
            }
            if views.peek().is_some() {
                text.push(b',');
            }
        }
        if views.peek().is_none() {
            is_over = true;
            text.push(b']');
        }
        Some(Ok(Bytes::from(text)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_make_one_array() {
        for count in [0, 1, CHUNK_ELEMENTS, CHUNK_ELEMENTS + 1, 3 * CHUNK_ELEMENTS] {
            let text: Vec<u8> = chunks(0..count).flat_map(|chunk| chunk.unwrap()).collect();

            let read: Vec<usize> = serde_json::from_slice(&text).unwrap();

            assert_eq!(read, (0..count).collect::<Vec<_>>());
            assert_eq!(chunks(0..count).count(), count.div_ceil(CHUNK_ELEMENTS).max(1));
        }
    }
}
