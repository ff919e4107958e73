"""Language: whether a person's request is one that can be read here, which is English.

Rules
  1. What negates, reports and names a value is known in English alone. In any other language the person's `nicht A-1002` would
     look like an order; so a request that is not English vouches for nothing by its words. Inputs do, in every language.
  2. Words are those that begin in lower case, and the first one where it is known or stands alone with a value; names, ids and
     values tell nothing. A sentence is English when at least half of its words are among those of `ENGLISH`, in whatever form,
     and none is among `OTHERS`, the words by which other languages negate, except and join.
  3. One sentence that is not English spoils the request: what it says of the others nobody here can tell.

Told by what is English, so that a language nobody has thought of asks. Pure.
"""

from __future__ import annotations

import re
from itertools import pairwise

from bridle.gate.origins.values import CURRENCY

_ENGLISH = """
a about above accept access account across act activate active add address adjust after again against ago
agree all allow also although always amount amounts an and another answer answered any anybody anyone
anything apologise apologize application apply approve archive are around arrive arrived as asap ask
assign at attach attached available away back bad balance bank be because become been before begin
believe below best between big bill block book booking both bought branch break broken brought budget
build business but buy by call came campaign can cancel candidate card carry case cash change channel
charge check cheers cheque choose claim clean clear client clients close come comment company complain
complete confirm connect contact contest contract copy correct cost could count create credit customer
daily damage date day deal dear debit decline delay delete deliver delivery departs departure deploy
describe deserve detail details device did directly disable discount dispute do document does done double
doubt draft due duplicate during duty each early either else email employee empty enable enclosed end
enough enter environment error estimate ever every everybody everyone everything exactly expire explain
extend fail fast fault fee fees felt file fill final find fine finish first fix flag follow following for
form forward found free from full fund further future gave get give given go gone good goods got grant
great gross group had half hand handle hang happen has have he held hello help her here hers herself hi
high him himself his hold home hour how i iban if immediately in incident include increase inform inside
install instead into invite invoice is issue it item items its itself job just keep kept key kind kindly
knew know known label lamp last late later latest lead least leave left less let letter like limit line
link list load log long look lose lost lot loud low lower made mail make man manager many mark matter may
me meant meet member men merely merge message met might mine minus minute miss moment money month more
most move much must my myself name near need net new newest next nobody none nor not note nothing now
number of off offer office ok okay old on once one only open or order other our ours out outside over
overdue owe owed own package page paid parcel part partner pass pause pay payment people per person phone
photo place plan please plus policy post precisely prepare present price process product project promise
pull purchase push put quarter question queue quick quickly quote raise ran read ready reason receipt
receive record refund refunded regarding regards region register reject release remain remainder remind
remove renew replace reply report request reset rest restart restore return returned review revoke right
role roll room rotate run safe said sale same save saw say schedule search second section see seem seen
segment send sent service set settle several shall she ship shipment shipping shop should show shown sign
simply since site sku slow small so sold some soon sorry standard start state stay still stop store
subscription such sum supplier support switch system tag take taken task tax team tell template test than
thank that the their theirs them themselves then there these they thing think third this those though
thought three through ticket till time to today together told tomorrow too took top total transfer try
turn twice two under until up update upgrade urgent us use user vat vendor version very via visit wait
want warehouse was way we week well went were what whatever when whenever where wherever whether which
whichever while who whoever whole whom whose why will wire wish with within without woman women word work
would write written wrong wrote year yes yesterday yet you your zero
"""
_OTHERS = """
aber auch auf außer ausser bei bitte dem den der ein eine einem einen einer für hat ist kein keine keinem
keinen keiner mit nicht nichts niemals noch nur oder ohne sind sondern soll sollen statt und wird wurde
zum zur aucun aucune avec cette dans des est et jamais les mais ne ni pas pour rien sans sauf sur une con
excepto las los nunca para pero por salvo sin una y della delle gli il mai non senza tranne com exceto
mas nao não nem os sem uma behalve een en geen het maar met niet nooit voor zonder aldri aldrig ej eller
endast ikke inga ingen inget inte och og uden utan ale bez ei ilman jangan lub mutta nem nie nikdy nu
oraz tapi tetapi tidak
"""
ENGLISH, OTHERS = frozenset(_ENGLISH.split()), frozenset(_OTHERS.split())
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+|\n+")
_WORD = re.compile(r"(?<![\w@.:/#=+'’-])[^\W\d_]+(?:['’][^\W\d_]+)?(?![\w@/#=+-]|[.:]\w)")
_CODE = re.compile(rf"\b(?:{CURRENCY})\b")
_ENDINGS = ("'s", "’s", "n't", "n’t", "ing", "ed", "es", "er", "ly", "s", "d", "n")


def is_english(text: str) -> bool:
    """True when every sentence is English, as far as it has words."""
    sentences = [part for part in _SENTENCE.split(_CODE.sub("", text)) if part.strip()]
    return all(_is_english(part, after) for part, after in pairwise([*sentences, ""]))


def _is_english(sentence: str, after: str) -> bool:
    found = _WORD.findall(sentence)
    plain = [word for word in found if not word[0].isupper()]
    heads = sentence.rstrip().endswith(":") and not _WORD.search(after)
    named = not plain and (heads or any(map(str.isdigit, sentence)))
    first = [word for word in found[:1] if word not in plain and (named or _is_known(word))]
    words = [*first, *plain]
    others = {word.lower() for word in found if word in words or word.isupper()}
    return 2 * sum(map(_is_known, words)) >= len(words) and OTHERS.isdisjoint(others)


def _is_known(word: str) -> bool:
    return any(stem in ENGLISH for stem in _stems(word.lower()))


def _stems(word: str) -> list[str]:
    """Return the word, and what may be left of it without its ending: `refunded`, `refunds`, `stopped`, `replaced`, `tries`."""
    cut = [word.removesuffix(ending) for ending in _ENDINGS if word.endswith(ending)]
    twice = [stem[:-1] for stem in cut if len(stem) > 2 and stem[-1] == stem[-2]]
    return [
        word,
        *cut,
        *twice,
        *(f"{stem}e" for stem in cut),
        *(f"{stem[:-1]}y" for stem in cut if stem.endswith("i")),
    ]
