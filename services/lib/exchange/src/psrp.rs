//! Owns the PowerShell Remoting Protocol ([MS-PSRP]) without any I/O, for both roles.
