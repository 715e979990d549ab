"""Fields the venue adds to FIX 4.4: its documented extensions.

Owns: tags, names, types and values of user-defined and borrowed fields.
Must not know: what they mean to an order (engine) or how they are validated (fix).

| tag | name | type | on | meaning |
| --- | --- | --- | --- | --- |
| 7928 | SelfTradePrevention | char | D, G, E | N none, 1 cancel newest, 2 cancel oldest, 3 cancel both, 4 decrement both; absent: the participant's default |
| 1385 | ContingencyType | int | E, N | 0 independent, 1 OCO, 2 OTO, 3 one updates other, 101 bracket (OTOCO); FIX 5.0 field |

Fields of the standard in further places: Account(1) on OrderMassCancelRequest(q), as in FIX 5.0;
Side(54) may be left out of OrderCancelReplaceRequest(G).
"""  # noqa: E501  # a table row is one line

CONTINGENCY_TYPE = 1385
SELF_TRADE_PREVENTION = 7928
