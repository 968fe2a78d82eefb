"""The convention of HL7's br-payer reference server, read as policies of our own."""
