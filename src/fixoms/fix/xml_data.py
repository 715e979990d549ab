"""XmlData(213): is it XML at all.

Owns: well-formedness, without running what a document may ask of a parser. Must not know: FIXML
schemas, messages.
"""

from xml.parsers import expat


class _EntityDeclared(Exception):
    pass


def _refuse_entity(*_: object) -> None:
    raise _EntityDeclared


def is_well_formed_xml(value: bytes) -> bool:
    """Whether the bytes are one well-formed XML document that declares no entity."""
    parser = expat.ParserCreate()
    # An entity may multiply itself beyond any frame size; FIXML needs none.
    parser.EntityDeclHandler = _refuse_entity
    try:
        parser.Parse(value, True)
    except (expat.ExpatError, _EntityDeclared):
        return False
    return True
