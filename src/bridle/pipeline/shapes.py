"""What may stand under each key: the shapes that the readers ask `Fields` for, as one table per noun.

    text       a scalar                       texts      a scalar, or a list of them
    flag       true or false                  count      a whole number of at least 1
    number     a whole number, or text that an expression turns into one
    duration   30s, 10m, 1h30m, 1d, 2w, or seconds       version    1 or 1.0
    env        names to scalars               values     names to anything
    any        whatever it is, it is the author's        list       a list of anything
    =a,b       one of these words             @noun      a mapping of that noun
    [shapes]   a list of these, or one        {@noun}    names of the author's to that noun

Rules
  1. Alternatives are joined by `|`. A key without a value is always allowed, and reads as absent.
  2. The order of the keys here is the order in which `bridle fmt` writes them.
  3. Every key of `vocabulary` has a shape, also those that are read and refused, so that promoting one is one word there.
     A noun that `vocabulary` does not have yet reads as anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from bridle.pipeline import vocabulary
from bridle.pipeline.vocabulary import Noun


@dataclass(frozen=True)
class Shape:
    """One alternative. `kind` is a word of the table above, `noun`, `words`, `listed` or `named`."""

    kind: str
    noun: str = ""
    words: tuple[str, ...] = ()
    inner: tuple[Shape, ...] = ()


def find_shape(noun: Noun, key: str) -> tuple[Shape, ...]:
    """Return the alternatives of `key`, in its one spelling; anything for a noun without a table."""
    table = TABLES.get(noun.name)
    return _read(table[key]) if table is not None and key in table else (Shape("any"),)


def list_nouns() -> dict[str, Noun]:
    """Return the nouns of the vocabulary by name."""
    return {item.name: item for item in vars(vocabulary).values() if isinstance(item, Noun)}


def order_keys(noun: Noun) -> dict[str, int]:
    """Return the place of each key of `noun` among its keys (rule 2)."""
    listed = [*TABLES.get(noun.name, {}), *noun.marks]
    return {key: place for place, key in enumerate(dict.fromkeys(listed))}


@lru_cache(maxsize=1024)
def _read(text: str) -> tuple[Shape, ...]:
    return tuple(_read_one(word) for word in _ALTERNATIVE.findall(text))


def _read_one(word: str) -> Shape:
    if word.startswith("="):
        return Shape("words", words=tuple(word[1:].split(",")))
    if word.startswith("@"):
        return Shape("noun", noun=word[1:])
    if word.startswith("["):
        return Shape("listed", inner=_read(word[1:-1]))
    return Shape("named", inner=_read(word[1:-1])) if word.startswith("{") else Shape(word)


def _table(text: str) -> Mapping[str, str]:
    pairs = (pair.partition("=") for pair in text.split())
    return {key: shapes or "any" for key, _, shapes in pairs}


_ALTERNATIVE = re.compile(r"[^|\[\]{}]+|\[[^\]]*\]|\{[^}]*\}")
_NAMED = "id=text name=text description=text tags=any labels=any"

TABLES: Mapping[str, Mapping[str, str]] = {
    "document": _table(
        "version=version kind=text name=text on=any pipeline=@pipeline template=@template-file agent=any"
        " action=@template-file service=any"
        " environment=any infrastructure=any inputset=any inputs=any spec=any trigger=any freeze=any connector=any"
        " policy=any scorecard=any defaults=any env=env concurrency=count|@concurrency permissions=values jobs={@stage}"
    ),
    "pipeline": _table(
        f"{_NAMED} template=@template generate=any if=text on=any inputs={{@input}} variables=values|[@variable]"
        " repo=text|@repo clone=flag|@clone env=env delegate=any"
        " enforce=@enforce service=text|@service environment=text|@environment permissions=values"
        " barriers=texts concurrency=count|@concurrency"
        " timeout=duration status=any default=any outputs=[values]"
        " notifications=list allow-stage-executions=flag fixed-inputs-on-rerun=flag on-failure=[text|@on-failure]"
        " rollback=[text|@step] stages=[@stage] jobs={@stage}"
    ),
    "stage": _table(
        f"{_NAMED} disabled=flag if=text needs=texts strategy=@strategy concurrency=text|@concurrency timeout=duration"
        f" inputs={{@input}} variables=values|[@variable]"
        " env=env delegate=any runtime=any platform=@platform workspace=any cache=any volumes=any"
        " shared-paths=texts clone=flag|@clone"
        " enforce=@enforce service=texts|@service|[@service.item] environment=texts|@environment|[@environment.item]"
        " permissions=values on-failure=[text|@on-failure] status=any"
        " outputs=[values] uses=text with=values"
        " dynamic=any stage=any build-intelligence=any runs-on=any services=any tofu-module=any remote-execution=any"
        " template=@template action=@template deploy=@template build=@template test=@template chaos=@template"
        " idp=@template"
        " iacm=@template sto=@template approval=@approval chain=@chain group=[@stage]|@group"
        " parallel=[@stage]|@parallel"
        " steps=[text|@step] rollback=any"
    ),
    "step": _table(
        f"{_NAMED} disabled=flag if=text needs=texts strategy=@strategy timeout=duration delegate=any"
        f" enforce=@enforce permissions=values"
        " inputs=any status=any env=env uses=text with=values run=texts|@run clone=@clone agent=@agent"
        " approval=@approval tool=@tool wait=duration|@wait group=[text|@step]|@group"
        " parallel=[text|@step]|@parallel template=@template barrier=text|@barrier"
        " queue=text|@queue verify=@verify"
        " policy=@policy background=texts|@background run-test=any change-advisor=any upload=any step=@v0-step"
        " outputs=[text|values] on-failure=[text|@on-failure]"
    ),
    "run": _table(
        "shell=text container=any delegate=any env=env with=values download=[@download] script=texts report=@report"
        " evidence=[@evidence]"
        " output=[text|@output] output-alias=@output-alias"
    ),
    "background": _table(
        "shell=text container=any delegate=any env=env with=values script=texts report=any evidence=any output=any"
        " output-alias=any download=any"
    ),
    "download": _table("source=text target=text checksum=text fallback=any"),
    "report": _table("type=text path=texts"),
    "evidence": _table("type=text path=text subject=text"),
    "output": _table("name=text alias=text mask=flag"),
    "output-alias": _table("key=text scope=text"),
    "clone": _table(
        "disabled=flag enabled=flag repo=text connector=text ref=@ref depth=count path=text sparse-checkout=texts"
        " submodules=any persist-credentials=flag"
    ),
    "repo": _table("name=text connector=text"),
    "ref": _table("type=text name=text number=text"),
    "agent": _table(
        "uses=text model=text with=values inputs=any container=any env=env task=text max-turns=count"
        " rules=texts skills=texts"
        " mcp-servers=any tools=texts|{flag} permissions=values"
    ),
    "v0-step": _table(
        "type=text id=text name=text description=text timeout=duration spec=@v0-agent strategy=@strategy when=any"
        " failure-strategies=any enforce=any"
    ),
    "v0-agent": _table("agent-name=text agent-settings=values llm-connector=any mcp-connectors=any"),
    "tool": _table("uses=text with=values"),
    "wait": _table("duration=duration"),
    "approval": _table("uses=text with=@approval.with|@custom-approval.with run=texts|@run"),
    "custom-approval.with": _table(
        "message=text approve=values reject=values retry=duration timeout=duration"
    ),
    "criteria": _table("match=text conditions=[@criterion]"),
    "criterion": _table("key=text operator=text value=texts"),
    "approval.with": _table(
        "message=text for=text groups=texts users=texts attributes=texts service-accounts=texts approvers=@approvers"
        " min-count=count self-approval=flag block-executor=flag execution-details=any timeout=duration timezone=text"
        " deadline=text auto-reject=flag auto-approve=flag|@auto-approve comments=text callback=any"
        " inputs={@approver-input}|[@approver-input] escalation=@escalation"
    ),
    "escalation": _table("after=duration users=texts groups=texts"),
    "approvers": _table(
        "users=texts groups=texts attributes=texts service-accounts=texts minimum=count block-executor=flag"
    ),
    "auto-approve": _table("action=text scheduled-deadline=@scheduled-deadline comments=text"),
    "scheduled-deadline": _table("time=text timezone=text"),
    "approver-input": _table(
        "name=text description=text required=flag default=texts enum=texts pattern=text multi-select=flag"
    ),
    "group": _table("id=text name=text inputs=any steps=[text|@step] stages=[@stage] outputs=[values]"),
    "parallel": _table("steps=[text|@step] stages=[@stage]"),
    "template": _table("uses=text with=values git-branch=text"),
    "template-file": _table(
        f"{_NAMED} version=text author=any module=any alias=any layout=any inputs={{@input}} pipeline=@pipeline"
        f" stage=@stage"
        " step=text|@step group=@group agent=any"
    ),
    "chain": _table("uses=text with=@chain.with"),
    "chain.with": _table("inputs=values outputs=[@chain.output] input-sets=texts"),
    "chain.output": _table("name=text value=text"),
    "verify": _table("window=duration interval=duration steps=[text|@step]"),
    "barrier": _table("name=text"),
    "queue": _table("key=text scope=text"),
    "policy": _table("sets=texts payload=text|values"),
    "strategy": _table(
        "matrix=values for=number|@for while=number|@while repeat=number|@repeat max-parallel=number"
        " fail-fast=flag if=text"
    ),
    "for": _table("iterations=number node-name=text items=any max-parallel=number"),
    "while": _table("iterations=number condition=text delay=duration node-name=text"),
    "repeat": _table(
        "iterations=number items=any start=number end=number partition-size=number unit=text node-name=text"
        " max-parallel=number"
    ),
    "platform": _table("os=text arch=text"),
    "concurrency": _table("max=count group=text cancel-in-progress=flag"),
    "retry": _table(
        "attempts=count interval=[duration] backoff=text condition=text failure-action=text|values fail-all=flag"
    ),
    "manual-intervention": _table(
        "timeout=duration available-actions=texts timeout-action=text|values approvers=texts|@deciders fail-all=flag"
    ),
    "deciders": _table("users=texts groups=texts attributes=texts"),
    "action": _table("fail-all=flag steps=any"),
    "on-failure": _table(
        "errors=texts action=text|values retry=@retry manual-intervention=@manual-intervention"
    ),
    "input-set-file": _table(
        "version=version kind=text inputset=@input-set spec=@input-set.spec inputs=values"
    ),
    "input-set": _table(f"{_NAMED} org=text project=text inputs=values"),
    "input-set.spec": _table(f"{_NAMED} inputs=values input-sets=texts"),
    "enforce": _table("policy-sets=texts"),
    "service": _table(
        "id=text name=text ref=text type=any with=any items=[text|@service.item] parallel=flag sequential=flag"
    ),
    "service.item": _table("id=text name=text ref=text type=any with=any"),
    "environment": _table(
        "id=text name=text ref=text type=text deploy-to=texts with=any items=[text|@environment.item] parallel=flag"
        " sequential=flag group=any filters=any"
    ),
    "environment.item": _table("id=text name=text ref=text type=text deploy-to=texts with=any"),
    "variable": _table("name=text type=text value=any required=any description=text"),
    "input": _table("type=text required=flag default=any enum=list description=text ui=any"),
    "case-type-file": _table("version=version case-type=@case-type"),
    "case-type": _table(
        "name=text version=text owner=text description=text initial=text decisions={@case-decision}"
        " holds=@case-holds exceptions=@case-exceptions states={@case-state} transitions=[@case-transition]"
    ),
    "case-state": _table(
        "description=text purposes=texts tools=texts effects=texts otherwise=text due=@case-due final=flag"
    ),
    "case-due": _table("after=duration escalate=texts"),
    "case-transition": _table("from=texts to=text by=texts if=values approval=@case-approval"),
    "case-approval": _table("users=texts groups=texts attributes=texts min-count=count four-eyes=flag"),
    "case-decision": _table("description=text values=texts by=texts"),
    "case-holds": _table("place=texts release=texts"),
    "case-exceptions": _table("resolve=texts"),
}
