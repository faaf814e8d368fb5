//! Owns the WS-Management envelopes of a remote shell ([MS-WSMV]) without any I/O, for both roles.
