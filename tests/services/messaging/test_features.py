"""The features as a whole: found, without overlap, each with its source."""

from __future__ import annotations

from antiphon.kernel import features
from antiphon.services.messaging.iq import ACCOUNT, CONTACT, SERVER

FEATURES = features.load("antiphon.services.messaging.features")


def test_every_file_declares_a_feature_with_its_source() -> None:
    assert len(FEATURES) >= 13
    assert all(feature.sources for feature in FEATURES)


def test_no_request_has_two_handlers() -> None:
    for table in (SERVER, ACCOUNT, CONTACT):
        assert len(features.routes(table, FEATURES)) > 0


def test_claims_are_made_in_known_tables_only() -> None:
    tables = {claim.table for feature in FEATURES for claim in feature.routes}
    assert tables == {SERVER, ACCOUNT, CONTACT, "disco form"}
