//! Owns the header of one message ([MS-PSRP] 2.2.1).
//! Invariant: decoding borrows the body and refuses nothing but a short header; a type this
//! crate does not know survives as its number.

use uuid::Uuid;

/// Bytes before the body.
pub const HEADER_BYTES: usize = 40;

/// A peer may write one before a body, as psrpcore expects; none is written here.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Who shall read a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// The client, 1.
    Client,
    /// The server, 2.
    Server,
}

macro_rules! message_types {
    ($($(#[$doc:meta])* $name:ident = $number:literal,)+) => {
        /// What a message is ([MS-PSRP] 2.2.1, MessageType).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum MessageType {
            $($(#[$doc])* $name,)+
            /// A type this crate does not know.
            Unknown(u32),
        }

        impl From<u32> for MessageType {
            fn from(number: u32) -> Self {
                match number {
                    $($number => Self::$name,)+
                    _ => Self::Unknown(number),
                }
            }
        }

        impl From<MessageType> for u32 {
            fn from(kind: MessageType) -> Self {
                match kind {
                    $(MessageType::$name => $number,)+
                    MessageType::Unknown(number) => number,
                }
            }
        }

        #[cfg(test)]
        const KNOWN: &[MessageType] = &[$(MessageType::$name),+];
    };
}

message_types! {
    /// SESSION_CAPABILITY, both ways (2.2.2.1)
    SessionCapability = 0x0001_0002,
    /// INIT_RUNSPACEPOOL, to the server (2.2.2.2)
    InitRunspacePool = 0x0001_0004,
    /// PUBLIC_KEY, to the server (2.2.2.3)
    PublicKey = 0x0001_0005,
    /// ENCRYPTED_SESSION_KEY, to the client (2.2.2.4)
    EncryptedSessionKey = 0x0001_0006,
    /// PUBLIC_KEY_REQUEST, to the client (2.2.2.5)
    PublicKeyRequest = 0x0001_0007,
    /// CONNECT_RUNSPACEPOOL, to the server (2.2.2.29)
    ConnectRunspacePool = 0x0001_0008,
    /// SET_MAX_RUNSPACES, to the server (2.2.2.6)
    SetMaxRunspaces = 0x0002_1002,
    /// SET_MIN_RUNSPACES, to the server (2.2.2.7)
    SetMinRunspaces = 0x0002_1003,
    /// RUNSPACE_AVAILABILITY, to the client (2.2.2.8)
    RunspaceAvailability = 0x0002_1004,
    /// RUNSPACEPOOL_STATE, to the client (2.2.2.9)
    RunspacePoolState = 0x0002_1005,
    /// CREATE_PIPELINE, to the server (2.2.2.10)
    CreatePipeline = 0x0002_1006,
    /// GET_AVAILABLE_RUNSPACES, to the server (2.2.2.11)
    GetAvailableRunspaces = 0x0002_1007,
    /// USER_EVENT, to the client (2.2.2.12)
    UserEvent = 0x0002_1008,
    /// APPLICATION_PRIVATE_DATA, to the client (2.2.2.13)
    ApplicationPrivateData = 0x0002_1009,
    /// GET_COMMAND_METADATA, to the server (2.2.2.14)
    GetCommandMetadata = 0x0002_100A,
    /// RUNSPACEPOOL_INIT_DATA, to the client (2.2.2.30)
    RunspacePoolInitData = 0x0002_100B,
    /// RESET_RUNSPACE_STATE, to the server (2.2.2.31)
    ResetRunspaceState = 0x0002_100C,
    /// RUNSPACEPOOL_HOST_CALL, to the client (2.2.2.15)
    PoolHostCall = 0x0002_1100,
    /// RUNSPACEPOOL_HOST_RESPONSE, to the server (2.2.2.16)
    PoolHostResponse = 0x0002_1101,
    /// PIPELINE_INPUT, to the server (2.2.2.17)
    PipelineInput = 0x0004_1002,
    /// END_OF_PIPELINE_INPUT, to the server (2.2.2.18)
    EndOfPipelineInput = 0x0004_1003,
    /// PIPELINE_OUTPUT, to the client (2.2.2.19)
    PipelineOutput = 0x0004_1004,
    /// ERROR_RECORD, to the client (2.2.2.20)
    ErrorRecord = 0x0004_1005,
    /// PIPELINE_STATE, to the client (2.2.2.21)
    PipelineState = 0x0004_1006,
    /// DEBUG_RECORD, to the client (2.2.2.22)
    DebugRecord = 0x0004_1007,
    /// VERBOSE_RECORD, to the client (2.2.2.23)
    VerboseRecord = 0x0004_1008,
    /// WARNING_RECORD, to the client (2.2.2.24)
    WarningRecord = 0x0004_1009,
    /// PROGRESS_RECORD, to the client (2.2.2.25)
    ProgressRecord = 0x0004_1010,
    /// INFORMATION_RECORD, to the client (2.2.2.26)
    InformationRecord = 0x0004_1011,
    /// PIPELINE_HOST_CALL, to the client (2.2.2.27)
    PipelineHostCall = 0x0004_1100,
    /// PIPELINE_HOST_RESPONSE, to the server (2.2.2.28)
    PipelineHostResponse = 0x0004_1101,
}

/// Why bytes are no message.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MessageError {
    /// There are fewer bytes than a header has.
    #[error("message of {bytes} bytes is shorter than its header")]
    Short {
        /// How many bytes there are.
        bytes: usize,
    },
    /// The destination is neither client nor server.
    #[error("message destination {0} is neither client nor server")]
    Destination(u32),
}

/// One message, its body borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Who shall read it.
    pub destination: Destination,
    /// What it is.
    pub kind: MessageType,
    /// The runspace pool it belongs to.
    pub pool: Uuid,
    /// The pipeline it belongs to; `None` for the pool itself.
    pub pipeline: Option<Uuid>,
    /// The body: CLIXML in UTF-8, without a byte order mark; may be empty.
    pub data: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads a message.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, MessageError> {
        let short = MessageError::Short { bytes: bytes.len() };
        let Some((header, data)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(short);
        };
        let [d0, d1, d2, d3, t0, t1, t2, t3, ids @ ..] = *header;
        let (Some(pool), Some(pipeline)) = (ids.first_chunk(), ids.last_chunk()) else {
            return Err(short);
        };
        let pipeline = Uuid::from_bytes_le(*pipeline);
        Ok(Self {
            destination: match u32::from_le_bytes([d0, d1, d2, d3]) {
                1 => Destination::Client,
                2 => Destination::Server,
                other => return Err(MessageError::Destination(other)),
            },
            kind: u32::from_le_bytes([t0, t1, t2, t3]).into(),
            pool: Uuid::from_bytes_le(*pool),
            pipeline: (!pipeline.is_nil()).then_some(pipeline),
            data: data.strip_prefix(BYTE_ORDER_MARK).unwrap_or(data),
        })
    }

    /// Appends the message.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        let destination: u32 = match self.destination {
            Destination::Client => 1,
            Destination::Server => 2,
        };
        out.reserve(HEADER_BYTES + self.data.len());
        out.extend_from_slice(&destination.to_le_bytes());
        out.extend_from_slice(&u32::from(self.kind).to_le_bytes());
        // .NET writes the first three groups of a GUID little-endian.
        out.extend_from_slice(&self.pool.to_bytes_le());
        out.extend_from_slice(&self.pipeline.unwrap_or_default().to_bytes_le());
        out.extend_from_slice(self.data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_types_are_one_to_one() {
        for kind in KNOWN {
            assert_eq!(MessageType::from(u32::from(*kind)), *kind);
        }
        assert_eq!(u32::from(MessageType::from(0x0002_100E)), 0x0002_100E);
        assert_eq!(MessageType::from(1), MessageType::Unknown(1));
    }

    #[test]
    fn a_message_reads_back() {
        let message = Message {
            destination: Destination::Client,
            kind: MessageType::PipelineOutput,
            pool: Uuid::from_u128(0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF),
            pipeline: Some(Uuid::from_u128(1)),
            data: b"<S>x</S>",
        };
        let mut bytes = Vec::new();
        message.encode_into(&mut bytes);

        assert_eq!(&bytes[8..16], &[0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66]);
        assert_eq!(Message::decode(&bytes).unwrap(), message);
        for len in 0..HEADER_BYTES {
            assert_eq!(Message::decode(&bytes[..len]), Err(MessageError::Short { bytes: len }));
        }
        bytes[0] = 3;
        assert_eq!(Message::decode(&bytes), Err(MessageError::Destination(3)));
    }

    #[test]
    fn a_byte_order_mark_and_a_nil_pipeline_are_read() {
        let mut bytes = vec![2, 0, 0, 0, 2, 0, 1, 0];
        bytes.extend_from_slice(&[7; 16]);
        bytes.extend_from_slice(&[0; 16]);
        bytes.extend_from_slice(b"\xEF\xBB\xBF<Nil />");

        let message = Message::decode(&bytes).unwrap();

        assert_eq!(message.kind, MessageType::SessionCapability);
        assert_eq!(message.pipeline, None);
        assert_eq!(message.data, b"<Nil />");
    }
}
