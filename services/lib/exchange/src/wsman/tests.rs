//! Owns the tests of the envelopes: both ends against each other, and each against requests
//! and faults from elsewhere (see `vectors/README.md`).

use std::{borrow::Cow, time::Duration};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const MESSAGE: Uuid = Uuid::from_u128(0xA);
const SHELL: &str = "1B0F4A1E-0000-4000-8000-000000000001";
const COMMAND: Uuid = Uuid::from_u128(0xA0000000_0000_0000_0000_000000000006);

fn client() -> Client {
    Client::new("https://ex01.contoso.com/PowerShell/?a=1&b=<2>", Uuid::from_u128(0x5))
}

fn decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    decode_base64(text, &mut out).unwrap();
    out
}

#[test]
fn a_request_carries_what_a_real_server_demands() {
    let create = client().create(MESSAGE, Uuid::from_u128(0x77), "2.3", b"abc");
    for part in [
        "<a:To>https://ex01.contoso.com/PowerShell/?a=1&amp;b=&lt;2&gt;</a:To>",
        "<w:ResourceURI s:mustUnderstand=\"true\">http://schemas.microsoft.com/powershell/Microsoft.Exchange</w:ResourceURI>",
        "<a:ReplyTo><a:Address s:mustUnderstand=\"true\">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>",
        "<a:Action s:mustUnderstand=\"true\">http://schemas.xmlsoap.org/ws/2004/09/transfer/Create</a:Action>",
        "<w:MaxEnvelopeSize s:mustUnderstand=\"true\">153600</w:MaxEnvelopeSize>",
        "<a:MessageID>uuid:00000000-0000-0000-0000-00000000000A</a:MessageID>",
        "<w:Locale xml:lang=\"en-US\" s:mustUnderstand=\"false\" />",
        "<p:DataLocale xml:lang=\"en-US\" s:mustUnderstand=\"false\" />",
        "<p:SessionId s:mustUnderstand=\"false\">uuid:00000000-0000-0000-0000-000000000005</p:SessionId>",
        "<w:OptionSet s:mustUnderstand=\"true\"><w:Option Name=\"protocolversion\" MustComply=\"true\">2.3</w:Option></w:OptionSet>",
        "<w:OperationTimeout>PT20S</w:OperationTimeout>",
        "<rsp:Shell ShellId=\"00000000-0000-0000-0000-000000000077\"><rsp:InputStreams>stdin pr</rsp:InputStreams><rsp:OutputStreams>stdout</rsp:OutputStreams>",
        "<creationXml xmlns=\"http://schemas.microsoft.com/powershell\">YWJj</creationXml>",
    ] {
        assert!(create.contains(part), "{part}\nnot in\n{create}");
    }
    let stop = client().signal(MESSAGE, SHELL, COMMAND, uris::SIGNAL_STOP);
    assert!(stop.contains("<rsp:Code>powershell/signal/crtl_c</rsp:Code>"), "{stop}");
}

#[test]
fn every_request_reads_back() {
    let client = client();
    let create = client.create(MESSAGE, Uuid::from_u128(0x77), "2.3", b"abc");
    let request = Request::parse(create.as_bytes()).unwrap();
    assert_eq!(request.header.to, client.to);
    assert_eq!(request.header.operation_timeout, Some(Duration::from_secs(20)));
    assert_eq!(request.header.max_envelope_bytes, Some(ENVELOPE_BYTES_FIRST));
    assert_eq!(request.header.option("protocolversion"), Some("2.3"));
    assert_eq!(request.header.shell_id, None);
    let RequestBody::Create { creation, .. } = &request.body else { panic!("{request:?}") };
    assert!(matches!(creation, Cow::Borrowed(_)), "data stays in the body");
    assert_eq!(decoded(creation), b"abc");

    let command = client.command(MESSAGE, SHELL, COMMAND, b"first");
    let request = Request::parse(command.as_bytes()).unwrap();
    assert_eq!(request.header.shell_id.as_deref(), Some(SHELL));
    assert_eq!(request.header.option("WINRS_SKIP_CMD_SHELL"), Some("False"));
    let RequestBody::Command { command_id, arguments } = request.body else { panic!() };
    assert_eq!((command_id, decoded(&arguments[0])), (Some(COMMAND), b"first".to_vec()));

    for command_id in [None, Some(COMMAND)] {
        let receive = client.receive(MESSAGE, SHELL, command_id);
        let request = Request::parse(receive.as_bytes()).unwrap();
        assert_eq!(request.header.option("WSMAN_CMDSHELL_OPTION_KEEPALIVE"), Some("True"));
        assert_eq!(request.body, RequestBody::Receive { command_id });

        let send = client.send(MESSAGE, SHELL, command_id, b"more");
        let request = Request::parse(send.as_bytes()).unwrap();
        let RequestBody::Send { streams } = request.body else { panic!() };
        assert_eq!((streams[0].name.as_str(), streams[0].command), ("stdin", command_id));
        assert_eq!(decoded(&streams[0].base64), b"more");
    }

    let delete = client.delete(MESSAGE, SHELL);
    let request = Request::parse(delete.as_bytes()).unwrap();
    assert_eq!(request.body, RequestBody::Delete);
    assert_eq!(request.header.shell_id.as_deref(), Some(SHELL));
}

#[test]
fn the_requests_of_pypsrp_are_read() {
    let request = Request::parse(include_bytes!("../../vectors/pypsrp/create.xml")).unwrap();
    assert_eq!(request.header.action, uris::CREATE);
    assert_eq!(request.header.resource_uri, uris::EXCHANGE);
    assert_eq!(request.header.to, "https://ex01.contoso.com:443/PowerShell");
    assert_eq!(request.header.message_id, "uuid:A0000000-0000-0000-0000-000000000004");
    assert_eq!(request.header.option("protocolversion"), Some("2.3"));
    let RequestBody::Create { shell_id, creation } = &request.body else { panic!("{request:?}") };
    assert_eq!(shell_id.as_deref(), Some("A0000000-0000-0000-0000-000000000003"));
    let options = crate::psrp::server::Options::default();
    let mut pool = crate::psrp::server::RunspacePool::accept(&decoded(creation), options).unwrap();

    let request = Request::parse(include_bytes!("../../vectors/pypsrp/command.xml")).unwrap();
    let RequestBody::Command { command_id, arguments } = &request.body else {
        panic!("{request:?}")
    };
    assert_eq!(*command_id, Some(COMMAND));
    let wanted = pool.feed(&decoded(&arguments[0])).unwrap();
    let [crate::psrp::server::Event::PipelineCreated { create, .. }] = &wanted[..] else {
        panic!("{wanted:?}")
    };
    assert_eq!(create.commands[0].name, "Get-MobileDevice");
    assert_eq!(create.commands[0].parameter("ResultSize").unwrap().as_str(), Some("Unlimited"));

    let body = |xml: &'static [u8]| Request::parse(xml).unwrap().body;
    assert_eq!(
        body(include_bytes!("../../vectors/pypsrp/receive-shell.xml")),
        RequestBody::Receive { command_id: None }
    );
    assert_eq!(
        body(include_bytes!("../../vectors/pypsrp/receive-command.xml")),
        RequestBody::Receive { command_id: Some(COMMAND) }
    );
    let RequestBody::Send { streams } = body(include_bytes!("../../vectors/pypsrp/send.xml"))
    else {
        panic!()
    };
    assert_eq!(decoded(&streams[0].base64), [0, 1, 2]);
    assert_eq!(
        body(include_bytes!("../../vectors/pypsrp/signal-stop.xml")),
        RequestBody::Signal { command_id: Some(COMMAND), signal: Signal::Stop },
        "pypsrp spells it right, which is wrong; it is understood all the same"
    );
    assert_eq!(
        body(include_bytes!("../../vectors/pypsrp/signal-terminate.xml")),
        RequestBody::Signal { command_id: Some(COMMAND), signal: Signal::Terminate }
    );
    assert_eq!(body(include_bytes!("../../vectors/pypsrp/delete.xml")), RequestBody::Delete);
}

#[test]
fn signals_are_told_apart() {
    for (code, signal) in [
        (uris::SIGNAL_STOP, Signal::Stop),
        ("powershell/signal/ctrl_c", Signal::Stop),
        ("http://schemas.microsoft.com/wbem/wsman/1/windows/shell/signal/crtl_c", Signal::Stop),
        (uris::SIGNAL_TERMINATE, Signal::Terminate),
        ("else", Signal::Other("else".to_owned())),
    ] {
        assert_eq!(Signal::from(code.to_owned()), signal);
    }
}

#[test]
fn every_answer_reads_back() {
    let header = Header {
        action: uris::RECEIVE.to_owned(),
        message_id: format!("uuid:{MESSAGE}"),
        to: "https://h/?a&b".to_owned(),
        resource_uri: uris::EXCHANGE.to_owned(),
        ..Header::default()
    };
    let reply = Reply::new(&header, Uuid::from_u128(0xB));
    let body = |xml: &str| {
        let response = Response::parse(xml.as_bytes()).unwrap();
        assert_eq!(response.relates_to, Some(MESSAGE));
        format!("{:?}", response.body)
    };
    assert_eq!(body(&reply.created(SHELL, "DOM\\u")), format!("Created {{ shell_id: {SHELL:?} }}"));
    assert_eq!(body(&reply.command(COMMAND)), format!("Command {{ command_id: {COMMAND:?} }}"));
    assert_eq!(body(&reply.send()), "Send");
    assert_eq!(body(&reply.signal()), "Signal");
    assert_eq!(body(&reply.deleted()), "Empty");

    let xml = reply.receive(Some(COMMAND), [&b"one"[..], b"two"], Some(CommandState::Done));
    let response = Response::parse(xml.as_bytes()).unwrap();
    assert_eq!(response.action, format!("{}Response", uris::RECEIVE));
    let ResponseBody::Receive(received) = response.body else { panic!("{response:?}") };
    assert!(received.is_done());
    let mut buffer = b"kept ".to_vec();
    for stream in &received.streams {
        assert_eq!((stream.name.as_str(), stream.command), ("stdout", Some(COMMAND)));
        assert!(matches!(stream.base64, Cow::Borrowed(_)), "data stays in the body");
        stream.decode_into(&mut buffer).unwrap();
    }
    assert_eq!(buffer, b"kept onetwo");

    let fault = Fault { machine: "ex<01>".to_owned(), ..Fault::shell_not_found(SHELL) };
    let xml = reply.fault(&fault);
    let response = Response::parse(xml.as_bytes()).unwrap();
    assert_eq!(response.body, ResponseBody::Fault(fault.clone()));
    assert!(fault.is_shell_gone() && !fault.is_timeout() && !fault.is_quota());
}

#[test]
fn faults_of_real_shape_are_read() {
    let fault = |xml: &'static [u8]| {
        let response = Response::parse(xml).unwrap();
        let ResponseBody::Fault(fault) = response.body else { panic!("{response:?}") };
        fault
    };
    let timed_out = fault(include_bytes!("../../vectors/ms-wsmv/fault-timed-out.xml"));
    assert!(timed_out.is_timeout() && !timed_out.is_shell_gone() && !timed_out.is_quota());
    assert_eq!(timed_out.code, Some(fault::TIMED_OUT));
    assert_eq!((timed_out.value.as_str(), timed_out.subcode.as_str()), ("Receiver", "TimedOut"));
    assert_eq!(
        (timed_out.text(), timed_out.machine.as_str()),
        ("The operation timed out.", "ex01.contoso.com")
    );

    let quota = fault(include_bytes!("../../vectors/ms-wsmv/fault-quota.xml"));
    assert!(quota.is_quota() && !quota.is_timeout());
    assert!(
        quota.text().starts_with("This user is allowed a maximum number of 18 concurrent shells")
    );
    let bare = Fault { code: None, subcode: "TimedOut".to_owned(), ..Fault::default() };
    assert!(bare.is_timeout(), "without a code the subcode decides");
}

#[test]
fn a_shell_described_in_either_way_is_found() {
    let envelope = |body: &str| {
        format!("<s:Envelope xmlns:s=\"x\"><s:Header/><s:Body>{body}</s:Body></s:Envelope>")
    };
    for body in [
        "<r:Shell xmlns:r=\"y\"><r:ShellId> id-1 </r:ShellId><r:Owner>o</r:Owner></r:Shell>",
        "<x:ResourceCreated><a:Address>h</a:Address><a:ReferenceParameters><w:ResourceURI>u</w:ResourceURI><w:SelectorSet><w:Selector Name=\"Other\">o</w:Selector><w:Selector Name=\"ShellId\">id-1</w:Selector></w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>",
    ] {
        let xml = envelope(body);
        let response = Response::parse(xml.as_bytes()).unwrap();
        assert_eq!(response.body, ResponseBody::Created { shell_id: "id-1".to_owned() });
    }
    let xml = envelope("<x:Unheard/>");
    let body = Response::parse(xml.as_bytes()).unwrap().body;
    assert_eq!(body, ResponseBody::Other("Unheard".to_owned()));
}

#[test]
fn hostile_bodies_are_refused() {
    let parse = |xml: &[u8]| Response::parse(xml).map(|_| ());
    assert!(matches!(parse(b""), Err(EnvelopeError::NotAnEnvelope)));
    assert!(matches!(parse(b"<html><body/></html>"), Err(EnvelopeError::NotAnEnvelope)));
    assert!(matches!(parse(b"<s:Envelope/>"), Err(EnvelopeError::NotAnEnvelope)));
    assert!(matches!(parse(b"\xFF\xFE<\0"), Err(EnvelopeError::Utf8(_))));
    let bomb = b"<!DOCTYPE a [<!ENTITY b \"b\">]><s:Envelope/>";
    assert!(matches!(parse(bomb), Err(EnvelopeError::Xml(XmlError::DocumentType))));
    let deep = format!("<Envelope><Body>{}", "<a>".repeat(100_000));
    assert!(matches!(parse(deep.as_bytes()), Err(EnvelopeError::Xml(XmlError::TooDeep))));
    assert!(matches!(parse(b"<Envelope><Body>"), Err(EnvelopeError::Xml(XmlError::Truncated))));
    let large = vec![b' '; BODY_BYTES_MAX + 1];
    assert!(matches!(parse(&large), Err(EnvelopeError::TooLarge { .. })));
    assert!(Request::parse(b"<Envelope><Header/><Body/></Envelope>").is_err(), "no message id");
    let mut out = b"kept".to_vec();
    assert!(decode_base64("*", &mut out).is_err());
    assert_eq!(out, b"kept");
    decode_base64(" YW\r\nJj ", &mut out).unwrap();
    assert_eq!(out, b"keptabc");
}

#[test]
fn an_answer_has_to_name_the_message_it_answers() {
    let header = |message_id: String| Header { message_id, ..Header::default() };
    let ours = header(format!("uuid:{MESSAGE}"));
    let reply = Reply::new(&ours, Uuid::from_u128(0xB)).send();
    assert_eq!(Response::parse_answer(reply.as_bytes(), MESSAGE).unwrap().body, ResponseBody::Send);
    let other = Uuid::from_u128(0xC);
    let found = Response::parse_answer(reply.as_bytes(), other).unwrap_err();
    let related = matches!(found, EnvelopeError::Unrelated { expected, found: Some(MESSAGE) } if expected == other);
    assert!(related, "{found:?}");

    let nameless = |body: &str| format!("<Envelope><Header/><Body>{body}</Body></Envelope>");
    let fault = nameless("<Fault><Code><Value>Sender</Value></Code></Fault>");
    assert!(Response::parse_answer(fault.as_bytes(), MESSAGE).is_ok());
    let send = nameless("<SendResponse/>");
    let found = Response::parse_answer(send.as_bytes(), MESSAGE);
    assert!(matches!(found, Err(EnvelopeError::Unrelated { found: None, .. })), "{found:?}");
    let no_id = send.replace("<Header/>", "<Header><RelatesTo>x</RelatesTo></Header>");
    let found = Response::parse_answer(no_id.as_bytes(), MESSAGE);
    assert!(matches!(found, Err(EnvelopeError::Unfit { .. })), "{found:?}");
}

#[test]
fn envelopes_hold_so_much_and_no_more() {
    let answer = |body: String| format!("<Envelope><Body>{body}</Body></Envelope>");
    let streams = |count: usize| {
        let streams = "<Stream Name=\"stdout\"/>".repeat(count);
        answer(format!("<ReceiveResponse>{streams}</ReceiveResponse>"))
    };
    assert!(Response::parse(streams(STREAMS_MAX).as_bytes()).is_ok());
    let found = Response::parse(streams(STREAMS_MAX + 1).as_bytes()).map(|_| ()).unwrap_err();
    assert!(matches!(found, EnvelopeError::TooMany { max: STREAMS_MAX, .. }), "{found:?}");

    let shell =
        |bytes: usize| answer(format!("<Shell><ShellId>{}</ShellId></Shell>", "x".repeat(bytes)));
    assert!(Response::parse(shell(VALUE_BYTES_MAX).as_bytes()).is_ok());
    let found = Response::parse(shell(VALUE_BYTES_MAX + 1).as_bytes()).map(|_| ()).unwrap_err();
    let expected =
        matches!(found, EnvelopeError::Xml(XmlError::TextTooLong { max: VALUE_BYTES_MAX }));
    assert!(expected, "{found:?}");

    let fault =
        |bytes: usize| answer(format!("<Fault><Reason>{}</Reason></Fault>", "x".repeat(bytes)));
    assert!(Response::parse(fault(FAULT_TEXT_BYTES_MAX).as_bytes()).is_ok());
    let found =
        Response::parse(fault(FAULT_TEXT_BYTES_MAX + 1).as_bytes()).map(|_| ()).unwrap_err();
    let max = FAULT_TEXT_BYTES_MAX;
    let expected =
        matches!(found, EnvelopeError::Xml(XmlError::TextTooLong { max: told }) if told == max);
    assert!(expected, "{found:?}");
}

#[test]
fn requests_hold_so_much_and_no_more() {
    let request = |body: &str, header: &str| {
        format!(
            "<Envelope><Header><MessageID>1</MessageID>{header}</Header><Body>{body}</Body></Envelope>"
        )
    };
    let options = "<Option Name=\"a\">1</Option>".repeat(OPTIONS_MAX + 1);
    let xml = request("", &format!("<OptionSet>{options}</OptionSet>"));
    let found = Request::parse(xml.as_bytes()).map(|_| ()).unwrap_err();
    assert!(matches!(found, EnvelopeError::TooMany { max: OPTIONS_MAX, .. }), "{found:?}");
    let arguments = "<Arguments/>".repeat(STREAMS_MAX + 1);
    let xml = request(&format!("<CommandLine>{arguments}</CommandLine>"), "");
    let found = Request::parse(xml.as_bytes()).map(|_| ()).unwrap_err();
    assert!(matches!(found, EnvelopeError::TooMany { max: STREAMS_MAX, .. }), "{found:?}");
}

#[test]
fn fragments_of_the_payload_size_fit_the_envelope() {
    let client = client();
    let payload = vec![7; client.payload_bytes_max()];
    let largest = [
        client.send(MESSAGE, SHELL, Some(COMMAND), &payload),
        client.command(MESSAGE, SHELL, COMMAND, &payload),
    ];
    let room = usize::try_from(client.max_envelope_bytes).unwrap();
    for request in largest {
        assert!(request.len() <= room && request.len() > room - 512, "{}", request.len());
    }
}

proptest! {
    #[test]
    fn arbitrary_bodies_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), xml in "(<|>|/|s:Envelope|Header|Body|Fault|Stream|Shell| Name=\"x\"|&lt;| |CommandId=\"1\"){0,40}") {
        for input in [&bytes[..], xml.as_bytes()] {
            drop(Response::parse(input));
            drop(Request::parse(input));
        }
    }

    #[test]
    fn nothing_breaks_out_of_an_envelope(to in any::<String>(), shell in any::<String>()) {
        let client = Client::new(to.clone(), MESSAGE);
        let delete = client.delete(MESSAGE, &shell);
        // Control characters are no XML; addresses and ids hold none.
        prop_assume!(!to.contains(['\0', '\r']) && !shell.contains(['\0', '\r']));
        let request = Request::parse(delete.as_bytes()).unwrap();
        prop_assert_eq!(request.header.to, to.trim());
        prop_assert_eq!(request.header.shell_id.as_deref(), Some(shell.trim()));
    }
}
