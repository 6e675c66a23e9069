"""Trust: the deployment's certificates and whom it trusts. Source: S4-7 … S4-32, S4-62 … S4-65, S3-20 … S3-22."""

from antiphon.services.trust.certificates import Purpose, ServerCertificate
from antiphon.services.trust.config import TrustSettings
from antiphon.services.trust.service import Trust

__all__ = ["Purpose", "ServerCertificate", "Trust", "TrustSettings"]
