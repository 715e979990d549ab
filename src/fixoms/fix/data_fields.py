"""The data fields of FIX 4.4: the only ones whose value may hold SOH.

Owns: which length field stands in front of which data field. Must not know: anything else; framing
and codec both need it below the dictionary.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

FIX44_DATA_FIELDS: Final[Mapping[int, int]] = MappingProxyType(
    {
        90: 91,  # SecureDataLen, SecureData
        93: 89,  # SignatureLength, Signature
        95: 96,  # RawDataLength, RawData
        212: 213,  # XmlDataLen, XmlData
        348: 349,  # EncodedIssuerLen, EncodedIssuer
        350: 351,  # EncodedSecurityDescLen, EncodedSecurityDesc
        352: 353,  # EncodedListExecInstLen, EncodedListExecInst
        354: 355,  # EncodedTextLen, EncodedText
        356: 357,  # EncodedSubjectLen, EncodedSubject
        358: 359,  # EncodedHeadlineLen, EncodedHeadline
        360: 361,  # EncodedAllocTextLen, EncodedAllocText
        362: 363,  # EncodedUnderlyingIssuerLen, EncodedUnderlyingIssuer
        364: 365,  # EncodedUnderlyingSecurityDescLen, EncodedUnderlyingSecurityDesc
        445: 446,  # EncodedListStatusTextLen, EncodedListStatusText
        618: 619,  # EncodedLegIssuerLen, EncodedLegIssuer
        621: 622,  # EncodedLegSecurityDescLen, EncodedLegSecurityDesc
    }
)
"""Tag of the length field to tag of the data field that follows it."""
