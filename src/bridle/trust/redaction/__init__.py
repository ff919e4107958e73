"""Takes secrets and personal data out of text before anybody keeps it: what is known, what is documented, what checks out."""

from bridle.trust.redaction.marks import MARK
from bridle.trust.redaction.redactor import Redactor
from bridle.trust.redaction.token_format import RedactionError

__all__ = ["MARK", "RedactionError", "Redactor"]
