"""InboundRequest -> Caller: which app, which person. Not that anything is allowed."""

from gateway.authentication.authenticate import AppKey, Authenticator, TrustedIssuer

__all__ = ["AppKey", "Authenticator", "TrustedIssuer"]
