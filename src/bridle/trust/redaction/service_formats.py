"""The token formats of services that work is done with (models, messages, money, customers, content): data, and no code.

The form of a row and its rules are those of trust.vendor_formats.
"""

from __future__ import annotations

from bridle.trust.redaction.token_format import UUID, tabulate

AI_FORMATS = tabulate(
    # Models and what stands around them. Those whose keys begin like others' stand before them.
    (
        "anthropic",
        "sk-ant-",
        r"(sk-ant-[a-z0-9]+-[A-Za-z0-9_-]{20,})",
        "Anthropic Docs: Admin API, API keys (sk-ant-api…, sk-ant-admin…)",
    ),
    (
        "openrouter",
        "sk-or-v1-",
        r"\b(sk-or-v1-[0-9a-f]{64,})",
        "OpenRouter Docs: Authentication; Provisioning API keys",
    ),
    ("langfuse", "sk-lf-", rf"\b(sk-lf-{UUID})", "Langfuse Docs: API authentication"),
    (
        "openai",
        "sk-",
        r"\b(sk-(?:[a-z]{2,12}-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{20,}))",
        "OpenAI API reference: Authentication; Admin API keys (sk-…, sk-proj-…, sk-svcacct-…, sk-admin-…)",
    ),
    (
        "hugging-face",
        "hf_ api_org_",
        r"\b(hf_[A-Za-z0-9]{30,}|api_org_[A-Za-z0-9]{30,})",
        "Hugging Face Hub Docs: User access tokens",
    ),
    ("replicate", "r8_", r"\b(r8_[A-Za-z0-9]{37,})", "Replicate Docs: API tokens"),
    ("groq", "gsk_", r"\b(gsk_[A-Za-z0-9]{48,})", "GroqCloud Docs: API keys"),
    ("xai", "xai-", r"\b(xai-[A-Za-z0-9]{70,})", "xAI Docs: API keys"),
    ("perplexity", "pplx-", r"\b(pplx-[A-Za-z0-9]{40,})", "Perplexity Docs: API keys"),
    ("nvidia", "nvapi-", r"\b(nvapi-[A-Za-z0-9_-]{60,})", "NVIDIA NGC Docs: API keys"),
    ("pinecone", "pcsk_", r"\b(pcsk_[A-Za-z0-9_]{40,})", "Pinecone Docs: Manage API keys"),
    (
        "langsmith",
        "lsv2_",
        r"\b(lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10})",
        "LangSmith Docs: Create an API key",
    ),
    ("tavily", "tvly-", r"\b(tvly-[A-Za-z0-9-]{28,})", "Tavily Docs: API introduction"),
    ("anyscale", "esecret_", r"\b(esecret_[A-Za-z0-9]{20,})", "Anyscale Docs: Endpoints, API keys"),
    ("posthog", "phx_ phs_", r"\b(ph[xs]_[A-Za-z0-9]{40,})", "PostHog Docs: API overview, Personal API keys"),
)

BUSINESS_FORMATS = tabulate(
    # Messages, money, customers, content.
    (
        "slack",
        "xoxb- xoxp- xoxa- xoxr- xoxe xapp- xwfp-",
        r"((?:xox[abpr]-|xoxe-|xoxe\.xox[bp]-|xapp-|xwfp-)[0-9A-Za-z-]{10,})",
        "Slack API: Tokens, Token types; Token rotation",
    ),
    (
        "slack-webhook",
        "hooks.slack.com/",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_-]{20,})",
        "Slack API: Sending messages using incoming webhooks",
    ),
    (
        "discord-webhook",
        "/api/webhooks/",
        r"discord(?:app)?\.com/api/webhooks/[0-9]{17,20}/([A-Za-z0-9_-]{60,})",
        "Discord Developer Docs: Webhook resource",
    ),
    (
        "telegram",
        "api.telegram.org/bot :AA",
        r"((?:[0-9]{8,10}):AA[A-Za-z0-9_-]{33})",
        "Telegram: Bots FAQ, From BotFather to Hello World",
    ),
    (
        "sendgrid",
        "SG.",
        r"\b(SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{30,})",
        "Twilio SendGrid Docs: API keys",
    ),
    ("mailgun", "key-", r"\b(key-[0-9a-f]{32})\b", "Mailgun Docs: API reference, Authentication"),
    (
        "mailchimp",
        "-us",
        r"(?:^|[^0-9A-Za-z])([0-9a-f]{32}-us[0-9]{1,2})",
        "Mailchimp Developer: Marketing API, Fundamentals",
    ),
    (
        "brevo",
        "xkeysib- xsmtpsib-",
        r"\b(x(?:key|smtp)sib-[0-9a-f]{64}-[A-Za-z0-9]{16})",
        "Brevo Developers: API keys",
    ),
    ("resend", "re_", r"\b(re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,})", "Resend Docs: API keys"),
    (
        "stripe",
        "sk_live_ sk_test_ rk_live_ rk_test_ whsec_ sk_org_",
        r"((?:[sr]k_(?:live|test|org)_|whsec_)[0-9A-Za-z+/=_]{10,})",
        "Stripe Docs: API keys, Key types; Webhooks, Verify signatures",
    ),
    (
        "braintree",
        "access_token$",
        r"(access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32})",
        "PayPal Developer: Braintree Auth, Access tokens",
    ),
    (
        "square",
        "EAAA sq0atp- sq0csp-",
        r"\b(EAAA[A-Za-z0-9_-]{60}|sq0(?:atp|csp)-[A-Za-z0-9_-]{22,})",
        "Square Developer: Access tokens; OAuth API",
    ),
    (
        "shopify",
        "shpat_ shpca_ shppa_ shpss_ shptka_",
        r"\b(shp(?:at|ca|pa|ss|tka)_[0-9A-Fa-f]{32,})",
        "Shopify Dev: Access tokens, Token prefixes; changelog",
    ),
    (
        "plaid",
        "access-sandbox- access-development- access-production-",
        rf"\b(access-(?:sandbox|development|production)-{UUID})",
        "Plaid Docs: Token flow, access_token",
    ),
    (
        "flutterwave",
        "FLWSECK",
        r"\b(FLWSECK(?:_TEST)?-[0-9A-Za-z]{12,}(?:-X)?)",
        "Flutterwave Docs: API keys, Authentication",
    ),
    (
        "woocommerce",
        "ck_ cs_",
        r"\b(c[ks]_[0-9a-f]{40})\b",
        "WooCommerce Docs: REST API, Authentication",
    ),
    ("easypost", "EZAK EZTK", r"\b(EZ[AT]K[A-Za-z0-9]{54})", "EasyPost Docs: Authentication, API keys"),
    (
        "shippo",
        "shippo_live_ shippo_test_",
        r"\b(shippo_(?:live|test)_[0-9a-f]{40})",
        "Shippo Docs: Authentication",
    ),
    ("duffel", "duffel_", r"\b(duffel_(?:live|test)_[A-Za-z0-9_=-]{43})", "Duffel Docs: Access tokens"),
    (
        "salesforce",
        "00D",
        r"\b(00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?![A-Za-z0-9._]{60,})",
        "Salesforce Developers: REST API, Session ID authorization",
    ),
    (
        "hubspot",
        "pat-na1- pat-na2- pat-na3- pat-eu1- pat-ap1-",
        rf"\b(pat-(?:na[123]|eu1|ap1)-{UUID})",
        "HubSpot Developers: Private apps",
    ),
    (
        "meta",
        "EAA",
        r"\b(EAA[A-Za-z0-9]{80,})",
        "Meta for Developers: Access token guide",
    ),
    (
        "linear",
        "lin_api_ lin_oauth_ lin_wh_",
        r"\b(lin_(?:api|oauth|wh)_[A-Za-z0-9]{32,})",
        "Linear Developers: API keys",
    ),
    (
        "notion",
        "ntn_ secret_",
        r"\b(ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43})\b",
        "Notion Developers: Authorization",
    ),
    ("airtable", "pat", r"\b(pat[A-Za-z0-9]{14}\.[0-9a-f]{64})", "Airtable Support: Personal access tokens"),
    (
        "figma",
        "figd_ figu_ figo_ figoh_",
        r"\b(fig(?:d|u|o|oh)_[A-Za-z0-9_-]{36,})",
        "Figma Developers: Authentication",
    ),
    ("typeform", "tfp_", r"\b(tfp_[A-Za-z0-9_.=-]{40,})", "Typeform Developers: Personal access token"),
    ("contentful", "CFPAT-", r"\b(CFPAT-[A-Za-z0-9_-]{43})", "Contentful Docs: Personal access tokens"),
    (
        "dropbox",
        "sl.",
        r"\b(sl\.(?:u\.)?[A-Za-z0-9_-]{100,})",
        "Dropbox Developers: OAuth guide, Short-lived access tokens",
    ),
    (
        "mapbox",
        "sk.eyJ tk.eyJ",
        r"\b([st]k\.eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,})",
        "Mapbox Docs: Access tokens",
    ),
    ("adafruit", "aio_", r"\b(aio_[A-Za-z0-9]{28})\b", "Adafruit IO API: Authentication"),
    ("frameio", "fio-u-", r"\b(fio-u-[A-Za-z0-9_=-]{60,})", "Frame.io Developers: Authentication"),
    ("infracost", "ico-", r"\b(ico-[A-Za-z0-9]{32})\b", "Infracost Docs: Environment variables, API key"),
    ("inngest", "signkey-", r"\b(signkey-[a-z]{2,10}-[0-9a-f]{32,})", "Inngest Docs: Signing keys"),
    ("zuplo", "zpka_", r"\b(zpka_[0-9a-f]{32}_[0-9a-f]{8})", "Zuplo Docs: API key format"),
    (
        "zapier-webhook",
        "hooks.zapier.com/",
        r"hooks\.zapier\.com/hooks/(?:catch|standard)/([0-9]{4,}/[A-Za-z0-9/_-]{6,})",
        "Zapier Help: Trigger Zaps from webhooks",
    ),
)

SERVICE_FORMATS = (*AI_FORMATS, *BUSINESS_FORMATS)
