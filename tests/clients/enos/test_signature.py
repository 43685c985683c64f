"""Signatures, against the example that EnOS has published."""

from custom_components.fleet_upgrade.clients.enos.signature import (
    signature,
    token_proof,
)

BODY = '{\n  "count": 20,\n  "page": 1,\n  "desc": "描述"\n}'


def test_the_published_example_is_reproduced_to_the_byte() -> None:
    """Parameters are sorted, and the body counts as it is, whitespace and all."""
    assert (
        signature(
            "xxxxaaaxxxx",
            {"k3": "v3", "k1": "v1", "k2": "v2"},
            1572574909697,
            "xxxappSecretxxx",
            BODY.encode(),
        )
        == "59828328f6c1f9771015dc74e4929ae30f518a35a3d2353972c2ea46556fc981"
    )


def test_a_call_without_a_body_signs_its_parameters_only() -> None:
    """Such as all that read one object."""
    alone = signature("token", {"action": "get"}, 1, "secret")
    assert alone == signature("token", {"action": "get"}, 1, "secret", b"")
    assert alone != signature("token", {"action": "get"}, 1, "secret", b"{}")


def test_the_proof_for_a_token_covers_key_time_and_secret() -> None:
    """As 64 digits and small letters, in one row and in this order."""
    assert (
        token_proof("key", 1572574909697, "secret")
        == "cda3638346f2d7f5e184e8c45d1ac11958f2bb0ba05a579a839fc0bad6d38fd5"
    )
