"""Who may enter an equipment's server and what may be done there.

The library (2.1.0) looks at the certificate that a client shows when it makes a session, and skips that where none
is shown; it does not compare it with the certificate of the encrypted channel. So the channel's certificate is
looked at again at log-in: nobody gets a session without a trusted one.
"""

import logging
from pathlib import Path
from typing import Any

from asyncua import Server, ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import SimpleRoleRuleset, User, UserRole
from asyncua.crypto.validator import CertificateValidator, CertificateValidatorOptions
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from equipment.interface.pki import Application, UserHash, is_trusted

POLICIES = [
    ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
]
MOST_CONNECTIONS = 20
MOST_SUBSCRIPTIONS = 50
MOST_QUEUED_VALUES = 5_000
MOST_SESSION_MS = 120_000

_ALLOWED = (
    "Read", "Browse", "TranslateBrowsePathsToNodeIds", "RegisterNodes", "UnregisterNodes", "Call",
    "CreateSubscription", "ModifySubscription", "DeleteSubscriptions", "SetPublishingMode", "Publish", "Republish",
    "CreateMonitoredItems", "ModifyMonitoredItems", "DeleteMonitoredItems", "SetMonitoringMode", "CloseSecureChannel",
)  # fmt: skip
"""Services of a signed-in user. Values and the address space are changed by the equipment alone."""

logger = logging.getLogger(__name__)


class CallsOnly(SimpleRoleRuleset):  # type: ignore[misc]  # the library is untyped to us
    """A user may look, listen and call methods; nobody writes, adds or deletes nodes."""

    def __init__(self) -> None:
        self._allowed = {
            ua.NodeId(getattr(ua.ObjectIds, f"{service}Request_Encoding_DefaultBinary")) for service in _ALLOWED
        }

    def check_validity(self, user: User, action_type_id: ua.NodeId, body: object) -> bool:  # noqa: ARG002
        """Whether the service may be used."""
        return user.role is UserRole.User and action_type_id in self._allowed


class Gate:
    """The server's user manager: a name and password that match the hash, over a trusted channel.

    It is handed over when the address space is built and closed until the equipment knows whom to let in.
    """

    def __init__(self) -> None:
        self._user: UserHash | None = None
        self._trusted = Path()

    def open_for(self, user: UserHash, trusted: Path) -> None:
        """Let this user in, from applications whose certificates lie in the folder."""
        self._user, self._trusted = user, trusted

    def get_user(
        self,
        iserver: object,  # noqa: ARG002
        username: str | None = None,
        password: str | None = None,
        certificate: Any = None,
    ) -> User | None:
        """The signed-in user, or None where name, password or the channel's certificate is wrong."""
        if self._user is None or username is None or password is None:
            return None
        if not certificate or not is_trusted(certificate, self._trusted):
            logger.warning("log-in of %s refused: its channel has no trusted certificate", username)
            return None
        if not self._user.matches(username, password):
            logger.warning("log-in of %s refused: wrong name or password", username)
            return None
        return User(role=UserRole.User, name=username)


async def secure(server: Server, application: Application, user: UserHash, trusted: Path) -> None:
    """Make the server speak as this application, encrypted and signed only, to trusted clients and this user only."""
    await server.set_application_uri(application.uri)
    server.set_security_policy(POLICIES, permission_ruleset=CallsOnly())
    server.set_identity_tokens([ua.UserNameIdentityToken])
    # from bytes: for a path the library brings in a whole framework of its own, in every process of a line
    await server.load_certificate(application.certificate.read_bytes())
    # to check anew what we made takes longer than all else of a start, in every process of a line, too
    server.iserver.private_key = load_pem_private_key(
        application.key.read_bytes(), None, unsafe_skip_rsa_key_validation=True
    )
    gate: Any = server.iserver.user_manager
    gate.open_for(user, trusted)
    rules = CertificateValidator(
        options=CertificateValidatorOptions.EXT_VALIDATION | CertificateValidatorOptions.PEER_CLIENT
    )

    async def validate(certificate: x509.Certificate, description: ua.ApplicationDescription) -> None:
        await rules.validate(certificate, description)
        if not is_trusted(certificate.public_bytes(Encoding.DER), trusted):
            logger.warning("connection of %s refused: its certificate is not trusted", description.ApplicationUri)
            raise ServiceError(ua.StatusCodes.BadCertificateUntrusted)

    server.iserver.certificate_validator = validate
    server.iserver.allow_remote_admin = False
    server.iserver.max_connections = MOST_CONNECTIONS
    server.iserver.max_subscriptions = MOST_SUBSCRIPTIONS
    server.iserver.max_monitored_item_queue_size = MOST_QUEUED_VALUES
    server.iserver.max_session_timeout_ms = MOST_SESSION_MS
