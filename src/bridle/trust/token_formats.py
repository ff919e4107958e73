"""The token formats that vendors document, as data: one row per format, and no code.

A row has the kind that its mark shows, the literals of which at least one is in every such token (the cheap
test that comes first; case does not count), the RE2 pattern whose first group is the secret, and the document
that states the format. Rows stand in the order in which they are tried. Upper lengths are left open: a vendor
may lengthen a token, and masking a few characters too many costs less than leaving the tail of one.

It does not decide what is done with a match; that is trust.redaction.
"""

from __future__ import annotations

from typing import NamedTuple


class TokenFormat(NamedTuple):
    """One documented format; `pattern` has exactly one group, the secret itself."""

    kind: str
    literals: tuple[str, ...]
    pattern: str
    document: str


_KEY_NAME = (
    r"(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|secret[_-]?key|access[_-]?key)"
)
_PEM_LABEL = r"(?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?"

GUESSED = frozenset({"authorization", "bearer", "cookie", "url-password", "named", "env"})
"""Kinds that go by what stands around a value. To mask too much costs nothing; to refuse a file needs the value itself to be
unmistakable, and `password=…` stands in many a file that holds no secret."""

TOKEN_FORMATS: tuple[TokenFormat, ...] = (
    TokenFormat(
        "private-key",
        ("PRIVATE KEY",),
        # To the END line where there is one; else (cut off, or only named) as far as key material can reach.
        rf"(-----BEGIN {_PEM_LABEL}-----(?:(?s:.*?)-----END {_PEM_LABEL}-----|[A-Za-z0-9+/=\s\\:,-]*))",
        "RFC 7468 (PEM), RFC 4880 section 6.2 (OpenPGP armor), OpenSSH PROTOCOL.key",
    ),
    TokenFormat(
        "bridle",
        ("brt_", "brk_"),
        r"(br[tk]_[A-Za-z0-9_-]{40,})",
        "bridle.trust.tokens, bridle.trust.credentials",
    ),
    TokenFormat(
        "github",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
        r"(gh[pousr]_[A-Za-z0-9_]{36,}(?:\.[A-Za-z0-9_-]{20,}){0,2})",
        "GitHub Docs: About authentication to GitHub, GitHub's token formats",
    ),
    TokenFormat(
        "github-pat",
        ("github_pat_",),
        r"(github_pat_[A-Za-z0-9_]{22,})",
        "GitHub Docs: About authentication to GitHub, GitHub's token formats",
    ),
    TokenFormat(
        "gitlab",
        ("glpat-", "gloas-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "glsoat-"),
        r"(gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat)-[0-9A-Za-z_-]{20,}(?:\.[0-9A-Za-z_-]{2,})*)",
        "GitLab Docs: Token overview, Token prefixes",
    ),
    TokenFormat(
        "aws-key-id",
        ("AKIA", "ASIA"),
        r"\b((?:AKIA|ASIA)[A-Z2-7]{16})\b",
        "AWS IAM User Guide: IAM identifiers, Understanding unique ID prefixes",
    ),
    TokenFormat(
        "slack",
        ("xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxe", "xapp-", "xwfp-"),
        r"((?:xox[abpr]-|xoxe-|xoxe\.xox[bp]-|xapp-|xwfp-)[0-9A-Za-z-]{10,})",
        "Slack API: Tokens, Token types; Token rotation",
    ),
    TokenFormat(
        "slack-webhook",
        ("hooks.slack.com/",),
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_-]{20,})",
        "Slack API: Sending messages using incoming webhooks",
    ),
    TokenFormat(
        "stripe",
        ("sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"),
        r"((?:[sr]k_(?:live|test)_|whsec_)[0-9A-Za-z+/=]{10,})",
        "Stripe Docs: API keys, Key types; Webhooks, Verify signatures",
    ),
    TokenFormat(
        "anthropic",
        ("sk-ant-",),
        r"(sk-ant-[a-z0-9]+-[A-Za-z0-9_-]{20,})",
        "Anthropic Docs: Admin API, API keys (sk-ant-api…, sk-ant-admin…)",
    ),
    TokenFormat(
        "openai",
        ("sk-",),
        r"\b(sk-(?:[a-z]{2,12}-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{20,}))",
        "OpenAI API reference: Authentication; Admin API keys (sk-…, sk-proj-…, sk-svcacct-…, sk-admin-…)",
    ),
    TokenFormat(
        "google-api-key",
        ("AIza",),
        r"(AIza[0-9A-Za-z_-]{35,})",
        "Google Cloud Docs: Manage API keys, the key string",
    ),
    TokenFormat(
        "google-oauth",
        ("ya29.", "GOCSPX-"),
        r"((?:ya29\.|GOCSPX-)[0-9A-Za-z_-]{20,})",
        "Google Identity Docs: Using OAuth 2.0 to access Google APIs",
    ),
    TokenFormat("npm", ("npm_",), r"(npm_[A-Za-z0-9]{36,})", "npm Docs: About access tokens"),
    TokenFormat("pypi", ("pypi-",), r"(pypi-[A-Za-z0-9_-]{50,})", "PyPI Docs: API tokens; pypitoken format"),
    TokenFormat("rubygems", ("rubygems_",), r"(rubygems_[0-9a-f]{48,})", "RubyGems Guides: API key scopes"),
    TokenFormat(
        "docker",
        ("dckr_pat_", "dckr_oat_"),
        r"(dckr_[po]at_[A-Za-z0-9_-]{20,})",
        "Docker Docs: Personal access tokens; Organization access tokens",
    ),
    TokenFormat(
        "hugging-face", ("hf_",), r"\b(hf_[A-Za-z0-9]{30,})", "Hugging Face Hub Docs: User access tokens"
    ),
    TokenFormat(
        "vault",
        ("hvs.", "hvb.", "hvr."),
        r"\b(hv[sbr]\.[A-Za-z0-9_-]{24,})",
        "HashiCorp Vault Docs: Tokens, Token prefixes",
    ),
    TokenFormat(
        "digitalocean",
        ("dop_v1_", "doo_v1_", "dor_v1_"),
        r"(do[opr]_v1_[0-9a-f]{64,})",
        "DigitalOcean Docs: Personal access tokens; token prefixes",
    ),
    TokenFormat(
        "sendgrid",
        ("SG.",),
        r"\b(SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{30,})",
        "Twilio SendGrid Docs: API keys",
    ),
    TokenFormat(
        "databricks", ("dapi",), r"\b(dapi[0-9a-f]{32,}(?:-\d+)?)", "Databricks Docs: Personal access tokens"
    ),
    TokenFormat(
        "azure-key",
        ("AccountKey=", "SharedAccessKey="),
        r"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{40,}={0,2})",
        "Microsoft Learn: Configure Azure Storage connection strings",
    ),
    TokenFormat(
        "jwt",
        ("eyJ",),
        r"\b(eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){2,4})",
        "RFC 7519 (JWT), RFC 7515 and RFC 7516 compact serialisation",
    ),
    TokenFormat(
        "authorization",
        ("authorization",),
        r"(?i)authorization[\"']?\s*[:=]\s*[\"']?(?:basic|bearer|token|apikey|negotiate)\s+([^\s\"',;\[]{8,})",
        "RFC 9110 section 11.6.2 (Authorization), RFC 7617 (Basic)",
    ),
    TokenFormat("bearer", ("bearer",), r"(?i)\bbearer\s+([A-Za-z0-9._~+/=-]{20,})", "RFC 6750 section 2.1"),
    TokenFormat(
        "cookie",
        ("cookie:",),
        r"(?im)^[ \t<>*]*(?:set-)?cookie:[ \t]*([^\s=;,]+=[^\r\n]{4,})",
        "RFC 6265 section 4",
    ),
    TokenFormat(
        "url-password",
        ("://",),
        r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"'<>]*:([^\s/@\"'<>]+)@",
        "RFC 3986 section 3.2.1 (userinfo)",
    ),
    TokenFormat(
        "named",
        ("password", "passwd", "passphrase", "secret", "token", "key"),
        rf"(?i)[\"'][a-z0-9_.-]*{_KEY_NAME}[\"']\s*:\s*[\"']([^\"'\s\\]{{8,}})[\"']",
        "RFC 8259 (a quoted key and value in a text that is not JSON as a whole)",
    ),
    TokenFormat(
        "env",
        ("PASSWORD", "PASSWD", "SECRET", "TOKEN", "KEY"),
        r"\b[A-Z0-9_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_KEY|PRIVATE_KEY)=[\"']?"
        r"([A-Za-z0-9+/=_~.!@%^&*-]{8,})",
        "POSIX.1-2017 chapter 8 (environment variables)",
    ),
)
