r"""Secrets that only what stands around them gives away: a name, an option, a command, a neighbouring key.

To mask too much costs nothing; to refuse a file needs a value that is unmistakable by itself, and `password=…` stands in many a
file that holds no secret. What stands unquoted needs a digit: a name of a type or of a variable mostly has none.
"""

from __future__ import annotations

from bridle.trust.redaction.secret_names import OF
from bridle.trust.redaction.token_format import TokenFormat

_KEY_NAME = (
    r"(?:password|passwd|passphrase|secret|token|api[_-]?key|private[_-]?key|secret[_-]?key|access[_-]?key"
    rf"|(?:{OF})[_-]pass)"
)
_ENV_NAME = r"\b[A-Z0-9_]*(?:PASSWORD|PASSWD|PASSPHRASE|_PASS|SECRET|TOKEN|API_?KEY|ACCESS_KEY|PRIVATE_KEY|SECRET_KEY)"
_NAMES = (
    *("password", "passwd", "passphrase", "secret", "token", "_pass", "-pass"),
    *(f"{of}{between}key" for of in ("api", "private", "secret", "access") for between in ("", "_", "-")),
)
_ENV_NAMES = (
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "_PASS",
    "SECRET",
    "TOKEN",
    "API_KEY",
    "APIKEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
)
_VALUE = "[A-Za-z0-9+/=_~!@%^&*$-]"
_WITH_DIGIT = (
    f"{_VALUE}{{7,}}[0-9]{_VALUE}*|{_VALUE}{{4,6}}[0-9]{_VALUE}{{3,}}|{_VALUE}{{0,3}}[0-9]{_VALUE}{{7,}}"
)
_OPTION = rf"(?i)(?:--|[\s\"'(]-)[a-z0-9-]*{_KEY_NAME}"
_PAIR = (  # name: DB_PASSWORD, then value: …; key="ApiKey" value="…"
    rf"(?i)\b(?:name|key)[\"']?[ \t]*[:=][ \t]*[\"']?[a-z0-9_.-]*{_KEY_NAME}[\"']?"
    r"[ \t,;]*(?:\r?\n[ \t]*)?[\"']?value[\"']?[ \t]*[:=][ \t]*"
)
_BLOCK_LINE = r"(?:[^:\s]|:[^\s])(?:[^:\n]|:[^\s]){3,}"

GUESSED_FORMATS: tuple[TokenFormat, ...] = (
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
        _NAMES,
        rf"(?i)[\"'][a-z0-9_.-]*{_KEY_NAME}\\{{0,4}}[\"']\s*:\s*\\{{0,4}}[\"']([^\"'\s\\]{{8,}})\\{{0,4}}[\"']",
        "RFC 8259 (a quoted key and value in a text that is not JSON as a whole)",
    ),
    TokenFormat(
        "pair",
        _NAMES,
        rf"{_PAIR}([^\s\"'\[{{|>][^\s\"',;<>{{}}]{{5,}})",
        "Kubernetes API, EnvVar (name and value on two lines)",
    ),
    TokenFormat(
        "quoted-pair",
        _NAMES,
        rf"{_PAIR}[\"']([^\"'\n]{{4,}})[\"']",
        ".NET app.config, element add (key and value)",
    ),
    TokenFormat(
        "block",
        _NAMES,
        rf"(?i){_KEY_NAME}[\"']?[ \t]*:[ \t]*[|>][0-9+-]{{0,2}}[ \t]*\r?\n[ \t]+"
        rf"({_BLOCK_LINE}(?:\r?\n[ \t]+{_BLOCK_LINE})*)",  # as far as lines are indented; the name of a key behind them goes too
        "YAML 1.2 section 8.1 (block scalars)",
    ),
    TokenFormat(
        "env",
        _ENV_NAMES,
        rf"{_ENV_NAME}=[\"']?([A-Za-z0-9+/=_~.!@%^&*-]{{8,}})",
        "POSIX.1-2017 chapter 8 (environment variables)",
    ),
    TokenFormat(
        "quoted-env",
        _ENV_NAMES,
        rf"{_ENV_NAME}=[\"']([^\"'\n\\]{{4,}})[\"']",
        "POSIX.1-2017, Shell Command Language, section 2.2 (quoting)",
    ),
    TokenFormat(
        "set-env",
        _NAMES,
        rf"(?i)\b(?:setx?|setenv|env|export)[ \t]+[a-z0-9_]*{_KEY_NAME}[ \t]+[\"']?({_WITH_DIGIT})",
        "Dockerfile reference (ENV), Windows commands (setx)",
    ),
    TokenFormat(
        "assigned",
        _NAMES,
        rf"(?i){_KEY_NAME}[ \t]*(?::=|=>|[:=])[ \t]*[\"']([^\"'\s\\]{{8,}})[\"']",
        "YAML 1.2 section 7.3, TOML 1.0 (a name and a quoted text)",
    ),
    TokenFormat(
        "plain-assigned",
        _NAMES,
        rf"(?i){_KEY_NAME}[ \t]*[:=][ \t]*(?:!{{1,2}}[a-z]+[ \t]+)?(?:{_VALUE}*[(\[{{<.]|({_WITH_DIGIT}))",
        "YAML 1.2 section 7.3.3 (a name and a plain text); no call, index or attribute",
    ),
    TokenFormat(
        "passed",
        _NAMES,
        rf"(?i)[\"'][a-z0-9_.-]*{_KEY_NAME}[\"'](?:[ \t]*,|\][ \t]*=)[ \t]*[\"']({_WITH_DIGIT})[\"']",
        "Python os.environ, .NET Environment.SetEnvironmentVariable (a quoted name, then its value)",
    ),
    TokenFormat(
        "option",
        _NAMES,
        rf"{_OPTION}[ \t]+[\"']?({_WITH_DIGIT})",
        "POSIX.1-2017 chapter 12, GNU long options, PowerShell parameters",
    ),
    TokenFormat(
        "quoted-option",
        _NAMES,
        rf"{_OPTION}[ \t=]+[\"']([^\"'\n]{{6,}})[\"']",
        "GNU long options, PowerShell parameters",
    ),
    TokenFormat(
        "secure-string",
        ("ConvertTo-SecureString",),
        r"(?i)ConvertTo-SecureString[ \t]+(?:-String[ \t]+)?[\"']([^\"'\n]{4,})[\"']",
        "PowerShell, ConvertTo-SecureString",
    ),
    TokenFormat(
        "user-password",
        ("curl",),
        r"\bcurl\b[^\n]*?[ \t](?:-[uU]|--user|--proxy-user)[ =]*[\"']?[^\s:\"'@/]+:([^\s\"']{4,})",
        "curl(1), --user",
    ),
    TokenFormat(
        "netrc",
        ("machine",),
        r"\bmachine\s+\S+\s+login\s+\S+\s+password\s+(\S{4,})",
        "ftp(1), the file .netrc",
    ),
    TokenFormat(
        "command-password",
        ("sshpass", "redis-cli", "mysql", "docker login", "podman login"),
        r"\b(?:sshpass[ \t]+-p[ \t]*|redis-cli\b[^\n]*?[ \t]-a[ \t]+|mysql[a-z]*\b[^\n]*?[ \t]-p"
        r"|(?:docker|podman) login\b[^\n]*?[ \t]-p[ \t]+)[\"']?([^\s\"']{6,})",
        "sshpass(1), redis-cli --help, mysql(1), docker login",
    ),
    TokenFormat(
        "docker-auth",
        ('auth"',),
        r"\bauth\"\s*:\s*\"([A-Za-z0-9+/]{12,}={0,2})\"",
        "docker login (config.json, auths)",
    ),
    TokenFormat(
        "element",
        tuple(f"{name}>" for name in _NAMES),
        rf"(?i){_KEY_NAME}>([^<\s]{{8,}})</",
        "XML 1.0 (an element whose name says so)",
    ),
)
