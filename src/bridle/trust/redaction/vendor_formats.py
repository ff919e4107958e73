"""The token formats that vendors of development and hosting document, as data: one row per format, and no code.

A row has the kind that its mark shows (it begins with the vendor's name), the literals of which at least one is in every
such token, the RE2 pattern whose first group is the secret, and the document that states the format. Rows stand in the
order in which they are tried. Upper lengths are left open: a vendor may lengthen a token, and masking a few characters too
many costs less than leaving the tail of one. Rows say what the document says; none was taken from another scanner. Vendors
change their formats: a rule file (trust.redaction_rules) adds what a row does not know yet.

It does not decide what is done with a match; that is trust.redaction.
"""

from __future__ import annotations

from bridle.trust.redaction.token_format import UUID, tabulate

CODE_FORMATS = tabulate(
    # Where code lives, is built and is published from.
    (
        "github",
        "ghp_ gho_ ghu_ ghs_ ghr_",
        r"(gh[pousr]_[A-Za-z0-9_]{36,}(?:\.[A-Za-z0-9_-]{20,}){0,2})",
        "GitHub Docs: About authentication to GitHub, GitHub's token formats",
    ),
    (
        "github-pat",
        "github_pat_",
        r"(github_pat_[A-Za-z0-9_]{22,})",
        "GitHub Docs: About authentication to GitHub, GitHub's token formats",
    ),
    (
        "gitlab",
        "glpat- gloas- gldt- glrt- glcbt- glptt- glft- glimt- glagent- glsoat- glffct- glwt-",
        r"(gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct|wt)-[0-9A-Za-z_-]{20,}(?:\.[0-9A-Za-z_-]{2,})*)",
        "GitLab Docs: Token overview, Token prefixes",
    ),
    (
        "gitlab-runner",
        "GR1348941",
        r"\b(GR1348941[0-9A-Za-z_-]{20,})",
        "GitLab Docs: Token overview, Token prefixes",
    ),
    ("bitbucket", "ATBB", r"\b(ATBB[A-Za-z0-9]{24,})", "Bitbucket Cloud Docs: App passwords"),
    (
        "atlassian",
        "ATATT3x ATCTT3x ATSTT3x",
        r"\b(AT[ACS]TT3x[A-Za-z0-9_=-]{60,})",
        "Atlassian Support: Manage API tokens for your Atlassian account",
    ),
    (
        "trello",
        "ATTA",
        r"\b(ATTA[0-9a-f]{60,}[0-9A-Fa-f]{8})",
        "Atlassian Developer: Trello REST API, Authorization",
    ),
    ("npm", "npm_", r"(npm_[A-Za-z0-9]{36,})", "npm Docs: About access tokens"),
    ("pypi", "pypi-", r"(pypi-[A-Za-z0-9_-]{50,})", "PyPI Docs: API tokens; pypitoken format"),
    ("rubygems", "rubygems_", r"(rubygems_[0-9a-f]{48,})", "RubyGems Guides: API key scopes"),
    ("crates-io", "cio", r"\b(cio[A-Za-z0-9]{32})\b", "crates.io source: Token, TOKEN_PREFIX"),
    ("clojars", "CLOJARS_", r"(CLOJARS_[0-9a-z]{60,})", "Clojars wiki: Deploy tokens"),
    ("nuget", "oy2", r"\b(oy2[a-z0-9]{43})\b", "Microsoft Learn: NuGet, Publish a package, API keys"),
    (
        "packagist",
        "packagist_",
        r"(packagist_[a-z]{3}_[0-9a-f]{60,})",
        "Private Packagist Docs: Composer authentication, Token format",
    ),
    (
        "docker",
        "dckr_pat_ dckr_oat_",
        r"(dckr_[po]at_[A-Za-z0-9_-]{20,})",
        "Docker Docs: Personal access tokens; Organization access tokens",
    ),
    (
        "jfrog",
        "cmVmdGtu AKCp",
        r"\b((?:cmVmdGtu[A-Za-z0-9+/=]{40,}|AKCp[0-9][A-Za-z0-9]{60,}))",
        "JFrog Docs: Access tokens, Reference tokens; User profile, API key",
    ),
    (
        "circleci",
        "CCIPAT_ CCIPRJ_",
        r"(CCIP(?:AT|RJ)_[A-Za-z0-9]{10,}_[0-9a-f]{40,})",
        "CircleCI Docs: Managing API tokens",
    ),
    (
        "buildkite",
        "bkua_ bkct_ bkaj_ bkpt_ bkcq_",
        r"\b(bk(?:ua|ct|aj|pt|cq)_[0-9A-Za-z]{32,})",
        "Buildkite Docs: Token security, Token prefixes",
    ),
    (
        "harness",
        "pat. sat.",
        r"\b([ps]at\.[A-Za-z0-9_-]{22}\.[0-9a-f]{24}\.[A-Za-z0-9]{20})",
        "Harness Docs: Manage API keys",
    ),
    (
        "sonarqube",
        "squ_ sqp_ sqa_ sqb_",
        r"\b(sq[upab]_[0-9a-f]{40,})",
        "SonarQube Docs: Managing your tokens",
    ),
    (
        "sourcegraph",
        "sgp_ slk_",
        r"\b(sgp_(?:[A-Fa-f0-9]{16}_|local_)?[A-Fa-f0-9]{40}|slk_[A-Fa-f0-9]{64})\b",
        "Sourcegraph Docs: Access tokens, Token formats",
    ),
    ("octopus", "API-", r"\b(API-[A-Z0-9]{25,40})\b", "Octopus Docs: How to create an API key"),
    (
        "terraform",
        ".atlasv1.",
        r"([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,})",
        "HashiCorp Developer: HCP Terraform, API tokens",
    ),
    (
        "vault",
        "hvs. hvb. hvr.",
        r"\b(hv[sbr]\.[A-Za-z0-9_-]{24,})",
        "HashiCorp Vault Docs: Tokens, Token prefixes",
    ),
    (
        "doppler",
        "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit. dp.said.",
        r"\b(dp\.(?:pt|st|ct|sa|said|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,})",
        "Doppler Docs: Service tokens; API reference, Token formats",
    ),
    ("pulumi", "pul-", r"\b(pul-[0-9a-f]{40,})", "Pulumi Docs: Access tokens"),
    ("prefect", "pnu_ pnb_", r"\b(pn[ub]_[A-Za-z0-9]{36,})", "Prefect Docs: Manage API keys"),
    ("postman", "PMAK-", r"(PMAK-[0-9a-f]{24}-[0-9a-f]{34})", "Postman Learning Center: Postman API keys"),
    (
        "age",
        "AGE-SECRET-KEY-1 AGE-PLUGIN-",
        r"(AGE-(?:SECRET-KEY|PLUGIN-[A-Z0-9-]{1,40})-1[A-Z0-9]{50,})",
        "C2SP: age.md, X25519 identities; age-plugin.md",
    ),
    (
        "onepassword",
        "ops_eyJ A3-",
        r"\b(ops_eyJ[A-Za-z0-9+/=_-]{100,}|A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3})",
        "1Password Developer: Service accounts; 1Password Security Design, Secret Key",
    ),
    (
        "sentry",
        "sntrys_ sntryu_ sntrya_ sntryi_",
        r"\b(sntry(?:s_eyJ[A-Za-z0-9+/=_-]{40,}|[uai]_[0-9a-f]{64,}))",
        "Sentry Docs: Auth tokens; develop docs, Token prefixes",
    ),
    ("snyk", "snyk_uat. snyk_sat.", r"\b(snyk_[us]at\.[A-Za-z0-9_.-]{20,})", "Snyk Docs: API token formats"),
    ("readme", "rdme_", r"\b(rdme_[a-z0-9]{70,})", "ReadMe Docs: API keys, Authentication"),
    (
        "launchdarkly",
        "sdk-",
        rf"\b(sdk-{UUID})\b",
        "LaunchDarkly Docs: SDK keys",
    ),
)

CLOUD_FORMATS = tabulate(
    # Where things run and data lies.
    (
        "aws-key-id",
        "AKIA ASIA",
        r"\b((?:AKIA|ASIA)[A-Z2-7]{16})\b",
        "AWS IAM User Guide: IAM identifiers, Understanding unique ID prefixes",
    ),
    (
        "aws-bedrock",
        "ABSK bedrock-api-key-",
        r"\b(ABSK[A-Za-z0-9+/]{100,}={0,2}|bedrock-api-key-[A-Za-z0-9+/]{40,}={0,2})",
        "Amazon Bedrock User Guide: API keys",
    ),
    (
        "google-api-key",
        "AIza",
        r"(AIza[0-9A-Za-z_-]{35,})",
        "Google Cloud Docs: Manage API keys, the key string",
    ),
    (
        "google-oauth",
        "ya29. GOCSPX-",
        r"((?:ya29\.|GOCSPX-)[0-9A-Za-z_-]{20,})",
        "Google Identity Docs: Using OAuth 2.0 to access Google APIs",
    ),
    (
        "google-chat-webhook",
        "chat.googleapis.com/v1/spaces/",
        r"chat\.googleapis\.com/v1/spaces/[^\s?]{1,100}\?[^\s]{0,200}token=([A-Za-z0-9_%-]{20,})",
        "Google Chat Docs: Build a Google Chat app as a webhook",
    ),
    (
        "azure-key",
        "AccountKey= SharedAccessKey=",
        r"(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{40,}={0,2})",
        "Microsoft Learn: Configure Azure Storage connection strings",
    ),
    (
        "azure-sas",
        "sig=",
        r"[?&;]sig=([A-Za-z0-9%+/=]{40,})",
        "Microsoft Learn: Grant limited access to Azure Storage resources using SAS",
    ),
    (
        "azure-client",
        "Q~",
        r"(?:^|[^A-Za-z0-9_~.-])([A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34})",
        "Microsoft Learn: Purview, Microsoft Entra client secret",
    ),
    (
        "azure-devops",
        "AZDO",
        r"([A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4})",
        "Microsoft Learn: Azure DevOps, Use personal access tokens, Changes to format",
    ),
    (
        "teams-webhook",
        ".webhook.office.com/",
        r"\.webhook\.office\.com/webhookb2/([A-Za-z0-9@/_-]{60,})",
        "Microsoft Learn: Create Incoming Webhooks, Teams",
    ),
    (
        "alibaba-key-id",
        "LTAI",
        r"\b(LTAI[A-Za-z0-9]{12,26})\b",
        "Alibaba Cloud Docs: RAM, Create an AccessKey pair",
    ),
    ("tencent-key-id", "AKID", r"\b(AKID[A-Za-z0-9]{32,})\b", "Tencent Cloud Docs: CAM, Access keys"),
    (
        "baidu",
        "bce-v3/ALTAK-",
        r"(bce-v3/ALTAK-[A-Za-z0-9]{10,}/[0-9a-f]{40})",
        "Baidu AI Cloud Docs: API Key, Qianfan",
    ),
    (
        "yandex",
        "y0_ y1_ y2_ y3_ t1. AQVN YC",
        r"\b(y[0-3]_[A-Za-z0-9_-]{55,200}|t1\.[A-Za-z0-9_-]+={0,2}\.[A-Za-z0-9_-]{86}={0,2}"
        r"|AQVN[A-Za-z0-9_-]{35,38}|YC[A-Za-z0-9_-]{38})",
        "Yandex Cloud Docs: Identity and Access Management, Secrets search",
    ),
    ("scaleway-key-id", "SCW", r"\b(SCW[A-Z0-9]{17})\b", "Scaleway Docs: IAM, API keys"),
    (
        "digitalocean",
        "dop_v1_ doo_v1_ dor_v1_",
        r"(do[opr]_v1_[0-9a-f]{64,})",
        "DigitalOcean Docs: Personal access tokens; token prefixes",
    ),
    (
        "heroku",
        "HRKU-",
        r"\b(HRKU-[A-Za-z0-9_-]{36,})",
        "Heroku Dev Center: Platform API, Authentication; changelog, Token prefix",
    ),
    (
        "fly",
        "fm1_ fm1r_ fm1a_ fm2_ fo1_",
        r"\b((?:fm1[ar]?_|fm2_)[A-Za-z0-9+/=_-]{40,}|fo1_[A-Za-z0-9_-]{43})",
        "Fly.io Docs: Access tokens; macaroon token format",
    ),
    (
        "cloudflare",
        "cfut_ cfat_ cfk_ v1.0-",
        r"\b(cf(?:ut|at|k)_[A-Za-z0-9_-]{40,}|v1\.0-[0-9a-f]{24}-[0-9a-f]{140,})",
        "Cloudflare Docs: API tokens, Token formats; Origin CA keys",
    ),
    (
        "netlify",
        "nfp_ nfo_ nfc_ nfu_ nfb_",
        r"\b(nf[pocub]_[A-Za-z0-9_]{36,})",
        "Netlify Docs: Access tokens",
    ),
    (
        "vercel",
        "vcp_ vci_ vca_ vcr_ vck_",
        r"\b(vc[piark]_[A-Za-z0-9]{24,})",
        "Vercel Docs: Access tokens; changelog, Token formats",
    ),
    ("render", "rnd_", r"\b(rnd_[A-Za-z0-9]{28,})", "Render Docs: The Render API, API keys"),
    ("deno", "ddp_ ddo_ ddw_", r"\b(dd[pow]_[A-Za-z0-9]{36,})", "Deno Deploy Docs: Access tokens"),
    ("scalingo", "tk-us-", r"\b(tk-us-[A-Za-z0-9_-]{48,})", "Scalingo Docs: API tokens"),
    (
        "tailscale",
        "tskey-",
        r"\b(tskey-[a-z]{2,12}-[A-Za-z0-9]{8,}-[A-Za-z0-9]{16,}|tskey-[A-Za-z0-9]{16,})",
        "Tailscale Docs: Key prefixes",
    ),
    (
        "backblaze",
        "K000 K001 K002 K003 K004 K005",
        r"\b(K00[0-5][A-Za-z0-9+/]{27})(?:[^A-Za-z0-9+/]|$)",
        "Backblaze Docs: Application keys",
    ),
    (
        "planetscale",
        "pscale_",
        r"\b(pscale_(?:tkn|pw|oauth|sk)_[A-Za-z0-9_.=-]{32,})",
        "PlanetScale Docs: Service tokens; Passwords",
    ),
    (
        "supabase",
        "sbp_ sb_secret_",
        r"\b(sbp_(?:oauth_|v0_)?[0-9a-f]{40,}|sb_secret_[A-Za-z0-9_-]{20,})",
        "Supabase Docs: Understanding API keys; Management API",
    ),
    ("neon", "napi_", r"\b(napi_[a-z0-9]{40,})", "Neon Docs: Manage API keys"),
    ("xata", "xau_", r"\b(xau_[A-Za-z0-9]{28,})", "Xata Docs: API keys"),
    (
        "cockroach",
        "CCDB1_",
        r"\b(CCDB1_[A-Za-z0-9]{22}_[A-Za-z0-9]{40})",
        "CockroachDB Docs: Cloud API, API keys",
    ),
    ("mongodb", "mdb_sa_sk_", r"\b(mdb_sa_sk_[A-Za-z0-9_-]{40,})", "MongoDB Atlas Docs: Service accounts"),
    (
        "databricks",
        "dapi dose",
        r"\b(d(?:api|ose)[0-9a-f]{32,}(?:-\d+)?)",
        "Databricks Docs: Personal access tokens; OAuth secrets",
    ),
    (
        "grafana",
        "glsa_ glc_",
        r"\b(glsa_[A-Za-z0-9]{32}_[0-9A-Fa-f]{8}|glc_[A-Za-z0-9+/]{32,}={0,2})",
        "Grafana Docs: Service accounts; Grafana Cloud, Access policies",
    ),
    (
        "newrelic",
        "NRAK- NRII- NRIQ- NRRA- NRSP-",
        r"\b(NR(?:AK|II|IQ|RA|SP)-[A-Za-z0-9_-]{20,})",
        "New Relic Docs: New Relic API keys",
    ),
    (
        "dynatrace",
        "dt0c dt0s dt0a",
        r"\b(dt0[cas][0-9]{2}\.[A-Z0-9-]{8,24}\.[A-Z2-7]{64})",
        "Dynatrace Docs: Access tokens, Token format",
    ),
    (
        "ory",
        "ory_",
        r"\b(ory_(?:at|rt|ac|pat|st|wat|apikey)_[A-Za-z0-9_.-]{20,})",
        "Ory Docs: Token prefixes",
    ),
    ("okta", "SSWS", r"\bSSWS\s+([A-Za-z0-9_-]{40,})", "Okta Developer: Create an API token"),
    ("adobe", "p8e-", r"\b(p8e-[A-Za-z0-9_-]{32,})", "Adobe Developer: OAuth Server-to-Server credential"),
)

VENDOR_FORMATS = (*CODE_FORMATS, *CLOUD_FORMATS)
